#include "apply/request_table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace detcd::apply {

std::uint64_t RequestTable::hash_of(std::uint64_t member, const Interval& interval) {
  return mix64(mix64(mix64(member, interval.low), interval.high), interval.used);
}

std::uint64_t RequestTable::hash_of(const Outcome& outcome) {
  const std::uint64_t what =
      static_cast<std::uint64_t>(outcome.kind) << 8 | static_cast<std::uint64_t>(outcome.error);
  const std::uint64_t numbers = mix64(static_cast<std::uint64_t>(outcome.revision),
                                      static_cast<std::uint64_t>(outcome.deleted));
  return mix64(mix64(mix64(outcome.id.member, outcome.id.ordinal), what), numbers);
}

bool RequestTable::seen(RequestId id) const {
  const auto origin = origins_.find(id.member);
  if (origin == origins_.end() || id.member == 0 || id.ordinal == 0) return false;
  const Intervals& intervals = origin->second;
  const auto after =
      std::partition_point(intervals.begin(), intervals.end(),
                           [&](const Interval& interval) { return interval.low <= id.ordinal; });
  return after != intervals.begin() && id.ordinal <= (after - 1)->high;
}

void RequestTable::mark(RequestId id, std::uint64_t index) {
  Intervals& intervals = origins_[id.member];
  auto after =
      std::partition_point(intervals.begin(), intervals.end(),
                           [&](const Interval& interval) { return interval.low <= id.ordinal; });
  Interval grown{id.ordinal, id.ordinal, index};
  if (after != intervals.end() && after->low == id.ordinal + 1) {
    hash_ -= hash_of(id.member, *after);
    grown.high = after->high;
    after = intervals.erase(after);
  }
  if (after != intervals.begin() && (after - 1)->high + 1 == id.ordinal) {
    --after;
    hash_ -= hash_of(id.member, *after);
    grown.low = after->low;
    *after = grown;
  } else {
    intervals.insert(after, grown);
  }
  hash_ += hash_of(id.member, grown);
  if (intervals.size() > kIntervalsMax) forget_interval(id.member, intervals);
  if (origins_.size() > kOriginsMax) forget_origin();
}

void RequestTable::forget_interval(std::uint64_t member, Intervals& intervals) {
  const auto oldest =
      std::min_element(intervals.begin(), intervals.end(),
                       [](const Interval& a, const Interval& b) { return a.used < b.used; });
  hash_ -= hash_of(member, *oldest);
  intervals.erase(oldest);
}

void RequestTable::forget_origin() {
  const auto last_used = [](const Intervals& intervals) {
    std::uint64_t last = 0;
    for (const Interval& interval : intervals) last = std::max(last, interval.used);
    return last;
  };
  auto oldest = origins_.begin();
  for (auto origin = origins_.begin(); origin != origins_.end(); ++origin) {
    if (last_used(origin->second) < last_used(oldest->second)) oldest = origin;
  }
  for (const Interval& interval : oldest->second) hash_ -= hash_of(oldest->first, interval);
  origins_.erase(oldest);
}

RequestTable::Outcome RequestTable::outcome_of(RequestId id, const Answer& answer) {
  Outcome outcome{.id = id};
  if (const auto* error = std::get_if<ApiError>(&answer)) {
    outcome.kind = Kind::kError;
    outcome.error = *error;
    return outcome;
  }
  const Response& response = *std::get_if<Response>(&answer);
  if (const auto* put = std::get_if<PutResponse>(&response)) {
    if (!put->prev_kv) outcome.kind = Kind::kPut;
    outcome.revision = put->header_revision;
  } else if (const auto* erase = std::get_if<DeleteRangeResponse>(&response)) {
    if (erase->prev_kvs.empty()) outcome.kind = Kind::kDelete;
    outcome.revision = erase->header_revision;
    outcome.deleted = erase->deleted;
  } else if (const auto* compaction = std::get_if<CompactionResponse>(&response)) {
    outcome.kind = Kind::kCompaction;
    outcome.revision = compaction->header_revision;
  } else if (std::holds_alternative<PublishResponse>(response)) {
    outcome.kind = Kind::kPublish;
  }
  return outcome;
}

