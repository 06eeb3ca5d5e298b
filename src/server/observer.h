// What a node tells about itself while it works, as it happens, on its own scheduler: for traces,
// metrics and the simulator's oracles. Observers look; they change nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "apply/applier.h"
#include "raft/events.h"
#include "raft/message.h"
#include "raft/raft.h"
#include "wal/wal.h"

namespace detcd::server {

class Observer {
 public:
  virtual ~Observer() = default;
  // A call with this trace id (0: none was given) became this command.
  virtual void on_proposed(apply::RequestId, std::uint64_t /*trace*/) {}
  // A command is about to be applied.
  virtual void on_command(const apply::Position&, const apply::Command&) {}
  // An entry was applied; `request` when it was a command.
  virtual void on_applied(const apply::Position&, std::optional<apply::RequestId> /*request*/,
                          std::uint64_t /*state_hash*/) {}
  // The entry at this index changed which alarms are active, or may have.
  virtual void on_alarms(apply::LogIndex, const std::vector<apply::AlarmMember>& /*active*/) {}
  // A read was answered from the state at this index.
  virtual void on_read(std::uint64_t /*trace*/, apply::LogIndex) {}
  virtual void on_raft_event(const raft::Event&) {}
  // What the log held when the member started, before anything happened to it.
  virtual void on_recovered(wal::Recovered::Health, const raft::Raft& /*restored*/) {}
  // A message leaves: all that it promises is synced.
  virtual void on_send(const raft::Message&) {}
  // A message arrived, from that life of its sender's process.
  virtual void on_receive(const raft::Message&, std::uint64_t /*life*/) {}
  // After every step of the core.
  virtual void on_step(const raft::Raft&) {}
  // The applied state was replaced by a snapshot's.
  virtual void on_installed(const apply::Position&, std::uint64_t /*state_hash*/) {}
};

}  // namespace detcd::server
