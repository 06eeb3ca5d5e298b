#include "sim/run/bias.h"

#include "base/hash.h"
#include "sim/kernel/distribution.h"
#include "sim/run/cluster.h"

namespace detcd::sim {
namespace {

constexpr runtime::Site kChange{"bias: when it changes"};
constexpr runtime::Site kPriority{"bias: priority of a member"};
constexpr runtime::Site kVictim{"bias: who is slow"};
constexpr runtime::Site kCost{"bias: how slow"};
constexpr std::uint64_t kPriorities = 1;

}  // namespace

void Bias::begin(const Cluster& cluster) {
  if (settings_.bias == 0) return;
  cluster_ = &cluster;
  kernel_.prefer(settings_.bias == kPriorities ? Kernel::Preference::kPriority
                                               : Kernel::Preference::kNewestFirst);
  change();
}

void Bias::end() {
  if (cluster_ == nullptr) return;
  kernel_.prefer(Kernel::Preference::kNone);
  for (std::uint32_t node = 1; node <= cluster_->size(); ++node) {
    kernel_.set_cost_per_event(NodeNumber(node), {});
  }
  cluster_ = nullptr;
}

void Bias::change() {
  if (cluster_ == nullptr) return;
  if (settings_.bias == kPriorities) {
    order_members();
  } else {
    starve_one();
  }
  const Duration next =
      exponential(kernel_.draw(kChange, 0, changes_), settings_.election * 4) + 1ms;
  ++changes_;
  kernel_.schedule_after(next, Label{NodeNumber(0), EventKind::kWorld, changes_},
                         [this] { change(); });
}

// The lower its priority, the slower it is, up to a point where it still keeps up.
void Bias::order_members() {
  constexpr std::uint64_t kLevels = 8;
  for (std::uint32_t node = 1; node <= cluster_->size(); ++node) {
    const std::uint64_t level = below(kernel_.draw(kPriority, node, changes_), kLevels);
    kernel_.set_priority(NodeNumber(node), static_cast<std::uint16_t>(level));
    const Duration most = settings_.heartbeat / 8000;
    kernel_.set_cost_per_event(NodeNumber(node), most * static_cast<std::int64_t>(level) / 8);
  }
}

void Bias::starve_one() {
  std::uint32_t victim = 0;
  const std::uint64_t word = kernel_.draw(kVictim, 0, changes_);
  for (std::uint32_t node = 1; node <= cluster_->size(); ++node) {
    const raft::Raft* core = cluster_->core(node);
    const bool leads = core != nullptr && core->role() == raft::RoleName::kLeader;
    if (leads && word % 2 == 0) victim = node;
  }
  if (victim == 0) victim = static_cast<std::uint32_t>(below(mix64(word), cluster_->size())) + 1;
  for (std::uint32_t node = 1; node <= cluster_->size(); ++node) {
    const Duration slow = log_uniform(kernel_.draw(kCost, node, changes_),
                                      settings_.heartbeat / 40'000, settings_.heartbeat / 3000);
    kernel_.set_cost_per_event(NodeNumber(node), node == victim ? slow : Duration{});
  }
}

}  // namespace detcd::sim
