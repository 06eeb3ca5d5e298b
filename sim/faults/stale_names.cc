#include "sim/faults/families.h"
#include "sim/faults/links.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a name led to another host";

// A member's connections are torn down and for one of the others it finds an old address, where by
// now a third one is.
struct StaleNames final : Fault {
  std::uint32_t node = 1;
  std::uint32_t asked = 2;
  std::uint32_t found = 3;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("stale-names");
    fields.member(node);
    fields.member(asked);
    fields.member(found);
    fields.length("for", lasts);
  }
  static StaleNames draw(const FaultDraw& draw) {
    StaleNames drawn;
    drawn.node = draw.victim();
    const std::uint32_t nodes = draw.settings().nodes;
    drawn.asked = static_cast<std::uint32_t>((drawn.node + draw.detail(nodes - 1)) % nodes + 1);
    drawn.found =
        static_cast<std::uint32_t>((drawn.asked + below(draw.extra_word(), nodes - 1)) % nodes + 1);
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 5, draw.election() * 10);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    if (!stage.is_named(asked) || !stage.is_named(found) || asked == found) return false;
    if (!trouble(stage, NodeNumber(node),
                 {.stale = NodeNumber(asked), .taken_for = NodeNumber(found)},
                 {lasts, kProbe, &TroubleCounts::lookups_stale}))
      return false;
    tear_down(stage, links_around(stage, node));
    return true;
  }
};

}  // namespace

const Family& stale_names_family() {
  static const FamilyOf<StaleNames> family(
      {.name = "stale-names", .probe = kProbe, .nodes_least = 3, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
