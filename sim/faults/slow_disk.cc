#include <algorithm>
#include <map>
#include <set>

#include "sim/faults/families.h"
#include "sim/faults/stage.h"
#include "sim/kernel/distribution.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a slow disk had work to do";
constexpr std::uint64_t kMost = 1'000'000;

// Of overlapping faults the strongest counts.
class SlowDisks final : public FamilyState {
 public:
  static constexpr std::string_view kName = "slow-disk";
  explicit SlowDisks(Stage& stage) : stage_(stage) {}

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
    const std::uint64_t factor = factors.empty() ? 1 : *factors.rbegin();
    stage_.members().machine(node).disk().faults().slowness = static_cast<std::uint32_t>(factor);
  }
  Stage& stage_;
  std::map<std::uint32_t, std::multiset<std::uint64_t>> factors_;
};

// Every operation of the member's disk takes so many times as long.
struct SlowDisk final : Fault {
  std::uint32_t node = 1;
  std::uint64_t factor = 1;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("slow-disk");
    fields.member(node);
    fields.factor(factor);
    fields.length("for", lasts);
  }
  static SlowDisk draw(const FaultDraw& draw) {
    SlowDisk drawn;
    drawn.node = draw.aimed();
    drawn.factor = log_uniform(draw.extra_word(), 2, 100);
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 2, draw.election() * 15);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t who = stage.resolve(node);
    if (who == 0 || factor == 0 || factor > kMost) return false;
    stage.state<SlowDisks>().begin(who, factor);
    const auto work = [&stage, who] { return stage.members().machine(who).disk().boundaries(); };
    const std::uint64_t effect = stage.begin_effect(kProbe, work);
    stage.later(lasts, [&stage, who, effect, strength = factor] {
      stage.end_effect(effect);
      stage.state<SlowDisks>().end(who, strength);
    });
    return true;
  }
};

}  // namespace

const Family& slow_disk_family() {
  static const FamilyOf<SlowDisk> family(
      {.name = "slow-disk", .probe = kProbe, .alone = true, .leader = true, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
