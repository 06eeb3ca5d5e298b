#include "base/hash.h"
#include "sim/faults/families.h"
#include "sim/faults/links.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a slow link carried something";

// More latency on one link.
struct Delay final : Fault {
  std::uint32_t from = 1;
  std::uint32_t to = 2;
  Duration extra{};
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("delay");
    fields.member(from);
    fields.member(to);
    fields.duration("by", extra);
    fields.length("for", lasts);
  }
  static Delay draw(const FaultDraw& draw) {
    const std::uint64_t word = draw.length_word();
    const Duration election = draw.election();
    const std::uint32_t nodes = draw.settings().nodes;
    Delay delay;
    delay.from = draw.victim();
    delay.to = static_cast<std::uint32_t>((delay.from + draw.detail(nodes - 1)) % nodes + 1);
    delay.extra = log_uniform(mix64(word), 1ms, election);
    delay.lasts = log_uniform(word, election / 5, election * 15);
    return delay;
  }
  bool happen(Stage& stage) const override {
    if (!stage.is_named(from) || !stage.is_named(to) || from == to) return false;
    const HostLinks links{{NodeNumber(from), NodeNumber(to)}};
    return trouble(stage, links, {.extra = extra}, {lasts, kProbe, &TroubleCounts::delayed});
  }
};

}  // namespace

const Family& delay_family() {
  static const FamilyOf<Delay> family({.name = "delay", .probe = kProbe, .key = 5});
  return family;
}

}  // namespace detcd::sim
