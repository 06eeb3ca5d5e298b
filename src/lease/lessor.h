// The leases of the cluster as a plain value: who was granted one, when it ends, and which keys go
// with it. All times are the replicated logical time of the log (DESIGN §5), so that every member
// computes the same remaining time. It promises that no lease ends before its time and that keys
// come in order; it relies on its caller to delete the keys of a lease before revoking it.
//
// A new leader's first tick extends every lease. That isn't done lease by lease: the beginnings of
// the terms are kept, and each lease takes in those it hasn't seen when it is looked at. No
// beginning shortens a lease, so that the order by former ends still tells who may have ended.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include "base/codec.h"
#include "base/result.h"

namespace detcd::lease {

using LeaseId = std::int64_t;  // As on the wire; 0 is no lease.

inline constexpr std::int64_t kTtlSecondsMax = 9'000'000'000;

// What a leader's first tick of its term says: every lease then has
// min(granted, max(remaining + election timeout, minimum)).
struct Beginning {
  std::uint64_t time_ms = 0;
  std::uint64_t election_timeout_ms = 0;
  std::uint64_t minimum_ms = 0;
  friend bool operator==(const Beginning&, const Beginning&) = default;
};

struct Lease {
  LeaseId id = 0;
  std::int64_t ttl_seconds = 0;  // As granted.
  std::uint64_t end_ms = 0;      // It has ended when the logical time is beyond this.
  friend bool operator==(const Lease&, const Lease&) = default;
};

class Lessor {
 public:
  // So many beginnings are kept at most; then all leases take them in (fold).
  static constexpr std::size_t kBeginningsMax = 64;

  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] bool contains(LeaseId id) const { return rows_.contains(id); }
  [[nodiscard]] std::optional<Lease> find(LeaseId id) const;
  // In the order of their ids; with their ends.
  [[nodiscard]] std::vector<Lease> list() const;
  // The first so many beyond `after`, or of all, are added to `out`; false when these were the
  // last.
  bool list_some(std::optional<LeaseId> after, std::size_t count, std::vector<Lease>& out) const;

  struct Moment {
    std::uint64_t term = 0;
    std::uint64_t time_ms = 0;
  };
  // `id` isn't there yet and isn't 0. The first lease of all begins with the term it is granted in:
  // there is nothing that the term's first tick could extend.
  void grant(LeaseId id, std::int64_t ttl_seconds, const Moment& now);
  // The TTL it has again; none when there is no such lease.
  std::optional<std::int64_t> renew(LeaseId id, std::uint64_t now_ms);
  // Its keys are gone.
  void revoke(LeaseId id);

  // ---- Keys -------------------------------------------------------------------------------------
  // A put: the key belongs to this lease, which exists, and to none other; 0: to none.
  void attach(std::string_view key, LeaseId lease);
  void detach(std::string_view key) { attach(key, 0); }
  // The first one, in key order; good until keys change.
  [[nodiscard]] std::optional<std::string_view> first_key(LeaseId lease) const;
  [[nodiscard]] std::vector<std::string> keys(LeaseId lease) const;
  // Adds the first so many, or of those beyond the last one of `out`; false when these were the
  // last.
  bool keys_some(LeaseId lease, std::size_t count, std::vector<std::string>& out) const;
  [[nodiscard]] std::size_t attached() const { return keys_.size(); }

  // ---- Time -------------------------------------------------------------------------------------
  // The term whose first tick came last.
  [[nodiscard]] std::uint64_t term() const { return term_; }
  void begin_term(std::uint64_t term, const Beginning& beginning);
  // Takes beginnings in while there are too many of them, so many leases at once; true when done.
  bool fold(std::uint64_t leases);
  // One step towards what has ended: none when nothing has; 0 when a lease took beginnings in, and
  // perhaps ends later; else the lease that ended first, each once.
  std::optional<LeaseId> next_ended(std::uint64_t now_ms);
  // Not before this will anything end.
  [[nodiscard]] std::optional<std::uint64_t> earliest_end_ms() const;

  // ---- The whole --------------------------------------------------------------------------------
  // Of leases and terms; keys are part of the store. 0 without leases.
  [[nodiscard]] std::uint64_t hash() const;
  void encode(Writer& out) const;
  // Without keys, which are attached again as the store has them.
  [[nodiscard]] static Result<Lessor> decode(Reader& in);

 private:
  struct Row {
    std::int64_t ttl_seconds = 0;
    std::uint64_t end_ms = 0;  // With the beginnings before `seen`.
    std::uint32_t seen = 0;
  };
  struct Attached {
    std::string key;
    LeaseId lease = 0;
  };

  [[nodiscard]] std::uint64_t end_of(const Row& row) const;
  [[nodiscard]] std::uint32_t newest() const {
    return first_ + static_cast<std::uint32_t>(beginnings_.size());
  }
  static std::uint64_t hash_of(LeaseId id, const Row& row);
  // Gives the lease another end, in the order and in the hash.
  void move(LeaseId id, Row& row, std::uint64_t end_ms);
  void terms_changed();

  absl::btree_map<LeaseId, Row> rows_;
  absl::btree_set<std::pair<std::uint64_t, LeaseId>> order_;  // By Row::end_ms; without given out.
  std::vector<Beginning> beginnings_;
  std::uint32_t first_ = 0;  // The number of the first of them.
  std::uint64_t term_ = 0;
  std::optional<LeaseId> folded_;  // A fold goes on after this one.
  // The text of a key lies in its Attached, which never moves.
  absl::btree_map<std::string_view, std::unique_ptr<Attached>> keys_;
  absl::btree_set<std::pair<LeaseId, std::string_view>> by_lease_;
  std::uint64_t rows_hash_ = 0;
  std::uint64_t terms_hash_ = 0;
};

}  // namespace detcd::lease
