// The members as the node deals with them: changes that clients ask for, the configuration of Raft
// that a leader makes follow the replicated table, where the others are dialed, who is refused, and
// how a removed member ends.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apply/applier.h"
#include "membership/reconfiguration.h"
#include "raft/raft.h"
#include "runtime/task_group.h"
#include "runtime/world.h"
#include "server/member_changes.h"
#include "server/options.h"
#include "server/proposals.h"
#include "server/service.h"
#include "telemetry/log.h"
#include "transport/transport.h"

namespace detcd::server {

class Roster {
 public:
  // What it asks the node for.
  struct Doors {
    std::function<const apply::Applier&()> applier;
    std::function<const raft::Configuration&()> applied_configuration;
    std::function<transport::Transport&()> transport;
    std::function<void(const ReturnAddress&, Outcome)> answer;
    std::function<void(const Call&, apply::Command)> propose;
    std::function<void(decltype(raft::Input::what))> push;
    std::function<void()> wake;           // A turn soon.
    std::function<void()> stop_for_good;  // The cluster goes on without this member.
  };
  // `options` and `core` outlive it. `life`: of this process.
  Roster(runtime::World world, telemetry::Log log, const NodeOptions& options,
         const raft::Raft& core, Doors doors, std::uint64_t life);

  // Whether this member is a learner, by the table; one that isn't in it yet, by its role.
  [[nodiscard]] bool is_learner() const;
  [[nodiscard]] bool is_refused_by_learner(const Request& request) const;

  // A membership::Change that a client asks for: proposed in the end, or answered.
  void ask(Call call);
  // It was applied; who asked for it is answered once the configuration has followed.
  void await(const Proposals::Pending& pending, apply::MemberResponse response);
  // The table, or a configuration that is in force or was applied, may have changed.
  void changed();
  void note_configuration() { learn_members(); }
  void leader_found();
  // In every turn.
  void look(TimePoint now);
  // Whose patience is over; the caller says why.
  [[nodiscard]] std::vector<MemberChanges::Expired> expire(TimePoint now) {
    return changes_.expire(now);
  }
  [[nodiscard]] TimePoint next_deadline() const;
  void stop() { tasks_.cancel(); }

  // Entries that aren't applied yet, committed or not, say where their members are dialed.
  void learn_from_log(const std::vector<raft::Entry>& entries);
  // What a member that joins was told at its start.
  void learn_from_flags();

  // What peers say, and are told.
  void on_note(raft::NodeId peer, const Bytes& note);
  [[nodiscard]] bool is_gone(raft::NodeId peer) const { return gone_.contains(peer); }
  void learn_address(raft::NodeId peer, const std::vector<std::string>& told);
  [[nodiscard]] std::vector<std::string> own_addresses() const;
  // A peer says that this member was removed: or it knows so itself, and has seen to the rest.
  void leave_now();

 private:
  [[nodiscard]] const membership::Membership& members() const { return doors_.applier().members(); }
  [[nodiscard]] raft::NodeId self() const { return raft::NodeId(options_.member_id); }
  [[nodiscard]] std::optional<apply::ApiError> refuse_strictly(
      const membership::Change& change) const;
  [[nodiscard]] std::optional<apply::ApiError> refuse_promotion(std::uint64_t learner) const;
  void propose(const Call& call);
  void ask_leader();
  void on_advice(const PromotionAdvised& advised);
  void answer(const ReturnAddress& origin, apply::MemberResponse response);
  void answer_followed();
  void reconfigure(TimePoint now);
  void follow_table(const raft::Status& status);
  [[nodiscard]] bool hand_over_removal(const raft::Status& status, const membership::Ids& to);
  void learn_members();
  void look_at_addresses(TimePoint now);
  runtime::Task<void> leave();

  runtime::World world_;
  telemetry::Log log_;
  const NodeOptions& options_;
  const raft::Raft& core_;
  Doors doors_;
  MemberChanges changes_;
  bool settled_ = true;      // Raft's configuration has followed the table, or another leads.
  TimePoint asked_until_{};  // A change was asked for: not again before this.

  using Addresses = std::map<raft::NodeId, std::vector<std::string>, IdOrder>;
  Addresses addresses_;
  Addresses told_addresses_;  // By the peers themselves: this member's table may be behind.
  bool addresses_told_ = false;
  std::map<raft::NodeId, TimePoint, IdOrder> farewells_;  // Who left, and is dialed until then.
  raft::NodeSet gone_;  // Removed, and in no configuration that counts here.

  bool leaving_ = false;
  bool handed_over_ = false;  // Its leadership, as it is leaving.
  runtime::TaskGroup tasks_;
};

}  // namespace detcd::server
