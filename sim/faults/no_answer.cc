#include "sim/faults/families.h"
#include "sim/faults/links.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a connect got no answer";

// A member's connections are torn down and new ones to it get no answer.
struct NoAnswer final : Fault {
  std::uint32_t node = 1;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("no-answer");
    fields.member(node);
    fields.length("for", lasts);
  }
  static NoAnswer draw(const FaultDraw& draw) {
    NoAnswer drawn;
    drawn.node = draw.victim();
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 5, draw.election() * 10);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    if (!trouble(stage, NodeNumber(node), {.connects = Connects::kLost},
                 {lasts, kProbe, &TroubleCounts::unanswered}))
      return false;
    tear_down(stage, links_around(stage, node));
    return true;
  }
};

}  // namespace

const Family& no_answer_family() {
  static const FamilyOf<NoAnswer> family(
      {.name = "no-answer", .probe = kProbe, .alone = true, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
