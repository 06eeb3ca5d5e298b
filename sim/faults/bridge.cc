#include <algorithm>

#include "sim/faults/cuts.h"
#include "sim/faults/families.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "two sides of a bridge missed each other";

// Two sides that don't see each other, and one member that both see.
struct Bridge final : Fault {
  std::uint32_t middle = 1;
  std::vector<std::uint32_t> side;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("bridge");
    fields.member(middle);
    fields.members(side);
    fields.length("for", lasts);
  }
  static Bridge draw(const FaultDraw& draw) {
    const std::vector<std::uint32_t> members = shuffled_members(draw);
    Bridge drawn;
    drawn.middle = draw.at_leader() ? kLeader : members.front();
    const auto half = static_cast<std::ptrdiff_t>((members.size() - 1) / 2);
    drawn.side.assign(members.begin() + 1, members.begin() + 1 + half);
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 5, draw.election() * 15);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t bridge = stage.resolve(middle);
    std::vector<Stage::Link> links;
    for (const std::uint32_t from : side) {
      if (bridge == 0 || !stage.is_named(from)) return false;
      for (std::uint32_t to = 1; to <= stage.size(); ++to) {
        if (from == bridge || to == bridge || std::ranges::count(side, to) > 0) continue;
        links.emplace_back(from, to);
        links.emplace_back(to, from);
      }
    }
    return cut_links(stage, links, {lasts, kProbe});
  }
};

}  // namespace

const Family& bridge_family() {
  static const FamilyOf<Bridge> family(
      {.name = "bridge", .probe = kProbe, .leader = true, .nodes_least = 3, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
