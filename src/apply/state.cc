#include "apply/state.h"

#include <array>
#include <utility>

#include "apply/cluster_version.h"
#include "apply/gate.h"
#include "base/check.h"
#include "base/codec.h"
#include "base/hash.h"

namespace detcd::apply {
namespace {

// 2 has the hashes of compactions at its end, 3 a number of sections: varint number, then for each
// its tag (u8) and its content (bytes). Sections come in the order of their tags, and only those
// that hold something; one that isn't known is refused. What needs no sections is written as 1 or
// 2.
constexpr std::uint8_t kSmallStateFormat = 3;
enum class Section : std::uint8_t {
  kCompactionHashes = 1,
  kAlarms = 2,
  kDowngrade = 3,
  kLeases = 4,
  kAuth = 5
};
// Members compare hashes of the same version only.
constexpr std::uint64_t kStateHashVersion = 1;

template <class Part>
Result<void> decode_part(Reader& in, Part& part) {
  Result<Part> decoded = Part::decode(in);
  if (!decoded) return decoded.error();
  part = *std::move(decoded);
  return {};
}

}  // namespace

mvcc::Advance Applier::State::advance(mvcc::Meter& meter) {
  if (!entry) return mvcc::Done{};
  mvcc::Advance step = mvcc::Done{};
  if (!entry->settled) {
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
  if (request.lease != 0 && !leases.contains(request.lease)) {
    answer = ApiError::kLeaseNotFound;
    return mvcc::Done{};
  }
  if ((request.ignore_value || request.ignore_lease) &&
      store.live(request.key, store.revision()) == nullptr) {
    answer = ApiError::kKeyNotFound;
    return mvcc::Done{};
  }
  PutResponse response;
  std::optional<mvcc::Need> need = run_put({store, leases}, request, response);
  if (need) return *std::move(need);
  answer = Response{std::move(response)};
  return mvcc::Done{};
}

mvcc::Advance Applier::State::run(const DeleteRangeRequest& request, mvcc::Meter& meter) {
  if (!entry->erase) entry->erase.emplace(request, store.write_revision());
  mvcc::Advance step = entry->erase->advance({store, leases}, meter);
  if (!std::holds_alternative<mvcc::Done>(step)) return step;
  answer = Response{entry->erase->take(store)};
  return step;
}

mvcc::Advance Applier::State::run(TxnRequest& request, mvcc::Meter& meter) {
  if (!entry->txn) {
    entry->txn = std::make_unique<TxnWork>(std::move(request),
                                           TxnWork::At{.base = store.revision(),
                                                       .compacted = store.compact_revision(),
                                                       .writes = true,
                                                       .leases = &leases});
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

mvcc::Advance Applier::State::run(const AlarmRequest& request, mvcc::Meter&) {
  answer = alarms.apply(request, store.totals().bytes);
  if (auto* const response = std::get_if<Response>(&answer)) {
    std::get<AlarmResponse>(*response).header_revision = store.revision();
  }
  small_changed();
  return mvcc::Done{};
}

mvcc::Advance Applier::State::run(const DowngradeRequest& request, mvcc::Meter&) {
  answer = downgrade.apply(request, cluster_version);
  if (auto* const response = std::get_if<Response>(&answer)) {
    std::get<DowngradeResponse>(*response).header_revision = store.revision();
  }
  small_changed();
  return mvcc::Done{};
}

mvcc::Advance Applier::State::run(const auth::Change& request, mvcc::Meter&) {
  std::variant<auth::Answer, auth::Refusal> outcome = auth.apply(request, entry->position.index);
  if (const auto* refusal = std::get_if<auth::Refusal>(&outcome)) {
    answer = error_of(*refusal);
  } else {
    answer = Response{AuthResponse{store.revision(), std::get<auth::Answer>(std::move(outcome))}};
  }
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
  // Each tells itself from what follows, and none that is empty counts: a member of an older
  // version that knows none has the same hash.
  const auto count = [&out](Section tag, const auto& part) {
    if (part.empty()) return;
    out.u8(static_cast<std::uint8_t>(tag));
    part.encode(out);
  };
  count(Section::kAlarms, alarms);
  count(Section::kDowngrade, downgrade);
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
  // A state without leases has the hash it had before there were any; so has one without users.
  if (!leases.empty()) hash = mix64(hash, leases.hash());
  return auth.empty() ? hash : mix64(hash, auth.hash());
}

std::string Applier::State::encode_small() const {
  const mvcc::StoreMarks marks = store.marks();
  Writer out;
  const bool sections = !alarms.empty() || !downgrade.empty() || !leases.empty() || !auth.empty();
  const std::uint8_t plain = compaction_hashes.empty() ? 1 : 2;
  out.u8(sections ? kSmallStateFormat : plain);
  out.u64(cluster_id);
  out.u64(static_cast<std::uint64_t>(marks.revision));
  out.u64(static_cast<std::uint64_t>(marks.compact_revision));
  out.u64(marks.next_chunk);
  members.encode(out);
  out.bytes(cluster_version);
  requests.encode(out);
  if (sections) {
    encode_sections(out);
  } else if (!compaction_hashes.empty()) {
    compaction_hashes.encode(out);
  }
  return out.take();
}

void Applier::State::encode_sections(Writer& out) const {
  std::uint64_t count = 0;
  Writer sections;
  const auto put = [&](Section tag, const auto& part) {
    if (part.empty()) return;
    Writer content;
    part.encode(content);
    sections.u8(static_cast<std::uint8_t>(tag));
    sections.bytes(content.view());
    ++count;
  };
  put(Section::kCompactionHashes, compaction_hashes);
  put(Section::kAlarms, alarms);
  put(Section::kDowngrade, downgrade);
  put(Section::kLeases, leases);
  put(Section::kAuth, auth);
  out.varint(count);
  out.raw(sections.view());
}

Result<void> Applier::State::decode_sections(Reader& in, const mvcc::StoreMarks& marks) {
  const std::uint64_t count = in.varint();
  std::uint8_t last = 0;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::uint8_t tag = in.u8();
    Reader content(in.bytes());
    if (!in.ok() || tag <= last) break;
    last = tag;
    Result<void> decoded;
    switch (static_cast<Section>(tag)) {
      case Section::kCompactionHashes:
        decoded = compaction_hashes.decode(content, marks);
        break;
      case Section::kAlarms:
        decoded = decode_part(content, alarms);
        break;
      case Section::kDowngrade:
        decoded = decode_part(content, downgrade);
        break;
      case Section::kLeases:
        decoded = decode_part(content, leases);
        break;
      case Section::kAuth:
        decoded = decode_part(content, auth);
        break;
      default:
        decoded = Error{Errc::kIncompatible, "the image has a section " + std::to_string(tag) +
                                                 " that this version doesn't know"};
    }
    if (!decoded) return decoded;
    if (!content.finished()) {
      return Error{Errc::kDamaged, "section " + std::to_string(tag) + " of the image is too long"};
    }
    if (i + 1 == count) return {};
  }
  if (count == 0 && in.ok()) return {};
  return Error{Errc::kDamaged, "the image's sections don't decode"};
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
    const Result<void> sections = decode_sections(in, marks);
    if (!sections) return sections.error();
  } else if (in.ok() && format == 2) {
    const Result<void> hashes = compaction_hashes.decode(in, marks);
    if (!hashes) return hashes.error();
  }
  if (!in.finished()) return Error{Errc::kDamaged, "the image's small state doesn't decode"};
  small_changed();
  return {};
}

}  // namespace detcd::apply
