#include "transport/transport.h"

#include <gtest/gtest.h>

#include "sim/machine/machine.h"
#include "telemetry/log.h"

namespace detcd::transport {
namespace {

class Silence final : public telemetry::Sink {
 public:
  void write(const telemetry::Record&) override {}
};

// A member as the transport sees it: everything it is told is kept.
class Recorder final : public Receiver {
 public:
  void on_message(raft::Message message, std::uint64_t life) override {
    messages.push_back(std::move(message));
    lives.push_back(life);
  }
  void on_snapshot(raft::Message message, Bytes packed, std::uint64_t life) override {
    messages.push_back(std::move(message));
    lives.push_back(life);
    snapshots.push_back(std::move(packed));
  }
  void on_note(raft::NodeId peer, Bytes note) override {
    notes.push_back(std::to_string(peer.value()) + ":" + std::string(note.view()));
  }
  [[nodiscard]] bool is_removed(raft::NodeId peer) const override { return peer == removed; }
  void on_unreachable(raft::NodeId) override { ++unreachable; }
  void on_snapshot_reported(raft::NodeId, bool delivered) override { reports.push_back(delivered); }
  void on_refused(raft::NodeId, const Welcome& welcome) override { refused.push_back(welcome); }
  [[nodiscard]] Introduction introduction(raft::NodeId) const override {
    return {.life = own_life, .remembered = {{5, {3, true, 42}}}, .remembered_before = {}};
  }
  void on_introduction(raft::NodeId, const Introduction& introduction) override {
    for (const Remembered& remembered : introduction.remembered) {
      told.push_back(remembered.promise.index);
    }
  }

