#include "sim/faults/families.h"
#include "sim/faults/stage.h"
#include "sim/kernel/distribution.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a wall clock drifted";
constexpr std::int64_t kMost = 500'000;

// The wall clock runs fast or slow for a while.
struct WallDrift final : Fault {
  std::uint32_t node = 1;
  std::int64_t ppm = 0;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("wall-drift");
    fields.member(node);
    fields.integer("ppm", ppm);
    fields.length("for", lasts);
  }
  static WallDrift draw(const FaultDraw& draw) {
    WallDrift drawn;
    drawn.node = draw.victim();
    const auto size = static_cast<std::int64_t>(log_uniform(draw.extra_word(), 1, 5000));
    drawn.ppm = draw.detail(2) == 0 ? size : -size;
    drawn.lasts = log_uniform(draw.length_word(), draw.election(), draw.election() * 15);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    if (!stage.is_named(node) || ppm > kMost || ppm < -kMost) return false;
    constexpr std::int64_t kPpbPerPpm = 1000;
    stage.members().machine(node).clock().set_wall_drift(ppm * kPpbPerPpm);
    stage.later(lasts, [&stage, who = node] {
      stage.members().machine(who).clock().set_wall_drift(0);
      if (stage.members().running(who)) stage.probe(kProbe);
    });
    return true;
  }
};

}  // namespace

const Family& wall_drift_family() {
  static const FamilyOf<WallDrift> family(
      {.name = "wall-drift", .probe = kProbe, .alone = true, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
