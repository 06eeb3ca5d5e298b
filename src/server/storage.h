// The data directory of a member: locked, identified, its log and snapshot opened, or bootstrapped
// when it is new. Foreign directories are refused and left untouched.
//
//   DATA/README            what this directory is, for people and for etcd's tools
//
//   DATA/member/identity   cluster id, member id, format version; its presence ends the bootstrap
//
//   DATA/member/bootstrap  until then: the --wal-dir that was empty when the bootstrap began
//
//   DATA/member/wal/       the log (src/wal/FORMAT.md), unless --wal-dir says elsewhere
//
//   DATA/member/snap/      the snapshot (src/snapshot/FORMAT.md)
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "runtime/world.h"
#include "server/options.h"
#include "snapshot/store.h"
#include "telemetry/log.h"
#include "wal/wal.h"

namespace detcd::server {

struct Storage {
  std::unique_ptr<runtime::DirectoryLock> lock;
  std::unique_ptr<runtime::DirectoryLock> wal_lock;  // Of a log that is kept elsewhere.
  wal::Identity identity;
  std::unique_ptr<wal::Wal> wal;
  std::unique_ptr<snapshot::Store> snapshots;
  wal::Recovered recovered;
  std::optional<snapshot::Contents> snapshot;
  bool fresh = false;  // Bootstrapped now, or about to join.
};

// Errors: kBusy (locked by another process), kIncompatible (of another cluster, of etcd, of a newer
// format), kDamaged (a single member's damaged log or snapshot: file, offset and index named), kIo,
// kNoSpace, kPermission.
runtime::Task<Result<Storage>> open_storage(runtime::World world, telemetry::Log log,
                                            NodeOptions options);

// Whether this member is one of those the cluster was founded with, by its flags: the cluster's id
// is made of theirs.
[[nodiscard]] bool is_founder(const NodeOptions& options, const wal::Identity& identity);

// The log of a new cluster: one committed configuration entry per member, index 1..N, term 1
// (ETCD.md §9.1).
[[nodiscard]] raft::Save bootstrap_save(const std::vector<membership::Member>& members);

}  // namespace detcd::server
