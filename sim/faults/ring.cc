#include "sim/faults/cuts.h"
#include "sim/faults/families.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "members in a ring missed each other";

// Each member sees only its two neighbours in this circle.
struct Ring final : Fault {
  std::vector<std::uint32_t> circle;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("ring");
    fields.members(circle);
    fields.length("for", lasts);
  }
  static Ring draw(const FaultDraw& draw) {
    Ring drawn;
    drawn.circle = shuffled_members(draw);
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 5, draw.election() * 15);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    std::vector<Stage::Link> links;
    for (std::size_t i = 0; i < circle.size(); ++i) {
      if (!stage.is_named(circle[i])) return false;
      for (std::size_t j = 0; j < circle.size(); ++j) {
        const std::size_t apart = (j + circle.size() - i) % circle.size();
        if (apart > 1 && apart < circle.size() - 1) links.emplace_back(circle[i], circle[j]);
      }
    }
    return cut_links(stage, links, {lasts, kProbe});
  }
};

}  // namespace

const Family& ring_family() {
  static const FamilyOf<Ring> family(
      {.name = "ring", .probe = kProbe, .nodes_least = 4, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
