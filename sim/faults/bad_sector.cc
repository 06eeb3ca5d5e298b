#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a read failed";

// A power loss after which a sector of the log, of the snapshot or of the identity can't be read
// until it is written again.
struct BadSector final : Fault {
  std::uint32_t node = 1;
  Duration down{};
  std::uint64_t where = 0;  // Which file and sector: taken modulo what is there.

  void fields(Fields& fields) override {
    fields.word("bad-sector");
    fields.member(node);
    fields.duration("down", down);
    fields.number("where", where);
  }
  static BadSector draw(const FaultDraw& draw) {
    BadSector bad;
    bad.node = draw.of_minority();
    bad.down = draw.down();
    bad.where = draw.detail_word() >> 16;
    return bad;
  }
  bool happen(Stage& stage) const override {
    // Alone, a member has nobody to repair from.
    if (stage.size() == 1 || !stage.is_named(node)) return false;
    if (!stage.end_life(node, {Death::kPowerLoss, down, {}, kLostPowerToBadSectorProbe}))
      return false;
    constexpr std::uint64_t kKinds = 8;
    const std::uint64_t kind = where % kKinds;
    const std::string_view part = kind == 0   ? "/member/identity"
                                  : kind == 1 ? "/member/snap/"
                                              : "/member/wal/";
    SimDisk& disk = stage.members().machine(node).disk();
    const std::optional<SimDisk::Spot> spot = disk.choose_spot(part, where);
    if (!spot) return false;
    const std::uint64_t sector = spot->offset / kSectorBytes * kSectorBytes;
    disk.spoil(spot->path, sector, kSectorBytes);
    const std::uint64_t effect =
        stage.begin_effect(kProbe, [&counts = disk.counts()] { return counts.read_errors; });
    stage.later(down + stage.settings().election, [&stage, effect] { stage.end_effect(effect); });
    return true;
  }
};

}  // namespace

const Family& bad_sector_family() {
  static const FamilyOf<BadSector> family(
      {.name = "bad-sector", .probe = kProbe, .minority = true, .gap_times = 2});
  return family;
}

}  // namespace detcd::sim
