#include "server/answer_room.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sim/kernel/clock.h"
#include "sim/kernel/fence.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/scheduler.h"

namespace detcd::server {
namespace {

constexpr std::size_t kMiB = 1 << 20;

// A node's mailbox whose letters are worked off by hand, and clients that are only mailboxes.
struct RoomWorld {
  explicit RoomWorld(AnswerRoomLimits limits)
      : clock(kernel, {}),
        scheduler(kernel, clock, fence, {.node = sim::NodeNumber(1)}),
        node(scheduler),
        room(limits, node.sender()) {
    for (int i = 0; i < 4; ++i) clients.push_back(std::make_unique<Client>(scheduler));
  }
  using Client = runtime::Mailbox<Reply>;

  AnswerRoom::Connection client(std::size_t number) const { return clients.at(number)->sender(); }
  WaitingRead read(std::size_t from, std::uint64_t call) const {
    return {{CallId(call), 0, client(from)}, apply::RangeRequest{}, kNever, {}};
  }
  std::vector<std::uint64_t> served() {
    while (std::optional<ToNode> letter = node.try_receive()) room.taken(std::get<Taken>(*letter));
    std::vector<std::uint64_t> calls;
    while (std::optional<WaitingRead> read = room.next()) {
      calls.push_back(read->origin.call.value());
      held.push_back(room.hold(read->origin.reply, answer_bytes));
    }
    return calls;
  }

  sim::Kernel kernel{1};
  sim::NodeClock clock;
  sim::Fence fence;
  sim::NodeScheduler scheduler;
  runtime::Mailbox<ToNode> node;
  AnswerRoom room;
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::unique_ptr<Held>> held;
  std::size_t answer_bytes = 2 * kMiB;
};

using Calls = std::vector<std::uint64_t>;

constexpr AnswerRoomLimits kLimits{.small_bytes = kMiB,
                                   .connection_bytes = 4 * kMiB,
                                   .server_bytes = 8 * kMiB,
                                   .unknown_bytes = 2 * kMiB};

TEST(AnswerRoom, SmallAnswersHoldNothing) {
  RoomWorld world(kLimits);
  EXPECT_EQ(world.room.hold(world.client(0), kMiB), nullptr);
  EXPECT_EQ(world.room.held_bytes(), 0U);
}

TEST(AnswerRoom, AConnectionIsFullUntilItsClientTookSomething) {
  RoomWorld world(kLimits);
  std::unique_ptr<Held> first = world.room.hold(world.client(0), 3 * kMiB);
  EXPECT_TRUE(world.room.has_room(world.client(0)));
  const std::unique_ptr<Held> second = world.room.hold(world.client(0), 3 * kMiB);
  EXPECT_FALSE(world.room.has_room(world.client(0)));
  EXPECT_TRUE(world.room.has_room(world.client(1)));
  first.reset();
  EXPECT_EQ(world.served(), Calls{});
  EXPECT_TRUE(world.room.has_room(world.client(0)));
  EXPECT_EQ(world.room.held_bytes(), 3 * kMiB);
}

TEST(AnswerRoom, ParkedReadsAreServedInOrderAsFarAsThereIsRoom) {
  RoomWorld world(kLimits);
  std::unique_ptr<Held> first = world.room.hold(world.client(0), 5 * kMiB);
  for (std::uint64_t call = 1; call <= 3; ++call) world.room.park(world.read(0, call));
  EXPECT_EQ(world.served(), Calls{});
  first.reset();
  EXPECT_EQ(world.served(), (Calls{1, 2}));
  // Who comes now comes behind who waits.
  EXPECT_FALSE(world.room.has_room(world.client(0)));
  world.held.clear();
  EXPECT_EQ(world.served(), Calls{3});
  world.held.clear();
  EXPECT_EQ(world.served(), Calls{});
  EXPECT_EQ(world.room.held_bytes(), 0U);
}

TEST(AnswerRoom, WhenAllIsFullAConnectionStillHasRoomForOne) {
  RoomWorld world(kLimits);
  const std::unique_ptr<Held> slow = world.room.hold(world.client(0), 9 * kMiB);
  EXPECT_TRUE(world.room.has_room(world.client(1)));
  std::unique_ptr<Held> one = world.room.hold(world.client(1), 2 * kMiB);
  EXPECT_FALSE(world.room.has_room(world.client(1)));
  world.room.park(world.read(1, 7));
  world.room.park(world.read(1, 8));
  EXPECT_EQ(world.served(), Calls{});
  // The slow client takes nothing for ever: the other goes on one by one.
  one.reset();
  EXPECT_EQ(world.served(), Calls{7});
  world.held.clear();
  EXPECT_EQ(world.served(), Calls{8});
}

TEST(AnswerRoom, RoomAmongAllGoesToTheConnectionsInTurn) {
  RoomWorld world(kLimits);
  std::unique_ptr<Held> slow = world.room.hold(world.client(0), 9 * kMiB);
  std::vector<std::unique_ptr<Held>> own;
  for (std::size_t i = 1; i <= 2; ++i) {
    own.push_back(world.room.hold(world.client(i), 2 * kMiB));
    for (std::uint64_t call = 1; call <= 3; ++call) world.room.park(world.read(i, 10 * i + call));
  }
  slow.reset();
  EXPECT_EQ(world.served(), (Calls{11, 21}));
}

TEST(AnswerRoom, AForgottenReadFreesItsPlace) {
  RoomWorld world(kLimits);
  std::unique_ptr<Held> first = world.room.hold(world.client(0), 5 * kMiB);
  for (std::uint64_t call = 1; call <= 3; ++call) world.room.park(world.read(0, call));
  world.room.forget(Forgotten({{CallId(1), world.client(0)}}));
  world.room.forget(Forgotten({{CallId(2), world.client(1)}}));
  first.reset();
  EXPECT_EQ(world.served(), (Calls{2, 3}));
  EXPECT_EQ(world.room.parked(), 0U);
}

TEST(AnswerRoom, AnAnswerThatReachesNobodyHoldsNothing) {
  RoomWorld world(kLimits);
  world.room.park(world.read(0, 1));
  const bool sent = world.client(0).send(
      Reply{CallId(9), {}, apply::ApiError::kStopped, world.room.hold(world.client(0), 5 * kMiB)});
  EXPECT_TRUE(sent);
  EXPECT_EQ(world.served(), Calls{});
  world.clients[0].reset();
  EXPECT_EQ(world.served(), Calls{1});
}

TEST(AnswerRoom, LongListsAreEstimated) {
  apply::RangeResponse response;
  for (int i = 0; i < 100'000; ++i) {
    response.kvs.push_back(
        {.key = Bytes(std::string(10, 'k')), .value = Bytes(std::string(90, 'v'))});
  }
  const std::size_t bytes = bytes_of(apply::Answer(apply::Response(std::move(response))));
  EXPECT_GT(bytes, 100'000U * 100);
  EXPECT_LT(bytes, 100'000U * 100 * 4);
}

}  // namespace
}  // namespace detcd::server
