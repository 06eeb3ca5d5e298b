// What a judge is. Each has a file here and a line in registry.cc. It sees what live members do, as
// it happens, and what is left when a run has settled; the first contradiction that any judge finds
// ends the run.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apply/applier.h"
#include "raft/events.h"
#include "raft/message.h"
#include "raft/raft.h"
#include "sim/history/history.h"
#include "sim/history/watched.h"
#include "sim/oracles/model.h"
#include "sim/oracles/stopped.h"
#include "sim/plan/probes.h"
#include "wal/wal.h"

namespace detcd::sim {

struct Replica {
  std::uint32_t node = 0;
  const apply::Applier* applier = nullptr;
};

// A run that has settled: all replicas have applied the whole log, as the model has.
struct Settled {
  const History& history;
  const Model& model;
  const std::vector<Replica>& replicas;
};

// What a judge has to work with; it outlives the judge.
struct OracleWorld {
  const History& history;
  Probes& probes;
  // Which promise is broken, and how, in words.
  std::function<void(std::string oracle, std::string message)> fail;
};

class Oracle {
 public:
  virtual ~Oracle() = default;
  // As server::Observer, of this member. The first step of a life is the one after which it is
  // asked what it remembers.
  virtual void on_step(std::uint32_t /*node*/, const raft::Raft&) {}
  virtual void on_event(std::uint32_t /*node*/, const raft::Event&) {}
  virtual void on_send(std::uint32_t /*node*/, const raft::Message&) {}
  virtual void on_receive(std::uint32_t /*node*/, const raft::Message&) {}
  virtual void on_recovered(std::uint32_t /*node*/, wal::Recovered::Health,
                            const raft::Raft& /*restored*/) {}
  virtual void on_command(std::uint32_t /*node*/, const apply::Position&, const apply::Command&) {}
  virtual void on_applied(std::uint32_t /*node*/, const apply::Position&) {}
  virtual void on_installed(std::uint32_t /*node*/, const apply::Position&) {}
  virtual void on_read(std::uint32_t /*node*/, std::uint64_t /*trace*/, apply::LogIndex) {}
  // Its directory is an older copy of itself from now on.
  virtual void on_put_back(std::uint32_t /*node*/) {}
  // Adds what others count on of this member.
  virtual void add_promises(std::uint32_t /*node*/, Promised&) const {}
  // The member's life is over.
  virtual void on_death(std::uint32_t /*node*/) {}
  // Of a client that watches.
  virtual void on_watch(const WatchNote&) {}
  // What must still happen before the run has settled, in words; nothing: it may end.
  [[nodiscard]] virtual std::string awaited() { return {}; }
  virtual void on_settled(const Settled&) {}
};

// All of them, in the order in which they are asked.
[[nodiscard]] std::vector<std::unique_ptr<Oracle>> make_oracles(const OracleWorld& world);

}  // namespace detcd::sim
