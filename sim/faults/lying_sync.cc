#include "base/hash.h"
#include "sim/faults/disk_windows.h"
#include "sim/faults/families.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a sync was acknowledged that never took place";

// For a while the device's firmware acknowledges syncs and keeps nothing through a power loss.
struct LyingSync final : Fault {
  std::uint32_t node = 1;
  Duration lasts{};
  std::uint64_t ppm = 0;

  void fields(Fields& fields) override {
    fields.word("lying-sync");
    fields.member(node);
    fields.length("for", lasts);
    fields.number("ppm", ppm);
  }
  static LyingSync draw(const FaultDraw& draw) {
    const std::uint64_t word = draw.length_word();
    LyingSync lying;
    lying.node = draw.aimed();
    lying.lasts = log_uniform(word, draw.election() / 4, draw.election() * 8);
    lying.ppm = log_uniform(mix64(word), 10'000, 1'000'000);
    return lying;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t who = stage.resolve(node);
    if (who == 0) return false;
    const DiskCounts& counts = stage.members().machine(who).disk().counts();
    const std::uint64_t effect = stage.begin_effect(kProbe, [&counts] { return counts.lies; });
    const DiskTrouble trouble{.lying_sync_ppm = static_cast<std::uint32_t>(ppm)};
    stage.state<DiskWindows>().begin(who, trouble, lasts);
    stage.later(lasts, [&stage, effect] { stage.end_effect(effect); });
    return true;
  }
};

}  // namespace

const Family& lying_sync_family() {
  static const FamilyOf<LyingSync> family({.name = "lying-sync",
                                           .probe = kProbe,
                                           .alone = true,
                                           .leader = true,
                                           .beyond_budget = true});
  return family;
}

}  // namespace detcd::sim
