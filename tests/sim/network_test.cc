#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "base/hash.h"
#include "runtime/timeout.h"
#include "tests/sim/network_fixture.h"

namespace detcd::sim {
namespace {

using runtime::Listener;
using runtime::Stream;
using runtime::Task;

TEST_F(NetworkTest, BytesArriveInOrderHoweverTheyAreCut) {
  network.options().segment_cut_ppm = 900'000;
  network.options().short_read_ppm = 900'000;
  connect();
  std::string sent;
  for (int i = 0; i < 20'000; ++i) sent += std::to_string(i) + ",";
  std::optional<Result<std::string>> received;
  start(b, drain(*server), received);
  EXPECT_TRUE(run(a, client->write(sent)).ok());
  EXPECT_TRUE(run(a, client->shutdown()).ok());
  kernel.run_until([&] { return received.has_value(); }, kNeverVirtual);
  EXPECT_TRUE(**received == sent);
}

TEST_F(NetworkTest, HalfCloseLetsTheOtherDirectionGoOn) {
  connect();
  EXPECT_TRUE(run(a, client->write("ask")).ok());
  EXPECT_TRUE(run(a, client->shutdown()).ok());
  EXPECT_EQ(run(a, client->write("more")).error().code, Errc::kClosed);
  EXPECT_EQ(*run(b, drain(*server)), "ask");
  EXPECT_EQ(*run(b, server->read()), "");
  EXPECT_TRUE(run(b, server->write("answer")).ok());
  server.reset();
  EXPECT_EQ(*run(a, drain(*client)), "answer");
}

TEST_F(NetworkTest, PeersAreNamed) {
  connect();
  EXPECT_EQ(client->peer(), "b:80");
  EXPECT_TRUE(server->peer().starts_with("a:"));
  EXPECT_EQ(listener->address(), "b:80");
}

TEST_F(NetworkTest, ListeningObeysAddressesAndPorts) {
  listen();
  EXPECT_EQ(run(b, b.world().network.listen("b:80")).error().code, Errc::kBusy);
  EXPECT_EQ(run(b, b.world().network.listen("0.0.0.0:80")).error().code, Errc::kBusy);
  EXPECT_EQ(run(b, b.world().network.listen("a:81")).error().code, Errc::kInvalid);
  EXPECT_EQ(run(b, b.world().network.listen("nonsense")).error().code, Errc::kInvalid);
  auto any = run(b, b.world().network.listen("127.0.0.1:0"));
  ASSERT_TRUE(any.ok());
  EXPECT_NE((*any)->address(), "127.0.0.1:0");
  EXPECT_TRUE(run(b, b.world().network.connect((*any)->address())).ok());
  listener.reset();
  EXPECT_TRUE(run(b, b.world().network.listen("b:80")).ok());
}

TEST_F(NetworkTest, ConnectsFailAsTheyShould) {
  EXPECT_EQ(run(a, a.world().network.connect("b:80")).error().code, Errc::kRefused);
  EXPECT_EQ(run(a, a.world().network.connect("c:80")).error().code, Errc::kNotFound);
  listen();
  network.options().refuse_ppm = 1'000'000;
  EXPECT_EQ(run(a, a.world().network.connect("b:80")).error().code, Errc::kRefused);
  network.options().refuse_ppm = 0;
  network.cut(kTwo, kOne);
  const VirtualTime before = kernel.now();
  EXPECT_EQ(run(a, a.world().network.connect("b:80")).error().code, Errc::kTimedOut);
  EXPECT_GE(kernel.now() - before, 10s);
}

TEST_F(NetworkTest, AConnectSurvivesLostHandshakes) {
  listen();
  network.options().connect_loss_ppm = 700'000;
  int connected = 0;
  for (int i = 0; i < 20; ++i) connected += run(a, a.world().network.connect("b:80")).ok() ? 1 : 0;
  EXPECT_GT(connected, 15);
}

TEST_F(NetworkTest, ADestroyedConnectLeavesNothing) {
  listen();
  network.cut_both(kOne, kTwo);
  {
    runtime::TaskGroup group(a.world().scheduler);
    std::optional<Result<std::unique_ptr<Stream>>> out;
    group.spawn(keep(a.world().network.connect("b:80"), out));
    kernel.run_for(100ms);
    EXPECT_EQ(network.connections(), 1U);
  }
  network.heal_all();
  kernel.run_all();
  EXPECT_EQ(network.connections(), 0U);
}

TEST_F(NetworkTest, AnAbortIsAResetForThePeerAndClosedForOneself) {
  connect();
  std::optional<Result<std::string_view>> reading;
  start(a, client->read(), reading);
  kernel.run_for(10ms);
  EXPECT_FALSE(reading.has_value());
  client->abort();
  kernel.run_for(10ms);
  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(reading->error().code, Errc::kClosed);
  EXPECT_EQ(run(a, client->write("x")).error().code, Errc::kClosed);
  EXPECT_EQ(read_error(b, *server), Errc::kReset);
  EXPECT_EQ(run(b, server->write("x")).error().code, Errc::kReset);
}

TEST_F(NetworkTest, ClosingStillDeliversWhatWasWritten) {
  connect();
  EXPECT_TRUE(run(a, client->write("farewell")).ok());
  client.reset();
  EXPECT_EQ(*run(b, drain(*server)), "farewell");
  server.reset();
  kernel.run_all();
  EXPECT_EQ(network.connections(), 0U);
}

TEST_F(NetworkTest, ClosingOverUnreadBytesIsAReset) {
  connect();
  EXPECT_TRUE(run(a, client->write("unread")).ok());
  kernel.run_for(10ms);
  server.reset();
  EXPECT_EQ(read_error(a, *client), Errc::kReset);
}

TEST_F(NetworkTest, WritingToAClosedPeerEndsInAReset) {
  connect();
  server.reset();
  kernel.run_for(10ms);
  EXPECT_TRUE(run(a, client->write("x")).ok());
  kernel.run_for(10ms);
  EXPECT_EQ(run(a, client->write("x")).error().code, Errc::kReset);
}

TEST_F(NetworkTest, WritersWaitForReaders) {
  network.options().send_buffer_bytes = 1000;
  network.options().receive_window_bytes = 2000;
  connect();
  const std::string sent(10'000, 'x');
  std::optional<Result<void>> written;
  start(a, client->write(sent), written);
  kernel.run_for(5s);
  EXPECT_FALSE(written.has_value());
  std::size_t received = 0;
  while (received < sent.size()) received += run(b, server->read())->size();
  kernel.run_for(1s);
  ASSERT_TRUE(written.has_value());
  EXPECT_TRUE(written->ok());
}

TEST_F(NetworkTest, APartitionHoldsBytesUntilItHeals) {
  connect();
  const std::array<NodeNumber, 1> left{kOne};
  const std::array<NodeNumber, 1> right{kTwo};
  network.partition(left, right);
  EXPECT_TRUE(run(a, client->write("held")).ok());
  std::optional<Result<std::string_view>> reading;
  start(b, server->read(), reading);
  kernel.run_for(20s);
  EXPECT_FALSE(reading.has_value());
  network.heal_all();
  kernel.run_for(3s);
  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(**reading, "held");
}

TEST_F(NetworkTest, AOneWayCutStopsOneDirection) {
  connect();
  network.cut(kOne, kTwo);
  EXPECT_TRUE(run(b, server->write("passes")).ok());
  EXPECT_EQ(*run(a, client->read()), "passes");
  EXPECT_TRUE(run(a, client->write("stays")).ok());
  std::optional<Result<std::string_view>> reading;
  start(b, server->read(), reading);
  kernel.run_for(20s);
  EXPECT_FALSE(reading.has_value());
}

TEST_F(NetworkTest, ALongPartitionBreaksTheSenderAndLeavesThePeerHalfOpen) {
  connect();
  network.cut_both(kOne, kTwo);
  EXPECT_TRUE(run(a, client->write("lost")).ok());
  EXPECT_EQ(read_error(a, *client), Errc::kTimedOut);
  network.heal_all();
  std::optional<Result<std::string_view>> reading;
  start(b, server->read(), reading);
  kernel.run_for(100s);
  EXPECT_FALSE(reading.has_value());
  EXPECT_TRUE(run(b, server->write("anybody?")).ok());
  kernel.run_for(1s);
  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(reading->error().code, Errc::kReset);
}

TEST_F(NetworkTest, ResetsAndBlackHolesStrikeConnections) {
  connect();
  network.reset_connections(kTwo, kOne);
  EXPECT_EQ(read_error(a, *client), Errc::kReset);
  EXPECT_EQ(read_error(b, *server), Errc::kReset);
  client.reset();
  server.reset();
  listener.reset();
  connect();
  network.black_hole_connections(kOne, kTwo);
  EXPECT_TRUE(run(a, client->write("into the void")).ok());
  EXPECT_EQ(read_error(a, *client), Errc::kTimedOut);
}

TEST_F(NetworkTest, DrawnResetsAndBlackHolesHappen) {
  connect();
  LinkOptions link;
  link.reset_ppm = 1'000'000;
  network.set_link(kOne, kTwo, link);
  EXPECT_TRUE(run(a, client->write("x")).ok());
  EXPECT_EQ(read_error(a, *client), Errc::kReset);
  client.reset();
  server.reset();
  listener.reset();
  link.reset_ppm = 0;
  link.black_hole_ppm = 1'000'000;
  network.set_link(kOne, kTwo, link);
  connect();
  EXPECT_TRUE(run(a, client->write("x")).ok());
  EXPECT_EQ(read_error(a, *client), Errc::kTimedOut);
}

TEST_F(NetworkTest, ACrashedNodeResetsItsConnectionsAndComesBack) {
  connect();
  kill_b(Death::kCrash);
  EXPECT_EQ(read_error(a, *client), Errc::kReset);
  EXPECT_EQ(run(a, a.world().network.connect("b:80")).error().code, Errc::kRefused);
  b.start();
  client.reset();
  connect();
  EXPECT_TRUE(run(a, client->write("again")).ok());
  EXPECT_EQ(*run(b, server->read()), "again");
}

TEST_F(NetworkTest, AMachineWithoutPowerIsSilentAndResetsAfterItsReboot) {
  connect();
  kill_b(Death::kPowerLoss);
  std::optional<Result<std::string_view>> reading;
  start(a, client->read(), reading);
  EXPECT_TRUE(run(a, client->write("hello?")).ok());
  EXPECT_EQ(run(a, a.world().network.connect("b:80")).error().code, Errc::kTimedOut);
  EXPECT_FALSE(reading.has_value());
  b.start();
  kernel.run_for(5s);
  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(reading->error().code, Errc::kReset);
}

TEST_F(NetworkTest, AClosedListenerEndsAcceptsAndResetsWhoWaits) {
  listen();
  std::optional<Result<std::unique_ptr<Stream>>> accepted;
  auto waiting = run(a, a.world().network.connect("b:80"));
  ASSERT_TRUE(waiting.ok());
  listener->close();
  EXPECT_EQ(read_error(a, **waiting), Errc::kReset);
  start(b, listener->accept(), accepted);
  kernel.run_for(1s);
  ASSERT_TRUE(accepted.has_value());
  EXPECT_EQ(accepted->error().code, Errc::kClosed);
  EXPECT_EQ(run(a, a.world().network.connect("b:80")).error().code, Errc::kRefused);
}

TEST_F(NetworkTest, CloseEndsAPendingAccept) {
  listen();
  std::optional<Result<std::unique_ptr<Stream>>> accepted;
  start(b, listener->accept(), accepted);
  kernel.run_for(1s);
  EXPECT_FALSE(accepted.has_value());
  listener->close();
  kernel.run_for(1s);
  ASSERT_TRUE(accepted.has_value());
  EXPECT_EQ(accepted->error().code, Errc::kClosed);
}

TEST_F(NetworkTest, AcceptMayFailForAWhile) {
  listen();
  network.options().accept_error_ppm = 1'000'000;
  auto connected = run(a, a.world().network.connect("b:80"));
  EXPECT_EQ(run(b, listener->accept()).error().code, Errc::kUnavailable);
  network.options().accept_error_ppm = 0;
  EXPECT_TRUE(run(b, listener->accept()).ok());
}

TEST_F(NetworkTest, ASlowLinkIsSlow) {
  LinkOptions slow;
  slow.latency = {.floor = 50ms};
  slow.nanoseconds_per_kib = 1'000'000;
  network.set_link(kOne, kTwo, slow);
  connect();
  const VirtualTime before = kernel.now();
  EXPECT_TRUE(run(a, client->write(std::string(100 * kKiB, 'x'))).ok());
  EXPECT_TRUE(run(a, client->shutdown()).ok());
  EXPECT_TRUE(run(b, drain(*server)).ok());
  EXPECT_GE(kernel.now() - before, 100ms);
}

TEST_F(NetworkTest, ADestroyedReadSpoilsTheStream) {
  connect();
  const auto answer =
      sim::run(kernel, a.world().scheduler,
               runtime::with_timeout(a.world().scheduler, a.clock().boot() + 1s, client->read()));
  EXPECT_FALSE(answer.has_value());
  EXPECT_EQ(read_error(a, *client), Errc::kClosed);
  EXPECT_EQ(run(a, client->write("x")).error().code, Errc::kClosed);
  client.reset();
  EXPECT_EQ(read_error(b, *server), Errc::kReset);
}

TEST_F(NetworkTest, AKilledNodeThatCallsIsReported) {
  connect();
  // What a life leaves behind must not act in the next one.
  b.kill(Death::kCrash);
  b.start();
  EXPECT_DEATH(server->abort(), "killed node makes no calls, but it called Stream::abort");
}

Task<void> echo(std::unique_ptr<Stream> stream) {
  for (;;) {
    const Result<std::string_view> piece = co_await stream->read();
    if (!piece || piece->empty()) co_return;
    std::string copy(*piece);
    const Result<void> written = co_await stream->write(std::move(copy));
    if (!written) co_return;
  }
}

Task<void> echo_all(Machine& machine, Listener& listener, runtime::TaskGroup& group) {
  static_cast<void>(machine);
  for (;;) {
    Result<std::unique_ptr<Stream>> stream = co_await listener.accept();
    if (!stream) co_return;
    group.spawn(echo(std::move(*stream)));
  }
}

Task<void> ask(Machine& machine, std::uint64_t number, std::uint64_t& answered) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    Result<std::unique_ptr<Stream>> stream = co_await machine.world().network.connect("b:80");
    if (stream.ok()) {
      std::string text = std::to_string(number);
      const std::size_t size = text.size();
      const Result<void> written = co_await (*stream)->write(std::move(text));
      std::size_t received = 0;
      while (written.ok() && received < size) {
        const Result<std::string_view> piece = co_await (*stream)->read();
        if (!piece || piece->empty()) break;
        received += piece->size();
      }
      if (received == size) ++answered;
    }
    co_await runtime::sleep_for(machine.world().scheduler, 10ms);
  }
}

struct Storm {
  std::uint64_t hash = 0;
  std::uint64_t answered = 0;
  std::vector<std::uint64_t> checkpoints;
};

// Echoing under faults: cuts, resets, pauses and deaths of the server.
Storm run_storm(std::uint64_t seed, char flipped = '0') {
  Kernel kernel(seed);
  SimNetwork network(kernel);
  network.options().link.reset_ppm = 20'000;
  network.options().connect_loss_ppm = 50'000;
  Machine a(kernel, network, {.node = kOne, .host = "a"});
  Machine b(kernel, network, {.node = kTwo, .host = "b"});
  Storm storm;
  std::unique_ptr<Listener> listener;
  const auto serve = [&] {
    auto made = run(kernel, b.world().scheduler, b.world().network.listen("b:80"));
    listener = std::move(*made);
    b.tasks().spawn(echo_all(b, *listener, b.tasks()));
  };
  serve();
  kernel.note(kOne, hash64(std::string_view(&flipped, 1)));
  for (std::uint64_t i = 0; i < 40; ++i) a.tasks().spawn(ask(a, i * 1000, storm.answered));
  for (std::uint64_t step = 0; step < 30; ++step) {
    kernel.run_for(Duration(
        static_cast<std::int64_t>(kernel.draw(runtime::Site("test storm"), 1, step) % 20'000'000)));
    switch (kernel.draw(runtime::Site("test storm"), 2, step) % 6) {
      case 0:
        network.cut(kOne, kTwo);
        break;
      case 1:
        network.cut(kTwo, kOne);
        break;
      case 2:
        network.heal_all();
        break;
      case 3:
        b.pause();
        break;
      case 4:
        b.resume();
        break;
      case 5:
        b.kill(step % 2 == 0 ? Death::kCrash : Death::kPowerLoss, [&] { listener.reset(); });
        b.start();
        serve();
        break;
    }
  }
  b.resume();
  network.heal_all();
  kernel.run_for(100s);
  // Who waits for an answer of a server that died behind a cut link hears nothing: half open.
  network.reset_connections(kOne, kTwo);
  kernel.run_for(100s);
  EXPECT_EQ(a.tasks().size(), 0U);
  b.kill(Death::kCrash, [&] { listener.reset(); });
  kernel.run_for(100s);
  EXPECT_EQ(network.connections(), 0U);
  storm.hash = kernel.hash();
  storm.checkpoints.assign(kernel.checkpoints().begin(), kernel.checkpoints().end());
  return storm;
}

TEST(Storm, IsTheSameForTheSameSeedAndLeavesNothingBehind) {
  std::uint64_t answered = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Storm first = run_storm(seed);
    const Storm second = run_storm(seed);
    EXPECT_EQ(first.hash, second.hash);
    EXPECT_EQ(first.checkpoints, second.checkpoints);
    EXPECT_EQ(first.answered, second.answered);
    EXPECT_NE(first.hash, run_storm(seed, '1').hash);
    answered += first.answered;
  }
  EXPECT_GT(answered, 500U);
}

}  // namespace
}  // namespace detcd::sim
