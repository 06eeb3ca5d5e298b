// Bits that decay: a power loss after which a synced sector has a flipped bit. Rot stays on a drawn
// minority of the members for the whole run, the same for the log and for the snapshot: no record
// is lost everywhere.
#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kLogProbe = "a bit of the log rotted";
constexpr std::string_view kSnapshotProbe = "a bit of the snapshot or of the identity rotted";

struct Rot : Fault {
  std::uint32_t node = 1;
  Duration down{};
  std::uint64_t where = 0;  // Which file and sector: taken modulo what is there.

  void named_fields(std::string_view name, Fields& fields) {
    fields.word(name);
    fields.member(node);
    fields.duration("down", down);
    fields.number("where", where);
  }
  void draw_numbers(const FaultDraw& draw) {
    node = draw.of_minority();
    where = draw.detail_word() >> 16;
    down = draw.down();
  }
  bool decay(Stage& stage, std::string_view part, std::string_view probe) const {
    // Alone, a member has nobody to repair from.
    if (stage.size() == 1 || !stage.is_named(node)) return false;
    if (!stage.end_life(node, {Death::kPowerLoss, down, {}, kLostPowerToRotProbe})) return false;
    SimDisk& disk = stage.members().machine(node).disk();
    const std::optional<SimDisk::Spot> spot = disk.choose_spot(part, where);
    const bool rotted = spot && disk.rot(spot->path, spot->offset, spot->mask);
    if (rotted) stage.probe(probe);
    return rotted;
  }
};

struct LogRot final : Rot {
  void fields(Fields& fields) override { named_fields("rot", fields); }
  static LogRot draw(const FaultDraw& draw) {
    LogRot rot;
    rot.draw_numbers(draw);
    return rot;
  }
  bool happen(Stage& stage) const override { return decay(stage, "/member/wal/", kLogProbe); }
};

// Of the snapshot or, one time in eight, of the identity file.
struct SnapshotRot final : Rot {
  void fields(Fields& fields) override { named_fields("rot-snapshot", fields); }
  static SnapshotRot draw(const FaultDraw& draw) {
    SnapshotRot rot;
    rot.draw_numbers(draw);
    return rot;
  }
  bool happen(Stage& stage) const override {
    constexpr std::uint64_t kIdentityOnceIn = 8;
    const bool identity = where % kIdentityOnceIn == 0;
    return decay(stage, identity ? "/member/identity" : "/member/snap/", kSnapshotProbe);
  }
};

}  // namespace

const Family& rot_family() {
  static const FamilyOf<LogRot> family(
      {.name = "rot", .probe = kLogProbe, .minority = true, .key = 2});
  return family;
}
const Family& rot_snapshot_family() {
  static const FamilyOf<SnapshotRot> family(
      {.name = "rot-snapshot", .probe = kSnapshotProbe, .minority = true, .key = 8});
  return family;
}

}  // namespace detcd::sim
