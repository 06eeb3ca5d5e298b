#include "sim/faults/families.h"
#include "sim/faults/links.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a connection carried nothing any more";

// The connections between two hosts carry nothing any more, and neither end knows; new ones are
// served.
struct BlackHole final : Fault {
  LinkNames link;

  void fields(Fields& fields) override {
    fields.word("black-hole");
    fields.member(link.from);
    fields.peer(link.to);
  }
  static BlackHole draw(const FaultDraw& draw) {
    BlackHole drawn;
    drawn.link = draw_link(draw);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    const HostLinks links = links_of(stage, link);
    const std::uint64_t effect = begin_effect(stage, kProbe, &TroubleCounts::black_holes);
    for (const auto& [from, to] : links) stage.network().black_hole_connections(from, to);
    stage.end_effect(effect);
    doubt_connections(stage);
    return !links.empty();
  }
};

}  // namespace

const Family& black_hole_family() {
  static const FamilyOf<BlackHole> family(
      {.name = "black-hole", .probe = kProbe, .alone = true, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
