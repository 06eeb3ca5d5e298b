#include "sim/faults/families.h"
#include "sim/faults/links.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "one end of a connection was gone";

// One end of the connections between two hosts is gone and the other doesn't know, until it sends
// something.
struct HalfOpen final : Fault {
  LinkNames link;

  void fields(Fields& fields) override {
    fields.word("half-open");
    fields.member(link.from);
    fields.peer(link.to);
  }
  static HalfOpen draw(const FaultDraw& draw) {
    HalfOpen drawn;
    drawn.link = draw_link(draw);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    const HostLinks links = links_of(stage, link);
    const std::uint64_t effect = begin_effect(stage, kProbe, &TroubleCounts::half_open);
    for (const auto& [from, to] : links) stage.network().forget_connections(from, to);
    stage.end_effect(effect);
    return !links.empty();
  }
};

}  // namespace

const Family& half_open_family() {
  static const FamilyOf<HalfOpen> family(
      {.name = "half-open", .probe = kProbe, .alone = true, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
