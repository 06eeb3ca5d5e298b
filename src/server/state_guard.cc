#include "server/state_guard.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/codec.h"
#include "runtime/random.h"

namespace detcd::server {
namespace {

constexpr runtime::Site kRound{"server: time until the state is looked at again"};
// Every so many heartbeats, which is about once a second by default, and up to a quarter later, so
// that not all members do it together.
constexpr int kHeartbeats = 10;
// Then so many steps are read again: about 10 MB per second, a thousandth of a processor.
constexpr int kScrubSteps = 8;
constexpr std::uint64_t kScrubUnits = 1'200;

// Others' notes begin with smaller numbers.
enum class Note : std::uint8_t { kHash = 0x20, kWanted = 0x21 };

Bytes note(Note kind, const StateHash& said) {
  Writer out;
  out.u8(static_cast<std::uint8_t>(kind));
  out.u64(said.index);
  out.u64(said.hash);
  return Bytes::adopt(out.take());
}

}  // namespace

StateGuard::StateGuard(runtime::World world, telemetry::Log log, const NodeOptions& options,
                       Doors doors)
    : world_(world), log_(log), options_(options), doors_(std::move(doors)) {}

runtime::Task<void> StateGuard::run() {
  const Duration interval = kHeartbeats * options_.heartbeat_interval;
  for (std::uint64_t round = 0;; ++round) {
    const std::uint64_t later = world_.random.below(
        static_cast<std::uint64_t>(interval.count()) / 4, kRound, options_.member_id, round);
    const Duration pause = interval + Duration(static_cast<std::int64_t>(later));
    co_await runtime::sleep_for(world_.scheduler, pause);
    if (!in_doubt_) co_await scrub();
    if (in_doubt_) {
      if (leads()) doors_.give_up_leadership();
      ask_for_state();
    } else if (leads()) {
      begin_round();
    }
  }
}

runtime::Task<void> StateGuard::scrub() {
  for (int step = 0; step < kScrubSteps && !in_doubt_; ++step) {
    mvcc::Meter meter({.units = kScrubUnits});
    const mvcc::Advance progress = scrub_.advance(doors_.applier().store(), meter);
    if (scrub_.damaged()) damaged("a chunk isn't what was written");
    if (std::holds_alternative<mvcc::Done>(progress)) co_return;
    co_await runtime::yield(world_.scheduler);
  }
}

void StateGuard::damaged(const std::string& why) {
  if (std::exchange(in_doubt_, true)) return;
  // Nobody has another copy; the disk's was verified when it was written, and is when it is read.
  if (doors_.members().voters.size() == 1 && doors_.members().voters.contains(self())) {
    doors_.fail(Error{Errc::kDamaged, "the state in memory is damaged: " + why});
    return;
  }
  log_.error("the applied state is not to be relied on: not serving until it is replaced",
             {{"reason", why}, {"applied-index", doors_.applier().applied().index}});
  doors_.doubt_changed();
}

void StateGuard::applied(const StateHash& own) {
  agreement_.applied(own);
  if (asked_ != own.index) return;
  asked_.reset();
  say(own);
}

void StateGuard::replaced(const StateHash& own) {
  agreement_.replaced();
  scrub_.begin_again();
  asked_.reset();
  if (std::exchange(in_doubt_, false)) {
    log_.info("the applied state was replaced by the leader's: serving again",
              {{"applied-index", own.index}});
    doors_.doubt_changed();
  }
  applied(own);
}

void StateGuard::begin_round() {
  const std::optional<StateHash> own = agreement_.last();
  if (own && own->index != agreed_) say(*own);
}

void StateGuard::say(const StateHash& own) {
  if (in_doubt_) return;
  const raft::Configuration members = doors_.members();
  for (const raft::NodeSet* group : {&members.voters, &members.learners}) {
    for (const raft::NodeId member : *group) {
      if (member != self()) doors_.send(member, note(Note::kHash, own));
    }
  }
  judge(own.index);
}

bool StateGuard::on_note(raft::NodeId from, const Bytes& bytes) {
  Reader in(bytes.view());
  const std::uint8_t kind = in.u8();
  StateHash said;
  said.index = in.u64();
  said.hash = in.u64();
  const bool wanted = kind == static_cast<std::uint8_t>(Note::kWanted);
  if (!in.ok() || (!wanted && kind != static_cast<std::uint8_t>(Note::kHash))) return false;
  if (wanted) {
    const bool newer = doors_.applier().applied().index >= said.index;
    if (leads() && !in_doubt_ && newer) doors_.send_state(from);
    return true;
  }
  if (in_doubt_) return true;
  const bool is_new = agreement_.is_new(said.index);
  agreement_.heard(from, said);
  if (const std::optional<std::uint64_t> own = agreement_.own(said.index)) {
    // The leader's word on an index is answered to all, and so is the first; answers are not. And
    // not twice in a round: two that take each other for the leader would never end.
    const TimePoint now = world_.clock.boot();
    const bool again = doors_.leader() == from && now >= again_after_;
    if ((is_new || again) && !leads()) {
      again_after_ = now + kHeartbeats * options_.heartbeat_interval / 2;
      say({said.index, *own});
    } else {
      judge(said.index);
    }
  } else if (const std::optional<StateHash> last = agreement_.last();
             !last || last->index < said.index) {
    asked_ = said.index;
  }
  return true;
}

void StateGuard::judge(std::uint64_t index) {
  const raft::Configuration members = doors_.members();
  if (members.joint()) return;
  const std::vector<raft::NodeId> voters(members.voters.begin(), members.voters.end());
  switch (agreement_.judge(index, self(), voters)) {
    case Agreement::Verdict::kUnknown:
    case Agreement::Verdict::kMajority:
      return;
    case Agreement::Verdict::kAgreed:
      agreed_ = std::max(agreed_, index);
      return;
    case Agreement::Verdict::kMinority:
      damaged("a majority of the members has another one at index " + std::to_string(index));
      return;
    case Agreement::Verdict::kNoMajority:
      if (std::exchange(alarmed_, index) == index || !leads()) return;
      log_.error("no majority of the members has the same state: raising the alarm CORRUPT",
                 {{"index", index}});
      doors_.raise_alarm();
      return;
  }
}

void StateGuard::ask_for_state() {
  const std::optional<raft::NodeId> leader = doors_.leader();
  if (!leader || *leader == self()) return;
  doors_.send(*leader, note(Note::kWanted, {doors_.applier().applied().index, 0}));
}

}  // namespace detcd::server
