#include "sim/faults/families.h"
#include "sim/faults/links.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a connect was refused";

// A member's connections are torn down and new ones to it are refused.
struct Refuse final : Fault {
  std::uint32_t node = 1;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("refuse");
    fields.member(node);
    fields.length("for", lasts);
  }
  static Refuse draw(const FaultDraw& draw) {
    Refuse drawn;
    drawn.node = draw.victim();
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 5, draw.election() * 10);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    if (!trouble(stage, NodeNumber(node), {.connects = Connects::kRefused},
                 {lasts, kProbe, &TroubleCounts::refused}))
      return false;
    tear_down(stage, links_around(stage, node));
    return true;
  }
};

}  // namespace

const Family& refuse_family() {
  static const FamilyOf<Refuse> family(
      {.name = "refuse", .probe = kProbe, .alone = true, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
