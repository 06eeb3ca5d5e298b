// A leader with a slow disk: the others are asked how theirs are, and one that is much faster is
// to lead (slow_disk.h).
#include "server/node.h"
#include "server/successor.h"

namespace detcd::server {

void Node::look_at_disk(TimePoint now) {
  const SlowDisk::Due due = slow_disk_.look(now);
  if (due == SlowDisk::Due::kNothing) return;
  const raft::Status status = core_.status();
  if (due == SlowDisk::Due::kAsk) {
    const Bytes question = SlowDisk::question();
    for (const raft::NodeId voter : status.configuration.voters) {
      if (voter != raft::NodeId(options_.member_id)) transport_->send_note(voter, question.str());
    }
    return;
  }
  // What is proposed until the other one leads waits here, and goes to it.
  const std::optional<raft::NodeId> next = successor_in(status, &slow_disk_.faster());
  if (!next) return;
  log_.warn("leadership leaves this member, whose disk is slow",
            {{"transferee", telemetry::hex(next->value())},
             {"sync-p99-ms", static_cast<std::uint64_t>(slow_disk_.own() / 1ms)}});
  push(raft::TransferLeadership{*next});
}

void Node::on_note(raft::NodeId peer, Bytes note) {
  SlowDisk::Heard heard = slow_disk_.on_note(peer, note, world_.clock.boot());
  if (heard.answer) transport_->send_note(peer, heard.answer->str());
  if (heard.ours || guard_.on_note(peer, note)) return;
  roster_.on_note(peer, note);
}

}  // namespace detcd::server
