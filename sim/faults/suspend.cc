#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a machine woke up after a sleep";

class Asleep final : public FamilyState {
 public:
  static constexpr std::string_view kName = "suspend";
  explicit Asleep(Stage& stage) : stage_(stage) {}

  // False: it sleeps already.
  bool begin(std::uint32_t node, Duration length) {
    Machine& machine = stage_.members().machine(node);
    if (machine.suspended()) return false;
    machine.suspend();
    const Incarnation life = machine.incarnation();
    stage_.later(length, [this, node, life] {
      Machine& sleeper = stage_.members().machine(node);
      if (!sleeper.suspended() || sleeper.incarnation() != life) return;
      stage_.probe(kProbe);
      stage_.tell(node, "wakes up");
      sleeper.wake();
    });
    return true;
  }
  void calm() override {
    for (std::uint32_t node = 1; node <= stage_.size(); ++node) {
      stage_.members().machine(node).wake();
    }
  }
  [[nodiscard]] bool is_quiet() const override {
    for (std::uint32_t node = 1; node <= stage_.size(); ++node) {
      if (stage_.members().machine(node).suspended()) return false;
    }
    return true;
  }

 private:
  Stage& stage_;
};

// The machine sleeps: nothing of it runs, nothing reaches it, its connections stay; woken, it finds
// that time has passed.
struct Suspend final : Fault {
  std::uint32_t node = 1;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("suspend");
    fields.member(node);
    fields.length("for", lasts);
  }
  static Suspend draw(const FaultDraw& draw) {
    Suspend drawn;
    drawn.node = draw.aimed();
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 4, draw.election() * 15);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t who = stage.resolve(node);
    if (who == 0 || !stage.members().running(who)) return false;
    return stage.state<Asleep>().begin(who, lasts);
  }
};

}  // namespace

const Family& suspend_family() {
  static const FamilyOf<Suspend> family(
      {.name = "suspend", .probe = kProbe, .alone = true, .leader = true, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
