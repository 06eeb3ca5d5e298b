#include "sim/faults/families.h"
#include "sim/faults/links.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a name wasn't found";

// A member's connections are torn down and it finds no addresses of the others.
struct NoNames final : Fault {
  std::uint32_t node = 1;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("no-names");
    fields.member(node);
    fields.length("for", lasts);
  }
  static NoNames draw(const FaultDraw& draw) {
    NoNames drawn;
    drawn.node = draw.victim();
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 5, draw.election() * 10);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    if (!trouble(stage, NodeNumber(node), {.lookups_fail = true},
                 {lasts, kProbe, &TroubleCounts::lookups_failed}))
      return false;
    tear_down(stage, links_around(stage, node));
    return true;
  }
};

}  // namespace

const Family& no_names_family() {
  static const FamilyOf<NoNames> family({.name = "no-names", .probe = kProbe, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
