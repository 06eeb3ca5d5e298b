#include <algorithm>

#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a disk stalled with operations under way";

// The device answers nothing for a while; then everything that waited takes place.
struct Stall final : Fault {
  std::uint32_t node = 1;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("stall");
    fields.member(node);
    fields.length("for", lasts);
  }
  static Stall draw(const FaultDraw& draw) {
    const Duration most = std::min<Duration>(draw.election() * 10, 30s);
    Stall stall;
    stall.node = draw.aimed();
    stall.lasts = log_uniform(draw.length_word(), draw.election() / 20, most);
    return stall;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t who = stage.resolve(node);
    if (who == 0) return false;
    SimDisk& disk = stage.members().machine(who).disk();
    const std::uint64_t effect =
        stage.begin_effect(kProbe, [&counts = disk.counts()] { return counts.stalls; });
    disk.stall_until(std::max(disk.stalled_until(), stage.kernel().now() + lasts));
    stage.later(lasts, [&stage, effect] { stage.end_effect(effect); });
    return true;
  }
};

}  // namespace

const Family& stall_family() {
  static const FamilyOf<Stall> family(
      {.name = "stall", .probe = kProbe, .alone = true, .leader = true, .gap_times = 2});
  return family;
}

}  // namespace detcd::sim
