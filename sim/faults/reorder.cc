#include "sim/faults/families.h"
#include "sim/faults/links.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a connection could overtake another one";

// Connections overtake each other: every segment takes up to so much longer, each connection
// keeping its order.
struct Reorder final : Fault {
  LinkNames link;
  Duration within{};
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("reorder");
    fields.member(link.from);
    fields.peer(link.to);
    fields.duration("within", within);
    fields.length("for", lasts);
  }
  static Reorder draw(const FaultDraw& draw) {
    Reorder drawn;
    drawn.link = draw_link(draw);
    drawn.within = log_uniform(draw.extra_word(), 1ms, draw.election());
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 5, draw.election() * 15);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    return trouble(stage, links_of(stage, link), {.spread = within},
                   {lasts, kProbe, &TroubleCounts::delayed});
  }
};

}  // namespace

const Family& reorder_family() {
  static const FamilyOf<Reorder> family(
      {.name = "reorder", .probe = kProbe, .alone = true, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
