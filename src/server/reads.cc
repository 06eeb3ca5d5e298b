#include "server/reads.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace detcd::server {

void Reads::rejoin() {
  round_.insert(round_.end(), std::make_move_iterator(next_.begin()),
                std::make_move_iterator(next_.end()));
  next_ = std::exchange(round_, {});
  round_id_.reset();
}

std::optional<std::uint64_t> Reads::begin_round(TimePoint now) {
  if (round_id_ && now - round_began_ >= retry_after_) rejoin();
  if (round_id_ || next_.empty() || now < not_before_) return std::nullopt;
  round_ = std::exchange(next_, {});
  round_id_ = ++last_id_;
  round_began_ = now;
  for (WaitingRead& read : round_) {
    if (read.first_round == 0) read.first_round = *round_id_;
  }
  return round_id_;
}

void Reads::confirm(std::uint64_t read_id, raft::Index index, std::uint64_t time_ms) {
  if (read_id >> kOrdinalBits != last_id_ >> kOrdinalBits) return;  // Of an earlier life.
  std::vector<WaitingRead> confirmed;
  const auto take = [&](std::vector<WaitingRead>& reads) {
    std::erase_if(reads, [&](WaitingRead& read) {
      if (read.first_round == 0 || read.first_round > read_id) return false;
      read.time_ms = time_ms;
      confirmed.push_back(std::move(read));
      return true;
    });
  };
  take(round_);
  take(next_);
  if (round_.empty()) round_id_.reset();
  if (!confirmed.empty()) confirmed_.push_back({index, std::move(confirmed)});
}

void Reads::fail(std::uint64_t read_id, TimePoint now) {
  if (round_id_ != read_id) return;
  rejoin();
  not_before_ = now + retry_after_;
}

std::vector<WaitingRead> Reads::take_ready(raft::Index applied) {
  std::vector<WaitingRead> ready;
  // Rounds are confirmed with ascending indexes within a term; across terms they may not be.
  std::erase_if(confirmed_, [&](Confirmed& round) {
    if (round.index > applied) return false;
    std::ranges::move(round.reads, std::back_inserter(ready));
    return true;
  });
  return ready;
}

std::vector<WaitingRead> Reads::expire(TimePoint now) {
  std::vector<WaitingRead> expired;
  const auto sweep = [&](std::vector<WaitingRead>& reads) {
    std::erase_if(reads, [&](WaitingRead& read) {
      if (read.deadline > now) return false;
      expired.push_back(std::move(read));
      return true;
    });
  };
  if (next_deadline() > now) return expired;
  sweep(next_);
  sweep(round_);
  for (Confirmed& round : confirmed_) sweep(round.reads);
  return expired;
}

void Reads::forget(const Forgotten& calls) {
  const auto is_its = [&](const WaitingRead& read) {
    return calls.contains(read.origin.call, read.origin.reply);
  };
  std::erase_if(next_, is_its);
  std::erase_if(round_, is_its);
  for (Confirmed& round : confirmed_) std::erase_if(round.reads, is_its);
}

TimePoint Reads::next_deadline() const {
  TimePoint earliest = kNever;
  // Reads arrive in order of their deadlines; only the first of each list matters.
  if (!next_.empty()) {
    earliest = std::min(earliest, next_.front().deadline);
    if (!round_id_) earliest = std::min(earliest, std::max(not_before_, next_.front().since));
  }
  if (!round_.empty()) {
    earliest = std::min({earliest, round_.front().deadline, round_began_ + retry_after_});
  }
  for (const Confirmed& round : confirmed_) {
    if (!round.reads.empty()) earliest = std::min(earliest, round.reads.front().deadline);
  }
  return earliest;
}

std::vector<WaitingRead> Reads::take_all() {
  rejoin();
  for (Confirmed& round : confirmed_) std::ranges::move(round.reads, std::back_inserter(next_));
  confirmed_.clear();
  return std::exchange(next_, {});
}

}  // namespace detcd::server
