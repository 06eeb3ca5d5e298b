// Internal: one input being worked in. It holds the replica that changes and the Output that grows;
// the parts of the algorithm are in the files named below.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "raft/raft.h"
#include "raft/state.h"

namespace detcd::raft {

class Step {
 public:
  explicit Step(Replica& replica) : s_(replica) {}
  void take(Input input);
  // Issues the Save, ties waiting messages to it and hands out what is committed.
  [[nodiscard]] Output finish();

 private:
  // What a message must wait for.
  enum class Wait : std::uint8_t { kNothing, kHardState };

  // raft.cc: what comes in, and what all parts use
  void on(const Tick&);
  void on(Propose& propose);
  void on(Receive& receive);
  void on(const Persisted& persisted);
  void on(const Applied& applied);
  void on(const SnapshotInstalled& installed);
  void on(const Read& read);
  void on(const ChangeConfiguration& change);
  void on(const TransferLeadership& transfer);
  void on(const Campaign&);
  void on(const SnapshotReported& reported);
  void on(const Unreachable& unreachable);
  void on(const Compact& compact);
  void dispatch(Message& message);
  [[nodiscard]] bool take_term(const Message& message);
  void answer_stale(const Message& message);
  void send(NodeId to, Body body, Wait wait = Wait::kNothing);
  void send_at(NodeId to, Body body, Term term, Wait wait);
  // The answer that needs the log up to `match` to be synced.
  void send_accepted(NodeId to, Index match);
  void emit(Event event) { out_.events.push_back(std::move(event)); }
  void issue_save();
  void resolve_waits();
  void hand_out_committed();
  [[nodiscard]] std::optional<SaveId> hard_state_save() const;
  [[nodiscard]] std::optional<SaveId> log_save(Index through) const;
  [[nodiscard]] Leader* leader() { return std::get_if<Leader>(&s_.role); }

  // election.cc
  void tick_election();
  void reset_election_deadline();
  void heard_from_leader(NodeId from);
  void set_role(Role role);
  void set_leader(std::optional<NodeId> leader);
  void become_follower(Term term, std::optional<NodeId> leader);
  void campaign();
  void start_election(bool transfer);
  void become_leader();
  void step_down(std::optional<NodeId> leader);
  void count_pre_votes();
  void count_votes();
  [[nodiscard]] bool sticky() const;
  void receive(const Message& message, const VoteRequest& request);
  void receive(const Message& message, const VoteResponse& response);
  void receive(const Message& message, const TimeoutNow& order);
  void end_transfer(bool done);
  void order_transfer();

  // replication.cc
  void tick_leader();
  void check_quorum();
  void propose_as_leader(std::vector<Bytes>& commands);
  Index append(EntryKind kind, Bytes data);
  void broadcast_append();
  void tell_commit();
  void ask_whether_lost(NodeId to, Progress& progress);
  bool send_append(NodeId to, Progress& progress, bool empty_too);
  void broadcast_heartbeat();
  void receive(const Message& message, AppendRequest& request);
  void receive(const Message& message, const AppendResponse& response);
  void receive(const Message& message, const Heartbeat& heartbeat);
  void receive(const Message& message, const HeartbeatResponse& response);
  void receive(const Message& message, ForwardProposal& forward);
  void accept_entries(const Message& message, AppendRequest& request);
  void after_acknowledgement(NodeId from, Progress& progress, bool news);
  void truncate(Index from);
  [[nodiscard]] Progress* progress_of(NodeId node);

  // commit.cc
  void advance_commit();
  void commit_to(Index index);
  void lead_after_commit();
  [[nodiscard]] bool committed_in_term();

  // conf_change.cc
  void adopt_configuration();
  void adopt_members();
  void adopt_role();
  void leave_joint();

  // read_index.cc
  void ask_read(PendingRead read);
  void start_read_round();
  void confirm_reads();
  void answer_read(const PendingRead& read, Index index);
  void abandon_reads();
  void fail_forwarded_reads(bool all);
  [[nodiscard]] bool lease_holds();
  void receive(const Message& message, const ForwardRead& forward);
  void receive(const Message& message, const ReadAnswer& answer);

  // snapshot.cc
  void need_snapshot(NodeId to, Progress& progress);
  void receive(const Message& message, const InstallSnapshot& install);

  // recovery.cc
  void on(const Doubt&);
  void tick_recovery();
  void receive(const Message& message, const RecoveryQuery& query);
  void receive(const Message& message, const RecoveryAnswer& answer);
  void weigh_recovery_answers();
  void finish_recovery();

  Replica& s_;
  Leeway leeway_;
  Output out_;
  struct Waiting {  // A message of out_.messages that waits for more than its own urgency.
    std::size_t message = 0;
    bool hard_state = false;
    Index through;
  };
  std::vector<Waiting> waiting_;
  bool commit_moved_ = false;  // As leader, in this step.
  bool round_begun_ = false;   // Heartbeats went out in this step.
};

}  // namespace detcd::raft
