// The abstract states that a run passes through, for campaigns that look for what is new: at each
// death, start, fault and change of who leads or is led, how the members stand to each other - not
// their terms and indexes but who is ahead of whom, who is dead of what, who recovers, what is cut.
// Members are interchangeable: two runs with the same states under other names are the same.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "sim/run/watcher.h"

namespace detcd::sim {

class States final : public Watcher {
 public:
  explicit States(std::uint32_t nodes) : nodes_(nodes) {}

  void on_begin(const Kernel& kernel, const History& history) override;
  void on_end() override { kernel_ = nullptr; }
  void on_death(std::uint32_t node, Death death) override;
  void on_start(std::uint32_t node) override;
  void on_fault(const FaultEntry& entry, std::uint32_t leader, bool done) override;
  void on_calm() override;
  void on_step(std::uint32_t node, const raft::Raft& core) override;
  void on_raft_event(std::uint32_t node, const raft::Event& event) override;
  void on_installed(std::uint32_t node, const apply::Position& position) override;

  // Each a hash, ascending, without doubles.
  [[nodiscard]] std::vector<std::uint32_t> seen() const { return {seen_.begin(), seen_.end()}; }

 private:
  // What is known of a member, from its last step.
  struct Standing {
    enum class Life : std::uint8_t { kUp, kKilled, kLostPower } life = Life::kUp;
    std::uint64_t lives = 1;
    bool stepped = false;  // In this life.
    raft::RoleName role{};
    std::uint64_t term = 0;
    std::uint64_t commit = 0;
    std::uint64_t synced = 0;
    bool led = false;
    bool installed = false;   // A snapshot, in this life.
    std::uint64_t event = 0;  // That its next step carries; 0: none.
  };
  void look(std::uint64_t what, std::uint32_t node);
  [[nodiscard]] std::uint64_t digest(const Standing& member) const;
  Standing& standing(std::uint32_t node);

  std::uint32_t nodes_;
  const Kernel* kernel_ = nullptr;
  std::vector<Standing> standings_;
  VirtualTime cut_until_;
  VirtualTime paused_until_;
  bool calm_ = false;
  std::set<std::uint32_t> seen_;
};

}  // namespace detcd::sim
