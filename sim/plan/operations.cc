#include "sim/plan/operations.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "apply/validate.h"
#include "sim/plan/access.h"
#include "sim/plan/draw.h"

namespace detcd::sim {
namespace {

using runtime::Site;

constexpr Site kOperation{"plan: operation"};
constexpr Site kPace{"plan: pace of a client"};
constexpr std::uint64_t kDrawsPerOperation = 4096;
constexpr std::uint64_t kIdsPerClient = 1'000'000;
// Of what root does first.
constexpr std::uint64_t kSetUpIds = 800'000;
constexpr int kNestingMax = 2;
constexpr std::string_view kFromKey("\0", 1);

// One operation: each of its draws has the next ordinal, so that no two share one.
class Operations {
 public:
  Operations(const Draw& draw, std::uint64_t ordinal, std::uint64_t id, const Settings& settings)
      : draw_(draw),
        next_(ordinal * kDrawsPerOperation),
        id_(id),
        settings_(settings),
        root_(settings.users && id / kIdsPerClient == kRootClient) {}

  Operation one(bool reader);

 private:
  std::uint64_t pick(std::uint64_t bound) { return draw_.pick(kOperation, next_++, bound); }
  bool one_in(std::uint64_t bound) { return pick(bound) == 0; }
  std::int64_t number(std::uint64_t bound) { return static_cast<std::int64_t>(pick(bound)); }

  std::string key();
  // As a range's: nothing, another key, the end of all keys, or "from this key on".
  std::string range_end();
  // Mostly near what is newest; see OperationEntry about those below zero.
  std::int64_t revision();
  std::string value();
  apply::RangeRequest range();
  apply::PutRequest put();
  apply::DeleteRangeRequest erase();
  std::int64_t lease() { return 1 + number(settings_.leases); }
  Operation of_leases();
  apply::Compare compare();
  apply::TxnRequest txn();
  apply::TxnRequest nested(int depth);
  apply::TxnRequest reads();
  apply::TxnRequest many_puts();
  std::vector<apply::RequestOp> branch(int depth);

