#include <algorithm>
#include <utility>

#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a cut link held bytes back";

// Cuts every link between `side` and the rest; one way: only from `side`.
struct Partition final : Fault {
  std::vector<std::uint32_t> side;
  bool one_way = false;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.choice("partition", "partition-from", one_way);
    fields.members(side);
    fields.length("for", lasts);
  }
  static Partition draw(const FaultDraw& draw) {
    Partition partition;
    const Duration election = draw.election();
    partition.lasts = log_uniform(draw.length_word(), election / 5, election * 15);
    partition.one_way = draw.detail(3) == 0;
    // The leader alone, or a drawn subset, neither empty nor everything.
    if (draw.at_leader()) {
      partition.side.push_back(kLeader);
      return partition;
    }
    const std::uint32_t nodes = draw.settings().nodes;
    const std::uint64_t mask = draw.choose((std::uint64_t{1} << nodes) - 2) + 1;
    for (std::uint32_t node = 1; node <= nodes; ++node) {
      if ((mask >> (node - 1)) & 1) partition.side.push_back(node);
    }
    return partition;
  }
  bool happen(Stage& stage) const override {
    std::vector<std::uint32_t> members;
    for (const std::uint32_t node : side) members.push_back(stage.resolve(node));
    std::vector<Stage::Link> links;
    for (const std::uint32_t from : members) {
      for (std::uint32_t to = 1; to <= stage.size(); ++to) {
        if (from == 0 || std::ranges::count(members, to) > 0) continue;
        links.emplace_back(from, to);
        if (!one_way) links.emplace_back(to, from);
      }
    }
    if (links.empty()) return false;
    stage.cut(links);
    const std::uint64_t effect =
        stage.begin_effect(kProbe, [&stage] { return stage.network().counts().cut_off; });
    stage.later(lasts, [&stage, effect, links = std::move(links)] {
      stage.end_effect(effect);
      if (stage.is_calm()) return;
      stage.tell(0, "a partition heals");
      stage.heal(links);
    });
    return true;
  }
};

}  // namespace

const Family& partition_family() {
  static const FamilyOf<Partition> family({.name = "partition",
                                           .probe = kProbe,
                                           .other_word = "partition-from",
                                           .leader = true,
                                           .key = 4});
  return family;
}

}  // namespace detcd::sim
