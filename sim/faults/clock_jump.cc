#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a boot clock jumped";

// The boot clock shows much more all at once: whatever was due later is due now.
struct ClockJump final : Fault {
  std::uint32_t node = 1;
  Duration by{};

  void fields(Fields& fields) override {
    fields.word("clock-jump");
    fields.member(node);
    fields.duration("by", by);
  }
  static ClockJump draw(const FaultDraw& draw) {
    ClockJump drawn;
    drawn.node = draw.aimed();
    drawn.by = log_uniform(draw.length_word(), draw.election() / 4, 600s);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t who = stage.resolve(node);
    if (who == 0 || by < Duration::zero() || !stage.members().running(who)) return false;
    stage.members().machine(who).clock().step_boot(by);
    stage.probe(kProbe);
    return true;
  }
};

}  // namespace

const Family& clock_jump_family() {
  static const FamilyOf<ClockJump> family(
      {.name = "clock-jump", .probe = kProbe, .alone = true, .leader = true, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
