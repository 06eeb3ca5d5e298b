// The judges of live members: Raft's invariants (dissertation figure 3.2), equal state at equal
// indexes, one command per index for ever, nothing forgotten over a restart that others count on.
// Each member reports through an Observer of its own; the first contradiction is kept, in words.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/observer.h"
#include "sim/history/history.h"
#include "sim/oracles/bounds.h"
#include "sim/oracles/oracle.h"
#include "sim/oracles/stopped.h"
#include "sim/plan/probes.h"

namespace detcd::sim {

class ClusterOracle {
 public:
  explicit ClusterOracle(History& history)
      : history_(history),
        bounds_(failing()),
        oracles_(make_oracles({history, probes_, failing()})) {}
  ClusterOracle(const ClusterOracle&) = delete;
  ClusterOracle& operator=(const ClusterOracle&) = delete;

  // Whether a member's disk has ever lost what was synced.
  enum class DiskHistory : std::uint8_t { kHonest, kRotten };
  // The observer of one life of a member; it must not outlive the oracle.
  [[nodiscard]] std::unique_ptr<server::Observer> observer(std::uint32_t node, DiskHistory disk);

  // Which node answers under this member id.
  void know_member(std::uint64_t member_id, std::uint32_t node) {
    history_.members[member_id] = node;
  }

  [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }
  // Of every member; `event` tells which event of the kernel is running.
  void set_bounds(const Bounds& bounds, std::function<std::uint64_t()> event) {
    bounds_.set_bounds(bounds);
    event_ = std::move(event);
  }
  void set_clock(std::function<VirtualTime()> now) { now_ = std::move(now); }
  void looked(std::uint32_t node, const Usage& usage) { bounds_.looked(node, usage); }
  // Called for every message between members when it arrives: where, and from which life of its
  // sender's process.
  using Tap = std::function<void(std::uint32_t, const raft::Message&, std::uint64_t life)>;
  void on_receive(Tap tap) { tap_ = std::move(tap); }
  // Called once, at the first violation.
  void on_violation(std::function<void()> tell) { tell_ = std::move(tell); }
  // Told of elections, commits and the like as they happen, in words.
  using Teller = std::function<void(std::uint32_t node, const std::string& what)>;
  void on_happening(Teller teller) { teller_ = std::move(teller); }

  // The member's directory is now an older copy of itself; `owed`: what was committed with the help
  // of its word. Should it come back with less, it must be Recovering before it votes again.
  void put_back(std::uint32_t node, raft::Index owed);

  // The member's life has ended, or the run: what it promised is filled in here.
  void stopped(StoppedMember stopped);

  struct Numbers {
    std::uint64_t leaders = 0;     // Elections won.
    std::uint64_t recoveries = 0;  // Members that came back as Recovering and ended it.
    std::uint64_t installs = 0;    // Snapshots installed.
    std::uint64_t stopped = 0;     // Disks of stopped members that were looked at.
  };
  [[nodiscard]] const Numbers& numbers() const { return numbers_; }
  void watched(const WatchNote& note) {
    for (const std::unique_ptr<Oracle>& oracle : oracles_) oracle->on_watch(note);
  }
  // What the judges still wait for, in words.
  [[nodiscard]] std::string awaited() const {
    for (const std::unique_ptr<Oracle>& oracle : oracles_) {
      std::string what = oracle->awaited();
      if (!what.empty()) return what;
    }
    return {};
  }
  // What the members went through.
  [[nodiscard]] const Probes& probes() const { return probes_; }
  // The run is over and has settled.
  void judge(const Settled& settled) {
    for (const std::unique_ptr<Oracle>& oracle : oracles_) oracle->on_settled(settled);
  }
  [[nodiscard]] std::uint64_t highest_committed() const {
    return committed_.empty() ? 0 : committed_.rbegin()->first;
  }

 private:
  class Member;
  // What a member must still know in its next life, unless it comes back as Recovering.
  struct Memory {
    raft::Index synced;  // It said that its log is synced up to here.
    // The latest vote without which nobody would have had a majority.
    raft::Term vote_term;
    std::optional<raft::NodeId> vote;
    raft::Term forgiven;  // It was Recovering since: votes up to this term may be forgotten.
    std::optional<raft::Index> owed;  // Its directory was put back, and it hasn't started since.
    bool must_recover = false;        // It came back with less than it owes.
  };
  void fail(std::string oracle, std::string message);
  [[nodiscard]] BoundsOracle::Fail failing() {
    return [this](std::string oracle, std::string message) {
      fail(std::move(oracle), std::move(message));
    };
  }
  void tell_event(std::uint32_t node, const raft::Event& event);
  void tell_commit(std::uint32_t node, const raft::Raft& core);
  void applied(std::uint32_t node, const apply::Position& position,
               std::optional<apply::RequestId> request, std::uint64_t state_hash);
  void installed(std::uint32_t node, const apply::Position& position, std::uint64_t state_hash);
  void note_leases(const apply::Position& position, const apply::Command& command);
  void note_access(const apply::Position& position, const apply::Command& command);
  void elected(std::uint32_t node, raft::Term term);
  void followed(std::uint32_t node, const raft::LeaderChanged& change);
  void check_leader(std::uint32_t node, const raft::Raft& core);
  void check_commit_rule(std::uint32_t node, const raft::Raft& core);
  void recovering(std::uint32_t node);
  // At a life's first step: what it remembers of the one before.
  void recall(std::uint32_t node, const raft::Raft& core);
  void voted(std::uint32_t node, const raft::VoteCast& vote);
  void remember_votes(std::uint32_t winner, const raft::Status& status);
  void committed(std::uint32_t node, const raft::Raft& core, raft::Index from, raft::Index to);

  History& history_;
  Probes probes_;
  BoundsOracle bounds_;
  std::function<std::uint64_t()> event_;
  std::function<VirtualTime()> now_;
  std::vector<std::unique_ptr<Oracle>> oracles_;  // All the others.
  std::optional<Violation> violation_;
  std::function<void()> tell_;
  Teller teller_;
  Tap tap_;
  std::map<std::uint64_t, std::uint32_t> leader_of_;  // Term → node.
  struct Committed {
    std::uint64_t term = 0;  // Of the entry.
    std::uint64_t in = 0;    // The earliest term in which a member knew it to be committed.
  };
  std::map<std::uint64_t, Committed> committed_;                          // By index.
  std::map<std::uint64_t, std::map<std::uint32_t, raft::NodeId>> votes_;  // Term → who → for whom.
  std::map<std::uint32_t, Memory> memory_;
  std::set<apply::RequestId> changes_of_access_;
  Numbers numbers_;
};

}  // namespace detcd::sim
