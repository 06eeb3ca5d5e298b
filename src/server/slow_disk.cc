#include "server/slow_disk.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/codec.h"

namespace detcd::server {
namespace {

constexpr Duration kPage = 30s;
// Fewer say nothing of a hundredth.
constexpr std::uint64_t kSyncsLeast = 100;
constexpr Duration kStuck = 5s;
constexpr Duration kBetweenQuestions = 10s;
constexpr Duration kForAnswers = 1s;

// Others' notes begin with smaller numbers.
enum class Note : std::uint8_t { kQuestion = 0x30, kAnswer = 0x31 };

// Eight buckets for each power of two of nanoseconds.
std::size_t bucket_of(Duration time, std::size_t buckets) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 8));
  const auto power = static_cast<std::size_t>(std::bit_width(ns)) - 4;
  return std::min(power * 8 + ((ns >> power) & 7), buckets - 1);
}

// The longest that is counted there.
Duration longest_in(std::size_t bucket) {
  const std::size_t power = bucket / 8;
  return Duration(static_cast<std::int64_t>(((8 + bucket % 8 + 1) << power) - 1));
}

}  // namespace

void SyncTimes::turn_page(TimePoint now) {
  if (now < page_ends_) return;
  // Nothing ended in the page before this one, if that long has passed.
  former_ = now < page_ends_ + kPage ? current_ : Counts{};
  current_ = {};
  page_ends_ = now + kPage;
}

void SyncTimes::began(TimePoint now) {
  began_ = now;
}

void SyncTimes::ended(TimePoint now) {
  if (!began_) return;
  turn_page(now);
  ++current_[bucket_of(now - *std::exchange(began_, std::nullopt), kBuckets)];
}

std::optional<Duration> SyncTimes::p99(TimePoint now) {
  turn_page(now);
  if (began_ && now - *began_ >= kStuck) return now - *began_;
  Counts counts = current_;
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) all += counts[i] += former_[i];
  if (all < kSyncsLeast) return std::nullopt;
  std::uint64_t longer = 0;
  for (std::size_t i = kBuckets; i-- > 0;) {
    longer += counts[i];
    if (longer * 100 > all) return longest_in(i);
  }
  return std::nullopt;
}

void SlowDisk::leader_changed(bool leads, TimePoint now) {
  next_ = leads ? now + kStays : kNever;
  asked_ = false;
}

SlowDisk::Due SlowDisk::look(TimePoint now) {
  if (now < next_) return Due::kNothing;
  if (!std::exchange(asked_, false)) {
    const std::optional<Duration> own = syncs_.p99(now);
    next_ = now + kBetweenQuestions;
    if (!own || *own <= slow_from_) return Due::kNothing;
    own_ = *own;
    told_.clear();
    asked_ = true;
    next_ = now + kForAnswers;
    return Due::kAsk;
  }
  next_ = now + kBetweenQuestions;
  faster_.clear();
  for (const auto& [member, theirs] : told_) {
    if (theirs * kTimesFaster <= own_) faster_.insert(member);
  }
  if (faster_.empty()) return Due::kNothing;
  // Whether it comes to pass or not: that was this member's move.
  next_ = now + kStays;
  return Due::kMove;
}

Bytes SlowDisk::question() {
  Writer out;
  out.u8(static_cast<std::uint8_t>(Note::kQuestion));
  return Bytes::adopt(out.take());
}

SlowDisk::Heard SlowDisk::on_note(raft::NodeId from, const Bytes& note, TimePoint now) {
  Reader in(note.view());
  const std::uint8_t kind = in.u8();
  if (kind == static_cast<std::uint8_t>(Note::kQuestion)) {
    const std::optional<Duration> own = syncs_.p99(now);
    if (!own) return {.ours = true, .answer = {}};  // It takes no part.
    Writer out;
    out.u8(static_cast<std::uint8_t>(Note::kAnswer));
    out.u64(static_cast<std::uint64_t>(own->count()));
    return {.ours = true, .answer = Bytes::adopt(out.take())};
  }
  if (kind != static_cast<std::uint8_t>(Note::kAnswer)) return {};
  const std::uint64_t ns = in.u64();
  constexpr Duration kMost = 86'400s;
  if (!in.finished() || ns > static_cast<std::uint64_t>(kMost.count()))
    return {.ours = true, .answer = {}};
  if (asked_) told_.insert_or_assign(from, Duration(static_cast<std::int64_t>(ns)));
  return {.ours = true, .answer = {}};
}

}  // namespace detcd::server
