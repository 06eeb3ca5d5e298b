#include <algorithm>
#include <map>
#include <set>

#include "sim/faults/families.h"
#include "sim/faults/stage.h"
#include "sim/kernel/distribution.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a slow processor had work to wait for";
constexpr std::uint64_t kMost = 1'000'000;

// What a step of a member costs a processor that is as it should be, roughly.
constexpr Duration kStep = 5us;

// Of overlapping faults the strongest counts.
class SlowProcessors final : public FamilyState {
 public:
  static constexpr std::string_view kName = "slow-cpu";
  explicit SlowProcessors(Stage& stage) : stage_(stage) {}

  void begin(std::uint32_t node, std::uint64_t factor) {
    factors_[node].insert(factor);
    set(node);
  }
  void end(std::uint32_t node, std::uint64_t factor) {
    if (stage_.is_calm()) return;
    factors_[node].extract(factor);
    set(node);
  }
  void calm() override {
    for (auto& [node, factors] : factors_) {
      factors.clear();
      set(node);
    }
  }
  [[nodiscard]] bool is_quiet() const override {
    return std::ranges::all_of(factors_, [](const auto& each) { return each.second.empty(); });
  }

 private:
  void set(std::uint32_t node) {
    const std::multiset<std::uint64_t>& factors = factors_[node];
    const std::uint64_t factor = factors.empty() ? 0 : *factors.rbegin();
    stage_.kernel().set_cost_per_event(NodeNumber(node), kStep * static_cast<std::int64_t>(factor));
  }
  Stage& stage_;
  std::map<std::uint32_t, std::multiset<std::uint64_t>> factors_;
};

// Each step of the member takes so many times as long as a real processor needs for one.
struct SlowCpu final : Fault {
  std::uint32_t node = 1;
  std::uint64_t factor = 1;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("slow-cpu");
    fields.member(node);
    fields.factor(factor);
    fields.length("for", lasts);
  }
  static SlowCpu draw(const FaultDraw& draw) {
    SlowCpu drawn;
    drawn.node = draw.aimed();
    drawn.factor = log_uniform(draw.extra_word(), 2, 100);
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 2, draw.election() * 15);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t who = stage.resolve(node);
    if (who == 0 || factor == 0 || factor > kMost) return false;
    stage.state<SlowProcessors>().begin(who, factor);
    const auto work = [&stage, who] { return stage.kernel().held_back(NodeNumber(who)); };
    const std::uint64_t effect = stage.begin_effect(kProbe, work);
    stage.later(lasts, [&stage, who, effect, strength = factor] {
      stage.end_effect(effect);
      stage.state<SlowProcessors>().end(who, strength);
    });
    return true;
  }
};

}  // namespace

const Family& slow_cpu_family() {
  static const FamilyOf<SlowCpu> family(
      {.name = "slow-cpu", .probe = kProbe, .alone = true, .leader = true, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
