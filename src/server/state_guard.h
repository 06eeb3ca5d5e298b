// Watches over the applied state of one member: it reads it again against its checksums, compares
// its hash with the other members' now and then, and knows when it is not to be relied on. A
// member whose state is damaged, or differs from a majority's, stops serving and applying, leads no
// more, and is given the leader's state; its vote and its log are as good as before (DESIGN §4,
// "State hash"; §5, "Alarms").
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apply/applier.h"
#include "base/bytes.h"
#include "base/result.h"
#include "mvcc/scrub.h"
#include "raft/types.h"
#include "runtime/wait.h"
#include "runtime/world.h"
#include "server/agreement.h"
#include "server/options.h"
#include "snapshot/store.h"
#include "telemetry/log.h"

namespace detcd::server {

// What takes the place of a state that isn't to be relied on.
struct Healing {
  std::optional<snapshot::Contents> state;  // The leader's, until the log has brought us there.
  std::uint64_t passed_over = 0;            // Entries up to here are in no state yet.
};

class StateGuard {
 public:
  // What it asks the node for.
  struct Doors {
    std::function<const apply::Applier&()> applier;
    std::function<raft::Configuration()> members;  // As they are in force.
    std::function<std::optional<raft::NodeId>()> leader;
    std::function<void(raft::NodeId, Bytes)> send;  // A note, to another member's guard.
    std::function<void(raft::NodeId)> send_state;
    std::function<void()> give_up_leadership;
    std::function<void()> raise_alarm;    // No majority has the same state.
    std::function<void()> doubt_changed;  // Now in_doubt() says something else.
    std::function<void(Error)> fail;
  };
  StateGuard(runtime::World world, telemetry::Log log, const NodeOptions& options, Doors doors);

  runtime::Task<void> run();
  // An entry was applied, or the whole state replaced by another, which ends the doubt.
  void applied(const StateHash& own);
  void replaced(const StateHash& own);
  // False when the note is somebody else's.
  bool on_note(raft::NodeId from, const Bytes& note);
  // Found where the state was read.
  void damaged(const std::string& why);

  [[nodiscard]] bool in_doubt() const { return in_doubt_; }

 private:
  [[nodiscard]] raft::NodeId self() const { return raft::NodeId(options_.member_id); }
  [[nodiscard]] bool leads() const { return doors_.leader() == self(); }
  runtime::Task<void> scrub();
  void begin_round();
  void say(const StateHash& own);
  void judge(std::uint64_t index);
  void ask_for_state();

  runtime::World world_;
  telemetry::Log log_;
  const NodeOptions& options_;
  Doors doors_;
  Agreement agreement_;
  mvcc::Scrub scrub_;
  std::optional<std::uint64_t> asked_;  // An index that isn't applied here yet.
  TimePoint again_after_{};             // Not before this is a word answered that isn't new.
  std::uint64_t agreed_ = 0;            // Up to this index all had the same.
  std::uint64_t alarmed_ = 0;           // For this index the alarm was raised.
  bool in_doubt_ = false;
};

}  // namespace detcd::server
