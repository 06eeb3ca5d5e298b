#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a process was killed";

// kill -9: the page cache stays.
struct Crash final : Fault {
  std::uint32_t node = 1;
  Duration down{};
  Moment moment;

  void fields(Fields& fields) override {
    fields.word("crash");
    fields.member(node);
    fields.duration("down", down);
    moment.fields(fields);
  }
  static Crash draw(const FaultDraw& draw) {
    Crash crash;
    crash.node = draw.aimed();
    crash.down = draw.down();
    crash.moment = draw.moment();
    return crash;
  }
  bool happen(Stage& stage) const override {
    return stage.end_life(node, {Death::kCrash, down, moment, kProbe});
  }
};

}  // namespace

const Family& crash_family() {
  static const FamilyOf<Crash> family(
      {.name = "crash", .probe = kProbe, .alone = true, .leader = true, .key = 0});
  return family;
}

}  // namespace detcd::sim
