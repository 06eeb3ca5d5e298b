#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a connection was torn down";

// Tears down all connections between two members, or of a member's clients.
struct Reset final : Fault {
  std::uint32_t from = 1;
  std::uint32_t to = 0;

  void fields(Fields& fields) override {
    fields.word("reset");
    fields.member(from);
    fields.peer(to);
  }
  static Reset draw(const FaultDraw& draw) {
    Reset reset;
    reset.from = draw.victim();
    const auto other = static_cast<std::uint32_t>(draw.detail(draw.settings().nodes + 1));
    reset.to = other == reset.from ? 0 : other;
    return reset;
  }
  bool happen(Stage& stage) const override {
    if (!stage.is_named(from)) return false;
    const NodeNumber member(from);
    std::size_t torn = 0;
    if (to != 0) {
      torn = stage.network().reset_connections(member, NodeNumber(to));
    } else {
      for (std::uint32_t client = 0; client < stage.settings().clients; ++client) {
        torn += stage.network().reset_connections(member, NodeNumber(kClientsFrom + client));
      }
    }
    if (torn > 0) stage.probe(kProbe);
    return true;
  }
};

}  // namespace

const Family& reset_family() {
  static const FamilyOf<Reset> family({.name = "reset", .probe = kProbe, .alone = true, .key = 6});
  return family;
}

}  // namespace detcd::sim
