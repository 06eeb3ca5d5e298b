// Leases as one member sees them: the streams of keep-alives that clients have open, whose requests
// become one entry at a time, however many there are; and, while it leads, when time has to pass in
// the log so that leases end. It decides what is proposed; the node proposes and answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "apply/lease_command.h"
#include "base/units.h"
#include "lease/lessor.h"
#include "server/options.h"
#include "server/proposals.h"
#include "server/service.h"

namespace detcd::server {

// The least time to live that is granted (ETCD.md §2.8): one and a half election timeouts, in whole
// seconds.
[[nodiscard]] std::int64_t least_ttl_seconds(const NodeOptions& options);

// Keep-alives are answered in the order in which they came. A batch that isn't answered in time, or
// whose leader is gone, is proposed again, together with what came since: renewing twice is
// renewing once, later.
class KeepAlives {
 public:
  static constexpr std::size_t kBatchMax = 4'096;

  // `patience`: with one request; `retry_after`: with one batch.
  KeepAlives(Duration patience, Duration retry_after)
      : patience_(patience), retry_after_(retry_after) {}

  void open(const ReturnAddress& origin, bool require_leader);
  // `header` is of now: a keep-alive says the revision before it took effect. Of a stream that
  // isn't open: passed over.
  struct Asked {
    std::int64_t lease = 0;
    ResponseHeader header;
    TimePoint now;
  };
  void ask(const ReturnAddress& origin, const Asked& asked);
  // False when the call was no stream of keep-alives.
  bool close(const Forget& forget);

  // What to propose now, if anything, and then the ordinal of the command that it became.
  [[nodiscard]] std::optional<apply::LeaseRenewRequest> next_batch(TimePoint now) const;
  void proposed(std::uint64_t ordinal, std::size_t renewals, TimePoint now);
  // The traces of the calls that the first so many renewals are of.
  [[nodiscard]] std::vector<std::uint64_t> traces(std::size_t renewals) const;
  struct Sent {
    ReturnAddress to;
    ResponseHeader header;
    KeepAliveAnswer answer;
  };
  // A batch of this member was applied. Nothing for one that was given up meanwhile.
  [[nodiscard]] std::vector<Sent> complete(std::uint64_t ordinal,
                                           const apply::LeaseRenewResponse& renewed);
  void retry_now() { not_before_ = {}; }

  // Streams that want a leader end at `deadline` if there is none by then.
  // What was under way goes again when there is one.
  void leader_lost(TimePoint deadline) {
    no_leader_deadline_ = deadline;
    attempts_.clear();
  }
  void leader_found() { no_leader_deadline_ = kNever; }
  struct Ended {
    ReturnAddress stream;
    apply::ApiError error;
  };
  [[nodiscard]] std::vector<Ended> expire(TimePoint now);
  [[nodiscard]] TimePoint next_deadline() const;
  [[nodiscard]] bool has_waiting() const { return !waiting_.empty(); }

 private:
  struct Stream {
    ReturnAddress address;
    bool require_leader = false;
  };
  struct Address {
    const void* connection = nullptr;
    std::uint64_t call = 0;
    friend bool operator==(const Address&, const Address&) = default;
  };
  struct AddressHash {
    std::size_t operator()(const Address& address) const noexcept {
      return std::hash<const void*>{}(address.connection) ^ (address.call * 0x9e3779b97f4a7c15ULL);
    }
  };
  struct Waiting {
    std::uint64_t stream = 0;
    std::int64_t lease = 0;
    ResponseHeader header;
    TimePoint deadline;
  };
  // A command under way: of the first so many that wait.
  struct Attempt {
    std::uint64_t ordinal = 0;
    std::size_t renewals = 0;
  };

  void erase(std::uint64_t stream);

  Duration patience_;
  Duration retry_after_;
  std::map<std::uint64_t, Stream> streams_;  // In the order in which they were opened.
  std::unordered_map<Address, std::uint64_t, AddressHash> numbers_;  // Looked up only.
  std::uint64_t last_number_ = 0;
  std::deque<Waiting> waiting_;  // As they came; their streams may be gone.
  std::vector<Attempt> attempts_;
  TimePoint not_before_{};  // No further attempt.
  TimePoint no_leader_deadline_ = kNever;
};

// When a leader lets time pass (DESIGN §5): at once in a new term, when the next lease ends, and
// now and then, so that little of the time that has passed is lost with the leader; never without
// leases. What is due has to stand for a while before it is proposed, and anew after a pause: so
// that keep-alives which arrived meanwhile come first.
class LeaseTicks {
 public:
  LeaseTicks(Duration election_timeout, Duration grace, Duration retry_after)
      : election_timeout_(election_timeout), grace_(grace), retry_after_(retry_after) {}

  // Between two ticks that find something to do, and between those that find nothing.
  static constexpr Duration kSpacing = 500ms;
  static constexpr std::uint64_t kIdleMs = 10'000;

  struct Moment {
    TimePoint now;
    std::uint64_t term = 0;
    std::uint64_t time_ms = 0;     // Of an entry appended now.
    std::uint64_t applied_ms = 0;  // Of the last one applied.
  };
  // Whether to propose one now. To be asked in every turn of a leader, and only of one.
  [[nodiscard]] bool due(const lease::Lessor& leases, const Moment& at);
  void proposed(TimePoint now);
  void applied(const apply::LeaseTickResponse& tick, TimePoint now);
  // It doesn't lead, or not any more.
  void rest() { *this = LeaseTicks(election_timeout_, grace_, retry_after_); }
  [[nodiscard]] TimePoint next_deadline() const { return again_; }

 private:
  // From when on there has been something to do; none: not yet, but at `again_` perhaps.
  [[nodiscard]] bool wanted(const lease::Lessor& leases, const Moment& at);

  Duration election_timeout_;
  Duration grace_;
  Duration retry_after_;
  TimePoint last_asked_{};
  std::optional<TimePoint> wanted_since_;
  std::optional<TimePoint> proposed_;
  std::optional<TimePoint> applied_;
  bool backlog_ = false;  // The last tick left something.
  TimePoint again_ = kNever;
};

}  // namespace detcd::server
