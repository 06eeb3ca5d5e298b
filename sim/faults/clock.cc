#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a living member's clock was changed";

// The boot clock drifts, the wall clock steps.
struct ClockSkew final : Fault {
  std::uint32_t node = 1;
  std::int64_t boot_drift_ppm = 0;
  Duration wall_step{};

  void fields(Fields& fields) override {
    fields.word("clock");
    fields.member(node);
    fields.integer("drift-ppm", boot_drift_ppm);
    fields.duration("wall-step", wall_step);
  }
  static ClockSkew draw(const FaultDraw& draw) {
    constexpr std::int64_t kDriftMost = 200;
    ClockSkew skew;
    skew.node = draw.victim();
    skew.boot_drift_ppm = static_cast<std::int64_t>(draw.detail(2 * kDriftMost + 1)) - kDriftMost;
    const std::uint64_t word = draw.length_word();
    const Duration step = log_uniform(word, 1ms, 600s);
    skew.wall_step = (word & 1) != 0 ? step : -step;
    return skew;
  }
  bool happen(Stage& stage) const override {
    if (!stage.is_named(node)) return false;
    constexpr std::int64_t kPpbPerPpm = 1000;
    NodeClock& clock = stage.members().machine(node).clock();
    clock.set_boot_drift(boot_drift_ppm * kPpbPerPpm);
    clock.step_wall(wall_step);
    if (stage.members().running(node)) stage.probe(kProbe);
    return true;
  }
};

}  // namespace

const Family& clock_family() {
  static const FamilyOf<ClockSkew> family(
      {.name = "clock", .probe = kProbe, .alone = true, .key = 7});
  return family;
}

}  // namespace detcd::sim
