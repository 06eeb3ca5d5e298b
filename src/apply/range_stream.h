// One RangeStream as resumable work (ETCD.md §2.2): the rows of a range at one revision, in key
// order, piece by piece. Between two pieces it keeps nothing but the key to go on from, and holds
// nothing back from compaction: a compaction past its revision ends it, as it does in etcd.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "apply/command.h"
#include "mvcc/meter.h"
#include "mvcc/scan.h"
#include "mvcc/store.h"

namespace detcd::apply {

// etcd's refusals of what a stream can't do, beside those of Range (validate.h).
enum class StreamRefusal : std::uint8_t { kSortOrder, kRevisionFilter };
[[nodiscard]] std::optional<StreamRefusal> refuse_stream(const RangeRequest& request);

struct RangePiece {
  // Of the last piece: how many keys there are, whether there was more than the limit, and the
  // revision of the beginning for the header.
  RangeResponse rows;
  std::size_t bytes = 0;  // Of its keys and values.
  bool last = false;
};

class RangeStream {
 public:
  // `request` was validated; of `store` come the present revision and the bounds of what may be
  // asked. A piece is about `piece_bytes` long, and at most one row more.
  RangeStream(const RangeRequest& request, const mvcc::Store& store, std::size_t piece_bytes);

  // Towards the next piece, in the store as it is now, which may be another one than before, as
  // long as it is at least as new. Done: take() it.
  mvcc::Advance advance(const mvcc::Store& store, mvcc::Budget budget);
  // After Done, once; a piece that isn't the last can be followed by another advance.
  std::variant<RangePiece, ApiError> take();

 private:
  // etcd's first piece; each following one has room for twice or half as many rows, so that pieces
  // come near to the size wanted.
  static constexpr std::uint64_t kFirstRows = 10;

  [[nodiscard]] bool full() const;
  [[nodiscard]] bool limit_reached() const { return limit_ > 0 && rows_ >= limit_; }
  // None: its bytes are needed first.
  [[nodiscard]] std::optional<KeyValue> row(const mvcc::Store& store,
                                            const mvcc::KeyScan::Row& found) const;

  Revision header_;
  Revision at_;
  std::int64_t limit_;
  std::size_t piece_bytes_;
  bool keys_only_;
  bool index_only_;  // The rows need no record.
  bool count_only_;
  mvcc::KeyScan scan_;
  std::uint64_t rows_max_ = kFirstRows;
  std::int64_t rows_ = 0;   // In all pieces.
  std::int64_t count_ = 0;  // Of keys seen.
  RangePiece piece_;
  std::optional<ApiError> error_;
};

}  // namespace detcd::apply
