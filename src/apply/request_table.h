// Which requests the log has brought already, so that one that was forwarded twice takes effect
// once. Replicated: a function of the log, in the image and in the state hash; bounded.
//
// The rule. An origin numbers its requests upwards, so what was seen of it is kept as intervals of
// ordinals; an incarnation's ordinals lie far from another's. Of an origin at most kIntervalsMax
// intervals are kept, of origins at most kOriginsMax; beyond that the one that was extended longest
// ago (by log index) is forgotten. A request that was seen has no effect. Its answer is repeated
// when it is one of the last kOutcomesMax and holds no key-values and no Txn's branches; otherwise
// the outcome isn't known here any more and is answered as a timeout says it. An id without member
// or ordinal is never looked up.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "apply/command.h"
#include "base/codec.h"
#include "base/result.h"

namespace detcd::apply {

class RequestTable {
 public:
  static constexpr std::size_t kIntervalsMax = 256;
  static constexpr std::size_t kOriginsMax = 64;
  static constexpr std::size_t kOutcomesMax = 256;

  [[nodiscard]] bool seen(RequestId id) const;
  // `id` wasn't seen; the entry at `index` brought it and was answered so.
  void remember(RequestId id, std::uint64_t index, const Answer& answer);
  // What a request that was seen is answered.
  [[nodiscard]] Answer repeat(RequestId id) const;

  // Of the whole table, kept up to date incrementally.
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  void encode(Writer& out) const;
  [[nodiscard]] static Result<RequestTable> decode(Reader& in);

 private:
  struct Interval {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::uint64_t used = 0;  // Log index of its last extension.
  };
  enum class Kind : std::uint8_t { kUnknown, kPut, kDelete, kCompaction, kPublish, kError };
  struct Outcome {
    RequestId id;
    Kind kind = Kind::kUnknown;
    ApiError error = ApiError::kEmptyKey;
    Revision revision = 0;
    std::int64_t deleted = 0;
  };
  using Intervals = std::vector<Interval>;  // Ascending, never touching each other.

  static std::uint64_t hash_of(std::uint64_t member, const Interval& interval);
  static std::uint64_t hash_of(const Outcome& outcome);
  static Outcome outcome_of(RequestId id, const Answer& answer);
  void mark(RequestId id, std::uint64_t index);
  void forget_interval(std::uint64_t member, Intervals& intervals);
  void forget_origin();
  void push(const Outcome& outcome);

  std::map<std::uint64_t, Intervals> origins_;
  std::deque<Outcome> outcomes_;
  std::uint64_t hash_ = 0;
};

}  // namespace detcd::apply
