// Committed command in, new state and answer out: a deterministic function of the log prefix. Work
// is resumable: begin an entry, advance until Done, take the answer; effects become visible at
// Done. Entries are applied one after another; reads may run between two advances and see only
// whole entries. What a member's flags or background progress say never enters (DESIGN §1.3).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "apply/alarms.h"
#include "apply/command.h"
#include "apply/downgrade.h"
#include "auth/store.h"
#include "base/result.h"
#include "membership/membership.h"
#include "mvcc/types.h"

namespace detcd::mvcc {
class Store;
}
namespace detcd::lease {
class Lessor;
}

namespace detcd::apply {

using LogIndex = std::uint64_t;  // Raft's index; apply doesn't depend on raft.

// One entry of the log as apply sees it.
struct Position {
  LogIndex index = 0;
  std::uint64_t term = 0;
  std::uint64_t time_ms = 0;
};

// A chunk as it is kept on disk: sealed ones never change under their identity.
struct ChunkImage {
  mvcc::ChunkId id;
  std::uint64_t hash = 0;  // XXH3-64 of `bytes`.
  bool sealed = false;
  Bytes bytes;  // Of the open chunk: its prefix at the moment of capture. Empty when the
                // chunk is cold: whoever made it so has them. restore needs them all.
};

// The whole applied state at one index, in O(chunks): bytes are shared, not copied.
struct Image {
  Position position;
  std::uint64_t state_hash = 0;
  std::vector<ChunkImage> chunks;  // In revision order.
  std::string small_state;  // Membership, versions, watermark, and the like: canonical bytes.
};

// A read at one moment. The store may change between advances: what it answers is the state at
// begin. Destroying it releases its pin. It may outlive the Applier, and is then answered kStopped;
// so is, with kTooManyRequests, one of too many reads at once.
class RangeWork {
 public:
  virtual ~RangeWork() = default;
  virtual mvcc::Advance advance(mvcc::Budget budget) = 0;
  // After Done, once.
  virtual Answer take() = 0;
};

struct HashKvAnswer {
  std::uint32_t hash = 0;
  Revision compact_revision = 0;
  Revision hash_revision = 0;
};
class HashWork {
 public:
  virtual ~HashWork() = default;
  virtual mvcc::Advance advance(mvcc::Budget budget) = 0;
  virtual std::variant<HashKvAnswer, ApiError> take() = 0;
};

class Applier {
 public:
  static constexpr std::uint32_t kChunkBytes = 1U << 20;

  // An empty store with this membership (what the bootstrap entries will fill). `chunk_bytes` is
  // the same on all members and in all restarts, so that their chunks match; tests take small ones.
  explicit Applier(std::uint64_t cluster_id, std::uint32_t chunk_bytes = kChunkBytes);
  // As an image has it. kDamaged when it contradicts itself (hashes, order, formats).
  static Result<std::unique_ptr<Applier>> restore(std::uint64_t cluster_id, const Image& image,
                                                  std::uint32_t chunk_bytes = kChunkBytes);
  ~Applier();
  Applier(const Applier&) = delete;
  Applier& operator=(const Applier&) = delete;

  // Begins an entry; the one before is done. An entry at or below applied() is a mistake of the
  // caller. A request that the log has brought before has no effect (apply/request_table.h).
  void begin(const Position& position, Command command);
  // An entry without a command for the state (a leader's empty entry). This and configure are done
  // at once: an advance says so, an answer need not be taken.
  void skip(const Position& position);
  // A configuration entry: `context` is a membership change (membership/membership.h), or empty.
  // Who votes is the log's business: it follows the members, one entry later or many.
  void configure(const Position& position, const Bytes& context);
  mvcc::Advance advance(mvcc::Budget budget);
  // After Done, once: the answer of the entry that was begun last.
  Answer take_answer();

  // Reads at the present applied state, of what `caller` may read by it.
  [[nodiscard]] std::unique_ptr<RangeWork> range(RangeRequest request,
                                                 const auth::Caller& caller = {}) const;
  // A read-only Txn.
  [[nodiscard]] std::unique_ptr<RangeWork> read_txn(TxnRequest request,
                                                    const auth::Caller& caller = {}) const;
  // `revision` 0: current. At one of the last compactions: what mvcc::CompactionHashes remembers.
  [[nodiscard]] std::unique_ptr<HashWork> hash_kv(Revision revision) const;

  // For those who read the records themselves.
  [[nodiscard]] const mvcc::Store& store() const;
  // The leases there are; which keys belong to them is whole between entries only.
  [[nodiscard]] const lease::Lessor& leases() const;

  [[nodiscard]] const Position& applied() const;
  [[nodiscard]] Revision revision() const;
  [[nodiscard]] Revision compact_revision() const;
  [[nodiscard]] const membership::Membership& members() const;
  [[nodiscard]] const std::string& cluster_version() const;  // "" until decided.
  [[nodiscard]] const Alarms& alarms() const;
  [[nodiscard]] const Downgrade& downgrade() const;
  [[nodiscard]] const auth::Store& auth() const;
  // Live and history bytes as the quota counts them: `size`; `in_use` is without what compaction
  // has released. A function of the log.
  struct Sizes {
    std::uint64_t size = 0;
    std::uint64_t in_use = 0;
  };
  [[nodiscard]] Sizes sizes() const;
  // Rolling hash of the state at applied(): equal on every member.
  [[nodiscard]] std::uint64_t state_hash() const;
  // Between entries.
  [[nodiscard]] Image capture() const;

  // Background work that changes no answer: frees what compaction hid, rewrites chunks. Done when
  // there is nothing to do now.
  mvcc::Advance sweep(mvcc::Budget budget);

  // Chunk bytes in and out of memory (DESIGN §1.2). Making the bytes of a sealed chunk cold is
  // always allowed (of others it does nothing); work that touches them then answers Need until they
  // are provided again. Bytes that aren't the chunk's, and ids that aren't there, are passed over.
  void make_cold(mvcc::ChunkId chunk);
  void provide(mvcc::ChunkId chunk, Bytes bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detcd::apply
