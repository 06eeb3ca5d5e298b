// Committed entries to the state machine, one after another, in bounded steps.
#include <algorithm>
#include <utility>

#include "base/codec.h"
#include "raft/codec.h"
#include "server/convert.h"
#include "server/node.h"
#include "wire/command_codec.h"

namespace detcd::server {
namespace {

constexpr std::size_t kEntriesPerTurn = 512;

}  // namespace

runtime::Task<void> Node::apply_committed() {
  for (;;) {
    std::size_t entries = 0;
    const std::size_t most = choices_.apply_one_entry.taken() ? 1 : kEntriesPerTurn;
    if (guard_.in_doubt()) {
      const bool whole = heal();
      if (!whole) {
        const bool woken = co_await committed_waiting_.wait();
        static_cast<void>(woken);
        continue;
      }
    }
    while (!to_apply_.empty() && entries < most && !guard_.in_doubt()) {
      if (const auto* pending = std::get_if<PendingInstall>(&to_apply_.front())) {
        if (pending->after && *pending->after > persisted_id_) break;
        install(pending->meta);
        to_apply_.pop_front();
        continue;
      }
      const raft::Entry entry = std::get<raft::Entry>(std::move(to_apply_.front()));
      to_apply_.pop_front();
      ++entries;
      const Result<bool> command = begin(entry);
      if (!command) {
        fail(command.error());
        co_return;
      }
      applying_ = true;
      for (;;) {
        const std::uint64_t units = choices_.apply_one_unit.taken() ? 1 : options_.step_units;
        const mvcc::Advance progress = applier_->advance({units});
        if (std::holds_alternative<mvcc::Done>(progress)) break;
        check(!std::holds_alternative<mvcc::Need>(progress), "every chunk is kept in memory");
        co_await runtime::yield(world_.scheduler);
      }
      applying_ = false;
      finish(entry, *command);
    }
    if (entries > 0) {
      push(raft::Applied{raft::Index(applier_->applied().index)});
      maybe_snapshot();
      if (!watches_.idle()) watches_waiting_.wake_one();
    }
    if (reads_.has_confirmed() && choices_.answers_wait.taken()) {
      co_await runtime::yield(world_.scheduler);
      continue;  // Something may have come that nobody waited for.
    }
    std::vector<WaitingRead> ready = reads_.take_ready(raft::Index(applier_->applied().index));
    for (WaitingRead& read : ready) answer_read(std::move(read));
    gate_.serve_waiting();
    if (entries == most) {
      co_await runtime::yield(world_.scheduler);
    } else {
      const bool woken = co_await committed_waiting_.wait();
      static_cast<void>(woken);
    }
  }
}

// True when it is a command, whose answer somebody may wait for.
Result<bool> Node::begin(const raft::Entry& entry) {
  const apply::Position position{entry.index.value(), entry.term.value(), entry.time_ms};
  if (entry.kind == raft::EntryKind::kConfiguration) {
    Reader in(entry.data.view());
    const Result<raft::ConfigurationEntry> change = raft::decode_configuration_entry(in);
    if (!change) return change.error();
    applied_configuration_ = change->configuration;
    applier_->configure(position, change->context);
    return false;
  }
  if (entry.data.empty()) {
    applier_->skip(position);
    return false;
  }
  Result<apply::Command> command = wire::decode_command(entry.data);
  // An entry this version can't read stops it: skipping would make it differ from the others.
  if (!command) {
    return Error{command.error().code,
                 "entry " + std::to_string(entry.index.value()) + ": " + command.error().message};
  }
  applying_id_ = command->id;
  gate_.applying(*command);
  observer_.on_command(position, *command);
  applier_->begin(position, std::move(*command));
  return true;
}

void Node::finish(const raft::Entry& entry, bool command) {
  const apply::Position position{entry.index.value(), entry.term.value(), entry.time_ms};
  const std::uint64_t hash = applier_->state_hash();
  guard_.applied({position.index, hash});
  if (entry.kind == raft::EntryKind::kConfiguration) {
    roster_.changed();
    publishing_.wake_all();
  }
  if (!command) {
    observer_.on_applied(position, std::nullopt, hash);
    return;
  }
  observer_.on_applied(position, applying_id_, hash);
  apply::Answer result = applier_->take_answer();
  std::optional<Proposals::Pending> pending = proposals_.complete(applying_id_);
  if (gate_.applied(result, entry.index.value())) {
    watches_.recheck(applier_->auth(), applier_->store());
    watches_waiting_.wake_one();
  }
  const bool stale = result == apply::Answer(apply::ApiError::kAuthOldRevision);
  if (stale && pending && pending->origin && pending->again) {
    gate_.begin_authenticate(*pending->origin, std::move(*pending->again));
    return;
  }
  if (auto* const response = std::get_if<apply::Response>(&result)) {
    if (auto* const changed = std::get_if<apply::MemberResponse>(response)) {
      if (pending && pending->origin) roster_.await(*pending, std::move(*changed));
      roster_.changed();
      return;
    }
    if (std::holds_alternative<apply::CompactionResponse>(*response)) {
      watches_.compacted(applier_->store());
      sweep_waiting_.wake_one();
      alarms_waiting_.wake_one();
      compactor_.compacted(applier_->compact_revision(), world_.clock.boot());
    }
    if (std::holds_alternative<apply::AlarmResponse>(*response)) {
      note_alarms();
      observer_.on_alarms(position.index, applier_->alarms().list(apply::AlarmType::kNone));
    }
    if (std::holds_alternative<apply::PublishResponse>(*response)) publishing_.wake_all();
    answer_leases(*response);
  }
  if (!pending || !pending->origin) return;
  ranges_.answer(*pending->origin, std::move(result));
}

void Node::install(const raft::SnapshotMeta& meta) {
  const auto found = received_.find(meta.index.value());
  check(found != received_.end(), "the core installs only a state that was received");
  Result<std::unique_ptr<apply::Applier>> image =
      apply::Applier::restore(options_.cluster_id, image_of(found->second), options_.chunk_bytes);
  if (!image) {
    fail(image.error());
    return;
  }
  received_.erase(received_.begin(), std::next(found));
  log_.info("applied snapshot", {{"snapshot-index", meta.index.value()}});
  take_over(*std::move(image), meta);
  push(raft::SnapshotInstalled{meta.index});
}

void Node::take_over(std::unique_ptr<apply::Applier> state, const raft::SnapshotMeta& meta) {
  applier_ = std::move(state);
  healing_.state.reset();
  applied_configuration_ = meta.configuration;
  gate_.replaced();
  const std::uint64_t hash = applier_->state_hash();
  guard_.replaced({meta.index.value(), hash});
  watches_.replaced(applier_->store());
  watches_.recheck(applier_->auth(), applier_->store());
  watches_waiting_.wake_one();
  note_alarms();
  observer_.on_installed(applier_->applied(), hash);
  roster_.changed();
}

// Frees what compactions hid, a little at a time, when nothing is being applied.
runtime::Task<void> Node::sweep() {
  const std::uint64_t units = std::max<std::uint64_t>(options_.step_units / 5, 1);
  for (;;) {
    const bool woken = co_await sweep_waiting_.wait();
    static_cast<void>(woken);
    for (;;) {
      co_await runtime::sleep_for(world_.scheduler, 1ms);
      if (applying_) continue;
      const mvcc::Budget budget{choices_.sweep_one_unit.taken() ? 1 : units};
      const mvcc::Advance progress = applier_->sweep(budget);
      if (!std::holds_alternative<mvcc::More>(progress)) break;
    }
  }
}

}  // namespace detcd::server
