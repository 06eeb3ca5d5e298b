#include "wal/replay.h"

#include <algorithm>
#include <string>
#include <utility>

#include "raft/codec.h"

namespace detcd::wal {
namespace {

Error misplaced(std::string_view what, raft::Index index) {
  return {Errc::kDamaged, std::string(what) + " " + std::to_string(index.value()) +
                              " doesn't follow the log before it"};
}

}  // namespace

Result<void> Replay::apply(const Bytes& batch, const std::vector<Record>& records) {
  for (const Record& record : records) {
    Result<void> applied = apply(batch.slice(record.offset, record.length), record.type);
    if (!applied) return applied;
  }
  return {};
}

Result<void> Replay::apply(const Bytes& payload, FrameType type) {
  Reader in(payload.view());
  switch (type) {
    case FrameType::kEntry: {
      Result<raft::Entry> entry = raft::decode_entry(in, payload);
      if (!entry) return entry.error();
      return append(std::move(*entry));
    }
    case FrameType::kHardState: {
      const Result<raft::HardState> state = raft::decode_hard_state(in);
      if (!state) return state.error();
      state_.hard_state = *state;
      return {};
    }
    case FrameType::kTruncate:
      return truncate(raft::Index(in.u64()));
    case FrameType::kInstall:
    case FrameType::kTrim: {
      const Result<raft::SnapshotMeta> meta = raft::decode_snapshot_meta(in);
      if (!meta) return meta.error();
      type == FrameType::kInstall ? install(*meta) : trim(*meta);
      return {};
    }
    case FrameType::kLoss: {
      const std::uint8_t health = in.u8();
      const auto worst = static_cast<std::uint8_t>(Recovered::Health::kDamaged);
      loss_ = std::max(loss_, static_cast<Recovered::Health>(std::min(health, worst)));
      return {};
    }
    case FrameType::kWhole:
      loss_ = Recovered::Health::kWhole;
      return {};
    case FrameType::kBatchHead:
    case FrameType::kBatchTail:
      break;
  }
  return Error{Errc::kIncompatible, "a record of type " +
                                        std::to_string(static_cast<unsigned>(type)) +
                                        " isn't known to this version"};
}

Result<void> Replay::append(raft::Entry entry) {
  if (entry.index != next_) return misplaced("entry", entry.index);
  ++next_;
  highest_ = std::max(highest_.value_or(entry.index), entry.index);
  state_.entries.push_back(std::move(entry));
  return {};
}

Result<void> Replay::truncate(raft::Index from) {
  const raft::Index covered = state_.snapshot ? state_.snapshot->index : raft::Index(0);
  if (from > next_ || from <= covered) return misplaced("a truncation from", from);
  while (!state_.entries.empty() && state_.entries.back().index >= from) state_.entries.pop_back();
  next_ = from;
  return {};
}

void Replay::install(const raft::SnapshotMeta& meta) {
  state_.entries.clear();
  state_.snapshot = meta;
  next_ = meta.index.next();
  highest_ = std::max(highest_.value_or(meta.index), meta.index);
}

void Replay::trim(const raft::SnapshotMeta& meta) {
  if (meta.index >= next_) return install(meta);
  if (state_.snapshot && state_.snapshot->index >= meta.index) return;
  state_.snapshot = meta;
  const auto kept = std::ranges::find_if(
      state_.entries, [&](const raft::Entry& entry) { return entry.index > meta.index; });
  state_.entries.erase(state_.entries.begin(), kept);
}

bool Replay::beginning_covered() const {
  const raft::Index covered = state_.snapshot ? state_.snapshot->index : raft::Index(0);
  return first_index_ <= covered.next();
}

Recovered Replay::take() {
  // Without its beginning the log's entries follow on nothing.
  if (!beginning_covered()) state_.entries.clear();
  state_.health = loss_;
  return std::move(state_);
}

}  // namespace detcd::wal
