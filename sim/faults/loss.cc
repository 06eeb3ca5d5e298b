#include <algorithm>

#include "sim/faults/families.h"
#include "sim/faults/links.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a packet was lost";

// Packets are lost: as a stream shows it, that is a delay by retransmission, and after too many in
// a row the end of the connection.
struct Loss final : Fault {
  LinkNames link;
  std::uint64_t ppm{};
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("loss");
    fields.member(link.from);
    fields.peer(link.to);
    fields.number("ppm", ppm);
    fields.length("for", lasts);
  }
  static Loss draw(const FaultDraw& draw) {
    Loss drawn;
    drawn.link = draw_link(draw);
    drawn.ppm = log_uniform(draw.extra_word(), 1'000, 300'000);
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 5, draw.election() * 15);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    return trouble(
        stage, links_of(stage, link),
        {.loss_ppm = static_cast<std::uint32_t>(std::min<std::uint64_t>(ppm, 1'000'000))},
        {lasts, kProbe, &TroubleCounts::lost});
  }
};

}  // namespace

const Family& loss_family() {
  static const FamilyOf<Loss> family(
      {.name = "loss", .probe = kProbe, .alone = true, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
