#include <algorithm>

#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a rare choice was taken";
// A member that took them always would never get anywhere.
constexpr std::uint64_t kMost = 900;

// For a while a member takes choices that are legal at any time and else hardly ever taken.
class RareTimes final : public FamilyState {
 public:
  static constexpr std::string_view kName = "rare";
  explicit RareTimes(Stage& stage) : stage_(stage) {}
  void calm() override {
    for (std::uint32_t node = 1; node <= stage_.size(); ++node) {
      stage_.members().machine(node).rare().end_all();
    }
  }
  [[nodiscard]] bool is_quiet() const override {
    for (std::uint32_t node = 1; node <= stage_.size(); ++node) {
      if (stage_.members().machine(node).rare().any()) return false;
    }
    return true;
  }

 private:
  Stage& stage_;
};

struct Rare final : Fault {
  std::uint32_t node = 1;
  RareWindow window;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("rare");
    fields.member(node);
    fields.number("choices", window.which);
    fields.number("permille", window.odds);
    fields.length("for", lasts);
  }
  static Rare draw(const FaultDraw& draw) {
    Rare drawn;
    drawn.node = draw.aimed();
    drawn.window.which = 1 + draw.detail(1'000'000);
    drawn.window.odds = log_uniform(draw.extra_word(), 5, 500);
    drawn.lasts = log_uniform(draw.length_word(), draw.election() * 2, draw.election() * 20);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t who = stage.resolve(node);
    if (who == 0 || window.odds > kMost) return false;
    static_cast<void>(stage.state<RareTimes>());
    RareChoices& choices = stage.members().machine(who).rare();
    choices.begin(window);
    const std::uint64_t effect = stage.begin_effect(kProbe, [&choices] { return choices.taken(); });
    stage.later(lasts, [&stage, &choices, effect, ended = window] {
      stage.end_effect(effect);
      choices.end(ended);
    });
    return true;
  }
};

}  // namespace

const Family& rare_family() {
  static const FamilyOf<Rare> family(
      {.name = "rare", .probe = kProbe, .alone = true, .leader = true});
  return family;
}

}  // namespace detcd::sim
