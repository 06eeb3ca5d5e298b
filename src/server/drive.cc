// The loop around the core: inputs in, outputs carried out in order.
#include <algorithm>
#include <utility>

#include "server/convert.h"
#include "server/node.h"

namespace detcd::server {
namespace {

constexpr std::size_t kInputsPerTurn = 256;

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};

}  // namespace

runtime::Task<void> Node::drive() {
  for (;;) {
    // With several clients about, all that have asked by now share an append, its messages and its
    // sync: with 256 clients on three members that is a quarter of the processor time.
    if (proposals_.size() > 1 && may_propose()) co_await runtime::yield_last(world_.scheduler);
    turn();
    if (stopped_) co_return;
    if (!inputs_.empty()) {
      co_await runtime::yield(world_.scheduler);
    } else {
      const bool woken = co_await work_.wait_until(next_deadline());
      static_cast<void>(woken);
    }
  }
}

// A leader hands the core no more while a save is on its way to the disk: what arrives until then
// shares the next append, its messages and its sync. Writing a save ends in an input, so that
// nothing waits longer than for the disk.
bool Node::may_propose() const {
  if (!leader_ || !proposals_.has_batch()) return false;
  return (saves_.empty() && !writing_) || *leader_ != raft::NodeId(options_.member_id);
}

TimePoint Node::next_deadline() const {
  const TimePoint again = may_propose() ? propose_after_ : kNever;
  return std::min({core_.next_deadline(), proposals_.next_deadline(), reads_.next_deadline(),
                   keep_alives_.next_deadline(), lease_ticks_.next_deadline(),
                   roster_.next_deadline(), slow_disk_.next_deadline(), again});
}

// put-path 5/8
void Node::turn() {
  const TimePoint now = world_.clock.boot();
  for (std::size_t i = 0; i < kInputsPerTurn && !inputs_.empty(); ++i) {
    decltype(raft::Input::what) what = std::move(inputs_.front());
    inputs_.pop_front();
    step(std::move(what));
  }
  propose_for_leases(now);
  roster_.look(now);
  look_at_disk(now);
  if (may_propose() && now >= propose_after_) {
    const std::size_t most = choices_.proposal_alone.taken() ? 1 : Proposals::kWhole;
    step(raft::Propose{proposals_.take_batch(most)});
  }
  if (reads_.is_asking() && choices_.ask_again.taken()) reads_.ask_again();
  if (const std::optional<std::uint64_t> round = reads_.begin_round(now)) step(raft::Read{*round});
  if (core_.next_deadline() <= now) step(raft::Tick{});
  expire(now);
  if (snapshotting_) synced_waiting_.wake_all();
}

void Node::step(decltype(raft::Input::what) what) {
  std::vector<Bytes> commands;
  if (const auto* propose = std::get_if<raft::Propose>(&what)) commands = propose->commands;
  raft::Output output =
      core_.step(raft::Input{world_.clock.boot(), std::move(what), choices_.leeway()});
  observer_.on_step(core_);
  // A Propose is taken whole or dropped whole: dropped ones wait, and go again.
  for (const raft::Event& event : output.events) {
    const auto* dropped = std::get_if<raft::ProposalDropped>(&event);
    if (dropped == nullptr || commands.empty()) continue;
    proposals_.give_back(std::exchange(commands, {}));
    // Asking again at once would only spin: the transfer or the backlog takes its time.
    propose_after_ = world_.clock.boot() + options_.heartbeat_interval;
  }
  carry_out(std::move(output));
}

void Node::carry_out(raft::Output output) {
  std::optional<raft::SaveId> save_id;
  if (output.save) {
    save_id = output.save->id;
    issued_id_ = *save_id;
    saves_.push_back(std::move(*output.save));
    saves_waiting_.wake_one();
  }
  for (raft::Outgoing& outgoing : output.messages) {
    if (outgoing.after && *outgoing.after > persisted_id_) {
      held_.push_back(std::move(outgoing));
    } else {
      send(outgoing.message);
    }
  }
  if (output.install) to_apply_.emplace_back(PendingInstall{*output.install, save_id});
  for (raft::Entry& entry : output.committed) to_apply_.emplace_back(std::move(entry));
  if (!to_apply_.empty()) committed_waiting_.wake_one();
  for (const raft::ReadState& read : output.reads) {
    reads_.confirm(read.read_id, read.index, read.time_ms);
    committed_waiting_.wake_one();
  }
  for (const raft::Event& event : output.events) on_event(event);
}

