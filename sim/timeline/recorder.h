// Collects the timeline of a run while it goes. It only looks: the run and its hash are the same
// without it. What it has collected can be taken at any moment, also when a check has failed in the
// middle of the run.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "sim/run/watcher.h"
#include "sim/timeline/messages.h"
#include "sim/timeline/timeline.h"
#include "telemetry/log.h"

namespace detcd::sim {

class Recorder final : public Watcher {
 public:
  explicit Recorder(std::uint32_t nodes) : nodes_(nodes) {}

  void on_begin(const Kernel& kernel, const History& history) override;
  void on_end() override;
  void on_death(std::uint32_t node, Death death) override;
  void on_start(std::uint32_t node) override;
  void on_fault(const FaultEntry& entry, std::uint32_t leader, bool done) override;
  void on_calm() override;
  void on_watch(const WatchNote& note) override;
  void on_step(std::uint32_t node, const raft::Raft& core) override;
  void on_raft_event(std::uint32_t node, const raft::Event& event) override;
  void on_installed(std::uint32_t node, const apply::Position& position) override;
  void on_sent(const Connection& connection, Side from, std::string_view bytes) override;
  void on_arrived(const Connection& connection, Side from, std::uint64_t bytes, bool lost) override;
  void on_given_up(const Connection& connection, Side from) override;
  void on_log(std::uint32_t node, const telemetry::Record& record);

  // Up to now, or up to on_end.
  [[nodiscard]] Timeline timeline() const;

 private:
  [[nodiscard]] bool watching() const { return kernel_ != nullptr; }
  [[nodiscard]] bool between_members(const Connection& connection) const;
  void add_event(std::uint32_t node, std::string kind, std::string text);
  void set_role(RoleRecord role);
  void take_end(Timeline& timeline) const;

  std::uint32_t nodes_;
  const Kernel* kernel_ = nullptr;
  const History* history_ = nullptr;
  Timeline timeline_;
  MessageLog messages_;
  std::map<std::uint32_t, RoleRecord> role_of_;
  std::map<std::uint32_t, CommitRecord> commit_of_;
  std::set<std::uint64_t> created_;  // Watches that existed once.
};

// The keys, leases, users and roles that an operation names, keys as a trace file prints them: for
// the page's filter.
[[nodiscard]] std::vector<std::string> keys_of(const Operation& operation);

}  // namespace detcd::sim
