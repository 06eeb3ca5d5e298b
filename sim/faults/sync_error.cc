#include "base/hash.h"
#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a sync failed";

// The next sync of a file or of a directory fails, in one of three ways: what was unsynced stays to
// be written (0), is marked clean and never gets to the medium, so that the next sync succeeds and
// proves nothing (1), or every later sync of the file fails as well (2).
struct SyncError final : Fault {
  std::uint32_t node = 1;
  bool directory = false;
  std::uint64_t mode = 0;

  void fields(Fields& fields) override {
    fields.word("sync-error");
    fields.member(node);
    fields.choice("of-file", "of-directory", directory);
    fields.number("mode", mode);
  }
  static SyncError draw(const FaultDraw& draw) {
    SyncError error;
    error.node = draw.aimed();
    error.directory = below(draw.extra_word(), 5) == 0;
    error.mode = below(mix64(draw.extra_word()), 3);
    return error;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t who = stage.resolve(node);
    if (who == 0) return false;
    constexpr SyncFailure kModes[] = {SyncFailure::kKeepDirty, SyncFailure::kDropDirty,
                                      SyncFailure::kSticky};
    SimDisk& disk = stage.members().machine(who).disk();
    const std::uint64_t effect = stage.begin_effect(
        kProbe, [&counts = disk.counts()] { return counts.sync_errors + counts.name_errors; });
    disk.faults().sync_failure = kModes[mode % 3];
    disk.fail_next(directory ? DiskCall::kSyncDirectory : DiskCall::kSync, "/data/", 1);
    stage.later(stage.settings().election * 4, [&stage, &disk, effect] {
      if (!stage.is_calm()) disk.forget_planned();
      stage.end_effect(effect);
    });
    return true;
  }
};

}  // namespace

const Family& sync_error_family() {
  static const FamilyOf<SyncError> family(
      {.name = "sync-error", .probe = kProbe, .alone = true, .leader = true, .gap_times = 2});
  return family;
}

}  // namespace detcd::sim
