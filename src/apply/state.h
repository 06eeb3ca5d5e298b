// What the Applier is made of: the store, the small replicated states, and the entry in progress.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "apply/alarms.h"
#include "apply/applier.h"
#include "apply/downgrade.h"
#include "apply/lease_ops.h"
#include "apply/ops.h"
#include "apply/request_table.h"
#include "apply/txn.h"
#include "auth/store.h"
#include "base/codec.h"
#include "lease/lessor.h"
#include "mvcc/compaction_hashes.h"
#include "mvcc/store.h"
#include "mvcc/sweep.h"

namespace detcd::apply {

struct Applier::State {
  // An entry between begin and Done. The work on its request is made at the first advance.
  struct Entry {
    Position position;
    Command command;
    std::optional<DeleteWork> erase;
    std::unique_ptr<TxnWork> txn;
    std::unique_ptr<LeaseWork> leases;
    std::vector<std::int64_t> renewed;
    bool settled = false;   // The answer is known without doing anything.
    bool repeated = false;  // The log brought this request before.
  };

  State(std::uint64_t cluster, std::uint32_t chunk_bytes)
      : cluster_id(cluster), store(chunk_bytes) {
    small_changed();
  }

  // None until the entry is finished; then its answer.
  mvcc::Advance advance(mvcc::Meter& meter);
  mvcc::Advance run(const PutRequest& request, mvcc::Meter& meter);
  mvcc::Advance run(const DeleteRangeRequest& request, mvcc::Meter& meter);
  mvcc::Advance run(TxnRequest& request, mvcc::Meter& meter);  // Takes the request over.
  mvcc::Advance run(const CompactionRequest& request, mvcc::Meter& meter);
  mvcc::Advance run(const PublishAttributes& request, mvcc::Meter& meter);
  mvcc::Advance run(const SetClusterVersion& request, mvcc::Meter& meter);
  mvcc::Advance run(const AlarmRequest& request, mvcc::Meter& meter);
  mvcc::Advance run(const DowngradeRequest& request, mvcc::Meter& meter);
  mvcc::Advance run(const MemberChange& request, mvcc::Meter& meter);  // member_ops.cc
  // lease_ops.cc
  mvcc::Advance run(const LeaseGrantRequest& request, mvcc::Meter& meter);
  mvcc::Advance run(const LeaseRevokeRequest& request, mvcc::Meter& meter);
  mvcc::Advance run(const LeaseRenewRequest& request, mvcc::Meter& meter);
  mvcc::Advance run(const LeaseTick& request, mvcc::Meter& meter);
  mvcc::Advance run(const auth::Change& request, mvcc::Meter& meter);
  void finish();
  mvcc::Advance sweep(mvcc::Budget budget);

  // After the store was restored: its keys say which leases they belong to.
  Result<void> attach_keys();
  // One of the small replicated states changed.
  void small_changed();
  [[nodiscard]] std::uint64_t state_hash() const;
  [[nodiscard]] std::string encode_small() const;
  Result<void> decode_small(std::string_view bytes, mvcc::StoreMarks& marks);
  void encode_sections(Writer& out) const;
  Result<void> decode_sections(Reader& in, const mvcc::StoreMarks& marks);

  std::uint64_t cluster_id;
  Position position;
  mvcc::Store store;
  lease::Lessor leases;
  mvcc::CompactionHashes compaction_hashes;
  mvcc::Sweeper sweeper;
  membership::Membership members;
  std::string cluster_version;
  Alarms alarms;
  Downgrade downgrade;
  auth::Store auth;
  RequestTable requests;
  std::uint64_t small_hash = 0;  // Of membership, cluster version, alarms, downgrade.
  std::optional<Entry> entry;
  Answer answer = Response{PublishResponse{}};
};

}  // namespace detcd::apply