void RequestTable::push(const Outcome& outcome) {
  hash_ += hash_of(outcome);
  outcomes_.push_back(outcome);
  if (outcomes_.size() <= kOutcomesMax) return;
  hash_ -= hash_of(outcomes_.front());
  outcomes_.pop_front();
}

void RequestTable::remember(RequestId id, std::uint64_t index, const Answer& answer) {
  if (id.member == 0 || id.ordinal == 0) return;
  check(!seen(id), "a request is remembered once");
  mark(id, index);
  push(outcome_of(id, answer));
}

Answer RequestTable::repeat(RequestId id) const {
  const auto found = std::find_if(outcomes_.rbegin(), outcomes_.rend(),
                                  [&](const Outcome& outcome) { return outcome.id == id; });
  if (found == outcomes_.rend()) return ApiError::kTimeout;
  switch (found->kind) {
    case Kind::kPut:
      return Response{PutResponse{.header_revision = found->revision}};
    case Kind::kDelete:
      return Response{
          DeleteRangeResponse{.header_revision = found->revision, .deleted = found->deleted}};
    case Kind::kCompaction:
      return Response{CompactionResponse{found->revision}};
    case Kind::kPublish:
      return Response{PublishResponse{}};
    case Kind::kError:
      return found->error;
    case Kind::kUnknown:
      break;
  }
  return ApiError::kTimeout;
}

void RequestTable::encode(Writer& out) const {
  out.varint(origins_.size());
  for (const auto& [member, intervals] : origins_) {
    out.u64(member);
    out.varint(intervals.size());
    for (const Interval& interval : intervals) {
      out.u64(interval.low);
      out.u64(interval.high);
      out.u64(interval.used);
    }
  }
  out.varint(outcomes_.size());
  for (const Outcome& outcome : outcomes_) {
    out.u64(outcome.id.member);
    out.u64(outcome.id.ordinal);
    out.u8(static_cast<std::uint8_t>(outcome.kind));
    out.u8(static_cast<std::uint8_t>(outcome.error));
    out.u64(static_cast<std::uint64_t>(outcome.revision));
    out.u64(static_cast<std::uint64_t>(outcome.deleted));
  }
}

Result<RequestTable> RequestTable::decode(Reader& in) {
  const Error damaged{Errc::kDamaged, "the table of recent requests doesn't decode"};
  RequestTable table;
  const std::uint64_t origins = in.varint();
  if (origins > kOriginsMax) return damaged;
  for (std::uint64_t i = 0; i < origins; ++i) {
    const std::uint64_t member = in.u64();
    const std::uint64_t count = in.varint();
    if (count > kIntervalsMax || table.origins_.contains(member)) return damaged;
    Intervals& intervals = table.origins_[member];
    for (std::uint64_t k = 0; k < count; ++k) {
      const Interval interval{in.u64(), in.u64(), in.u64()};
      if (interval.low > interval.high) return damaged;
      if (!intervals.empty() && interval.low <= intervals.back().high) return damaged;
      table.hash_ += hash_of(member, interval);
      intervals.push_back(interval);
    }
  }
  const std::uint64_t outcomes = in.varint();
  if (outcomes > kOutcomesMax) return damaged;
  for (std::uint64_t i = 0; i < outcomes; ++i) {
    Outcome outcome{.id = {in.u64(), in.u64()}};
    const std::uint8_t kind = in.u8();
    const std::uint8_t error = in.u8();
    if (kind > static_cast<std::uint8_t>(Kind::kError) ||
        error > static_cast<std::uint8_t>(ApiError::kTokensOnlyVerified)) {
      return damaged;
    }
    outcome.kind = static_cast<Kind>(kind);
    outcome.error = static_cast<ApiError>(error);
    outcome.revision = static_cast<Revision>(in.u64());
    outcome.deleted = static_cast<std::int64_t>(in.u64());
    table.push(outcome);
  }
  if (!in.ok()) return damaged;
  return table;
}

}  // namespace detcd::apply
