#include "base/hash.h"
#include "sim/faults/disk_windows.h"
#include "sim/faults/families.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a write or a change of names failed";

// For a while the device fails writes and changes of names: some pages of a failed write are there.
struct WriteError final : Fault {
  std::uint32_t node = 1;
  Duration lasts{};
  std::uint64_t ppm = 0;

  void fields(Fields& fields) override {
    fields.word("write-error");
    fields.member(node);
    fields.length("for", lasts);
    fields.number("ppm", ppm);
  }
  static WriteError draw(const FaultDraw& draw) {
    const std::uint64_t word = draw.length_word();
    WriteError error;
    error.node = draw.aimed();
    error.lasts = log_uniform(word, draw.election() / 4, draw.election() * 4);
    error.ppm = log_uniform(mix64(word), 1'000, 300'000);
    return error;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t who = stage.resolve(node);
    if (who == 0) return false;
    const auto rate = static_cast<std::uint32_t>(ppm);
    const DiskCounts& counts = stage.members().machine(who).disk().counts();
    const std::uint64_t effect =
        stage.begin_effect(kProbe, [&counts] { return counts.write_errors + counts.name_errors; });
    stage.state<DiskWindows>().begin(who, {.write_error_ppm = rate, .name_error_ppm = rate}, lasts);
    stage.later(lasts, [&stage, effect] { stage.end_effect(effect); });
    return true;
  }
};

}  // namespace

const Family& write_error_family() {
  static const FamilyOf<WriteError> family(
      {.name = "write-error", .probe = kProbe, .alone = true, .leader = true, .gap_times = 2});
  return family;
}

}  // namespace detcd::sim
