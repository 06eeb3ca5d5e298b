// Links that are cut for a while, in shapes: what the families of partitions share.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "sim/faults/links.h"

namespace detcd::sim {

// All members in an order drawn for this fault; another `choice` gives another order.
[[nodiscard]] std::vector<std::uint32_t> shuffled_members(const FaultDraw& draw,
                                                          std::uint64_t choice = 0);
// Between a member and the other members, both ways.
[[nodiscard]] std::vector<Stage::Link> links_of_member(Stage& stage, std::uint32_t node);
[[nodiscard]] std::vector<Stage::Link> names_of(const HostLinks& links);

struct Cut {
  Duration lasts{};
  std::string_view probe;  // Hit if a cut link held something back meanwhile.
};
// False: there are no links.
bool cut_links(Stage& stage, std::vector<Stage::Link> links, const Cut& cut);

}  // namespace detcd::sim
