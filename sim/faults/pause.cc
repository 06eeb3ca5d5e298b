#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a paused process had to wait";

// The process doesn't get the processor, the world goes on.
struct Pause final : Fault {
  std::uint32_t node = 1;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("pause");
    fields.member(node);
    fields.length("for", lasts);
  }
  static Pause draw(const FaultDraw& draw) {
    Pause pause;
    pause.node = draw.aimed();
    pause.lasts = log_uniform(draw.length_word(), draw.election() / 4, draw.election() * 5);
    return pause;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t who = stage.resolve(node);
    if (who == 0 || !stage.members().running(who)) return false;
    stage.pause(who);
    const auto waits = [&stage, who] { return stage.kernel().held_back(NodeNumber(who)); };
    const std::uint64_t effect = stage.begin_effect(kProbe, waits);
    stage.later(lasts, [&stage, who, effect] {
      stage.end_effect(effect);
      stage.resume(who);
    });
    return true;
  }
};

}  // namespace

const Family& pause_family() {
  static const FamilyOf<Pause> family(
      {.name = "pause", .probe = kProbe, .alone = true, .leader = true, .key = 3});
  return family;
}

}  // namespace detcd::sim
