// One member: the only caller of the Raft core, which it drives and whose outputs it carries out in
// order; it applies what is committed and answers callers. All of it runs on one scheduler, in
// tasks that wait only through the runtime's interfaces.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "apply/applier.h"
#include "raft/raft.h"
#include "runtime/mailbox.h"
#include "runtime/sync.h"
#include "runtime/task_group.h"
#include "runtime/world.h"
#include "server/alarms.h"
#include "server/choices.h"
#include "server/compactor.h"
#include "server/elections.h"
#include "server/gatekeeper.h"
#include "server/leases.h"
#include "server/observer.h"
#include "server/options.h"
#include "server/pieces.h"
#include "server/promises.h"
#include "server/proposals.h"
#include "server/ranges.h"
#include "server/reads.h"
#include "server/roster.h"
#include "server/service.h"
#include "server/serving.h"
#include "server/slow_disk.h"
#include "server/state_guard.h"
#include "server/stopped.h"
#include "server/storage.h"
#include "server/watches.h"
#include "telemetry/log.h"
#include "transport/transport.h"

namespace detcd::server {

class Node final : public transport::Receiver {
  struct Private {};  // Only open() makes nodes.

 public:
  // Opens (or bootstraps) the data directory and restores the state. Errors as open_storage's.
  static runtime::Task<Result<std::unique_ptr<Node>>> open(runtime::World world, telemetry::Log log,
                                                           NodeOptions options, Observer* observer);
  Node(Private, runtime::World world, telemetry::Log log, NodeOptions options, Observer* observer,
       Storage storage, std::shared_ptr<apply::Applier> applier);
  ~Node() override;

  // Serves until it is stopped or fails. Call once.
  runtime::Task<Stopped> run(std::vector<std::unique_ptr<runtime::Listener>> peer_listeners);
  // Hands leadership over, fails what waits with "server stopped", closes the log; run() then
  // returns, within 500 ms. Callable on the node's scheduler, from any task.
  void request_stop();

  // Who speaks another protocol on the peers' port. Before run().
  void receive_visitors(transport::Visitors visitors) {
    transport_->receive_visitors(std::move(visitors));
  }
  // Returns once the member has published itself through the log: it has a leader and can serve.
  runtime::Task<void> ready();

  [[nodiscard]] Service service() { return {mailbox_.sender()}; }
  [[nodiscard]] VersionInfo version() const;
  [[nodiscard]] const NodeOptions& options() const { return options_; }
  // For oracles and tests.
  [[nodiscard]] const raft::Raft& core() const { return core_; }
  [[nodiscard]] const apply::Applier& applier() const { return *applier_; }

 private:
  runtime::Task<void> drive();  // drive.cc: inputs to the core, outputs to the world.
  void turn();
  void step(decltype(raft::Input::what) what);
  void carry_out(raft::Output output);
  void on_event(const raft::Event& event);
  void send(const raft::Message& message);
  void on_leader_changed(const raft::LeaderChanged& change);
  void look_at_disk(TimePoint now);  // leader_disk.cc
  void send_snapshot(raft::NodeId to);
  void expire(TimePoint now);
  [[nodiscard]] apply::ApiError timeout_reason(TimePoint since) const;
  [[nodiscard]] bool may_propose() const;
  [[nodiscard]] TimePoint next_deadline() const;

  runtime::Task<void> take_calls();  // calls.cc: what clients ask.
  void on_call(Call call);
  void serve(Call call);
  [[nodiscard]] Gatekeeper::Doors doors();
  void propose(const Call& call, apply::Command command);
  void read(Call call, bool linearizable);
  void answer_read(WaitingRead read);
  [[nodiscard]] Ranges::Doors range_doors();
  void answer(const ReturnAddress& origin, Outcome outcome, std::unique_ptr<Held> held = nullptr);
  [[nodiscard]] ResponseHeader header(bool with_revision) const;
  // watch_loop.cc: streams of watches.
  void open_watches(const ReturnAddress& origin, bool require_leader);
  void ask_watches(const ReturnAddress& origin, watch::Request request, const Token& token);
  runtime::Task<void> serve_watches();
  [[nodiscard]] StatusResponse status_now() const;
  // alarms.cc: the quota, and what it raises and clears.
  [[nodiscard]] bool exceeds_quota(const apply::Command& command) const;
  void raise_no_space();
  runtime::Task<void> clear_alarms();
  void note_alarms();
  [[nodiscard]] std::optional<std::string> unhealthy_alarm(
      const std::vector<std::string>& exclude) const;
  // maintenance.cc: what operators ask, and compaction by itself.
  void ask_maintenance(Call call);
  void ask_move_leader(const ReturnAddress& origin, std::uint64_t target);
  runtime::Task<void> await_leader(ReturnAddress origin, raft::NodeId target);
  [[nodiscard]] backup::Contents backup_contents(backup::Schema schema) const;
  runtime::Task<void> between_entries();
  runtime::Task<void> hash_backend(ReturnAddress origin);
  void open_backup(const ReturnAddress& origin);
  runtime::Task<void> send_backup(ReturnAddress origin,
                                  std::shared_ptr<PieceStreams::Stream> stream);
  runtime::Task<void> auto_compact();
  [[nodiscard]] apply::LeaseGrantRequest complete_grant(apply::LeaseGrantRequest asked);
  void open_keep_alives(const ReturnAddress& origin, bool require_leader);
  void ask_keep_alive(const ReturnAddress& origin, std::int64_t lease, const Token& token);
  void propose_for_leases(TimePoint now);
  void answer_leases(const apply::Response& response);
  runtime::Task<void> finish_time_to_live(ReturnAddress origin,
                                          apply::LeaseTimeToLiveRequest request, Token token,
                                          std::uint64_t time_ms);
  runtime::Task<void> finish_listing(ReturnAddress origin, Token token);
  [[nodiscard]] Roster::Doors roster_doors();
  // persist.cc: saves, trims and snapshots.
  runtime::Task<void> write_log();
  runtime::Task<Result<void>> trim_log();
  runtime::Task<Result<void>> write_saves();
  void persisted(raft::SaveId id);
  runtime::Task<void> take_snapshot();
  runtime::Task<void> store_received(raft::Message message, Bytes packed);
  void maybe_snapshot();

