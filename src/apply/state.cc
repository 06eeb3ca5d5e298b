#include "apply/state.h"

#include <array>
#include <utility>

#include "apply/cluster_version.h"
#include "base/check.h"
#include "base/codec.h"
#include "base/hash.h"

namespace detcd::apply {
namespace {

// 2 has the hashes of compactions at its end. What has none is written as 1.
constexpr std::uint8_t kSmallStateFormat = 2;
// Members compare hashes of the same version only.
constexpr std::uint64_t kStateHashVersion = 1;

}  // namespace

mvcc::Advance Applier::State::advance(mvcc::Meter& meter) {
  if (!entry) return mvcc::Done{};
  mvcc::Advance step = mvcc::Done{};
  if (!entry->repeated) {
    step = std::visit([&](auto& request) { return run(request, meter); }, entry->command.request);
  }
  if (!std::holds_alternative<mvcc::Done>(step)) return step;
  finish();
  return mvcc::Done{};
}

void Applier::State::finish() {
  store.commit();
  position = entry->position;
  if (!entry->repeated) requests.remember(entry->command.id, position.index, answer);
  entry.reset();
}

mvcc::Advance Applier::State::run(const PutRequest& request, mvcc::Meter&) {
  // No lease exists in this version.
  if (request.lease != 0) {
    answer = ApiError::kLeaseNotFound;
    return mvcc::Done{};
  }
  if ((request.ignore_value || request.ignore_lease) &&
      store.live(request.key, store.revision()) == nullptr) {
    answer = ApiError::kKeyNotFound;
    return mvcc::Done{};
  }
  PutResponse response;
  std::optional<mvcc::Need> need = run_put(store, request, response);
  if (need) return *std::move(need);
  answer = Response{std::move(response)};
  return mvcc::Done{};
}

mvcc::Advance Applier::State::run(const DeleteRangeRequest& request, mvcc::Meter& meter) {
  if (!entry->erase) entry->erase.emplace(request, store.write_revision());
  mvcc::Advance step = entry->erase->advance(store, meter);
  if (!std::holds_alternative<mvcc::Done>(step)) return step;
  answer = Response{entry->erase->take(store)};
  return step;
}

mvcc::Advance Applier::State::run(TxnRequest& request, mvcc::Meter& meter) {
  if (!entry->txn) {
    entry->txn = std::make_unique<TxnWork>(
        std::move(request),
        TxnWork::At{
            .base = store.revision(), .compacted = store.compact_revision(), .writes = true});
  }
  mvcc::Advance step = entry->txn->advance(store, &store, meter);
  if (!std::holds_alternative<mvcc::Done>(step)) return step;
  answer = entry->txn->take();
  return step;
}

mvcc::Advance Applier::State::run(const CompactionRequest& request, mvcc::Meter&) {
  if (request.revision <= store.compact_revision()) {
    answer = ApiError::kCompacted;
  } else if (request.revision > store.revision()) {
    answer = ApiError::kFutureRev;
  } else {
    const Revision former = store.compact_revision();
    store.compact(request.revision);
    compaction_hashes.add(store, former);
    answer = Response{CompactionResponse{store.revision()}};
  }
  return mvcc::Done{};
}

mvcc::Advance Applier::State::run(const PublishAttributes& request, mvcc::Meter&) {
  if (members.publish(request.member_id, request.name, request.client_urls)) {
    small_changed();
    answer = Response{PublishResponse{}};
  } else {
    answer = ApiError::kMemberNotFound;
  }
  return mvcc::Done{};
}

mvcc::Advance Applier::State::run(const SetClusterVersion& request, mvcc::Meter&) {
  // A proposal that was overtaken by a later decision changes nothing.
  if (may_follow(request.version, cluster_version)) {
    cluster_version = request.version;
    small_changed();
  }
  answer = Response{PublishResponse{}};
  return mvcc::Done{};
}

// Half for each, so that compactions in quick succession can't keep the sweep from ever running.
mvcc::Advance Applier::State::sweep(mvcc::Budget budget) {
  mvcc::Meter hashing({.units = budget.units / 2});
  mvcc::Meter sweeping({.units = budget.units / 2});
  mvcc::Advance hashed = compaction_hashes.advance(store, hashing);
  mvcc::Advance swept = sweeper.advance(store, sweeping);
  // Work that goes on is asked for again before chunks are fetched for the other.
  if (std::holds_alternative<mvcc::More>(hashed)) return hashed;
  if (std::holds_alternative<mvcc::More>(swept)) return swept;
  return std::holds_alternative<mvcc::Done>(hashed) ? swept : hashed;
}

void Applier::State::small_changed() {
  Writer out;
  members.encode(out);
  out.bytes(cluster_version);
  small_hash = hash64(out.view());
}

std::uint64_t Applier::State::state_hash() const {
  const mvcc::Totals totals = store.totals();
  const std::array<std::uint64_t, 11> words = {kStateHashVersion,
                                               cluster_id,
                                               position.index,
                                               position.term,
                                               position.time_ms,
                                               static_cast<std::uint64_t>(store.revision()),
                                               static_cast<std::uint64_t>(store.compact_revision()),
                                               totals.bytes,
                                               totals.hash,
                                               small_hash,
                                               requests.hash()};
  std::uint64_t hash = 0;
  for (const std::uint64_t word : words) hash = mix64(hash, word);
  return hash;
}

std::string Applier::State::encode_small() const {
  const mvcc::StoreMarks marks = store.marks();
  Writer out;
  out.u8(compaction_hashes.empty() ? 1 : kSmallStateFormat);
  out.u64(cluster_id);
  out.u64(static_cast<std::uint64_t>(marks.revision));
  out.u64(static_cast<std::uint64_t>(marks.compact_revision));
  out.u64(marks.next_chunk);
  members.encode(out);
  out.bytes(cluster_version);
  requests.encode(out);
  if (!compaction_hashes.empty()) compaction_hashes.encode(out);
  return out.take();
}

Result<void> Applier::State::decode_small(std::string_view bytes, mvcc::StoreMarks& marks) {
  Reader in(bytes);
  const std::uint8_t format = in.u8();
  if (in.ok() && format > kSmallStateFormat) {
    return Error{Errc::kIncompatible,
                 "the image's format " + std::to_string(format) + " is newer than this version's"};
  }
  const std::uint64_t cluster = in.u64();
  if (in.ok() && cluster != cluster_id) {
    return Error{Errc::kIncompatible, "the image is of cluster " + std::to_string(cluster)};
  }
  marks.revision = static_cast<Revision>(in.u64());
  marks.compact_revision = static_cast<Revision>(in.u64());
  marks.next_chunk = in.u64();
  Result<membership::Membership> decoded = membership::Membership::decode(in);
  if (!decoded) return decoded.error();
  members = *std::move(decoded);
  cluster_version = in.bytes();
  Result<RequestTable> table = RequestTable::decode(in);
  if (!table) return table.error();
  requests = *std::move(table);
  if (in.ok() && format == kSmallStateFormat) {
    const Result<void> hashes = compaction_hashes.decode(in, marks);
    if (!hashes) return hashes.error();
  }
  if (!in.finished()) return Error{Errc::kDamaged, "the image's small state doesn't decode"};
  small_changed();
  return {};
}

}  // namespace detcd::apply
