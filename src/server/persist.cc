// Saves to the log, in order, as many as wait in one batch; snapshots beside it.
#include <algorithm>
#include <utility>

#include "server/convert.h"
#include "server/node.h"

namespace detcd::server {

runtime::Task<void> Node::write_log() {
  for (;;) {
    while (saves_.empty() && !trim_ && !whole_again_ && !forgot_) {
      const bool woken = co_await saves_waiting_.wait();
      static_cast<void>(woken);
    }
    Result<void> written;
    writing_ = true;
    // A loss is in the log before anything that hides it, and what made the member whole before the
    // log is declared so. A trim, one per snapshot, doesn't wait until there is nothing to save: on
    // a slow disk that moment needn't come.
    if (std::exchange(forgot_, false)) {
      written = co_await storage_.wal->declare_loss();
    } else if (trim_) {
      written = co_await trim_log();
    } else if (!saves_.empty()) {
      written = co_await write_saves();
    } else {
      whole_again_ = false;
      written = co_await storage_.wal->declare_whole();
    }
    writing_ = false;
    if (!written) {
      fail(written.error());
      co_return;
    }
  }
}

runtime::Task<Result<void>> Node::trim_log() {
  const raft::SnapshotMeta mark = *std::exchange(trim_, std::nullopt);
  const raft::Status status = core_.status();
  const raft::HardState state{status.term, status.vote, std::min(status.commit, status.persisted)};
  co_return co_await storage_.wal->trim(mark, state);
}

runtime::Task<Result<void>> Node::write_saves() {
  std::vector<raft::Save> batch;
  std::vector<raft::SaveId> ids;
  const std::size_t most = choices_.save_alone.taken() ? 1 : saves_.size();
  for (std::size_t i = 0; i < most; ++i) {
    raft::Save& save = saves_[i];
    ids.push_back(save.id);
    // A commit index alone is a hint (Raft recomputes it): it waits for a save that must be synced.
    if (save.lazy()) {
      if (save.hard_state) lazy_state_ = save.hard_state;
      continue;
    }
    if (save.hard_state) {
      lazy_state_.reset();
    } else if (lazy_state_) {
      save.hard_state = std::exchange(lazy_state_, std::nullopt);
    }
    batch.push_back(std::move(save));
  }
  saves_.erase(saves_.begin(), saves_.begin() + static_cast<std::ptrdiff_t>(most));
  if (!batch.empty()) {
    slow_disk_.syncs().began(world_.clock.boot());
    const Result<void> saved = co_await storage_.wal->save(std::move(batch));
    slow_disk_.syncs().ended(world_.clock.boot());
    if (!saved) co_return saved.error();
  }
  for (const raft::SaveId id : ids) persisted(id);
  co_return Result<void>();
}

void Node::persisted(raft::SaveId id) {
  persisted_id_ = id;
  push(raft::Persisted{id});
  while (!held_.empty() && *held_.front().after <= persisted_id_) {
    send(held_.front().message);
    held_.pop_front();
  }
  committed_waiting_.wake_one();  // An install may wait for this save.
}

void Node::maybe_snapshot() {
  const std::uint64_t applied = applier_->applied().index;
  if (snapshotting_ || applied <= snapshot_index_) return;
  const bool is_time = applied >= snapshot_index_ + options_.snapshot_count;
  if (!is_time && !choices_.snapshot_early.taken()) return;
  snapshotting_ = true;
  tasks_.spawn(take_snapshot());
}

runtime::Task<void> Node::take_snapshot() {
  // Between the decision and this task's turn another entry may have been begun: the next one that
  // is applied asks again.
  if (applying_) {
    snapshotting_ = false;
    co_return;
  }
  const apply::Position position = applier_->applied();
  const raft::SnapshotMeta meta{raft::Index(position.index), raft::Term(position.term),
                                position.time_ms, applied_configuration_};
  snapshot::Contents contents = contents_of(applier_->capture(), meta);
  // What isn't in the synced log may not be in a snapshot: a restart would find its log behind it.
  // On a slow disk the log is always behind what the others have committed, but it gets here.
  while (core_.persisted() < meta.index && snapshot_index_ < position.index) {
    const bool woken = co_await synced_waiting_.wait();
    static_cast<void>(woken);
  }
  const runtime::Mutex::Guard guard = co_await snapshots_.lock();
  if (position.index > snapshot_index_) {
    const Result<void> saved = co_await storage_.snapshots->save(std::move(contents));
    if (!saved && saved.error().code == Errc::kDamaged) {
      // Nothing that memory has spoilt gets to the disk.
      guard_.damaged(saved.error().message);
      snapshotting_ = false;
      co_return;
    }
    if (!saved) {
      fail(saved.error());
      co_return;
    }
    snapshot_index_ = position.index;
    log_.info("saved snapshot", {{"snapshot-index", position.index}});
    push(raft::Compact{meta});
    trim_ = meta;
    saves_waiting_.wake_one();
  }
  snapshotting_ = false;
}

// A received state is made durable before the core hears of it: Save.snapshot then only names it.
runtime::Task<void> Node::store_received(raft::Message message, Bytes packed) {
  const raft::SnapshotMeta meta = std::get<raft::InstallSnapshot>(message.body).meta;
  Result<snapshot::Contents> contents = snapshot::unpack(packed);
  if (!contents || contents->meta != meta) {
    log_.warn("a received snapshot is damaged",
              {{"remote-peer-id", telemetry::hex(message.from.value())}});
    co_return;
  }
  const runtime::Mutex::Guard guard = co_await snapshots_.lock();
  const std::uint64_t index = meta.index.value();
  const bool wanted = index > core_.commit().value();
  const auto newest = received_.find(snapshot_index_);
  if (wanted && index < snapshot_index_ && newest != received_.end()) {
    // A later one is durable that the core didn't take, since its leader was deposed meanwhile.
    // What it holds is committed, so that the new leader has it, too: it serves for this one.
    std::get<raft::InstallSnapshot>(message.body).meta = newest->second.meta;
  } else if (wanted && index > snapshot_index_) {
    const Result<void> saved = co_await storage_.snapshots->save(*contents);
    if (!saved) {
      fail(saved.error());
      co_return;
    }
    snapshot_index_ = index;
    log_.info(
        "received and saved database snapshot",
        {{"remote-peer-id", telemetry::hex(message.from.value())}, {"snapshot-index", index}});
    received_.insert_or_assign(index, std::move(*contents));
  }
  push(raft::Receive{std::move(message)});
}

}  // namespace detcd::server
