// The judge of what members tell each other: a vote goes to a log that isn't behind, what is
// acknowledged equals the leader's log, stays, and isn't forgotten over a restart. It sees each
// message when it leaves, so when all that it promises must be synced.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

#include "raft/events.h"
#include "raft/raft.h"
#include "sim/history/history.h"
#include "sim/oracles/oracle.h"

namespace detcd::sim {

class ReplicationOracle final : public Oracle {
 public:
  using Fail = std::function<void(std::string oracle, std::string message)>;
  ReplicationOracle(const History& history, Fail fail)
      : history_(history), fail_(std::move(fail)) {}
  explicit ReplicationOracle(const OracleWorld& world)
      : ReplicationOracle(world.history, world.fail) {}

  void on_recovered(std::uint32_t node, wal::Recovered::Health,
                    const raft::Raft& restored) override {
    restarted(node, restored);
  }
  void on_step(std::uint32_t node, const raft::Raft& core) override { stepped(node, core); }
  void on_send(std::uint32_t node, const raft::Message& message) override { sent(node, message); }
  void on_event(std::uint32_t node, const raft::Event& event) override {
    if (const auto* vote = std::get_if<raft::VoteCast>(&event)) voted(node, *vote);
  }
  void on_put_back(std::uint32_t node) override { put_back(node); }
  void on_death(std::uint32_t node) override { ended(node); }
  void add_promises(std::uint32_t node, Promised& promised) const override;

  // A life begins: it is asked what it remembers. Its first step may already replace some of that.
  void restarted(std::uint32_t node, const raft::Raft& core);
  // After every step.
  void stepped(std::uint32_t node, const raft::Raft& core);
  void sent(std::uint32_t node, const raft::Message& message);
  void voted(std::uint32_t node, const raft::VoteCast& vote);
  // Its directory is an older copy of itself now: it may have forgotten anything, and what it knows
  // isn't judged by what it said before.
  void put_back(std::uint32_t node);
  // The member's life is over.
  void ended(std::uint32_t node);

 private:
  // What was told about the log's end: votes compare these.
  struct Position {
    raft::Term term;
    raft::Index index;
    friend auto operator<=>(const Position&, const Position&) = default;
  };
  struct Member {
    const raft::Raft* core = nullptr;  // While it lives.
    raft::Index commit;
    // It acknowledged `match` in `term`; the entry there is of term `entry`.
    raft::Term term;
    raft::Index match;
    raft::Term entry;
    raft::Term answered;  // The newest term that it answered in.
    raft::Term voted_in;  // It granted its vote to `vote` in this term.
    std::optional<raft::NodeId> vote;
    bool put_back = false;  // And it hasn't become Recovering since.
  };
  // Between a leader of a term and one member: how far the leader's appends went, and how far the
  // member said that it had them.
  struct Exchange {
    raft::Index covered;
    raft::Index acknowledged;
  };
  // A leader counts on each member only for what that member has, and said in the leader's term.
  void check_progress(std::uint32_t node, const raft::Raft& core);
  void recall(std::uint32_t node, Member& member, const raft::Raft& core);
  void acknowledged(std::uint32_t node, const raft::Message& message,
                    const raft::AppendResponse& response);
  void check_vote(std::uint32_t node, raft::NodeId candidate, raft::Term term, bool pre);

  const History& history_;
  Fail fail_;
  std::map<std::uint32_t, Member> members_;
  std::map<std::tuple<std::uint64_t, raft::Term, bool>, Position> asked_;  // Candidate, term, pre.
  // Leader, term, member.
  std::map<std::tuple<std::uint64_t, raft::Term, std::uint64_t>, Exchange> exchanges_;
};

}  // namespace detcd::sim
