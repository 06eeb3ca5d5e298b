#include "sim/faults/families.h"
#include "sim/faults/links.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a held link gave back what it had kept";

// The link keeps everything back and then gives it all at once, however old: what a deposed leader
// said arrives after the election.
struct Hold final : Fault {
  LinkNames link;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("hold");
    fields.member(link.from);
    fields.peer(link.to);
    fields.length("for", lasts);
  }
  static Hold draw(const FaultDraw& draw) {
    Hold drawn;
    drawn.link = draw_link(draw);
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 5, draw.election() * 15);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    return trouble(stage, links_of(stage, link), {.held = true},
                   {lasts, kProbe, &TroubleCounts::held});
  }
};

}  // namespace

const Family& hold_family() {
  static const FamilyOf<Hold> family(
      {.name = "hold", .probe = kProbe, .alone = true, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
