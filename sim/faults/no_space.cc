#include "base/hash.h"
#include "sim/faults/disk_windows.h"
#include "sim/faults/families.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a full disk refused";

// For a while no file grows and no name is made or, where writing always needs room, nothing is
// written and nothing renamed.
struct NoSpace final : Fault {
  std::uint32_t node = 1;
  Duration lasts{};
  bool total = false;

  void fields(Fields& fields) override {
    fields.word("no-space");
    fields.member(node);
    fields.choice("to-grow", "at-all", total);
    fields.length("for", lasts);
  }
  static NoSpace draw(const FaultDraw& draw) {
    const std::uint64_t word = draw.length_word();
    NoSpace full;
    full.node = draw.aimed();
    full.lasts = log_uniform(word, draw.election() / 4, draw.election() * 8);
    full.total = mix64(word) % 3 == 0;
    return full;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t who = stage.resolve(node);
    if (who == 0) return false;
    const DiskCounts& counts = stage.members().machine(who).disk().counts();
    const std::uint64_t effect = stage.begin_effect(kProbe, [&counts] { return counts.no_space; });
    const DiskTrouble trouble{.room = total ? Room::kNone : Room::kNoGrowth};
    stage.state<DiskWindows>().begin(who, trouble, lasts);
    stage.later(lasts, [&stage, effect] { stage.end_effect(effect); });
    return true;
  }
};

}  // namespace

const Family& no_space_family() {
  static const FamilyOf<NoSpace> family(
      {.name = "no-space", .probe = kProbe, .alone = true, .leader = true, .gap_times = 2});
  return family;
}

}  // namespace detcd::sim
