// The guards of three members, each with an applier of its own: who says what, who doubts itself,
// and what is asked of whom.
#include "server/state_guard.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/task_group.h"
#include "sim/machine/machine.h"
#include "tests/apply/support.h"

namespace detcd::server {
namespace {

class Quiet final : public telemetry::Sink {
 public:
  void write(const telemetry::Record&) override {}
};

constexpr std::uint64_t kMembers = 3;

class StateGuardTest : public testing::Test {
 protected:
  struct Seat {
    NodeOptions options;
    apply::Driver driver;
    std::unique_ptr<StateGuard> guard;
    int alarms = 0;
    int gave_up = 0;
    int changes = 0;
    std::optional<Error> failed;
    std::vector<raft::NodeId> states_sent_to;
  };

  StateGuardTest()
      : kernel(1),
        network(kernel),
        machine(kernel, network, {.node = sim::NodeNumber(1), .host = "n1"}) {
    for (std::uint64_t id = 1; id <= kMembers; ++id) add(id);
  }
  ~StateGuardTest() override { machine.tasks().cancel(); }

  void add(std::uint64_t id) {
    Seat& seat = *seats.emplace_back(std::make_unique<Seat>());
    seat.options.member_id = id;
    StateGuard::Doors doors{
        .applier = [&seat]() -> const apply::Applier& { return seat.driver.applier(); },
        .members = [this] { return members; },
        .leader = [this] { return leader; },
        .send =
            [this, id](raft::NodeId to, const Bytes& note) {
              const std::size_t at = to.value() - 1;
              if (at < seats.size()) EXPECT_TRUE(seats[at]->guard->on_note(raft::NodeId(id), note));
            },
        .send_state = [&seat](raft::NodeId to) { seat.states_sent_to.push_back(to); },
        .give_up_leadership = [&seat] { ++seat.gave_up; },
        .raise_alarm = [&seat] { ++seat.alarms; },
        .doubt_changed = [&seat] { ++seat.changes; },
        .fail = [&seat](Error error) { seat.failed = std::move(error); },
    };
    seat.guard = std::make_unique<StateGuard>(machine.world(),
                                              telemetry::Log(sink, telemetry::Level::kDebug),
                                              seat.options, std::move(doors));
  }
  void start() {
    for (const std::unique_ptr<Seat>& seat : seats) machine.tasks().spawn(seat->guard->run());
  }
  // The same entry everywhere; a member in `wrong` comes to another state.
  void apply(const std::vector<std::uint64_t>& wrong = {}) {
    for (std::size_t i = 0; i < seats.size(); ++i) {
      Seat& seat = *seats[i];
      const bool differs = std::ranges::find(wrong, i + 1) != wrong.end();
      seat.driver.put("k", differs ? "wrong" + std::to_string(i) : "right");
      say(seat);
    }
  }
  static void say(Seat& seat) {
    const apply::Applier& applier = seat.driver.applier();
    seat.guard->applied({applier.applied().index, applier.state_hash()});
  }
  std::vector<bool> doubts() {
    std::vector<bool> all;
    for (const std::unique_ptr<Seat>& seat : seats) all.push_back(seat->guard->in_doubt());
    return all;
  }

  Quiet sink;
  sim::Kernel kernel;
  sim::SimNetwork network;
  sim::Machine machine;
  raft::Configuration members{.voters = {raft::NodeId(1), raft::NodeId(2), raft::NodeId(3)}};
  std::optional<raft::NodeId> leader = raft::NodeId(1);
  std::vector<std::unique_ptr<Seat>> seats;
};

TEST_F(StateGuardTest, EqualStatesRaiseNoDoubt) {
  start();
  for (int i = 0; i < 5; ++i) {
    apply();
    kernel.run_for(1s);
  }
  EXPECT_EQ(doubts(), (std::vector<bool>{false, false, false}));
}

TEST_F(StateGuardTest, WhoDiffersFromTheMajorityDoubtsItselfAndAsksTheLeader) {
  start();
  apply({3});
  kernel.run_for(3s);
  EXPECT_EQ(doubts(), (std::vector<bool>{false, false, true}));
  ASSERT_FALSE(seats[0]->states_sent_to.empty());
  EXPECT_EQ(seats[0]->states_sent_to[0], raft::NodeId(3));
  EXPECT_TRUE(seats[1]->states_sent_to.empty());
  const std::size_t asked = seats[0]->states_sent_to.size();
  EXPECT_EQ(seats[2]->changes, 1);
  seats[2]->guard->replaced({2, 1});
  EXPECT_EQ(seats[2]->changes, 2);
  EXPECT_EQ(doubts(), (std::vector<bool>{false, false, false}));
  kernel.run_for(3s);
  EXPECT_EQ(seats[0]->states_sent_to.size(), asked);
}

TEST_F(StateGuardTest, ALeaderThatDiffersLeadsNoMore) {
  start();
  apply({1});
  kernel.run_for(3s);
  EXPECT_EQ(doubts(), (std::vector<bool>{true, false, false}));
  EXPECT_GT(seats[0]->gave_up, 0);
  leader = raft::NodeId(2);
  kernel.run_for(2s);
  EXPECT_FALSE(seats[1]->states_sent_to.empty());
}

TEST_F(StateGuardTest, WithoutAMajorityTheLeaderRaisesTheAlarmAndNobodyGivesUpItsState) {
  start();
  apply({2, 3});
  kernel.run_for(5s);
  EXPECT_EQ(doubts(), (std::vector<bool>{false, false, false}));
  EXPECT_EQ(seats[0]->alarms, 1);
  EXPECT_EQ(seats[1]->alarms + seats[2]->alarms, 0);
}

TEST_F(StateGuardTest, WhoIsBehindAnswersWhenItGetsThere) {
  start();
  for (std::size_t i = 0; i < 2; ++i) {
    seats[i]->driver.put("k", "right");
    say(*seats[i]);
  }
  kernel.run_for(3s);
  seats[2]->driver.put("k", "wrong");
  say(*seats[2]);
  EXPECT_TRUE(seats[2]->guard->in_doubt());
}

TEST_F(StateGuardTest, MemoryThatHasChangedIsFound) {
  start();
  apply();
  const mvcc::ChunkTable& chunks = seats[1]->driver.applier().store().chunks();
  const std::string_view bytes = chunks.at(chunks.order()[0]).text();
  const_cast<char*>(bytes.data())[bytes.size() - 1] ^= 1;  // NOLINT: as memory would.
  kernel.run_for(2s);
  EXPECT_EQ(doubts(), (std::vector<bool>{false, true, false}));
  EXPECT_FALSE(seats[0]->states_sent_to.empty());
}

TEST_F(StateGuardTest, AloneItStops) {
  members.voters = {raft::NodeId(1)};
  seats[0]->guard->damaged("a test");
  ASSERT_TRUE(seats[0]->failed);
  EXPECT_EQ(seats[0]->failed->code, Errc::kDamaged);
}

TEST_F(StateGuardTest, NotesThatAreNoneArePassedOver) {
  for (const std::string_view bytes : {"", "x", "\x09 1234567 1234567"}) {
    EXPECT_FALSE(seats[0]->guard->on_note(raft::NodeId(2), Bytes(bytes)));
  }
  EXPECT_EQ(doubts(), (std::vector<bool>{false, false, false}));
}

}  // namespace
}  // namespace detcd::server