void Node::send(const raft::Message& message) {
  observer_.on_send(message);
  transport_->send(message);
}

void Node::send_snapshot(raft::NodeId to) {
  // Between two entries the applied state is whole; its position names it.
  if (applying_ || applier_->applied().index == 0) {
    push(raft::SnapshotReported{to, false});
    return;
  }
  const apply::Position& position = applier_->applied();
  raft::SnapshotMeta meta{raft::Index(position.index), raft::Term(position.term), position.time_ms,
                          applied_configuration_};
  const raft::Message message{raft::NodeId(options_.member_id), to, core_.status().term,
                              raft::InstallSnapshot{meta}};
  log_.info("sending database snapshot",
            {{"snapshot-index", position.index}, {"remote-peer-id", telemetry::hex(to.value())}});
  transport_->send_snapshot(message,
                            Bytes::adopt(snapshot::pack(contents_of(applier_->capture(), meta))));
}

void Node::on_event(const raft::Event& event) {
  observer_.on_raft_event(event);
  std::visit(
      Overload{
          [&](const raft::LeaderChanged& change) { on_leader_changed(change); },
          [&](const raft::ReadFailed& failed) { reads_.fail(failed.read_id, world_.clock.boot()); },
          [&](const raft::SnapshotNeeded& needed) { send_snapshot(needed.to); },
          [&](const raft::RecoveryEnded& ended) {
            log_.info("the member is whole again", {{"caught-up-index", ended.caught_up.value()}});
            whole_again_ = true;
            saves_waiting_.wake_one();
          },
          [&](const raft::ConfigurationChanged&) { roster_.note_configuration(); },
          [&](const auto&) {
            if (log_.enabled(telemetry::Level::kDebug)) log_.debug(raft::describe(event));
          },
      },
      event);
}

void Node::on_leader_changed(const raft::LeaderChanged& change) {
  const std::string self = telemetry::hex(options_.member_id);
  const std::string term = std::to_string(change.term.value());
  if (change.leader) {
    log_.info("raft.node: " + self + " elected leader " + telemetry::hex(change.leader->value()) +
              " at term " + term);
  } else if (leader_) {
    log_.info("raft.node: " + self + " lost leader " + telemetry::hex(leader_->value()) +
              " at term " + term);
  }
  // As etcd: a stream that wants a leader is ended only when there has long been none.
  if (change.leader) {
    watches_.leader_found();
    keep_alives_.leader_found();
  } else if (leader_) {
    const TimePoint ending = world_.clock.boot() + 3 * options_.election_timeout;
    keep_alives_.leader_lost(ending);
    watches_.leader_lost(ending);
    watches_waiting_.wake_one();
  }
  leader_ = change.leader;
  leader_changed_ = world_.clock.boot();
  slow_disk_.leader_changed(leader_ == raft::NodeId(options_.member_id), leader_changed_);
  if (leader_) {
    propose_after_ = {};
    roster_.leader_found();
    reads_.retry_now();
    keep_alives_.retry_now();
    publishing_.wake_all();
    alarms_waiting_.wake_one();
    work_.wake_all();
  }
}

// etcd's choice of words (ETCD.md §2.13): what most likely kept the entry from committing.
apply::ApiError Node::timeout_reason(TimePoint since) const {
  if (!leader_ || leader_changed_ >= since) return apply::ApiError::kTimeoutDueToLeaderFail;
  const std::size_t voters = core_.status().configuration.voters.size();
  if (transport_->connected() + 1 < voters / 2 + 1) {
    return apply::ApiError::kTimeoutDueToConnectionLost;
  }
  return apply::ApiError::kTimeout;
}

void Node::expire(TimePoint now) {
  for (const Proposals::Pending& pending : proposals_.expire(now)) {
    if (pending.origin) answer(*pending.origin, timeout_reason(pending.since));
  }
  for (const KeepAlives::Ended& ended : keep_alives_.expire(now)) {
    answer(ended.stream, ended.error);
  }
  for (const WaitingRead& waiting : reads_.expire(now)) {
    answer(waiting.origin, timeout_reason(waiting.since));
  }
  for (const MemberChanges::Expired& expired : roster_.expire(now)) {
    answer(expired.origin, timeout_reason(expired.since));
  }
  gate_.serve_waiting();
}

}  // namespace detcd::server
