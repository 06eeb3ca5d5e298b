// What a proposal costs the Raft core: on a single member, and on the leader of three.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "raft/raft.h"

namespace detcd::bench {
namespace {

constexpr std::uint64_t kLeader = 1;
constexpr std::size_t kCommandBytes = 300;
constexpr std::uint64_t kCompactEvery = 10'000;

raft::Raft replica(std::uint64_t members) {
  raft::Config config;
  config.self = raft::NodeId(kLeader);
  raft::Restored restored;
  raft::SnapshotMeta start;
  start.index = raft::Index(1);
  start.term = raft::Term(1);
  for (std::uint64_t id = 1; id <= members; ++id) {
    start.configuration.voters.insert(raft::NodeId(id));
  }
  restored.snapshot = start;
  restored.applied = start.index;
  restored.hard_state = {raft::Term(1), std::nullopt, start.index};
  return {config, restored, TimePoint()};
}

// Carries out the leader's outputs with a disk that is done at once and followers that agree.
class Cluster {
 public:
  explicit Cluster(std::uint64_t members) : leader_(replica(members)) {
    give(raft::Campaign{});
    check(leader_.role() == raft::RoleName::kLeader, "all voters vote for the only candidate");
  }

  void propose(std::vector<Bytes> commands) {
    give(raft::Propose{std::move(commands)});
    const raft::Index applied = leader_.commit();
    if (applied.value() < compacted_ + kCompactEvery) return;
    compacted_ = applied.value();
    raft::SnapshotMeta meta;
    meta.index = applied;
    meta.term = leader_.term();
    meta.configuration = leader_.status().configuration;
    give(raft::Compact{meta});
  }
  [[nodiscard]] std::uint64_t commit() const { return leader_.commit().value(); }

 private:
  void give(decltype(raft::Input::what) what) {
    std::vector<decltype(raft::Input::what)> inputs;
    inputs.push_back(std::move(what));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const raft::Output output = leader_.step({TimePoint(), std::move(inputs[i])});
      for (const raft::Outgoing& outgoing : output.messages) {
        if (auto answer = answer_to(outgoing.message)) inputs.emplace_back(std::move(*answer));
      }
      if (output.save) inputs.emplace_back(raft::Persisted{output.save->id});
      if (!output.committed.empty()) {
        inputs.emplace_back(raft::Applied{output.committed.back().index});
      }
    }
  }
  static std::optional<raft::Receive> answer_to(const raft::Message& message) {
    raft::Message answer{message.to, message.from, message.term, raft::TimeoutNow{}};
    if (const auto* vote = std::get_if<raft::VoteRequest>(&message.body)) {
      answer.body = raft::VoteResponse{vote->pre, true};
      return raft::Receive{std::move(answer)};
    }
    if (const auto* append = std::get_if<raft::AppendRequest>(&message.body)) {
      raft::AppendResponse accepted;
      accepted.accepted = true;
      accepted.match =
          append->entries.empty() ? append->previous_index : append->entries.back().index;
      answer.body = accepted;
      return raft::Receive{std::move(answer)};
    }
    return std::nullopt;
  }

  raft::Raft leader_;
  std::uint64_t compacted_ = 1;
};

// Arguments: members, proposals that come together.
void raft_propose_to_commit(benchmark::State& state) {
  Cluster cluster(static_cast<std::uint64_t>(state.range(0)));
  const Bytes command = Bytes::adopt(std::string(kCommandBytes, 'c'));
  const auto batch = static_cast<std::size_t>(state.range(1));
  const std::uint64_t before = cluster.commit();
  for ([[maybe_unused]] const auto _ : state) {
    cluster.propose(std::vector<Bytes>(batch, command));
  }
  const std::uint64_t committed = cluster.commit() - before;
  check(committed == batch * static_cast<std::uint64_t>(state.iterations()),
        "every proposal commits");
  state.SetItemsProcessed(static_cast<std::int64_t>(committed));
}
BENCHMARK(raft_propose_to_commit)->Args({1, 1})->Args({1, 64})->Args({3, 1})->Args({3, 64});

}  // namespace
}  // namespace detcd::bench
