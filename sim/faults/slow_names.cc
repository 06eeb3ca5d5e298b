#include "sim/faults/families.h"
#include "sim/faults/links.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a name was looked up slowly";

// A member's connections are torn down and it waits for the addresses of the others.
struct SlowNames final : Fault {
  std::uint32_t node = 1;
  Duration extra{};
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("slow-names");
    fields.member(node);
    fields.duration("by", extra);
    fields.length("for", lasts);
  }
  static SlowNames draw(const FaultDraw& draw) {
    SlowNames drawn;
    drawn.node = draw.victim();
    drawn.extra = log_uniform(draw.extra_word(), 1ms, draw.election() * 3);
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 5, draw.election() * 10);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    if (!trouble(stage, NodeNumber(node), {.lookup_delay = extra},
                 {lasts, kProbe, &TroubleCounts::lookups_slow}))
      return false;
    tear_down(stage, links_around(stage, node));
    return true;
  }
};

}  // namespace

const Family& slow_names_family() {
  static const FamilyOf<SlowNames> family({.name = "slow-names", .probe = kProbe, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
