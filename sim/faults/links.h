// Links between hosts as faults name them, and troubles on them that last for a while.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/faults/fault.h"
#include "sim/faults/stage.h"
#include "sim/net/trouble.h"

namespace detcd::sim {

// From a member to another one, or (to 0) between a member and all clients, both ways.
struct LinkNames {
  std::uint32_t from = 1;
  std::uint32_t to = 2;
};
[[nodiscard]] LinkNames draw_link(const FaultDraw& draw);
// None when there are no such members.
using HostLinks = std::vector<std::pair<NodeNumber, NodeNumber>>;
[[nodiscard]] HostLinks links_of(Stage& stage, const LinkNames& names);
// Between a member and everybody else, both ways.
[[nodiscard]] HostLinks links_around(Stage& stage, std::uint32_t node);
[[nodiscard]] std::vector<NodeNumber> clients_of(Stage& stage);

// How often troubles made a difference, by one of the network's counters.
using TroubleCounter = std::uint64_t TroubleCounts::*;
[[nodiscard]] std::uint64_t begin_effect(Stage& stage, std::string_view probe,
                                         TroubleCounter counter);

// For so long; the probe is hit if it made a difference. False: there is no such link or host.
struct Lasting {
  Duration lasts{};
  std::string_view probe;
  TroubleCounter counter = &TroubleCounts::delayed;
};
bool trouble(Stage& stage, const HostLinks& links, const LinkTrouble& trouble,
             const Lasting& lasting);
bool trouble(Stage& stage, NodeNumber host, const HostTrouble& trouble, const Lasting& lasting);

// Whatever connections these links carry are torn down, so that new ones must be made.
void tear_down(Stage& stage, const HostLinks& links);

// A connection isn't what its ends believe: the network isn't quiet until senders lose patience.
void doubt_connections(Stage& stage);

}  // namespace detcd::sim