  const Draw& draw_;
  std::uint64_t next_;
  std::uint64_t id_;
  std::uint64_t values_ = 0;
  const Settings& settings_;
  bool root_;                      // Changes users and roles now and then.
  std::set<std::string> written_;  // By the Txn that is being drawn.
};

std::string Operations::key() {
  // Some keys are hot, however many there are.
  const std::uint64_t keys =
      one_in(2) ? std::min<std::uint64_t>(settings_.keys, 4) : settings_.keys;
  return "k" + std::to_string(pick(keys));
}

std::string Operations::range_end() {
  switch (pick(4)) {
    case 0:
      return "l";
    case 1:
      return std::string(kFromKey);
    default:
      return key();
  }
}

std::int64_t Operations::revision() {
  if (one_in(8)) return number(50);
  constexpr std::uint64_t kReach[] = {2, 8, 30, 100};
  return -1 - number(kReach[pick(4)]);
}

std::string Operations::value() {
  // Few values, so that they are equal now and then, or one of its own.
  if (one_in(4)) return "v" + std::to_string(pick(3));
  std::string value = "v" + std::to_string(id_) + "." + std::to_string(values_++);
  // Some are long enough to span disk sectors.
  if (one_in(8)) value.resize(value.size() + pick(3000), 'x');
  return value;
}

apply::RangeRequest Operations::range() {
  apply::RangeRequest range;
  range.key = key();
  if (one_in(2)) range.range_end = range_end();
  range.serializable = one_in(5);
  if (one_in(2)) {
    range.limit = number(5);
    range.sort_order = static_cast<std::int32_t>(pick(3));
    range.sort_target = static_cast<std::int32_t>(pick(5));
    range.keys_only = one_in(5);
    range.count_only = one_in(8);
  }
  if (one_in(6)) {
    std::int64_t* const bounds[] = {&range.min_mod_revision, &range.max_mod_revision,
                                    &range.min_create_revision, &range.max_create_revision};
    *bounds[pick(4)] = revision();
  }
  if (one_in(4)) range.revision = revision();
  return range;
}

apply::PutRequest Operations::put() {
  apply::PutRequest put;
  put.key = key();
  put.value = value();
  put.prev_kv = one_in(3);
  if (one_in(10)) {
    put.ignore_value = true;
    put.value.clear();
  }
  put.ignore_lease = one_in(20);
  if (settings_.leases > 0 && !put.ignore_lease && one_in(2)) put.lease = lease();
  return put;
}

apply::DeleteRangeRequest Operations::erase() {
  apply::DeleteRangeRequest erase;
  erase.key = key();
  if (one_in(3)) erase.range_end = range_end();
  erase.prev_kv = one_in(2);
  return erase;
}

apply::Compare Operations::compare() {
  apply::Compare compare;
  compare.key = key();
  if (one_in(5)) compare.range_end = range_end();
  compare.target = static_cast<std::int32_t>(pick(5));
  compare.result = static_cast<std::int32_t>(pick(4));
  switch (static_cast<apply::CompareTarget>(compare.target)) {
    case apply::CompareTarget::kVersion:
      compare.number = number(4);
      break;
    case apply::CompareTarget::kCreate:
    case apply::CompareTarget::kMod:
      compare.number = one_in(3) ? 0 : revision();
      break;
    case apply::CompareTarget::kValue:
      compare.value = "v" + std::to_string(pick(3));
      break;
    case apply::CompareTarget::kLease:
      compare.number = settings_.leases > 0 ? number(settings_.leases + 1) : number(2);
      break;
  }
  return compare;
}

std::vector<apply::RequestOp> Operations::branch(int depth) {
  std::vector<apply::RequestOp> operations;
  for (std::uint64_t count = pick(4); count > 0; --count) {
    switch (pick(depth < kNestingMax ? 6 : 5)) {
      case 0:
      case 1: {
        apply::PutRequest wanted = put();
        if (written_.insert(wanted.key).second) operations.push_back({std::move(wanted)});
        break;
      }
      case 2:
        operations.push_back({erase()});
        break;
      case 5:
        operations.push_back({nested(depth + 1)});
        break;
      default:
        operations.push_back({range()});
        break;
    }
  }
  return operations;
}

apply::TxnRequest Operations::nested(int depth) {
  apply::TxnRequest txn;
  for (std::uint64_t count = pick(4); count > 0; --count) txn.compare.push_back(compare());
  txn.success = branch(depth);
  txn.failure = branch(depth);
  return txn;
}

// One that etcd takes: no key is written twice.
apply::TxnRequest Operations::txn() {
  constexpr int kAttempts = 4;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    written_.clear();
    apply::TxnRequest txn = nested(0);
    if (!apply::validate(txn, apply::Limits{})) return txn;
  }
  apply::TxnRequest txn;
  txn.compare.push_back(compare());
  txn.success.push_back({put()});
  txn.success.push_back({range()});
  txn.failure.push_back({erase()});
  return txn;
}

apply::TxnRequest Operations::reads() {
  apply::TxnRequest txn;
  txn.compare.push_back(compare());
  for (std::uint64_t count = 1 + pick(3); count > 0; --count) txn.success.push_back({range()});
  txn.failure.push_back({range()});
  const bool serializable = one_in(3);
  for (std::vector<apply::RequestOp>* branch : {&txn.success, &txn.failure}) {
    for (apply::RequestOp& operation : *branch) {
      // Mixed now and then: one that isn't makes the whole Txn linearizable.
      if (serializable && !one_in(4))
        std::get<apply::RangeRequest>(operation.request).serializable = true;
    }
  }
  return txn;
}

// As many rows as a range must have to be sorted in runs and merged.
apply::TxnRequest Operations::many_puts() {
  apply::TxnRequest txn;
  constexpr std::uint64_t kOpsMax = 100;
  const std::uint64_t count = std::min(settings_.keys, kOpsMax);
  const std::uint64_t first = pick(settings_.keys);
  for (std::uint64_t i = 0; i < count; ++i) {
    apply::PutRequest put;
    put.key = "k" + std::to_string((first + i) % settings_.keys);
    put.value = value().substr(0, 16);
    txn.success.push_back({std::move(put)});
  }
  return txn;
}

// Of few leases, which live for little more than the least time: some are kept, some end.
Operation Operations::of_leases() {
  switch (pick(8)) {
    case 0:
      return apply::LeaseRevokeRequest{lease()};
    case 1:
    case 2:
    case 3:
      return KeepAlive{lease()};
    default: {
      constexpr std::int64_t kTtls[] = {1, 2, 3, 5};
      const std::int64_t ttl = kTtls[pick(4)];
      return apply::LeaseGrantRequest{lease(), ttl};
    }
  }
}

// A client that waits for its write can't see that its member answers from the past: some only
// read.
Operation Operations::one(bool reader) {
  if (root_ && pick(5) == 0) return change_access(draw_, next_ = next_ + 8, settings_);
  if (settings_.leases > 0 && pick(100) < (reader ? 5 : 25)) return of_leases();
  const std::uint64_t kind = pick(100);
  if (reader && kind < 90) {
    if (kind < 10) return reads();
    return range();
  }
  if (kind < 38) return put();
  if (kind < 64) return range();
  if (kind < 84) return txn();
  if (kind < 86) return many_puts();
  if (kind < 89) return reads();
  if (kind < 96) return erase();
  return apply::CompactionRequest{revision(), one_in(2)};
}

}  // namespace

std::vector<OperationEntry> draw_operations(std::uint64_t seed, const Settings& settings) {
  std::vector<OperationEntry> operations;
  for (std::uint32_t client = 1; client <= settings.clients; ++client) {
    const Draw draw(seed, 1000 + client);
    const bool reader = draw.pick(kPace, ~std::uint64_t{0}, 3) == 0;
    // Some clients hardly pause: what they ask for shares batches, rounds and appends.
    constexpr std::int64_t kPaces[] = {10, 10, 30, 80};
    const std::uint64_t paces = std::clamp<std::uint64_t>(settings.paces, 1, 4);
    const std::int64_t per_election = kPaces[draw.pick(kPace, ~std::uint64_t{1}, paces)];
    Duration at = settings.election;
    for (std::uint64_t n = 0; at < settings.length; ++n) {
      const std::uint64_t id = client * kIdsPerClient + n;
      operations.push_back({at, client, id, Operations(draw, n, id, settings).one(reader)});
      at += exponential(draw.word(kPace, n), settings.election / per_election);
    }
  }
  if (settings.users) {
    const Draw draw(seed, 1000 + kRootClient);
    std::uint64_t id = kRootClient * kIdsPerClient + kSetUpIds;
    for (const auth::Change& change : set_up_access(draw, settings)) {
      operations.push_back({settings.election / 2, kRootClient, id++, change});
    }
  }
  std::ranges::stable_sort(operations, {}, &OperationEntry::at);
  return operations;
}

}  // namespace detcd::sim
