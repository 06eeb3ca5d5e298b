#include <algorithm>
#include <map>
#include <utility>

#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a member refused another's directory";

// Which directories are at the wrong member.
class Swaps final : public FamilyState {
 public:
  static constexpr std::string_view kName = "swapped directories";
  explicit Swaps(Stage& stage) : stage_(stage) {}
  void calm() override {
    while (!partners_.empty()) undo(partners_.begin()->first);
  }
  [[nodiscard]] bool touches(std::uint32_t node) const {
    return std::ranges::any_of(
        partners_, [node](const auto& pair) { return pair.first == node || pair.second == node; });
  }
  void begin(std::uint32_t one, std::uint32_t other) {
    partners_.emplace(one, other);
    exchange(one, other);
  }
  void end(std::uint32_t one) {
    if (partners_.contains(one)) undo(one);
  }

 private:
  void exchange(std::uint32_t one, std::uint32_t other) {
    for (const std::uint32_t node : {one, other}) {
      if (stage_.members().running(node)) stage_.members().kill(node, Death::kCrash);
    }
    stage_.members().swap_disks(one, other);
    for (const std::uint32_t node : {one, other}) stage_.restart_after(node, Duration{});
  }
  void undo(std::uint32_t one) {
    const std::uint32_t other = partners_.at(one);
    partners_.erase(one);
    exchange(one, other);
  }

  Stage& stage_;
  std::map<std::uint32_t, std::uint32_t> partners_;
};

// The directories of two members are exchanged, and after a while put right. Neither may take the
// other's for its own.
struct Swap final : Fault {
  std::uint32_t node = 1;
  std::uint32_t other = 2;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("swap");
    fields.member(node);
    fields.member(other);
    fields.length("for", lasts);
  }
  static Swap draw(const FaultDraw& draw) {
    Swap swap;
    swap.node = draw.victim();
    const std::uint32_t nodes = draw.settings().nodes;
    const auto step = static_cast<std::uint32_t>(1 + draw.detail(std::max(1U, nodes - 1)));
    swap.other = (swap.node - 1 + step) % nodes + 1;
    swap.lasts = log_uniform(draw.length_word(), draw.election() / 10, draw.election() * 4);
    return swap;
  }
  bool happen(Stage& stage) const override {
    if (!stage.is_named(node) || !stage.is_named(other) || node == other) return false;
    Swaps& swaps = stage.state<Swaps>();
    if (swaps.touches(node) || swaps.touches(other)) return false;
    // Before its first start is over a directory belongs to nobody.
    for (const std::uint32_t each : {node, other}) {
      if (stage.members().core(each) == nullptr) return false;
    }
    const std::uint64_t effect =
        stage.begin_effect(kProbe, [&members = stage.members(), one = node, two = other] {
          return members.refusals(one) + members.refusals(two);
        });
    swaps.begin(node, other);
    stage.later(lasts, [&stage, &swaps, one = node, effect] {
      stage.end_effect(effect);
      swaps.end(one);
    });
    return true;
  }
};

}  // namespace

const Family& swap_family() {
  static const FamilyOf<Swap> family({.name = "swap", .probe = kProbe, .gap_times = 2});
  return family;
}

}  // namespace detcd::sim
