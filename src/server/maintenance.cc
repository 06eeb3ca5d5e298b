// What operators ask: the leadership moved, hashes, snapshots; and compaction by itself.
#include <utility>

#include "backup/work.h"
#include "base/check.h"
#include "server/node.h"

namespace detcd::server {
namespace {

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};

// Each snapshot under way holds a pin on the past, which can't be freed as long.
constexpr std::size_t kBackupsMax = 16;
constexpr std::size_t kPieceBytes = 32 << 10;  // As etcd cuts it.

}  // namespace

void Node::ask_maintenance(Call call) {
  const ReturnAddress origin{call.call, call.trace, call.reply};
  std::visit(Overload{
                 [&](const apply::AlarmRequest& alarm) {
                   const auto action = static_cast<apply::AlarmAction>(alarm.action);
                   if (action == apply::AlarmAction::kActivate ||
                       action == apply::AlarmAction::kDeactivate) {
                     propose(call, {{}, alarm});
                   } else {
                     read(std::move(call), true);
                   }
                 },
                 [&](apply::DowngradeRequest& downgrade) {
                   const auto action = static_cast<apply::DowngradeAction>(downgrade.action);
                   if (action == apply::DowngradeAction::kValidate) {
                     read(std::move(call), true);
                   } else {
                     propose(call, {{}, std::move(downgrade)});
                   }
                 },
                 [&](const HashRequest&) { long_reads_.spawn(hash_backend(origin)); },
                 [&](const DefragmentRequest&) {
                   // Nothing lies about that could be given back: only the sweep is hurried.
                   sweep_waiting_.wake_one();
                   answer(origin, Acknowledged{});
                 },
                 [&](const MoveLeaderRequest& move) { ask_move_leader(origin, move.target); },
                 [&](const SnapshotRequest&) { open_backup(origin); },
                 [&](const auto&) { check(false, "what isn't maintenance is answered elsewhere"); },
             },
             call.request);
}

// As etcd: asked on the leader only, and answered when the other one leads.
void Node::ask_move_leader(const ReturnAddress& origin, std::uint64_t target) {
  if (!leader_ || *leader_ != raft::NodeId(options_.member_id)) {
    answer(origin, apply::ApiError::kNotLeader);
    return;
  }
  const membership::Member* const member = applier_->members().find(target);
  if (member == nullptr || member->is_learner) {
    answer(origin, apply::ApiError::kBadLeaderTransferee);
    return;
  }
  log_.info("leadership transfer starting", {{"transferee", telemetry::hex(target)}});
  if (target != options_.member_id) push(raft::TransferLeadership{raft::NodeId(target)});
  tasks_.spawn(await_leader(origin, raft::NodeId(target)));
}

runtime::Task<void> Node::await_leader(ReturnAddress origin, raft::NodeId target) {
  const TimePoint deadline = world_.clock.boot() + request_timeout(options_);
  while (leader_ != target) {
    if (world_.clock.boot() >= deadline) {
      answer(origin, apply::ApiError::kTimeout);
      co_return;
    }
    co_await runtime::sleep_for(world_.scheduler, options_.heartbeat_interval / 4);
  }
  answer(origin, Acknowledged{});
}

backup::Contents Node::backup_contents(backup::Schema schema) const {
  backup::Origin origin{.schema = schema, .voters = {}, .learners = {}};
  for (const raft::NodeId voter : applied_configuration_.voters) {
    origin.voters.push_back(voter.value());
  }
  for (const raft::NodeId learner : applied_configuration_.learners) {
    origin.learners.push_back(learner.value());
  }
  return backup::contents_of(*applier_, origin);
}

// Between two entries only the applied state is of one piece.
runtime::Task<void> Node::between_entries() {
  while (applying_) co_await runtime::yield(world_.scheduler);
}

runtime::Task<void> Node::hash_backend(ReturnAddress origin) {
  co_await between_entries();
  const std::shared_ptr<apply::Applier> pinned = applier_;
  backup::HashWork work(pinned->store(), backup_contents(backup::Schema::k37));
  for (;;) {
    const mvcc::Advance progress = work.advance({options_.step_units});
    if (std::holds_alternative<mvcc::Done>(progress)) break;
    check(!std::holds_alternative<mvcc::Need>(progress), "every chunk is kept in memory");
    co_await runtime::yield(world_.scheduler);
  }
  answer(origin, HashAnswer{work.hash()});
}

void Node::open_backup(const ReturnAddress& origin) {
  if (backups_.size() >= kBackupsMax) {
    answer(origin, apply::ApiError::kTooManyRequests);
    return;
  }
  long_reads_.spawn(send_backup(origin, backups_.open(origin)));
}

runtime::Task<void> Node::send_backup(ReturnAddress origin,
                                      std::shared_ptr<PieceStreams::Stream> stream) {
  co_await between_entries();
  const std::shared_ptr<apply::Applier> pinned = applier_;
  const std::string version(backup::name_of(options_.snapshot_storage_version));
  backup::FileWork work(pinned->store(), backup_contents(options_.snapshot_storage_version));
  log_.info("sending a snapshot to a client", {{"revision", pinned->revision()}});
  while (!stream->closed) {
    const mvcc::Advance progress = work.measure({options_.step_units});
    if (std::holds_alternative<mvcc::Done>(progress)) break;
    check(!std::holds_alternative<mvcc::Need>(progress), "every chunk is kept in memory");
    co_await runtime::yield(world_.scheduler);
  }
  backup::Sha256 sum;
  std::uint64_t remaining = work.file_bytes();
  while (!stream->closed) {
    co_await PieceStreams::await_credit(stream);
    if (stream->closed) break;
    const mvcc::Advance progress = work.write({options_.step_units}, kPieceBytes);
    if (std::holds_alternative<mvcc::Done>(progress)) {
      std::string piece = work.take(kPieceBytes);
      if (piece.empty()) break;
      sum.add(piece);
      remaining -= piece.size();
      stream->credit -= static_cast<std::int64_t>(piece.size());
      answer(origin, SnapshotPiece{remaining, Bytes::adopt(std::move(piece)), version, false});
    }
    check(!std::holds_alternative<mvcc::Need>(progress), "every chunk is kept in memory");
    co_await runtime::yield(world_.scheduler);
  }
  if (!stream->closed) {
    answer(origin, SnapshotPiece{0, Bytes::adopt(sum.finish()), version, true});
    log_.info("a snapshot was sent", {{"bytes", work.file_bytes()}});
  }
  backups_.end(origin);
}

runtime::Task<void> Node::auto_compact() {
  for (;;) {
    const bool leads = leader_ && *leader_ == raft::NodeId(options_.member_id);
    const TimePoint now = world_.clock.boot();
    const std::optional<mvcc::Revision> at =
        compactor_.look({now, applier_->revision(), applier_->compact_revision(), leads});
    if (at) {
      log_.info("starting auto compaction", {{"revision", *at}});
      const auto refused = proposals_.propose(
          {.request = apply::CompactionRequest{.revision = *at}, .caller = {.own = true}},
          std::nullopt, now);
      static_cast<void>(refused);  // The next look asks again.
      work_.wake_all();
    }
    co_await runtime::sleep_until(world_.scheduler, compactor_.next_deadline());
  }
}

}  // namespace detcd::server
