#include <algorithm>

#include "sim/faults/cuts.h"
#include "sim/faults/families.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a member was missed in a swizzle";

// Members are cut off one after the other and come back one after the other, in another order:
// everybody's view of the cluster changes all the time.
struct Swizzle final : Fault {
  std::vector<std::uint32_t> leave;
  std::vector<std::uint32_t> back;
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("swizzle");
    fields.members(leave);
    fields.word("back");
    fields.members(back);
    fields.length("for", lasts);
  }
  static Swizzle draw(const FaultDraw& draw) {
    Swizzle drawn;
    drawn.leave = shuffled_members(draw);
    drawn.back = shuffled_members(draw, 1);
    drawn.lasts = log_uniform(draw.length_word(), draw.election() / 5, draw.election() * 15);
    return drawn;
  }
  bool happen(Stage& stage) const override {
    // Each is away from its turn in the first half to its turn in the second half.
    const auto half = lasts / 2;
    bool any = false;
    for (std::size_t i = 0; i < leave.size(); ++i) {
      const auto found = std::ranges::find(back, leave[i]);
      if (found == back.end() || !stage.is_named(leave[i])) continue;
      const auto turn = static_cast<std::int64_t>(i);
      const auto last = static_cast<std::int64_t>(found - back.begin());
      const Duration from = half * turn / static_cast<std::int64_t>(leave.size());
      const Duration until = half + half * (last + 1) / static_cast<std::int64_t>(back.size());
      stage.later(from, [&stage, node = leave[i], length = until - from] {
        if (stage.is_peace()) return;
        static_cast<void>(cut_links(stage, links_of_member(stage, node), {length, kProbe}));
      });
      any = true;
    }
    return any && stage.size() > 1;
  }
};

}  // namespace

const Family& swizzle_family() {
  static const FamilyOf<Swizzle> family({.name = "swizzle", .probe = kProbe, .gap_times = 3});
  return family;
}

}  // namespace detcd::sim
