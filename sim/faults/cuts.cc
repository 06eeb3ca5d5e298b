#include "sim/faults/cuts.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "sim/kernel/distribution.h"

namespace detcd::sim {

std::vector<std::uint32_t> shuffled_members(const FaultDraw& draw, std::uint64_t choice) {
  std::vector<std::uint32_t> members;
  const std::uint64_t word = mix64(draw.extra_word(), choice);
  for (std::uint32_t node = 1; node <= draw.settings().nodes; ++node) {
    const std::uint64_t place = below(mix64(word, node), members.size() + 1);
    members.insert(members.begin() + static_cast<std::ptrdiff_t>(place), node);
  }
  return members;
}

std::vector<Stage::Link> links_of_member(Stage& stage, std::uint32_t node) {
  std::vector<Stage::Link> links;
  for (std::uint32_t other = 1; other <= stage.size(); ++other) {
    if (other == node) continue;
    links.emplace_back(node, other);
    links.emplace_back(other, node);
  }
  return links;
}

std::vector<Stage::Link> names_of(const HostLinks& links) {
  std::vector<Stage::Link> names;
  for (const auto& [from, to] : links) {
    names.emplace_back(static_cast<std::uint32_t>(from.value()),
                       static_cast<std::uint32_t>(to.value()));
  }
  return names;
}

bool cut_links(Stage& stage, std::vector<Stage::Link> links, const Cut& cut) {
  if (links.empty()) return false;
  stage.cut(links);
  const std::uint64_t effect =
      stage.begin_effect(cut.probe, [&stage] { return stage.network().counts().cut_off; });
  stage.later(cut.lasts, [&stage, effect, links = std::move(links)] {
    stage.end_effect(effect);
    if (stage.is_calm()) return;
    stage.tell(0, "cut links heal");
    stage.heal(links);
  });
  return true;
}

}  // namespace detcd::sim
