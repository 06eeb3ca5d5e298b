#include <algorithm>

#include "sim/faults/families.h"
#include "sim/faults/links.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a sender waited for its receiver's window";

// The receiver takes only so many bytes at a time: writes are short, messages come in pieces.
struct Window final : Fault {
  LinkNames link;
  std::uint64_t bytes{};
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("window");
    fields.member(link.from);
    fields.peer(link.to);
    fields.number("bytes", bytes);
    fields.length("for", lasts);
  }
  static Window draw(const FaultDraw& draw) {
    Window drawn;
    drawn.link = draw_link(draw);
    drawn.bytes = log_uniform(draw.extra_word(), 20, 20'000);
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 5, draw.election() * 15);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    return trouble(stage, links_of(stage, link),
                   {.window_bytes = std::max<std::uint64_t>(bytes, 1)},
                   {lasts, kProbe, &TroubleCounts::windowed});
  }
};

}  // namespace

const Family& window_family() {
  static const FamilyOf<Window> family(
      {.name = "window", .probe = kProbe, .alone = true, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
