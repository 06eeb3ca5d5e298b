#include "sim/faults/moment.h"

#include <string_view>
#include <utility>

namespace detcd::sim {
namespace {

constexpr std::pair<std::string_view, DiskCall> kNamed[] = {
    {"at-write", DiskCall::kWrite},
    {"at-sync", DiskCall::kSync},
    {"at-allocate", DiskCall::kAllocate},
    {"at-create", DiskCall::kCreate},
    {"at-rename", DiskCall::kRename},
    {"at-remove", DiskCall::kRemove},
    {"at-sync-dir", DiskCall::kSyncDirectory},
};

}  // namespace

void Moment::fields(Fields& fields) {
  std::uint64_t any = call ? 0 : boundary;
  fields.maybe("boundary", any);
  if (any != 0) boundary = any;
  for (const auto& [name, kind] : kNamed) {
    std::uint64_t nth = call == kind ? boundary : 0;
    fields.maybe(name, nth);
    if (nth == 0) continue;
    boundary = nth;
    call = kind;
  }
  fields.maybe("in-flight", in_flight);
}

}  // namespace detcd::sim
