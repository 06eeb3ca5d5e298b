#include <algorithm>

#include "sim/faults/families.h"
#include "sim/faults/links.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "bytes waited for a narrow link";

// The link takes only so many bytes per second from all connections together.
struct Bandwidth final : Fault {
  LinkNames link;
  std::uint64_t rate{};
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("bandwidth");
    fields.member(link.from);
    fields.peer(link.to);
    fields.number("bytes-per-second", rate);
    fields.length("for", lasts);
  }
  static Bandwidth draw(const FaultDraw& draw) {
    Bandwidth drawn;
    drawn.link = draw_link(draw);
    drawn.rate = log_uniform(draw.extra_word(), 10'000, 10'000'000);
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 5, draw.election() * 15);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    return trouble(stage, links_of(stage, link),
                   {.bytes_per_second = std::max<std::uint64_t>(rate, 1)},
                   {lasts, kProbe, &TroubleCounts::throttled});
  }
};

}  // namespace

const Family& bandwidth_family() {
  static const FamilyOf<Bandwidth> family(
      {.name = "bandwidth", .probe = kProbe, .alone = true, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
