#include "sim/run/echo.h"

#include <algorithm>

#include "base/hash.h"
#include "sim/kernel/distribution.h"

namespace detcd::sim {
namespace {

constexpr runtime::Site kEcho{"echo: whether and when a message arrives again"};

}  // namespace

void Echoes::begin(Duration length) {
  until_ = std::max(until_, kernel_.now() + length);
}

void Echoes::sent(std::uint32_t node, const raft::Message& message) {
  constexpr std::uint64_t kOneIn = 6;
  const std::uint32_t to = cluster_.node_of(message.to.value());
  if (kernel_.now() >= until_ || to == 0) return;
  const std::uint64_t ordinal = ordinals_[{node, to}]++;
  const std::uint64_t word = kernel_.draw(kEcho, std::uint64_t{node} << 32 | to, ordinal);
  if (below(word, kOneIn) != 0) return;
  const Duration delay = log_uniform(mix64(word), 100us, settings_.election * 3);
  const Cluster::Lives lives{cluster_.lives(node), cluster_.lives(to)};
  const Label label{NodeNumber(0), EventKind::kFault, mix64(word, ordinal)};
  kernel_.schedule_after(delay, label, [this, node, to, lives, message] {
    const bool same = lives == Cluster::Lives{cluster_.lives(node), cluster_.lives(to)};
    if (same) cluster_.deliver(to, message);
  });
}

}  // namespace detcd::sim
