// The naive model: every record of every key in lists, everything computed by walking them, as
// etcd's documents say. What the store answers must be what this answers.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "apply/applier.h"

namespace detcd::apply {

class Model {
 public:
  Answer apply(const Position& position, const Command& command);
  [[nodiscard]] Answer range(const RangeRequest& request) const;
  [[nodiscard]] Answer txn_read(const TxnRequest& request) const;
  [[nodiscard]] std::variant<HashKvAnswer, ApiError> hash(Revision revision) const;
  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] Revision revision() const { return revision_; }
  [[nodiscard]] Revision compacted() const { return compacted_; }
  struct Lease {
    std::int64_t ttl = 0;
    std::uint64_t end_ms = 0;
  };
  [[nodiscard]] const std::map<std::int64_t, Lease>& leases() const { return leases_; }
  [[nodiscard]] std::vector<std::string> keys_of(std::int64_t lease) const;

 private:
  struct Record {
    mvcc::Place place;
    bool tombstone = false;
    KeyValue kv;
  };
  using Records = std::vector<Record>;

  [[nodiscard]] static const Record* newest(const Records& records, Revision at);
  [[nodiscard]] const KeyValue* live(const std::string& key, Revision at) const;
  [[nodiscard]] std::vector<KeyValue> select(const std::string& key, const std::string& end,
                                             Revision at) const;
  [[nodiscard]] RangeResponse read(const RangeRequest& request, Revision present) const;
  [[nodiscard]] bool holds(const Compare& compare) const;
  [[nodiscard]] bool taken(const TxnRequest& request) const;
  [[nodiscard]] std::optional<ApiError> check_puts(const TxnRequest& request) const;
  [[nodiscard]] std::optional<ApiError> check_ranges(const TxnRequest& request) const;
  // `path` was decided before the Txn began; it is consumed in order.
  TxnResponse run(const TxnRequest& request, std::vector<bool>& path);
  void decide(const TxnRequest& request, std::vector<bool>& path) const;
  Answer txn(const TxnRequest& request);
  PutResponse put(const PutRequest& request);
  DeleteRangeResponse erase(const DeleteRangeRequest& request);
  void compact(Revision revision);
  // model_leases.cc
  [[nodiscard]] Answer apply_lease(const Command& command);
  Answer grant(const LeaseGrantRequest& request);
  void end(std::int64_t lease);
  std::uint64_t tick(const LeaseTick& tick);
  [[nodiscard]] std::uint32_t hash_records(Revision at, bool any_kept) const;
  [[nodiscard]] Revision header() const { return sub_ > 0 ? revision_ + 1 : revision_; }

  std::map<std::string, Records> keys_;
  Revision revision_ = 1;
  Revision compacted_ = -1;
  std::deque<HashKvAnswer> compactions_;  // The last ten.
  std::uint32_t sub_ = 0;                 // Changes of the transaction in progress.
  Position position_;                     // Of it.
  std::map<std::int64_t, Lease> leases_;
  std::uint64_t ticked_term_ = 0;
};

}  // namespace detcd::apply
