// Linearizable reads under way (ETCD.md §2.13): all that wait share one ReadIndex round; a round
// that Raft gives up, or that isn't answered in time, is asked for again until the reads' own
// deadline.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "raft/types.h"
#include "server/forgotten.h"
#include "server/proposals.h"
#include "server/service.h"

namespace detcd::server {

struct WaitingRead {
  ReturnAddress origin;
  Request request;
  TimePoint deadline;
  TimePoint since;
  std::uint64_t time_ms = 0;      // The leader's logical time when it confirmed the read.
  Token token = std::nullopt;     // Who asks is found when it is answered.
  std::uint64_t first_round = 0;  // Any answer to this round or a later one confirms it.
};

class Reads {
 public:
  // No two lives of a member ask with the same ids: the answer to an earlier one's round may still
  // be on its way, and says nothing about reads that came since.
  Reads(Duration retry_after, std::uint64_t incarnation)
      : retry_after_(retry_after), last_id_((incarnation & 0xffffffULL) << kOrdinalBits) {}

  void add(WaitingRead read) { next_.push_back(std::move(read)); }
  // The id of a round to ask Raft for now, if reads wait and none is under way (or it took too
  // long).
  std::optional<std::uint64_t> begin_round(TimePoint now);
  // Raft confirmed the round: its reads may be answered once `index` is applied. So may those of it
  // that were asked for once more since: where answers take longer than the retry, each would
  // otherwise come too late for ever.
  void confirm(std::uint64_t read_id, raft::Index index, std::uint64_t time_ms = 0);
  // Raft gave the round up; its reads join the next one, once there is reason to ask again.
  void fail(std::uint64_t read_id, TimePoint now);
  // Those whose index is applied.
  [[nodiscard]] std::vector<WaitingRead> take_ready(raft::Index applied);
  [[nodiscard]] std::vector<WaitingRead> expire(TimePoint now);
  void forget(const Forgotten& calls);
  // A round is under way, and may be asked for again before it is answered.
  [[nodiscard]] bool is_asking() const { return round_id_.has_value(); }
  void ask_again() { rejoin(); }
  [[nodiscard]] bool has_confirmed() const { return !confirmed_.empty(); }
  // A leader is known again: no need to wait for the retry.
  void retry_now() { not_before_ = {}; }
  [[nodiscard]] TimePoint next_deadline() const;
  [[nodiscard]] std::vector<WaitingRead> take_all();

 private:
  struct Confirmed {
    raft::Index index;
    std::vector<WaitingRead> reads;
  };
  void rejoin();
  static constexpr unsigned kOrdinalBits = 40;  // Of a round's id; the rest is the life.
  Duration retry_after_;
  std::vector<WaitingRead> next_;   // Not yet in a round.
  std::vector<WaitingRead> round_;  // In the round under way.
  std::optional<std::uint64_t> round_id_;
  TimePoint round_began_{};
  TimePoint not_before_{};
  std::uint64_t last_id_;
  std::deque<Confirmed> confirmed_;
};

}  // namespace detcd::server
