// Reads of the applied state as work with a pin: each answers the state at its beginning, however
// many entries are applied, compacted and swept while it goes on.
#pragma once

#include <optional>

#include "apply/applier.h"
#include "apply/txn.h"
#include "mvcc/compaction_hashes.h"
#include "mvcc/hash.h"
#include "mvcc/range.h"
#include "mvcc/store.h"

namespace detcd::apply {

// More reads than this at once are answered kTooManyRequests: each pin is looked at by the sweep.
inline constexpr std::size_t kPinsMax = 16'384;

// What every read does around its own work: refuse, end with the store, count the budget.
class PinnedRead {
 protected:
  // `floor` is the oldest revision it reads.
  PinnedRead(const mvcc::Store& store, Revision floor);
  [[nodiscard]] const std::optional<ApiError>& error() const { return error_; }
  void refuse(ApiError error) { error_ = error; }
  // The store, unless the read was refused or the store is gone.
  [[nodiscard]] const mvcc::Store* store();

 private:
  const mvcc::Store* store_;
  std::optional<ApiError> error_;
  std::optional<mvcc::Pin> pin_;
};

// What isn't read at all.
class RefusedRead : public RangeWork {
 public:
  explicit RefusedRead(ApiError why) : why_(why) {}
  mvcc::Advance advance(mvcc::Budget) override { return mvcc::Done{}; }
  Answer take() override { return why_; }

 private:
  ApiError why_;
};

class PinnedRange : public RangeWork, private PinnedRead {
 public:
  PinnedRange(const mvcc::Store& store, const RangeRequest& request);
  mvcc::Advance advance(mvcc::Budget budget) override;
  Answer take() override;

 private:
  Revision header_;
  mvcc::RangeRead read_;
};

class PinnedTxn : public RangeWork, private PinnedRead {
 public:
  PinnedTxn(const mvcc::Store& store, TxnRequest request);
  mvcc::Advance advance(mvcc::Budget budget) override;
  Answer take() override;

 private:
  TxnWork work_;
};

class PinnedHash : public HashWork, private PinnedRead {
 public:
  // `compaction`: what is remembered of one at this very revision.
  PinnedHash(const mvcc::Store& store, Revision revision,
             const std::optional<mvcc::CompactionHash>& compaction);
  mvcc::Advance advance(mvcc::Budget budget) override;
  std::variant<HashKvAnswer, ApiError> take() override;

 private:
  HashKvAnswer answer_;
  std::optional<mvcc::HashRead> read_;  // Unless the hash is known.
};

}  // namespace detcd::apply
