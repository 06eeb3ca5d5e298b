// What etcd's KV store answers, written as naively as possible: a list of all versions of every
// key, never purged, searched from back to front. The product is judged against it; nothing is
// shared with the product but the request and answer types.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apply/command.h"

namespace detcd::sim {

class Model {
 public:
  // A change of one key, as who watches it must be told.
  struct Change {
    apply::Revision revision = 0;
    bool erased = false;
    apply::KeyValue kv;                     // Of a deletion only key and mod_revision are set.
    std::optional<apply::KeyValue> before;  // As it was before the whole transaction.
  };
  // All changes from now on, in order; it outlives the model, and no copy of it writes there.
  void tell_changes(std::vector<Change>* changes) { changes_ = changes; }

  apply::Answer apply(const apply::PutRequest& put);
  apply::Answer apply(const apply::DeleteRangeRequest& erase);
  apply::Answer apply(const apply::TxnRequest& txn);
  apply::Answer apply(const apply::CompactionRequest& compact);
  // model_leases.cc: what an entry says about leases, stamped so.
  struct Stamp {
    std::uint64_t term = 0;
    std::uint64_t time_ms = 0;
  };
  apply::Answer apply(const apply::LeaseGrantRequest& grant, const Stamp& at);
  apply::Answer apply(const apply::LeaseRevokeRequest& revoke, const Stamp& at);
  apply::Answer apply(const apply::LeaseRenewRequest& renew, const Stamp& at);
  apply::Answer apply(const apply::LeaseTick& tick, const Stamp& at);
  struct Lease {
    std::int64_t ttl = 0;
    std::uint64_t end_ms = 0;
  };
  [[nodiscard]] const std::map<std::int64_t, Lease>& leases() const { return leases_; }
  [[nodiscard]] apply::Answer read(const apply::RangeRequest& range) const;
  // A read-only Txn.
  [[nodiscard]] apply::Answer read(const apply::TxnRequest& txn) const;
  // Forgets every write behind `revision`: the state as it was then, when no more than `compacted`
  // had been compacted.
  void rewind(apply::Revision revision, apply::Revision compacted);

  [[nodiscard]] apply::Revision revision() const { return revision_; }
  [[nodiscard]] apply::Revision compact_revision() const { return compacted_; }

 private:
  struct Version {
    apply::Revision mod = 0;
    apply::Revision create = 0;
    std::int64_t version = 0;  // 0: a tombstone.
    std::int64_t lease = 0;
    std::string value;
  };
  // Branches taken by a Txn and its nested ones, all decided before anything runs, in the order of
  // the walk.
  using Decisions = std::vector<bool>;

  [[nodiscard]] const Version* find(const std::string& key, apply::Revision at) const;
  [[nodiscard]] std::vector<apply::KeyValue> live(const std::string& key, const std::string& end,
                                                  apply::Revision at) const;
  [[nodiscard]] apply::RangeResponse range_at(const apply::RangeRequest& range) const;
  [[nodiscard]] bool holds(const apply::Compare& compare) const;
  [[nodiscard]] bool holds_for(const apply::Compare& compare, const apply::KeyValue* kv) const;
  void decide(const apply::TxnRequest& txn, Decisions& decisions) const;
  enum class Check : std::uint8_t { kPuts, kRanges };
  [[nodiscard]] std::optional<apply::ApiError> refuse(const apply::TxnRequest& txn, Check what,
                                                      const Decisions& decisions,
                                                      std::size_t& next) const;
  [[nodiscard]] std::optional<apply::ApiError> refuse(const apply::RequestOp& operation, Check what,
                                                      const Decisions& decisions,
                                                      std::size_t& next) const;
  apply::TxnResponse run(const apply::TxnRequest& txn, const Decisions& decisions,
                         std::size_t& next);
  apply::ResponseOp run(const apply::RequestOp& operation, const Decisions& decisions,
                        std::size_t& next);
  [[nodiscard]] std::optional<apply::KeyValue> before_all(const std::string& key) const;
  apply::PutResponse put_now(const apply::PutRequest& put);
  apply::DeleteRangeResponse erase_now(const apply::DeleteRangeRequest& erase);
  [[nodiscard]] apply::Revision writing() const { return revision_ + 1; }
  // Its keys go, in one revision if there are any; so many.
  std::uint64_t end(std::int64_t lease);

  std::map<std::string, std::vector<Version>> keys_;
  apply::Revision revision_ = 1;
  apply::Revision compacted_ = -1;
  bool wrote_ = false;  // In the transaction under way.
  std::vector<Change>* changes_ = nullptr;
  std::map<std::int64_t, Lease> leases_;
  std::uint64_t ticked_term_ = 0;
};

}  // namespace detcd::sim
