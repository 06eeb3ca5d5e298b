#include "raft/progress.h"

#include <algorithm>

namespace detcd::raft {

void Inflights::add(Index last, std::size_t bytes) {
  sent_.push_back({last, bytes});
  bytes_ += bytes;
}

void Inflights::release(Index through) {
  while (!sent_.empty() && sent_.front().last <= through) {
    bytes_ -= sent_.front().bytes;
    sent_.pop_front();
  }
}

void Inflights::clear() {
  sent_.clear();
  bytes_ = 0;
}

bool Inflights::full(const Config& config) const {
  return sent_.size() >= config.inflight_messages_max ||
         (!sent_.empty() && bytes_ >= config.inflight_bytes_max);
}

void Progress::probe_from(Index from) {
  state = State::kProbe;
  next = std::max(from, match.next());
  probe_sent = false;
  pending_snapshot = Index();
  inflights.clear();
}

void Progress::replicate() {
  state = State::kReplicate;
  next = match.next();
  probe_sent = false;
  pending_snapshot = Index();
  inflights.clear();
}

void Progress::await_snapshot(Index index) {
  state = State::kSnapshot;
  probe_sent = false;
  pending_snapshot = index;
  inflights.clear();
}

bool Progress::acknowledge(Index index) {
  const bool news = index > match;
  if (news) match = index;
  next = std::max(next, match.next());
  inflights.release(match);
  if (news) probe_sent = false;
  return news;
}

bool Progress::reject(Index rejected, Index hint) {
  if (!counts) {
    // Its log was damaged: what it acknowledged before may be gone.
    match = std::min(match, hint);
    probe_from(hint.next());
    return true;
  }
  if (state == State::kReplicate) {
    if (rejected <= match) return false;
    probe_from(match.next());
    return true;
  }
  // An answer to anything but the probe under way says nothing new.
  if (state != State::kProbe || rejected.next() != next) return false;
  next = std::max(std::min(rejected, hint.next()), match.next());
  probe_sent = false;
  return true;
}

bool Progress::paused(const Config& config) const {
  switch (state) {
    case State::kProbe:
      return probe_sent;
    case State::kReplicate:
      return inflights.full(config);
    case State::kSnapshot:
      return true;
  }
  return true;
}

}  // namespace detcd::raft
