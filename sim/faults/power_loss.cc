#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a machine lost power";

// Unsynced sectors are kept, lost, torn or garbage; unsynced names are kept or lost.
struct PowerLoss final : Fault {
  std::uint32_t node = 1;
  Duration down{};
  Moment moment;

  void fields(Fields& fields) override {
    fields.word("power-loss");
    fields.member(node);
    fields.duration("down", down);
    moment.fields(fields);
  }
  static PowerLoss draw(const FaultDraw& draw) {
    PowerLoss loss;
    loss.node = draw.aimed();
    loss.down = draw.down();
    loss.moment = draw.moment();
    return loss;
  }
  bool happen(Stage& stage) const override {
    return stage.end_life(node, {Death::kPowerLoss, down, moment, kProbe});
  }
};

}  // namespace

const Family& power_loss_family() {
  static const FamilyOf<PowerLoss> family(
      {.name = "power-loss", .probe = kProbe, .alone = true, .leader = true, .key = 1});
  return family;
}

}  // namespace detcd::sim
