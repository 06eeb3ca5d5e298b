#include "sim/run/echo.h"

#include <algorithm>
#include <optional>

#include "base/hash.h"
#include "sim/kernel/distribution.h"

namespace detcd::sim {
namespace {

constexpr runtime::Site kEcho{"echo: whether and when a message arrives again"};

}  // namespace

void Echoes::begin(Duration length) {
  until_ = std::max(until_, kernel_.now() + length);
}

void Echoes::arrived(std::uint32_t node, const raft::Message& message, std::uint64_t life) {
  constexpr std::uint64_t kOneIn = 6;
  const std::uint32_t from = cluster_.node_of(message.from.value());
  if (kernel_.now() >= until_ || from == 0 || again_) return;
  const std::uint64_t ordinal = ordinals_[{from, node}]++;
  const std::uint64_t word = kernel_.draw(kEcho, std::uint64_t{from} << 32 | node, ordinal);
  if (below(word, kOneIn) != 0) return;
  const Duration delay = log_uniform(mix64(word), 100us, settings_.election * 3);
  const std::optional<std::uint64_t> own = cluster_.life(node);
  const Label label{NodeNumber(0), EventKind::kFault, mix64(word, ordinal)};
  kernel_.schedule_after(delay, label, [this, from, node, life, own, message] {
    if (cluster_.life(from) != life || cluster_.life(node) != own) return;
    again_ = true;
    cluster_.deliver(node, message, life);
    again_ = false;
  });
}

}  // namespace detcd::sim
