// A member whose applied state isn't to be relied on: who asks it is told so, and the leader's
// state takes the place of its own, as soon as the log has brought the member there.
#include <algorithm>
#include <utility>
#include <vector>

#include "server/convert.h"
#include "server/node.h"
#include "server/successor.h"

namespace detcd::server {

StateGuard::Doors Node::guard_doors() {
  return {
      .applier = [this]() -> const apply::Applier& { return *applier_; },
      .members = [this] { return core_.status().configuration; },
      .leader = [this] { return leader_; },
      .send = [this](raft::NodeId to, const Bytes& note) { transport_->send_note(to, note.str()); },
      .send_state =
          [this](raft::NodeId to) {
            const raft::Status status = core_.status();
            const auto peer = std::ranges::find(status.peers, to, &raft::Status::Peer::node);
            // One that Raft has asked for is on its way then.
            const bool asked =
                peer != status.peers.end() && peer->state == raft::Status::Peer::State::kSnapshot;
            if (!asked && !applying_) send_snapshot(to);
          },
      .give_up_leadership =
          [this] {
            const std::optional<raft::NodeId> next = successor_in(core_.status());
            if (next) push(raft::TransferLeadership{*next});
          },
      .raise_alarm =
          [this] {
            const apply::AlarmRequest alarm{
                .action = static_cast<std::int32_t>(apply::AlarmAction::kActivate),
                .alarm = static_cast<std::int32_t>(apply::AlarmType::kCorrupt)};
            const auto refused = proposals_.propose({.request = alarm, .caller = {.own = true}},
                                                    std::nullopt, world_.clock.boot());
            static_cast<void>(refused);  // The next comparison raises it again.
            work_.wake_all();
          },
      .doubt_changed =
          [this] {
            const bool doubt = guard_.in_doubt();
            for (const auto& [number, stream] : serving_.all()) {
              answer(stream, ServingAnswer{!doubt});
            }
            if (!doubt) return;
            // Who watches resumes at another member: with the error of other calls it never would.
            for (const ReturnAddress& ended : watches_.end_all()) {
              answer(ended, apply::ApiError::kUnhealthy);
            }
            committed_waiting_.wake_one();
          },
      .fail = [this](Error error) { fail(std::move(error)); },
  };
}

// Entries that the new state holds already are passed over; what waits for their answers is
// answered by its deadline. True when the state was replaced.
bool Node::heal() {
  const bool installing = std::ranges::any_of(
      to_apply_, [](const auto& next) { return std::holds_alternative<PendingInstall>(next); });
  const std::uint64_t reached = healing_.state ? healing_.state->meta.index.value() : 0;
  healing_.passed_over = std::max(healing_.passed_over, applier_->applied().index);
  const std::uint64_t before = healing_.passed_over;
  while (!to_apply_.empty()) {
    const auto* const entry = std::get_if<raft::Entry>(&to_apply_.front());
    if (entry == nullptr || (!installing && entry->index.value() > reached)) break;
    healing_.passed_over = entry->index.value();
    to_apply_.pop_front();
  }
  if (installing) {
    const auto& pending = std::get<PendingInstall>(to_apply_.front());
    if (pending.after && *pending.after > persisted_id_) return false;
    install(pending.meta);
    to_apply_.pop_front();
    return !guard_.in_doubt();
  }
  if (!healing_.state || reached != healing_.passed_over) {
    // The core hands out more once it knows that these are done with.
    if (healing_.passed_over > before) push(raft::Applied{raft::Index(healing_.passed_over)});
    return false;
  }
  const raft::SnapshotMeta meta = healing_.state->meta;
  Result<std::unique_ptr<apply::Applier>> state =
      apply::Applier::restore(options_.cluster_id, image_of(*healing_.state), options_.chunk_bytes);
  healing_.state.reset();
  if (!state) {
    log_.warn("the leader's state is damaged, too", {{"error", state.error().message}});
    return false;
  }
  take_over(*std::move(state), meta);
  push(raft::Applied{meta.index});
  // What the disk has may be of the former state.
  if (!snapshotting_ && meta.index.value() > snapshot_index_) {
    snapshotting_ = true;
    tasks_.spawn(take_snapshot());
  }
  return true;
}

}  // namespace detcd::server
