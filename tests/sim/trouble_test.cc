// Troubles of links and hosts: that each does what it says, is counted, and leaves nothing behind.
#include "sim/net/trouble.h"

#include <algorithm>
#include <vector>

#include "runtime/wait.h"
#include "tests/sim/network_fixture.h"

namespace detcd::sim {
namespace {

using runtime::Stream;

class TroubleTest : public NetworkTest {
 protected:
  // How long bytes take from a to b.
  Duration send(std::string bytes) {
    const VirtualTime before = kernel.now();
    const std::size_t size = bytes.size();
    std::optional<Result<void>> written;
    start(a, client->write(std::move(bytes)), written);
    std::size_t arrived = 0;
    while (arrived < size) {
      const Result<std::string_view> piece = run(b, server->read());
      if (!piece || piece->empty()) {
        ADD_FAILURE() << "the connection is over";
        break;
      }
      arrived += piece->size();
    }
    return kernel.now() - before;
  }
  void forget_everything() {
    client.reset();
    server.reset();
    listener.reset();
  }
  Errc connect_error() { return run(a, a.world().network.connect("b:80")).error().code; }
};

TEST_F(TroubleTest, LossDelaysAndNeverLosesOrReorders) {
  connect();
  network.begin_trouble(kOne, kTwo, {.loss_ppm = 300'000});
  std::string sent;
  for (int i = 0; i < 50; ++i) {
    const std::string line = std::to_string(i) + ",";
    EXPECT_TRUE(run(a, client->write(line)).ok());
    sent += line;
  }
  EXPECT_TRUE(run(a, client->shutdown()).ok());
  const VirtualTime before = kernel.now();
  EXPECT_EQ(*run(b, drain(*server)), sent);
  EXPECT_GE(kernel.now() - before, network.options().retransmit_timeout / 2);
  EXPECT_GT(network.counts().lost, 5U);
  EXPECT_EQ(network.counts().gave_up, 0U);
}

TEST_F(TroubleTest, TooManyLossesInARowEndTheConnection) {
  connect();
  const TroubleId id = network.begin_trouble(kOne, kTwo, {.loss_ppm = 1'000'000});
  EXPECT_TRUE(run(a, client->write("nobody hears this")).ok());
  EXPECT_EQ(read_error(a, *client), Errc::kTimedOut);
  EXPECT_EQ(network.counts().gave_up, 1U);
  // The other end doesn't know, and nothing can be connected.
  EXPECT_EQ(connect_error(), Errc::kTimedOut);
  network.end_trouble(id);
  forget_everything();
  connect();
  EXPECT_LT(send("heard"), 100ms);
}

TEST_F(TroubleTest, ALostResetLeavesAHalfOpenConnection) {
  connect();
  network.begin_trouble(kOne, kTwo, {.loss_ppm = 1'000'000});
  client->abort();
  kernel.run_for(1s);
  std::optional<Result<std::string_view>> reading;
  start(b, server->read(), reading);
  kernel.run_for(60s);
  EXPECT_FALSE(reading.has_value());
  network.end_troubles();
  EXPECT_TRUE(run(b, server->write("are you there?")).ok());
  kernel.run_for(1s);
  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(reading->error().code, Errc::kReset);
}

TEST_F(TroubleTest, SpreadLetsConnectionsOvertakeEachOtherButNotThemselves) {
  listen();
  network.begin_trouble(kOne, kTwo, {.spread = 1s});
  std::vector<std::unique_ptr<Stream>> clients;
  std::vector<std::unique_ptr<Stream>> servers;
  for (int i = 0; i < 8; ++i) {
    auto made = run(a, a.world().network.connect("b:80"));
    ASSERT_TRUE(made.ok());
    clients.push_back(std::move(*made));
    servers.push_back(std::move(*run(b, listener->accept())));
  }
  std::vector<std::size_t> order;
  std::vector<std::optional<Result<std::string>>> texts(clients.size());
  for (std::size_t i = 0; i < clients.size(); ++i) {
    start(b, drain(*servers[i]), texts[i]);
    EXPECT_TRUE(run(a, clients[i]->write("first,")).ok());
    EXPECT_TRUE(run(a, clients[i]->write("second")).ok());
    EXPECT_TRUE(run(a, clients[i]->shutdown()).ok());
  }
  while (order.size() < clients.size() && kernel.step()) {
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (texts[i] && std::find(order.begin(), order.end(), i) == order.end()) order.push_back(i);
    }
  }
  for (const auto& text : texts) EXPECT_EQ(**text, "first,second");
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  EXPECT_GE(network.counts().delayed, 16U);
  clients.clear();
  servers.clear();
}

TEST_F(TroubleTest, ExtraLatenciesAddUpAndEndByThemselves) {
  connect();
  const TroubleId one = network.begin_trouble(kOne, kTwo, {.extra = 1s});
  const TroubleId two = network.begin_trouble(kOne, kTwo, {.extra = 2s});
  EXPECT_GE(send("x"), 3s);
  network.end_trouble(one);
  const Duration less = send("x");
  EXPECT_GE(less, 2s);
  EXPECT_LT(less, 3s);
  network.end_trouble(two);
  network.end_trouble(two);
  EXPECT_LT(send("x"), 100ms);
}

TEST_F(TroubleTest, ABandwidthIsSharedByAllConnections) {
  connect();
  auto other = run(a, a.world().network.connect("b:80"));
  auto other_end = run(b, listener->accept());
  const TroubleId id = network.begin_trouble(kOne, kTwo, {.bytes_per_second = 10'000});
  EXPECT_TRUE(run(a, (*other)->write(std::string(20'000, 'x'))).ok());
  const Duration took = send(std::string(10'000, 'y'));
  EXPECT_GE(took, 3s);
  EXPECT_LT(took, 3s + 100ms);
  EXPECT_GT(network.counts().throttled, 0U);
  network.end_trouble(id);
  EXPECT_LT(send(std::string(10'000, 'y')), 100ms);
}

TEST_F(TroubleTest, ANarrowWindowMakesWritersWaitForReaders) {
  connect();
  const TroubleId id = network.begin_trouble(kOne, kTwo, {.window_bytes = 100});
  std::optional<Result<void>> written;
  start(a, client->write(std::string(300 * kKiB, 'x')), written);
  kernel.run_for(1s);
  EXPECT_FALSE(written.has_value());
  EXPECT_LE(run(b, server->read())->size(), 100U);
  EXPECT_GT(network.counts().windowed, 0U);
  network.end_trouble(id);
  kernel.run_for(1s);
  EXPECT_TRUE(written.has_value());
}

// What the receiver had no reason to tell of before must not keep the sender waiting for ever.
TEST_F(TroubleTest, AWindowMayBecomeNarrowAtAnyTime) {
  connect();
  std::size_t rounds = 0;
  for (const std::size_t before : {1U, 99U, 100U, 5'000U, 100'000U}) {
    EXPECT_LT(send(std::string(before, 'x')), 1s);
    const TroubleId id = network.begin_trouble(kOne, kTwo, {.window_bytes = 100});
    EXPECT_LT(send(std::string(5'000, 'y')), 5s);
    network.end_trouble(id);
    ++rounds;
  }
  EXPECT_EQ(rounds, 5U);
}

TEST_F(TroubleTest, AHeldLinkGivesEverythingBackAtOnceAndNobodyLosesPatience) {
  connect();
  const TroubleId id = network.begin_trouble(kOne, kTwo, {.held = true});
  EXPECT_TRUE(run(a, client->write("held ")).ok());
  kernel.run_for(network.options().stream_timeout * 3);
  EXPECT_TRUE(run(a, client->write("and released")).ok());
  EXPECT_TRUE(run(a, client->shutdown()).ok());
  std::optional<Result<std::string>> text;
  start(b, drain(*server), text);
  kernel.run_for(1s);
  EXPECT_FALSE(text.has_value());
  EXPECT_GT(network.counts().held, 0U);
  network.end_trouble(id);
  kernel.run_for(10ms);
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(**text, "held and released");
}

TEST_F(TroubleTest, WhatADeadSenderSaidIsReleasedBeforeTheReset) {
  network.options().short_read_ppm = 0;
  network.options().segment_cut_ppm = 0;
  connect();
  const TroubleId id = network.begin_trouble(kTwo, kOne, {.held = true});
  EXPECT_TRUE(run(b, server->write("from the grave")).ok());
  kernel.run_for(1s);
  kill_b(Death::kCrash);
  kernel.run_for(10s);
  network.end_trouble(id);
  EXPECT_EQ(*run(a, client->read()), "from the grave");
  EXPECT_EQ(read_error(a, *client), Errc::kReset);
}

TEST_F(TroubleTest, AHeldLinkThatWasCutMeanwhileStillLosesPatience) {
  connect();
  const TroubleId id = network.begin_trouble(kOne, kTwo, {.held = true});
  EXPECT_TRUE(run(a, client->write("x")).ok());
  kernel.run_for(1s);
  network.cut_both(kOne, kTwo);
  network.end_trouble(id);
  EXPECT_EQ(read_error(a, *client), Errc::kTimedOut);
}

TEST_F(TroubleTest, ConnectsAreRefusedOrGetNoAnswer) {
  listen();
  const TroubleId refuse = network.begin_trouble(kTwo, {.connects = Connects::kRefused});
  EXPECT_EQ(connect_error(), Errc::kRefused);
  EXPECT_EQ(network.counts().refused, 1U);
  const TroubleId lose = network.begin_trouble(kTwo, {.connects = Connects::kLost});
  EXPECT_EQ(connect_error(), Errc::kTimedOut);
  EXPECT_GT(network.counts().unanswered, 1U);
  network.end_trouble(lose);
  EXPECT_EQ(connect_error(), Errc::kRefused);
  network.end_trouble(refuse);
  EXPECT_TRUE(run(a, a.world().network.connect("b:80")).ok());
}

TEST_F(TroubleTest, EstablishedConnectionsDoNotFeelRefusedConnects) {
  connect();
  network.begin_trouble(kTwo, {.connects = Connects::kRefused});
  EXPECT_LT(send("as before"), 100ms);
}

TEST_F(TroubleTest, LookUpsAreSlowOrFailButNotOfAddresses) {
  listen();
  const TroubleId slow = network.begin_trouble(kOne, {.lookup_delay = 3s});
  const VirtualTime before = kernel.now();
  EXPECT_TRUE(run(a, a.world().network.connect("b:80")).ok());
  EXPECT_GE(kernel.now() - before, 3s);
  EXPECT_EQ(network.counts().lookups_slow, 1U);
  network.end_trouble(slow);
  network.begin_trouble(kOne, {.lookups_fail = true});
  EXPECT_EQ(connect_error(), Errc::kUnavailable);
  EXPECT_EQ(network.counts().lookups_failed, 1U);
  auto own = run(a, a.world().network.listen("a:81"));
  ASSERT_TRUE(own.ok());
  EXPECT_TRUE(run(a, a.world().network.connect("127.0.0.1:81")).ok());
  // Of another host's look-ups nothing is wrong.
  EXPECT_TRUE(run(b, b.world().network.connect("a:81")).ok());
}

TEST_F(TroubleTest, ADestroyedLookUpLeavesNothing) {
  listen();
  network.begin_trouble(kOne, {.lookup_delay = 3s});
  {
    runtime::TaskGroup group(a.world().scheduler);
    std::optional<Result<std::unique_ptr<Stream>>> made;
    group.spawn(keep(a.world().network.connect("b:80"), made));
    kernel.run_for(1s);
  }
  kernel.run_for(10s);
  EXPECT_EQ(network.connections(), 0U);
}

TEST_F(TroubleTest, AStaleAnswerLeadsToAnotherHost) {
  Machine c(kernel, network, {.node = NodeNumber(3), .host = "c"});
  auto there = run(c, c.world().network.listen("c:80"));
  ASSERT_TRUE(there.ok());
  listen();
  network.begin_trouble(kOne, {.stale = kTwo, .taken_for = NodeNumber(3)});
  EXPECT_TRUE(run(a, a.world().network.connect("b:80")).ok());
  EXPECT_EQ(network.counts().lookups_stale, 1U);
  std::optional<Result<std::unique_ptr<Stream>>> at_b;
  std::optional<Result<std::unique_ptr<Stream>>> at_c;
  start(b, listener->accept(), at_b);
  start(c, (*there)->accept(), at_c);
  kernel.run_for(1s);
  EXPECT_FALSE(at_b.has_value());
  EXPECT_TRUE(at_c.has_value());
  at_c.reset();
}

TEST_F(TroubleTest, AHalfOpenConnectionIsNoticedByWhoSends) {
  connect();
  std::optional<Result<std::string_view>> reading;
  start(a, client->read(), reading);
  network.forget_connections(kTwo, kOne);
  EXPECT_EQ(network.counts().half_open, 1U);
  EXPECT_EQ(read_error(b, *server), Errc::kReset);
  kernel.run_for(600s);
  EXPECT_FALSE(reading.has_value());
  EXPECT_TRUE(run(a, client->write("hello?")).ok());
  kernel.run_for(1s);
  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(reading->error().code, Errc::kReset);
}

TEST_F(TroubleTest, ASuspendedMachineIsSilentAndWakesToItsConnections) {
  connect();
  b.suspend();
  std::optional<Result<std::string_view>> reading;
  start(b, server->read(), reading);
  EXPECT_TRUE(run(a, client->write("good morning")).ok());
  const TimePoint before = b.clock().boot();
  kernel.run_for(20s);
  EXPECT_FALSE(reading.has_value());
  b.wake();
  EXPECT_EQ(b.clock().boot() - before, 20s);
  kernel.run_for(5s);
  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(**reading, "good morning");
}

TEST_F(TroubleTest, AMachineThatDiesAsleepComesBackAwake) {
  connect();
  b.suspend();
  kernel.run_for(1s);
  kill_b(Death::kCrash);
  EXPECT_FALSE(b.suspended());
  b.start();
  client.reset();
  connect();
  EXPECT_LT(send("awake"), 100ms);
}

}  // namespace
}  // namespace detcd::sim