  // apply_loop.cc: committed entries to the state machine.
  runtime::Task<void> apply_committed();
  [[nodiscard]] Result<bool> begin(const raft::Entry& entry);
  void finish(const raft::Entry& entry, bool command);
  void install(const raft::SnapshotMeta& meta);
  void take_over(std::unique_ptr<apply::Applier> state, const raft::SnapshotMeta& meta);
  runtime::Task<void> sweep();
  [[nodiscard]] StateGuard::Doors guard_doors();  // healing.cc
  [[nodiscard]] bool heal();
  runtime::Task<void> publish();  // publish.cc: the node's own commands.
  // transport::Receiver
  void on_message(raft::Message message, std::uint64_t life) override;
  void on_snapshot(raft::Message message, Bytes packed, std::uint64_t life) override;
  void on_note(raft::NodeId peer, Bytes note) override;
  [[nodiscard]] bool is_removed(raft::NodeId peer) const override { return roster_.is_gone(peer); }
  void on_unreachable(raft::NodeId peer) override;
  void on_snapshot_reported(raft::NodeId peer, bool delivered) override;
  void on_refused(raft::NodeId peer, const transport::Welcome& welcome) override;
  [[nodiscard]] transport::Introduction introduction(raft::NodeId peer) const override;
  void on_introduction(raft::NodeId peer, const transport::Introduction& told) override;

  void fail(Error error);
  void push(decltype(raft::Input::what) what);
  runtime::Task<void> hand_over();

  runtime::World world_;
  telemetry::Log log_;
  NodeOptions options_;
  Observer& observer_;
  Storage storage_;
  std::shared_ptr<apply::Applier> applier_;  // Shared with long reads that outlive its replacement.
  raft::Raft core_;
  Choices choices_;

  // Towards the core.
  std::deque<decltype(raft::Input::what)> inputs_;
  runtime::Signal work_;
  runtime::Mailbox<ToNode> mailbox_;
  Proposals proposals_;
  Reads reads_;
  const std::uint64_t life_;  // Of this process, for its peers.
  Gatekeeper gate_;
  Ranges ranges_;
  Elections elections_;
  ServingStreams serving_;
  Watches watches_;
  PieceStreams backups_;
  runtime::Signal watches_waiting_;  // There may be something for them.
  KeepAlives keep_alives_;
  LeaseTicks lease_ticks_;
  std::uint64_t leases_drawn_ = 0;
  std::optional<raft::NodeId> leader_;
  TimePoint leader_changed_{};
  TimePoint propose_after_{};  // Raft took none: not before this.

  // Towards the disk.
  std::deque<raft::Save> saves_;
  std::optional<raft::HardState> lazy_state_;  // A commit index that waits for company.
  std::optional<raft::SnapshotMeta> trim_;
  runtime::Signal saves_waiting_;
  runtime::Signal synced_waiting_;  // The synced log may have grown.
  raft::SaveId persisted_id_;
  raft::SaveId issued_id_{};  // The newest save that was asked for.
  bool writing_ = false;
  bool forgot_ = false;       // To be written to the log, before anything else.
  bool whole_again_ = false;  // To be written to the log.
  SlowDisk slow_disk_;
  std::deque<raft::Outgoing> held_;  // Messages that wait for a save.
  runtime::Mutex snapshots_;         // One user of the snapshot store at a time.
  bool snapshotting_ = false;
  std::uint64_t snapshot_index_ = 0;

  // Towards the state machine.
  struct PendingInstall {
    raft::SnapshotMeta meta;
    std::optional<raft::SaveId> after;
  };
  std::deque<std::variant<raft::Entry, PendingInstall>> to_apply_;
  runtime::Signal committed_waiting_;
  std::map<std::uint64_t, snapshot::Contents> received_;  // Durable received states by index.
  StateGuard guard_;
  Healing healing_;
  raft::Configuration applied_configuration_;
  bool applying_ = false;
  apply::RequestId applying_id_;
  runtime::Signal sweep_waiting_;
  runtime::Signal alarms_waiting_;  // One may be cleared, or could have been lost on its way.
  AlarmTimes alarm_times_;
  Compactor compactor_;
  Promises promises_;                             // Of the peers.
  std::optional<transport::Promise> began_with_;  // Until it is known to be Recovering.
  Roster roster_;
  bool publishes_ = false;  // It has asked for that in this life.
  std::optional<raft::SaveId> publish_after_;
  bool published_ = false;
  runtime::Signal publishing_;  // A command of its own was applied, or there is a leader.
  runtime::Signal published_waiting_;
  bool stopping_ = false;
  std::optional<Stopped> stopped_;
  runtime::Signal stop_waiting_;
  std::unique_ptr<transport::Transport> transport_;
  runtime::TaskGroup long_reads_;
  // Last: the tasks use everything above, and end first.
  runtime::TaskGroup tasks_;
};

}  // namespace detcd::server