  std::uint64_t own_life = 7;
  std::vector<raft::Message> messages;
  std::vector<std::uint64_t> lives;  // Of the senders, by message.
  std::vector<Bytes> snapshots;
  std::vector<bool> reports;
  std::vector<Welcome> refused;
  std::vector<std::uint64_t> told;
  std::vector<std::string> notes;
  raft::NodeId removed;
  int unreachable = 0;
};

runtime::Task<void> serve(runtime::World world, std::string address, Transport& transport) {
  Result<std::unique_ptr<runtime::Listener>> listener = co_await world.network.listen(address);
  check(listener.ok(), "the test's port is free");
  transport.serve(std::move(*listener));
}

struct Place {
  std::uint64_t node = 0;
  std::uint64_t cluster = 99;
};

// One member on a machine of its own, named as the machine unless said otherwise.
struct Member {
  Member(sim::Kernel& kernel, sim::SimNetwork& network, Place place)
      : Member(kernel, network, place, place.node) {}
  Member(sim::Kernel& kernel, sim::SimNetwork& network, Place place, std::uint64_t id)
      : machine(kernel, network,
                {.node = sim::NodeNumber(place.node), .host = "n" + std::to_string(place.node)}),
        transport(std::make_unique<Transport>(
            machine.world(), telemetry::Log(silence, telemetry::Level::kInfo),
            Options{.cluster_id = place.cluster, .self = raft::NodeId(id)}, recorder)) {
    machine.tasks().spawn(serve(machine.world(), machine.host() + ":2380", *transport));
  }
  ~Member() {
    if (machine.running()) {
      machine.kill(sim::Death::kCrash, [this] { transport.reset(); });
    }
  }
  void know(std::uint64_t other) {
    std::map<raft::NodeId, std::vector<std::string>, IdOrder> peers;
    peers[raft::NodeId(other)] = {"n" + std::to_string(other) + ":2380"};
    transport->set_peers(peers);
  }
  Silence silence;
  Recorder recorder;
  sim::Machine machine;
  std::unique_ptr<Transport> transport;
};

raft::Message heartbeat(std::uint64_t from, std::uint64_t to, std::uint64_t round) {
  return {raft::NodeId(from), raft::NodeId(to), raft::Term(3),
          raft::Heartbeat{raft::Index(5), round}};
}

class TransportTest : public testing::Test {
 protected:
  sim::Kernel kernel{7};
  sim::SimNetwork network{kernel};
  Member one{kernel, network, {1}};
};

TEST_F(TransportTest, MessagesArriveWholeAndInOrder) {
  Member two(kernel, network, {2});
  one.know(2);
  kernel.run_for(1s);
  for (std::uint64_t round = 1; round <= 500; ++round) one.transport->send(heartbeat(1, 2, round));
  kernel.run_for(1s);
  ASSERT_EQ(two.recorder.messages.size(), 500U);
  for (std::uint64_t round = 1; round <= 500; ++round) {
    EXPECT_EQ(two.recorder.messages[round - 1], heartbeat(1, 2, round));
  }
}

TEST_F(TransportTest, BothSidesTellWhatTheyRememberOfEachOther) {
  Member two(kernel, network, {2});
  one.know(2);
  kernel.run_for(1s);
  EXPECT_EQ(one.recorder.told, std::vector<std::uint64_t>{42});
  EXPECT_EQ(two.recorder.told, std::vector<std::uint64_t>{42});
}

// Two connections of the same peer, the older one of a process that is gone: what comes on each is
// of its own life, whichever was introduced last.
TEST_F(TransportTest, WhatArrivesIsOfTheLifeThatIntroducedItselfOnItsConnection) {
  Member two(kernel, network, {2});
  Member former(kernel, network, {3}, 1);
  one.recorder.own_life = 8;
  one.know(2);
  kernel.run_for(1s);
  former.know(2);
  kernel.run_for(1s);
  one.transport->send(heartbeat(1, 2, 1));
  kernel.run_for(1s);
  former.transport->send(heartbeat(1, 2, 2));
  kernel.run_for(1s);
  one.transport->send_snapshot(
      {raft::NodeId(1), raft::NodeId(2), raft::Term(3), raft::InstallSnapshot{}},
      Bytes(std::string_view("state")));
  kernel.run_for(1s);
  EXPECT_EQ(two.recorder.lives, (std::vector<std::uint64_t>{8, 7, 8}));
}

TEST_F(TransportTest, AMemberOfAnotherClusterIsRefusedWithTheReason) {
  Member stranger(kernel, network, {2, 100});
  one.know(2);
  kernel.run_for(3s);
  one.transport->send(heartbeat(1, 2, 1));
  kernel.run_for(1s);
  ASSERT_FALSE(one.recorder.refused.empty());
  EXPECT_EQ(one.recorder.refused.front().verdict, Welcome::Verdict::kCluster);
  EXPECT_EQ(one.recorder.refused.front().cluster_id, 100U);
  EXPECT_TRUE(stranger.recorder.messages.empty());
}

TEST_F(TransportTest, ASnapshotTravelsWholeAndIsReported) {
  Member two(kernel, network, {2});
  one.know(2);
  const Bytes state = Bytes::adopt(std::string(3'000'000, 's'));
  const raft::Message message{raft::NodeId(1), raft::NodeId(2), raft::Term(3),
                              raft::InstallSnapshot{}};
  one.transport->send_snapshot(message, state);
  kernel.run_for(5s);
  ASSERT_EQ(two.recorder.snapshots.size(), 1U);
  EXPECT_EQ(two.recorder.snapshots.front(), state);
  EXPECT_EQ(two.recorder.messages.front(), message);
  EXPECT_EQ(one.recorder.reports, std::vector<bool>{true});
}

TEST_F(TransportTest, ASnapshotToNobodyIsReportedUndelivered) {
  one.know(2);
  one.transport->send_snapshot(heartbeat(1, 2, 1), Bytes(std::string_view("state")));
  kernel.run_for(30s);
  EXPECT_EQ(one.recorder.reports, std::vector<bool>{false});
}

TEST_F(TransportTest, ConnectsAgainAfterThePeerCameBack) {
  Member two(kernel, network, {2});
  one.know(2);
  kernel.run_for(1s);
  two.machine.kill(sim::Death::kCrash, [&] { two.transport.reset(); });
  one.transport->send(heartbeat(1, 2, 1));
  kernel.run_for(2s);
  EXPECT_GT(one.recorder.unreachable, 0);
  two.machine.start();
  two.transport = std::make_unique<Transport>(
      two.machine.world(), telemetry::Log(two.silence, telemetry::Level::kInfo),
      Options{.cluster_id = 99, .self = raft::NodeId(2)}, two.recorder);
  two.machine.tasks().spawn(serve(two.machine.world(), "n2:2380", *two.transport));
  kernel.run_for(5s);
  one.transport->send(heartbeat(1, 2, 2));
  kernel.run_for(1s);
  ASSERT_FALSE(two.recorder.messages.empty());
  EXPECT_EQ(two.recorder.messages.back(), heartbeat(1, 2, 2));
}

runtime::Task<void> welcome_and_hang_up(runtime::World world, std::string address, int& visits) {
  Result<std::unique_ptr<runtime::Listener>> listener = co_await world.network.listen(address);
  check(listener.ok(), "the test's port is free");
  for (;;) {
    Result<std::unique_ptr<runtime::Stream>> stream = co_await (*listener)->accept();
    check(stream.ok(), "the dialer comes");
    ++visits;
    const Result<std::string_view> hello = co_await (*stream)->read();
    static_cast<void>(hello);
    Welcome welcome;
    welcome.cluster_id = 99;
    const Result<void> said = co_await (*stream)->write(encode(welcome));
    static_cast<void>(said);
  }
}

TEST_F(TransportTest, APeerThatAlwaysHangsUpIsNotDialedWithoutAPause) {
  sim::Machine rude(kernel, network, {.node = sim::NodeNumber(2), .host = "n2"});
  int visits = 0;
  rude.tasks().spawn(welcome_and_hang_up(rude.world(), "n2:2380", visits));
  one.know(2);
  kernel.run_for(10s);
  EXPECT_GE(visits, 5);
  EXPECT_LE(visits, 40);
  rude.kill(sim::Death::kCrash, [] {});
}

TEST_F(TransportTest, AQueueThatIsFullDropsAndReports) {
  one.know(2);  // Nobody listens there.
  const Options defaults;
  for (std::size_t i = 0; i <= defaults.queue_messages_max; ++i) {
    one.transport->send(heartbeat(1, 2, i));
  }
  EXPECT_EQ(one.recorder.unreachable, 1);
}

TEST_F(TransportTest, NotesTravelWithTheMessages) {
  Member two(kernel, network, {2});
  one.know(2);
  kernel.run_for(1s);
  one.transport->send(heartbeat(1, 2, 1));
  one.transport->send_note(raft::NodeId(2), "a note");
  one.transport->send_note(raft::NodeId(3), "to nobody");
  one.transport->send(heartbeat(1, 2, 2));
  kernel.run_for(1s);
  EXPECT_EQ(two.recorder.notes, std::vector<std::string>{"1:a note"});
  EXPECT_EQ(two.recorder.messages.size(), 2U);
}

TEST_F(TransportTest, ARemovedMemberIsToldSoAndNotListenedTo) {
  Member two(kernel, network, {2});
  one.know(2);
  kernel.run_for(1s);
  two.recorder.removed = raft::NodeId(1);
  one.transport->send(heartbeat(1, 2, 1));
  kernel.run_for(3s);
  EXPECT_TRUE(two.recorder.messages.empty());
  ASSERT_FALSE(one.recorder.refused.empty()) << "its connection ended, and it was refused another";
  EXPECT_EQ(one.recorder.refused[0].verdict, Welcome::Verdict::kRemoved);
}

TEST_F(TransportTest, ItIsKnownSinceWhenAPeerIsConnected) {
  EXPECT_EQ(one.transport->connected_since(raft::NodeId(2)), std::nullopt);
  auto two = std::make_unique<Member>(kernel, network, Place{2});
  one.know(2);
  kernel.run_for(10s);
  const std::optional<TimePoint> since = one.transport->connected_since(raft::NodeId(2));
  ASSERT_TRUE(since);
  EXPECT_LT(*since + 8s, one.machine.world().clock.boot());
  two.reset();
  one.transport->send(heartbeat(1, 2, 1));
  kernel.run_for(10s);
  EXPECT_EQ(one.transport->connected_since(raft::NodeId(2)), std::nullopt);
}

runtime::Task<void> say_and_hear(runtime::World world, std::string address, std::string said,
                                 std::string& heard) {
  Result<std::unique_ptr<runtime::Stream>> stream = co_await world.network.connect(address);
  check(stream.ok(), "somebody listens");
  const Result<void> written = co_await (*stream)->write(std::move(said));
  static_cast<void>(written);
  const Result<std::string_view> bytes = co_await (*stream)->read();
  heard = bytes ? std::string(*bytes) : "reset";
}

runtime::Task<void> greet(std::unique_ptr<runtime::Stream> stream, std::string received) {
  const Result<void> written = co_await stream->write("hello, " + received);
  static_cast<void>(written);
}

TEST_F(TransportTest, WhoSpeaksAnotherProtocolIsAVisitor) {
  sim::Machine stranger(kernel, network, {.node = sim::NodeNumber(2), .host = "n2"});
  std::string heard;
  stranger.tasks().spawn(say_and_hear(stranger.world(), "n1:2380", "GET", heard));
  kernel.run_for(1s);
  EXPECT_NE(heard, "hello, GET") << "turned away while nobody receives visitors";
  one.transport->receive_visitors(greet);
  stranger.tasks().spawn(say_and_hear(stranger.world(), "n1:2380", "GET", heard));
  kernel.run_for(1s);
  EXPECT_EQ(heard, "hello, GET");
  stranger.kill(sim::Death::kCrash, [] {});
}

}  // namespace
}  // namespace detcd::transport
