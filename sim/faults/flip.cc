#include <utility>

#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a state whose memory had changed was replaced";

// A bit of the member's memory flips, in what it keeps of the keys. No answer is made of it: a
// wrong one couldn't be told from a lie.
struct Flip final : Fault {
  std::uint32_t node = 1;
  std::uint64_t where = 0;

  void fields(Fields& fields) override {
    fields.word("flip");
    fields.member(node);
    fields.number("where", where);
  }
  static Flip draw(const FaultDraw& draw) {
    Flip flip;
    flip.node = draw.of_minority();
    flip.where = draw.detail_word() % 100'000;
    return flip;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t who = stage.resolve(node);
    if (who == 0 || !stage.members().running(who)) return false;
    if (!stage.members().flip_memory(who, where)) return false;
    look_again(stage, who);
    return true;
  }

 private:
  // Whether it was found and healed, before the process died of something else.
  static void look_again(Stage& stage, std::uint32_t who) {
    const auto life = stage.members().life(who);
    const void* const state = stage.members().state(who);
    stage.later(1500ms, [&stage, who, life, state] {
      const bool lives = stage.members().life(who) == life;
      if (lives && stage.members().state(who) != state) stage.probe(kProbe);
    });
  }
};

}  // namespace

const Family& flip_family() {
  static const FamilyOf<Flip> family(
      {.name = "flip", .probe = kProbe, .minority = true, .nodes_least = 3, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
