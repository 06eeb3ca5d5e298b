#include "lease/lessor.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"

namespace detcd::lease {
namespace {

std::uint64_t milliseconds(std::int64_t seconds) {
  return static_cast<std::uint64_t>(seconds) * 1000;
}

std::uint64_t extended(std::uint64_t end_ms, std::uint64_t granted_ms, const Beginning& term) {
  const std::uint64_t remaining = end_ms - std::min(end_ms, term.time_ms);
  const std::uint64_t wanted = std::max(remaining + term.election_timeout_ms, term.minimum_ms);
  return std::max(end_ms, term.time_ms + std::min(granted_ms, wanted));
}

}  // namespace

std::uint64_t Lessor::hash_of(LeaseId id, const Row& row) {
  const std::uint64_t what =
      mix64(static_cast<std::uint64_t>(id), static_cast<std::uint64_t>(row.ttl_seconds));
  return mix64(mix64(what, row.end_ms), row.seen);
}

std::uint64_t Lessor::end_of(const Row& row) const {
  std::uint64_t end_ms = row.end_ms;
  for (std::size_t i = row.seen - first_; i < beginnings_.size(); ++i) {
    end_ms = extended(end_ms, milliseconds(row.ttl_seconds), beginnings_[i]);
  }
  return end_ms;
}

std::optional<Lease> Lessor::find(LeaseId id) const {
  const auto row = rows_.find(id);
  if (row == rows_.end()) return std::nullopt;
  return Lease{id, row->second.ttl_seconds, end_of(row->second)};
}

std::vector<Lease> Lessor::list() const {
  std::vector<Lease> leases;
  leases.reserve(rows_.size());
  for (const auto& [id, row] : rows_) leases.push_back({id, row.ttl_seconds, end_of(row)});
  return leases;
}

bool Lessor::list_some(std::optional<LeaseId> after, std::size_t count,
                       std::vector<Lease>& out) const {
  auto row = after ? rows_.upper_bound(*after) : rows_.begin();
  for (; row != rows_.end() && count > 0; ++row, --count) {
    out.push_back({row->first, row->second.ttl_seconds, end_of(row->second)});
  }
  return row != rows_.end();
}

void Lessor::grant(LeaseId id, std::int64_t ttl_seconds, const Moment& now) {
  check(id != 0 && ttl_seconds > 0 && ttl_seconds <= kTtlSecondsMax,
        "a lease that is granted has an id and a time to live within the limit");
  if (rows_.empty()) {
    term_ = now.term;
    terms_changed();
  }
  const Row row{ttl_seconds, now.time_ms + milliseconds(ttl_seconds), newest()};
  const bool added = rows_.emplace(id, row).second;
  check(added, "a lease is granted once");
  order_.emplace(row.end_ms, id);
  rows_hash_ += hash_of(id, row);
}

void Lessor::move(LeaseId id, Row& row, std::uint64_t end_ms) {
  rows_hash_ -= hash_of(id, row);
  if (end_ms != row.end_ms) {
    // One that was given out as ended and lives on is in the order again.
    order_.erase({row.end_ms, id});
    order_.emplace(end_ms, id);
  }
  row.end_ms = end_ms;
  row.seen = newest();
  rows_hash_ += hash_of(id, row);
}

std::optional<std::int64_t> Lessor::renew(LeaseId id, std::uint64_t now_ms) {
  const auto row = rows_.find(id);
  if (row == rows_.end()) return std::nullopt;
  const std::uint64_t end_ms = now_ms + milliseconds(row->second.ttl_seconds);
  move(id, row->second, std::max(end_ms, end_of(row->second)));
  return row->second.ttl_seconds;
}

void Lessor::revoke(LeaseId id) {
  const auto row = rows_.find(id);
  check(row != rows_.end(), "a lease that is revoked exists");
  check(!first_key(id), "a lease is revoked when its keys are gone");
  order_.erase({row->second.end_ms, id});
  rows_hash_ -= hash_of(id, row->second);
  rows_.erase(row);
  if (!rows_.empty()) return;
  // Without leases there is nothing to remember: an empty lessor is like a new one.
  beginnings_.clear();
  first_ = 0;
  term_ = 0;
  folded_.reset();
  terms_changed();
}

// ---- Keys ---------------------------------------------------------------------------------------

void Lessor::attach(std::string_view key, LeaseId lease) {
  if (lease == 0 && keys_.empty()) return;
  check(lease == 0 || contains(lease), "a key is attached to a lease that exists");
  const auto found = keys_.find(key);
  if (found == keys_.end()) {
    if (lease == 0) return;
    auto attached = std::make_unique<Attached>(Attached{std::string(key), lease});
    const std::string_view text = attached->key;
    by_lease_.emplace(lease, text);
    keys_.emplace(text, std::move(attached));
    return;
  }
  Attached& attached = *found->second;
  if (attached.lease == lease) return;
  by_lease_.erase({attached.lease, attached.key});
  attached.lease = lease;
  if (lease != 0) {
    by_lease_.emplace(lease, attached.key);
    return;
  }
  // The name in the tree is the text of what goes.
  const std::unique_ptr<Attached> last = std::move(found->second);
  keys_.erase(found);
}

std::optional<std::string_view> Lessor::first_key(LeaseId lease) const {
  const auto first = by_lease_.lower_bound({lease, std::string_view()});
  if (first == by_lease_.end() || first->first != lease) return std::nullopt;
  return first->second;
}

std::vector<std::string> Lessor::keys(LeaseId lease) const {
  std::vector<std::string> keys;
  for (auto at = by_lease_.lower_bound({lease, std::string_view()});
       at != by_lease_.end() && at->first == lease; ++at) {
    keys.emplace_back(at->second);
  }
  return keys;
}

bool Lessor::keys_some(LeaseId lease, std::size_t count, std::vector<std::string>& out) const {
  auto at = out.empty() ? by_lease_.lower_bound({lease, std::string_view()})
                        : by_lease_.upper_bound({lease, std::string_view(out.back())});
  for (; at != by_lease_.end() && at->first == lease && count > 0; ++at, --count) {
    out.emplace_back(at->second);
  }
  return at != by_lease_.end() && at->first == lease;
}

// ---- Time ---------------------------------------------------------------------------------------

void Lessor::begin_term(std::uint64_t term, const Beginning& beginning) {
  if (rows_.empty() || term <= term_) return;
  term_ = term;
  beginnings_.push_back(beginning);
  terms_changed();
}

bool Lessor::fold(std::uint64_t leases) {
  if (beginnings_.size() <= kBeginningsMax && !folded_) return true;
  auto row = folded_ ? rows_.upper_bound(*folded_) : rows_.begin();
  for (; row != rows_.end() && leases > 0; ++row, --leases) {
    move(row->first, row->second, end_of(row->second));
    folded_ = row->first;
  }
  if (row != rows_.end()) return false;
  folded_.reset();
  first_ = newest();
  beginnings_.clear();
  terms_changed();
  return true;
}

std::optional<LeaseId> Lessor::next_ended(std::uint64_t now_ms) {
  if (order_.empty() || order_.begin()->first >= now_ms) return std::nullopt;
  const LeaseId id = order_.begin()->second;
  Row& row = rows_.at(id);
  if (row.seen != newest()) {
    move(id, row, end_of(row));
    return 0;
  }
  order_.erase(order_.begin());
  return id;
}

std::optional<std::uint64_t> Lessor::earliest_end_ms() const {
  if (order_.empty()) return std::nullopt;
  return order_.begin()->first;
}

// ---- The whole ----------------------------------------------------------------------------------

void Lessor::terms_changed() {
  terms_hash_ = mix64(term_, first_);
  for (const Beginning& term : beginnings_) {
    terms_hash_ =
        mix64(mix64(terms_hash_, term.time_ms), mix64(term.election_timeout_ms, term.minimum_ms));
  }
}

std::uint64_t Lessor::hash() const {
  return rows_.empty() ? 0 : mix64(rows_hash_, terms_hash_);
}

void Lessor::encode(Writer& out) const {
  check(!folded_ && order_.size() == rows_.size(), "leases are encoded between entries");
  out.varint(term_);
  out.varint(first_);
  out.varint(beginnings_.size());
  for (const Beginning& term : beginnings_) {
    out.varint(term.time_ms);
    out.varint(term.election_timeout_ms);
    out.varint(term.minimum_ms);
  }
  out.varint(rows_.size());
  for (const auto& [id, row] : rows_) {
    out.u64(static_cast<std::uint64_t>(id));
    out.varint(static_cast<std::uint64_t>(row.ttl_seconds));
    out.varint(row.end_ms);
    out.varint(row.seen - first_);
  }
}

Result<Lessor> Lessor::decode(Reader& in) {
  const Error damaged{Errc::kDamaged, "the leases don't decode"};
  Lessor lessor;
  lessor.term_ = in.varint();
  const std::uint64_t first = in.varint();
  const std::uint64_t beginnings = in.varint();
  if (beginnings > kBeginningsMax || first > UINT32_MAX - kBeginningsMax) return damaged;
  lessor.first_ = static_cast<std::uint32_t>(first);
  for (std::uint64_t i = 0; i < beginnings; ++i) {
    lessor.beginnings_.push_back({in.varint(), in.varint(), in.varint()});
  }
  const std::uint64_t leases = in.varint();
  for (std::uint64_t i = 0; i < leases && in.ok(); ++i) {
    const auto id = static_cast<LeaseId>(in.u64());
    const std::uint64_t ttl = in.varint();
    const std::uint64_t end_ms = in.varint();
    const std::uint64_t seen = in.varint();
    if (id == 0 || ttl == 0 || ttl > kTtlSecondsMax || seen > beginnings) return damaged;
    if (!lessor.rows_.empty() && id <= lessor.rows_.rbegin()->first) return damaged;
    const Row row{static_cast<std::int64_t>(ttl), end_ms,
                  lessor.first_ + static_cast<std::uint32_t>(seen)};
    lessor.rows_.emplace_hint(lessor.rows_.end(), id, row);
    lessor.order_.emplace(end_ms, id);
    lessor.rows_hash_ += hash_of(id, row);
  }
  lessor.terms_changed();
  if (!in.ok() || lessor.rows_.empty()) return damaged;
  return lessor;
}

}  // namespace detcd::lease
