#include <algorithm>
#include <map>
#include <utility>

#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a clock stood still";

class Frozen final : public FamilyState {
 public:
  static constexpr std::string_view kName = "freeze";
  explicit Frozen(Stage& stage) : stage_(stage) {}

  void begin(std::uint32_t node, bool wall) {
    if (counts_[{node, wall}]++ > 0) return;
    NodeClock& clock = stage_.members().machine(node).clock();
    wall ? clock.freeze_wall() : clock.freeze_boot();
  }
  void end(std::uint32_t node, bool wall) {
    if (stage_.is_calm() || --counts_[{node, wall}] > 0) return;
    thaw(node, wall);
  }
  void calm() override {
    for (const auto& [which, count] : counts_) {
      if (count > 0) thaw(which.first, which.second);
    }
  }
  // Nobody waits for a wall clock.
  [[nodiscard]] bool is_quiet() const override {
    return std::ranges::all_of(
        counts_, [](const auto& each) { return each.first.second || each.second == 0; });
  }

 private:
  void thaw(std::uint32_t node, bool wall) {
    NodeClock& clock = stage_.members().machine(node).clock();
    // A boot meanwhile has started the clock.
    const bool still = wall ? clock.wall_stands_still() : clock.boot_stands_still();
    if (still && stage_.members().running(node)) stage_.probe(kProbe);
    wall ? clock.thaw_wall() : clock.thaw_boot();
  }
  Stage& stage_;
  std::map<std::pair<std::uint32_t, bool>, std::uint32_t> counts_;
};

// A clock of the member stands still while its process runs on: the boot clock, or the wall's.
struct Freeze final : Fault {
  std::uint32_t node = 1;
  bool wall = false;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.choice("freeze", "freeze-wall", wall);
    fields.member(node);
    fields.length("for", lasts);
  }
  static Freeze draw(const FaultDraw& draw) {
    Freeze drawn;
    drawn.node = draw.aimed();
    drawn.wall = draw.detail(4) == 0;
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 4, draw.election() * 5);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t who = stage.resolve(node);
    if (who == 0 || !stage.members().running(who)) return false;
    stage.state<Frozen>().begin(who, wall);
    stage.later(lasts, [&stage, who, still = wall] { stage.state<Frozen>().end(who, still); });
    return true;
  }
};

}  // namespace

const Family& freeze_family() {
  static const FamilyOf<Freeze> family({.name = "freeze",
                                        .probe = kProbe,
                                        .other_word = "freeze-wall",
                                        .alone = true,
                                        .leader = true,
                                        .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
