#include "apply/applier.h"

#include <algorithm>
#include <utility>

#include "apply/gate.h"
#include "apply/reads.h"
#include "apply/state.h"
#include "base/check.h"

namespace detcd::apply {

Applier::Applier(std::uint64_t cluster_id, std::uint32_t chunk_bytes)
    : state_(std::make_unique<State>(cluster_id, chunk_bytes)) {}
Applier::~Applier() = default;

Result<std::unique_ptr<Applier>> Applier::restore(std::uint64_t cluster_id, const Image& image,
                                                  std::uint32_t chunk_bytes) {
  auto applier = std::make_unique<Applier>(cluster_id, chunk_bytes);
  State& state = *applier->state_;
  mvcc::StoreMarks marks;
  const Result<void> decoded = state.decode_small(image.small_state, marks);
  if (!decoded) return decoded.error();
  std::vector<mvcc::StoredChunk> chunks;
  chunks.reserve(image.chunks.size());
  for (const ChunkImage& chunk : image.chunks) {
    chunks.push_back({chunk.id, chunk.hash, chunk.sealed, chunk.bytes});
  }
  const Result<void> restored = state.store.restore(chunks, marks);
  if (!restored) return restored.error();
  state.compaction_hashes.resume(state.store);
  const Result<void> attached = state.attach_keys();
  if (!attached) return attached.error();
  state.position = image.position;
  if (state.state_hash() != image.state_hash) {
    return Error{Errc::kDamaged, "the image's state hash isn't that of its contents"};
  }
  return applier;
}

void Applier::begin(const Position& position, Command command) {
  check(!state_->entry, "an entry begins when the one before is done");
  check(position.index > state_->position.index, "an entry is applied once");
  const bool repeated = state_->requests.seen(command.id);
  bool settled = repeated;
  if (repeated) {
    state_->answer = state_->requests.repeat(command.id);
  } else if (const std::optional<ApiError> stranger = refuse_caller(state_->auth, command)) {
    state_->answer = *stranger;
    settled = true;
  } else if (const std::optional<ApiError> refused = state_->alarms.refuse(command)) {
    state_->answer = *refused;
    settled = true;
  } else if (const std::optional<ApiError> denied = refuse(state_->auth, state_->leases, command)) {
    state_->answer = *denied;
    settled = true;
  }
  state_->entry.emplace(State::Entry{.position = position,
                                     .command = std::move(command),
                                     .erase = {},
                                     .txn = {},
                                     .leases = {},
                                     .renewed = {},
                                     .settled = settled,
                                     .repeated = repeated});
}

void Applier::skip(const Position& position) {
  check(!state_->entry, "an entry begins when the one before is done");
  check(position.index > state_->position.index, "an entry is applied once");
  state_->position = position;
  state_->answer = Response{PublishResponse{}};
}

void Applier::configure(const Position& position, const Bytes& context) {
  skip(position);
  if (!context.empty()) {
    // Bytes that don't decode change nothing, on every member alike: the log's checksums hold, so
    // that they can only come from a proposer that speaks otherwise.
    const Result<membership::Change> change = membership::decode_change(context.view());
    if (change) state_->members.apply(*change);
  }
  state_->small_changed();
}

mvcc::Advance Applier::advance(mvcc::Budget budget) {
  mvcc::Meter meter(budget);
  return state_->advance(meter);
}

Answer Applier::take_answer() {
  check(!state_->entry, "an answer is taken when its entry is done");
  return std::exchange(state_->answer, Response{PublishResponse{}});
}

std::unique_ptr<RangeWork> Applier::range(RangeRequest request, const auth::Caller& caller) const {
  if (const std::optional<ApiError> refused = refuse(state_->auth, caller, request)) {
    return std::make_unique<RefusedRead>(*refused);
  }
  return std::make_unique<PinnedRange>(state_->store, request);
}
std::unique_ptr<RangeWork> Applier::read_txn(TxnRequest request, const auth::Caller& caller) const {
  if (const std::optional<ApiError> refused = refuse(state_->auth, caller, request)) {
    return std::make_unique<RefusedRead>(*refused);
  }
  return std::make_unique<PinnedTxn>(state_->store, std::move(request));
}
std::unique_ptr<HashWork> Applier::hash_kv(Revision revision) const {
  return std::make_unique<PinnedHash>(state_->store, revision,
                                      state_->compaction_hashes.find(revision));
}

const mvcc::Store& Applier::store() const {
  return state_->store;
}

const lease::Lessor& Applier::leases() const {
  return state_->leases;
}

const Position& Applier::applied() const {
  return state_->position;
}
Revision Applier::revision() const {
  return state_->store.revision();
}
Revision Applier::compact_revision() const {
  return state_->store.compact_revision();
}
const membership::Membership& Applier::members() const {
  return state_->members;
}
const std::string& Applier::cluster_version() const {
  return state_->cluster_version;
}

const Alarms& Applier::alarms() const {
  return state_->alarms;
}

const Downgrade& Applier::downgrade() const {
  return state_->downgrade;
}

const auth::Store& Applier::auth() const {
  return state_->auth;
}

// What a compaction releases leaves the sizes with the very entry: there is nothing that could be
// defragmented, and so both are the same number.
Applier::Sizes Applier::sizes() const {
  const std::uint64_t bytes = state_->store.totals().bytes;
  return {.size = bytes, .in_use = bytes};
}

std::uint64_t Applier::state_hash() const {
  return state_->state_hash();
}

Image Applier::capture() const {
  check(!state_->entry, "an image is taken between entries");
  Image image{.position = state_->position,
              .state_hash = state_->state_hash(),
              .small_state = state_->encode_small()};
  for (mvcc::StoredChunk& chunk : state_->store.capture()) {
    image.chunks.push_back({chunk.id, chunk.hash, chunk.sealed, std::move(chunk.bytes)});
  }
  return image;
}

mvcc::Advance Applier::sweep(mvcc::Budget budget) {
  return state_->sweep(budget);
}

void Applier::make_cold(mvcc::ChunkId chunk) {
  state_->store.make_cold(chunk);
}
void Applier::provide(mvcc::ChunkId chunk, Bytes bytes) {
  state_->store.provide(chunk, bytes);
}

}  // namespace detcd::apply
