// The node's own commands: its name and client URLs, and the cluster version while it leads.
#include "server/node.h"

namespace detcd::server {

runtime::Task<void> Node::publish() {
  for (;;) {
    const membership::Member* self = applier_->members().find(options_.member_id);
    const bool published =
        self != nullptr && self->name == options_.name && self->client_urls == options_.client_urls;
    const bool decided = applier_->cluster_version() == kClusterVersion;
    if (published && decided) break;
    // Whoever has published itself has synced the leader's term: others may hold it to that.
    if (leader_ && !publish_after_) publish_after_ = issued_id_;
    const bool synced = publish_after_ && persisted_id_ >= *publish_after_;
    if (leader_ && synced) {
      // Who has joined as a voter counts as started when it has its vote: nobody may rely on it
      // before.
      const bool counts =
          self != nullptr &&
          (self->is_learner || applied_configuration_.is_voter(raft::NodeId(self->id)));
      if (counts && !published) {
        publishes_ = true;
        apply::PublishAttributes attributes{options_.member_id, options_.name,
                                            options_.client_urls};
        const auto refused =
            proposals_.propose({{}, std::move(attributes)}, std::nullopt, world_.clock.boot());
        static_cast<void>(refused);  // Too much is under way: the next round asks again.
      }
      if (!decided && *leader_ == raft::NodeId(options_.member_id)) {
        const auto refused = proposals_.propose({{}, apply::SetClusterVersion{kClusterVersion}},
                                                std::nullopt, world_.clock.boot());
        static_cast<void>(refused);
      }
      work_.wake_all();
    }
    // Until it is applied or there is a leader; again as etcd does, which waits no longer either.
    const bool waits = leader_ && synced;
    const Duration patience = waits     ? options_.election_timeout
                              : leader_ ? options_.heartbeat_interval / 10
                                        : options_.heartbeat_interval;
    const bool woken = co_await publishing_.wait_until(world_.clock.boot() + patience);
    static_cast<void>(woken);
  }
  log_.info("published local member to cluster through raft",
            {{"local-member-id", telemetry::hex(options_.member_id)},
             {"cluster-id", telemetry::hex(options_.cluster_id)}});
  published_ = true;
  published_waiting_.wake_all();
}

runtime::Task<void> Node::ready() {
  while (!published_) {
    const bool woken = co_await published_waiting_.wait();
    static_cast<void>(woken);
  }
}

}  // namespace detcd::server
