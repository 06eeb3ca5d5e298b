// Counts what happens in a run, by name and member: what a scenario expects. The counts outlive the
// child that makes them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sim/campaign/shared.h"
#include "sim/run/run.h"
#include "sim/run/watcher.h"

namespace detcd::sim {

enum class Counted : std::uint8_t {
  kElections,    // Somebody stands for one.
  kLeaders,      // Somebody wins it.
  kStepsDown,    // A leader leads no longer, and lives.
  kTruncations,  // Entries of a log give way to others.
  kSnapshots,    // A leader must send one.
  kInstalls,     // A member takes one over.
  kRecoveries,   // Recovering ends.
  kDropped,      // A proposal finds no leader.
  kFailedReads,  // A round of reads ends with its leader's term.
  kCrashes,
  kPowerLosses,
  kStarts,   // After a death.
  kFaults,   // Carried out.
  kMissed,   // Faults that hit nobody.
  kRefused,  // Calls that are answered with an error of the API.
  kUnknown,  // Calls whose effect the client doesn't learn.
};
inline constexpr std::size_t kCountedKinds = 16;
inline constexpr std::uint32_t kTallyNodesMax = 9;

[[nodiscard]] std::string_view name_of(Counted kind);
[[nodiscard]] std::optional<Counted> counted_of(std::string_view name);

class Tally final : public Watcher {
 public:
  // The run that these options make is counted; the tally outlives it.
  void count_in(RunOptions& options);
  // By one member; 0: by all, and by nobody in particular.
  [[nodiscard]] std::uint64_t count(Counted kind, std::uint32_t node = 0) const;

  // What follows is only tidying up.
  void on_end() override { ended_ = true; }
  void on_death(std::uint32_t node, Death death) override;
  void on_start(std::uint32_t node) override { add(Counted::kStarts, node); }
  void on_fault(const FaultEntry& entry, std::uint32_t leader, bool done) override;
  void on_raft_event(std::uint32_t node, const raft::Event& event) override;
  void on_installed(std::uint32_t node, const apply::Position&) override {
    add(Counted::kInstalls, node);
  }

 private:
  void add(Counted kind, std::uint32_t node);
  using Counts = std::array<std::array<std::uint64_t, kCountedKinds>, kTallyNodesMax + 1>;
  Shared<Counts> counts_;
  bool ended_ = false;
};

}  // namespace detcd::sim
