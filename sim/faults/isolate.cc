#include "sim/faults/cuts.h"
#include "sim/faults/families.h"
#include "sim/faults/links.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "an isolated member was missed";

// A member is cut off from all others and from the clients, too.
struct Isolate final : Fault {
  std::uint32_t node = 1;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("isolate");
    fields.member(node);
    fields.length("for", lasts);
  }
  static Isolate draw(const FaultDraw& draw) {
    Isolate drawn;
    drawn.node = draw.aimed();
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 5, draw.election() * 15);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t who = stage.resolve(node);
    if (who == 0) return false;
    return cut_links(stage, names_of(links_around(stage, who)), {lasts, kProbe});
  }
};

}  // namespace

const Family& isolate_family() {
  static const FamilyOf<Isolate> family(
      {.name = "isolate", .probe = kProbe, .alone = true, .leader = true, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
