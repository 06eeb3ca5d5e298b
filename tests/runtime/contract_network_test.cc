// Networks and streams keep these promises in every world.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/units.h"
#include "runtime/task_group.h"
#include "runtime/timeout.h"
#include "runtime/wait.h"
#include "tests/runtime/world_fixture.h"

namespace detcd::test {

namespace {

using runtime::Listener;
using runtime::Stream;
using runtime::Task;
using runtime::TaskGroup;
using runtime::World;
using StreamPtr = std::unique_ptr<Stream>;

using NetworkContract = Contract;

struct Received {
  std::string bytes;
  std::optional<Errc> error;  // Of the read that ended it; none at end of file.
};

Task<Received> read_to_end(Stream& stream) {
  Received received;
  for (;;) {
    const Result<std::string_view> piece = co_await stream.read();
    if (!piece) received.error = piece.error().code;
    if (!piece || piece->empty()) co_return std::move(received);
    received.bytes += *piece;
  }
}

Task<void> send(Stream& stream, std::string bytes) {
  const Result<void> written = co_await stream.write(std::move(bytes));
  must(written);
}

Task<void> finish(Stream& stream) {
  const Result<void> done = co_await stream.shutdown();
  must(done);
}

std::string some_bytes(std::size_t length) {
  std::string bytes(length, '\0');
  for (std::size_t i = 0; i < length; ++i) {
    bytes[i] = static_cast<char>(mix64(i / 8) >> (i % 8 * 8));
  }
  return bytes;
}

Task<void> collect(World, StreamPtr stream, Received& received) {
  Received all = co_await read_to_end(*stream);
  received = std::move(all);
}

Task<void> send_and_close(World, StreamPtr stream, std::string bytes) {
  co_await send(*stream, std::move(bytes));
}

TEST_P(NetworkContract, BytesArriveInOrderAndThenEndOfFile) {
  Received received;
  run_connected(
      *world_, [&](World w, StreamPtr s) { return collect(w, std::move(s), received); },
      [&](World w, StreamPtr s) { return send_and_close(w, std::move(s), "hello"); });
  EXPECT_EQ(received.bytes, "hello");
  EXPECT_EQ(received.error, std::nullopt);
}

Task<void> read_past_the_end(World, StreamPtr stream, int& ends) {
  const Received all = co_await read_to_end(*stream);
  EXPECT_EQ(all.bytes, "x");
  for (int i = 0; i < 3; ++i) {
    const Result<std::string_view> piece = co_await stream->read();
    if (piece && piece->empty()) ++ends;
  }
}

TEST_P(NetworkContract, EndOfFileStaysEndOfFile) {
  int ends = 0;
  run_connected(
      *world_, [&](World w, StreamPtr s) { return read_past_the_end(w, std::move(s), ends); },
      [&](World w, StreamPtr s) { return send_and_close(w, std::move(s), "x"); });
  EXPECT_EQ(ends, 3);
}

Task<void> send_pieces(World world, StreamPtr stream, const std::string& bytes) {
  std::size_t sent = 0;
  for (std::size_t i = 0; sent < bytes.size(); ++i) {
    const std::size_t length = std::min<std::size_t>(bytes.size() - sent, 1 + mix64(i) % 70'000);
    co_await send(*stream, bytes.substr(sent, length));
    sent += length;
    if (i % 10 == 0) co_await runtime::yield(world.scheduler);
  }
  co_await finish(*stream);
  const Received answer = co_await read_to_end(*stream);
  EXPECT_EQ(answer.bytes, bytes);
  EXPECT_EQ(answer.error, std::nullopt);
}

Task<void> send_back(World, StreamPtr stream) {
  Received all = co_await read_to_end(*stream);
  EXPECT_EQ(all.error, std::nullopt);
  co_await send(*stream, std::move(all.bytes));
}

// Bigger than what buffers on the way hold, so that reads and writes come in pieces.
TEST_P(NetworkContract, LargeTransfersArriveWholeBothWaysAcrossAHalfClose) {
  const std::string bytes = some_bytes(4 * kMiB + 17);
  run_connected(
      *world_, [&](World w, StreamPtr s) { return send_back(w, std::move(s)); },
      [&](World w, StreamPtr s) { return send_pieces(w, std::move(s), bytes); });
}

Task<void> write_after_shutdown(World, StreamPtr stream, std::optional<Errc>& error) {
  co_await send(*stream, "last");
  co_await finish(*stream);
  const Result<void> refused = co_await stream->write("too late");
  error = error_of(refused);
  const Received rest = co_await read_to_end(*stream);
  EXPECT_EQ(rest.bytes, "last");
}

TEST_P(NetworkContract, NothingIsWrittenAfterAHalfCloseButReadingGoesOn) {
  std::optional<Errc> error;
  run_connected(
      *world_, [&](World w, StreamPtr s) { return send_back(w, std::move(s)); },
      [&](World w, StreamPtr s) { return write_after_shutdown(w, std::move(s), error); });
  EXPECT_EQ(error, Errc::kClosed);
}

Task<void> abort_after_reading(World, StreamPtr stream) {
  const Result<std::string_view> piece = co_await stream->read();
  EXPECT_TRUE(piece.ok());
  stream->abort();
  const Result<std::string_view> after = co_await stream->read();
  EXPECT_EQ(error_of(after), Errc::kClosed);
  const Result<void> write = co_await stream->write("x");
  EXPECT_EQ(error_of(write), Errc::kClosed);
}

Task<void> write_and_collect(World, StreamPtr stream, Received& received) {
  co_await send(*stream, "hello");
  Received all = co_await read_to_end(*stream);
  received = std::move(all);
}

TEST_P(NetworkContract, AnAbortIsAResetForThePeer) {
  Received received;
  run_connected(
      *world_, [&](World w, StreamPtr s) { return abort_after_reading(w, std::move(s)); },
      [&](World w, StreamPtr s) { return write_and_collect(w, std::move(s), received); });
  EXPECT_EQ(received.bytes, "");
  EXPECT_EQ(received.error, Errc::kReset);
}

Task<void> write_until_it_fails(World, StreamPtr stream, std::optional<Errc>& error) {
  const std::string bytes(64 * kKiB, 'x');
  for (int i = 0; i < 10'000 && !error; ++i) {
    const Result<void> written = co_await stream->write(bytes);
    error = error_of(written);
  }
}

TEST_P(NetworkContract, WritingToAResetConnectionFails) {
  std::optional<Errc> error;
  run_connected(
      *world_, [&](World w, StreamPtr s) { return abort_after_reading(w, std::move(s)); },
      [&](World w, StreamPtr s) { return write_until_it_fails(w, std::move(s), error); });
  EXPECT_EQ(error, Errc::kReset);
}

Task<void> note_end_of_read(Stream& stream, std::optional<Errc>& error) {
  const Result<std::string_view> piece = co_await stream.read();
  error = error_of(piece);
}

Task<void> note_end_of_write(Stream& stream, std::optional<Errc>& error) {
  const Result<void> written = co_await stream.write(std::string(64 * kMiB, 'x'));
  error = error_of(written);
}

struct Ends {
  std::optional<Errc> read;
  std::optional<Errc> write;
};

Task<void> abort_under_way(World world, StreamPtr stream, Ends& ends) {
  TaskGroup tasks(world.scheduler);
  tasks.spawn(note_end_of_read(*stream, ends.read));
  tasks.spawn(note_end_of_write(*stream, ends.write));
  co_await runtime::sleep_for(world.scheduler, 5ms);
  stream->abort();
  co_await tasks.join();
}

// Reads nothing until the peer must have got stuck, then everything there is.
Task<void> wait_then_read(World world, StreamPtr stream) {
  co_await runtime::sleep_for(world.scheduler, 30ms);
  const Received all = co_await read_to_end(*stream);
  EXPECT_EQ(all.error, Errc::kReset);
}

TEST_P(NetworkContract, AnAbortEndsReadsAndWritesUnderWay) {
  Ends ends;
  run_connected(
      *world_, [&](World w, StreamPtr s) { return wait_then_read(w, std::move(s)); },
      [&](World w, StreamPtr s) { return abort_under_way(w, std::move(s), ends); });
  EXPECT_EQ(ends.read, Errc::kClosed);
  EXPECT_EQ(ends.write, Errc::kClosed);
}

Task<void> cancel_reads(World world, StreamPtr stream) {
  const auto read = co_await runtime::with_timeout(world.scheduler, world.clock.boot() + 2ms,
                                                   read_to_end(*stream));
  EXPECT_FALSE(read.has_value()) << "the peer says nothing for so long";
  // What comes now belongs to the read that is gone: nobody else may be given it, or a part of it.
  co_await runtime::sleep_for(world.scheduler, 20ms);
  const Result<std::string_view> piece = co_await stream->read();
  EXPECT_TRUE(!piece || *piece == "late") << "never a wrong byte";
}

Task<void> speak_late(World world, StreamPtr stream) {
  co_await runtime::sleep_for(world.scheduler, 10ms);
  const Result<void> written = co_await stream->write("late");
  static_cast<void>(written);
  co_await runtime::sleep_for(world.scheduler, 30ms);
}

TEST_P(NetworkContract, ADestroyedReadCompletesNobody) {
  run_connected(
      *world_, [&](World w, StreamPtr s) { return cancel_reads(w, std::move(s)); },
      [&](World w, StreamPtr s) { return speak_late(w, std::move(s)); });
}

Task<void> cancel_a_write(World world, StreamPtr stream) {
  const auto written = co_await runtime::with_timeout(world.scheduler, world.clock.boot() + 5ms,
                                                      stream->write(std::string(64 * kMiB, 'x')));
  EXPECT_FALSE(written.has_value()) << "nobody reads that much";
  stream->abort();
}

TEST_P(NetworkContract, ADestroyedWriteLeavesAStreamThatCanBeAborted) {
  run_connected(
      *world_, [&](World w, StreamPtr s) { return wait_then_read(w, std::move(s)); },
      [&](World w, StreamPtr s) { return cancel_a_write(w, std::move(s)); });
}

Task<void> connect_nowhere(World world, std::string address, std::optional<Errc>& error) {
  const auto connected = co_await world.network.connect(std::move(address));
  error = error_of(connected);
}

TEST_P(NetworkContract, ConnectingWhereNobodyListensIsRefused) {
  std::optional<Errc> error;
  const std::string address = world_->refused_address();
  world_->run([&](World world) { return connect_nowhere(world, address, error); });
  EXPECT_EQ(error, Errc::kRefused);
}

Task<void> connect_and_go(World world, std::string address) {
  // Given up before it can have been answered.
  const auto connected = co_await runtime::with_timeout(world.scheduler, world.clock.boot(),
                                                        world.network.connect(std::move(address)));
  static_cast<void>(connected);
}

Task<void> give_up_connecting(World world, std::string address) {
  auto listening = co_await world.network.listen(std::move(address));
  const auto listener = must(std::move(listening));
  for (int i = 0; i < 20; ++i) co_await connect_and_go(world, listener->address());
  co_await runtime::sleep_for(world.scheduler, 5ms);
}

TEST_P(NetworkContract, AConnectCanBeGivenUp) {
  world_->run([&](World world) { return give_up_connecting(world, world_->listen_address()); });
}

Task<void> listen_twice(World world, std::string address, std::optional<Errc>& error) {
  auto listening = co_await world.network.listen(std::move(address));
  const auto listener = must(std::move(listening));
  const auto again = co_await world.network.listen(listener->address());
  error = error_of(again);
}

TEST_P(NetworkContract, AnAddressHasOneListener) {
  std::optional<Errc> error;
  world_->run([&](World world) { return listen_twice(world, world_->listen_address(), error); });
  EXPECT_EQ(error, Errc::kBusy);
}

Task<void> note_end_of_accept(Listener& listener, std::optional<Errc>& error) {
  const auto accepted = co_await listener.accept();
  error = error_of(accepted);
}

Task<void> close_listener(World world, std::string address, std::optional<Errc>& error) {
  auto listening = co_await world.network.listen(std::move(address));
  const auto listener = must(std::move(listening));
  const std::string bound = listener->address();
  std::optional<Errc> first;
  TaskGroup tasks(world.scheduler);
  tasks.spawn(note_end_of_accept(*listener, first));
  co_await runtime::sleep_for(world.scheduler, 2ms);
  listener->close();
  co_await tasks.join();
  EXPECT_EQ(first, Errc::kClosed);
  co_await note_end_of_accept(*listener, error);
  // The address is free again.
  const auto again = co_await world.network.listen(bound);
  EXPECT_TRUE(again.ok());
}

TEST_P(NetworkContract, ClosingAListenerEndsItsAcceptsAndFreesTheAddress) {
  std::optional<Errc> error;
  world_->run([&](World world) { return close_listener(world, world_->listen_address(), error); });
  EXPECT_EQ(error, Errc::kClosed);
}

Task<void> accept_after_giving_up(World world, std::string address) {
  auto listening = co_await world.network.listen(std::move(address));
  const auto listener = must(std::move(listening));
  for (int i = 0; i < 5; ++i) {
    const auto nobody = co_await runtime::with_timeout(world.scheduler, world.clock.boot() + 1ms,
                                                       listener->accept());
    EXPECT_FALSE(nobody.has_value());
  }
  TaskGroup tasks(world.scheduler);
  tasks.spawn(connect_and_go(world, listener->address()));
  auto connected = co_await world.network.connect(listener->address());
  const auto stream = must(std::move(connected));
  co_await send(*stream, "hello");
  co_await finish(*stream);
  // One of the two that come is the one that says hello; the other may never have got through.
  for (;;) {
    auto accepted = co_await listener->accept();
    const auto accepting = must(std::move(accepted));
    const Received received = co_await read_to_end(*accepting);
    if (received.bytes == "hello") co_return;
  }
}

TEST_P(NetworkContract, ADestroyedAcceptLosesNoConnection) {
  world_->run([&](World world) { return accept_after_giving_up(world, world_->listen_address()); });
}

Task<void> say_number(World world, std::string address, int number) {
  auto connected = co_await world.network.connect(std::move(address));
  const auto stream = must(std::move(connected));
  co_await send(*stream, std::to_string(number) + "\n");
  const Received echo = co_await read_to_end(*stream);
  EXPECT_EQ(echo.bytes, "") << "the server only listens";
}

Task<void> take_number(StreamPtr stream, int& sum) {
  // A read may give any part of what was sent.
  std::string line;
  while (!line.ends_with('\n')) {
    const Result<std::string_view> piece = co_await stream->read();
    if (!piece || piece->empty()) co_return;
    line += *piece;
  }
  sum += std::stoi(line);
}

Task<void> serve_many(World world, std::string address, int& sum) {
  auto listening = co_await world.network.listen(std::move(address));
  const auto listener = must(std::move(listening));
  TaskGroup tasks(world.scheduler);
  for (int i = 1; i <= 100; ++i) tasks.spawn(say_number(world, listener->address(), i));
  for (int i = 1; i <= 100; ++i) {
    auto accepted = co_await listener->accept();
    tasks.spawn(take_number(must(std::move(accepted)), sum));
  }
  co_await tasks.join();
}

TEST_P(NetworkContract, ManyConnectionsGoOnBesideEachOther) {
  int sum = 0;
  world_->run([&](World world) { return serve_many(world, world_->listen_address(), sum); });
  EXPECT_EQ(sum, 5050);
}

Task<void> answer_pings(World, StreamPtr stream) {
  for (;;) {
    const Result<std::string_view> ping = co_await stream->read();
    if (!ping || ping->empty()) co_return;
    co_await send(*stream, std::string(*ping));
  }
}

Task<void> drop_between_pings(World world, StreamPtr stream) {
  for (int i = 0; i < 50; ++i) {
    co_await send(*stream, "ping");
    const Result<std::string_view> pong = co_await stream->read();
    EXPECT_TRUE(pong.ok());
  }
  // Ends with a read under way, whose task is destroyed, and then the stream under it.
  const auto nothing = co_await runtime::with_timeout(world.scheduler, world.clock.boot() + 1ms,
                                                      read_to_end(*stream));
  EXPECT_FALSE(nothing.has_value());
}

TEST_P(NetworkContract, AStreamDestroyedAfterAnAbandonedReadEndsThePeersReading) {
  run_connected(
      *world_, [&](World w, StreamPtr s) { return answer_pings(w, std::move(s)); },
      [&](World w, StreamPtr s) { return drop_between_pings(w, std::move(s)); });
}

INSTANTIATE_TEST_SUITE_P(Worlds, NetworkContract, testing::ValuesIn(all_worlds()), name_of_world);

}  // namespace

}  // namespace detcd::test
