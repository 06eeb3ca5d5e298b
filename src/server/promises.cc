#include "server/promises.h"

#include <algorithm>
#include <variant>

namespace detcd::server {
namespace {

using transport::Promise;

constexpr std::uint64_t kAnyLife = 0;

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};

Promise both(const Promise& a, const Promise& b) {
  if (a.term != b.term) return a.term > b.term ? a : b;
  return {a.term, a.voted || b.voted, std::max(a.index, b.index)};
}

// None: the message may be sent before anything is synced.
std::optional<Promise> promise_in(const raft::Message& message) {
  const std::uint64_t term = message.term.value();
  const auto leads = [&](const auto&) { return std::optional(Promise{term, true, 0}); };
  const auto nothing = [](const auto&) { return std::optional<Promise>(); };
  const Overload cases{
      [&](const raft::VoteRequest& vote) {
        return vote.pre ? std::nullopt : std::optional(Promise{term, true, 0});
      },
      [&](const raft::VoteResponse& vote) {
        return vote.pre ? std::nullopt : std::optional(Promise{term, vote.granted, 0});
      },
      [&](const raft::AppendResponse& answer) {
        const bool kept = answer.accepted && answer.counts;
        return std::optional(Promise{term, false, kept ? answer.match.value() : 0});
      },
      [&](const raft::HeartbeatResponse&) { return std::optional(Promise{term, false, 0}); },
      [&](const raft::AppendRequest& append) { return leads(append); },
      [&](const raft::Heartbeat& heartbeat) { return leads(heartbeat); },
      [&](const raft::InstallSnapshot& install) { return leads(install); },
      [&](const raft::TimeoutNow& order) { return leads(order); },
      nothing,
  };
  return std::visit(cases, message.body);
}

}  // namespace

Promise promise_of(const raft::Status& restored) {
  return {restored.term.value(), restored.vote.has_value(), restored.last_index.value()};
}

bool is_broken(const Promise& promised, const Promise& own) {
  if (promised.term != own.term) return promised.term > own.term;
  return (promised.voted && !own.voted) || promised.index > own.index;
}

void Promises::note(const raft::Message& message, std::uint64_t life) {
  // None of more lives than these is still talking; those before them are surely over.
  constexpr std::size_t kLivesMax = 8;
  const std::optional<Promise> promise = promise_in(message);
  if (!promise) return;
  Known& known = known_[message.from];
  auto of = std::ranges::find(known.lives, life, &transport::Remembered::life);
  if (of == known.lives.end()) {
    if (known.lives.size() == kLivesMax) {
      known.before = both(known.before, known.lives.front().promise);
      known.lives.erase(known.lives.begin());
    }
    of = known.lives.insert(known.lives.end(), {life, Promise{}});
  }
  of->promise = both(of->promise, *promise);
}

transport::Introduction Promises::of(raft::NodeId peer, bool published) const {
  // Nobody leads in the first term: it is that of the entries which founders begin with.
  constexpr std::uint64_t kFirstLedTerm = 2;
  transport::Introduction introduction;
  if (published) introduction.remembered.push_back({kAnyLife, {kFirstLedTerm, false, 0}});
  const auto known = known_.find(peer);
  if (known == known_.end()) return introduction;
  const std::vector<transport::Remembered>& lives = known->second.lives;
  introduction.remembered.insert(introduction.remembered.end(), lives.begin(), lives.end());
  introduction.remembered_before = known->second.before;
  return introduction;
}

Promise remembered_of(const transport::Introduction& introduction, std::uint64_t own_life,
                      bool publishes) {
  Promise all = introduction.remembered_before;
  for (const auto& [life, promise] : introduction.remembered) {
    const bool own = life == own_life || (life == kAnyLife && publishes);
    if (!own) all = both(all, promise);
  }
  return all;
}

}  // namespace detcd::server
