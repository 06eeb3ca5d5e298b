// What only the real world has: unix sockets, names, descriptors that run out, several threads, and
// files that other processes see.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/units.h"
#include "runtime/mailbox.h"
#include "runtime/task_group.h"
#include "runtime/timeout.h"
#include "runtime/wait.h"
#include "runtime_asio/address.h"
#include "runtime_asio/asio_world.h"
#include "runtime_asio/io_threads.h"
#include "runtime_asio/unique_fd.h"
#include "tests/runtime/world_fixture.h"

namespace detcd::test {

namespace {

using runtime::Listener;
using runtime::Mailbox;
using runtime::Stream;
using runtime::Task;
using runtime::TaskGroup;
using runtime::World;
using runtime_asio::AsioWorld;
using runtime_asio::IoThreads;
using runtime_asio::UniqueFd;

class AsioSystem : public testing::Test {
 protected:
  AsioSystem() {
    std::string name = (std::filesystem::temp_directory_path() / "detcd-asio-XXXXXX").string();
    check(::mkdtemp(name.data()) != nullptr, "a temporary directory can be made");
    directory_ = name;
  }
  ~AsioSystem() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  static Task<void> then_stop(runtime_asio::AsioScheduler& scheduler, Task<void> task) {
    co_await std::move(task);
    scheduler.stop();
  }
  void run(AsioWorld& world, Task<void> task) {
    TaskGroup tasks(world.scheduler);
    tasks.spawn(then_stop(world.scheduler, std::move(task)));
    world.scheduler.run();
    EXPECT_EQ(tasks.size(), 0u);
  }
  std::string directory_;
};

Task<std::unique_ptr<Listener>> listen(World world, std::string address) {
  auto listening = co_await world.network.listen(std::move(address));
  co_return must(std::move(listening));
}

Task<std::unique_ptr<Stream>> connect(World world, std::string address) {
  auto connected = co_await world.network.connect(std::move(address));
  co_return must(std::move(connected));
}

Task<std::unique_ptr<Stream>> accept(Listener& listener) {
  auto accepted = co_await listener.accept();
  co_return must(std::move(accepted));
}

Task<void> exchange(World world, std::string address) {
  const auto listener = co_await listen(world, std::move(address));
  const auto client = co_await connect(world, listener->address());
  const auto server = co_await accept(*listener);
  const Result<void> written = co_await client->write("hello");
  must(written);
  const Result<std::string_view> piece = co_await server->read();
  EXPECT_TRUE(piece && *piece == "hello");
}

TEST_F(AsioSystem, UnixSocketsCarryStreamsAndLeaveNoName) {
  AsioWorld world(directory_);
  const std::string path = directory_ + "/socket";
  run(world, exchange(world.world(), "unix:" + path));
  EXPECT_FALSE(std::filesystem::exists(path));
}

constexpr int kStreams = 8;

Task<void> send_x(Stream& stream) {
  const Result<void> written = co_await stream.write("x");
  must(written);
}

Task<void> count_piece(World world, Stream& stream, int& count) {
  const Result<std::string_view> piece = co_await stream.read();
  count += piece && *piece == "x" ? 1 : 0;
  co_await runtime::yield_last(world.scheduler);
  EXPECT_EQ(count, kStreams);
}

Task<void> read_what_arrived_together(World world, std::string address) {
  TaskGroup readers(world.scheduler);
  std::vector<std::unique_ptr<Stream>> streams;
  const auto listener = co_await listen(world, std::move(address));
  int count = 0;
  for (int i = 0; i < kStreams; ++i) {
    auto client = co_await connect(world, listener->address());
    auto server = co_await accept(*listener);
    readers.spawn(count_piece(world, *server, count));
    streams.push_back(std::move(server));
    streams.push_back(std::move(client));
  }
  co_await runtime::sleep_for(world.scheduler, 1ms);
  // Nobody looks at the sockets before all of these are sent.
  TaskGroup writers(world.scheduler);
  for (std::size_t i = 1; i < streams.size(); i += 2) writers.spawn(send_x(*streams[i]));
  co_await writers.join();
  co_await readers.join();
}

TEST_F(AsioSystem, WhoYieldsLastResumesAfterAllWhoseBytesWereThere) {
  AsioWorld world(directory_);
  run(world, read_what_arrived_together(world.world(), "unix:" + directory_ + "/socket"));
}

Task<void> take_over(World world, std::string address) {
  const auto first = co_await listen(world, address);
  const auto second = co_await world.network.listen(address);
  EXPECT_EQ(error_of(second), Errc::kBusy) << "somebody answers there";
}

TEST_F(AsioSystem, AUnixSocketLeftBehindByADeadProcessIsTakenOver) {
  AsioWorld world(directory_);
  const std::string path = directory_ + "/socket";
  {
    // A name without a listener, as a killed process leaves it.
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto endpoints = runtime_asio::literal_endpoints({.path = path});
    ASSERT_EQ(::bind(dead.get(), endpoints->front().data(), endpoints->front().length), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  run(world, take_over(world.world(), "unix:" + path));
}

Task<void> nobody_there(World world, std::string address) {
  const auto connected = co_await world.network.connect(std::move(address));
  EXPECT_EQ(error_of(connected), Errc::kRefused);
}

TEST_F(AsioSystem, AUnixSocketWithoutANameIsRefused) {
  AsioWorld world(directory_);
  run(world, nobody_there(world.world(), "unix:" + directory_ + "/none"));
}

Task<void> by_name(World world) {
  const auto listener = co_await listen(world, "localhost:0");
  const std::string address = listener->address();
  const auto client = co_await connect(world, "localhost" + address.substr(address.rfind(':')));
  const auto server = co_await accept(*listener);
  EXPECT_EQ(client->peer(), address);
  const auto unknown = co_await world.network.connect("no-such-name.invalid:1");
  EXPECT_FALSE(unknown.ok());
  const auto nonsense = co_await world.network.connect("nonsense");
  EXPECT_EQ(error_of(nonsense), Errc::kInvalid);
  const auto elsewhere = co_await world.network.listen("192.0.2.1:0");
  EXPECT_EQ(error_of(elsewhere), Errc::kInvalid) << "no such address here";
}

TEST_F(AsioSystem, NamesAreResolved) {
  AsioWorld world(directory_);
  run(world, by_name(world.world()));
}

// IPv6 alone, so that a listener that then tried IPv4 would find its port free there.
UniqueFd holder_of_ipv6(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  sockaddr_in6 all{};
  all.sin6_family = AF_INET6;
  all.sin6_port = htons(port);
  const bool held = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&all), sizeof all) == 0 &&
                    ::listen(fd.get(), 1) == 0;
  return held ? std::move(fd) : UniqueFd();
}

Task<void> half_taken(World world) {
  auto listener = co_await listen(world, "127.0.0.1:0");
  const std::string address = listener->address();
  const std::string port = address.substr(address.rfind(':') + 1);
  listener.reset();
  const UniqueFd holder = holder_of_ipv6(static_cast<std::uint16_t>(std::stoi(port)));
  if (!holder.valid()) co_return;  // A machine without IPv6.
  const auto second = co_await world.network.listen(":" + port);
  EXPECT_EQ(error_of(second), Errc::kBusy) << "clients would reach the other one";
}

TEST_F(AsioSystem, APortInUseOnTheFirstOfSeveralAddressesIsInUse) {
  AsioWorld world(directory_);
  run(world, half_taken(world.world()));
}

// Of all sockets of this process that are connected to `port`, the largest.
int unacknowledged_max_ms(std::uint16_t port) {
  int found = 0;
  for (int fd = 0; fd < 1024; ++fd) {
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0) continue;
    if (peer.sin_family != AF_INET || ntohs(peer.sin_port) != port) continue;
    int milliseconds = 0;
    length = sizeof milliseconds;
    ::getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, &length);
    found = std::max(found, milliseconds);
  }
  return found;
}

Task<void> dial(World world) {
  const auto listener = co_await listen(world, "127.0.0.1:0");
  const std::string address = listener->address();
  const auto client = co_await connect(world, address);
  const int port = std::stoi(address.substr(address.rfind(':') + 1));
  const int milliseconds = unacknowledged_max_ms(static_cast<std::uint16_t>(port));
  EXPECT_GE(milliseconds, 5'000);
  EXPECT_LE(milliseconds, 30'000);
}

TEST_F(AsioSystem, WhoDialsNoticesAMachineThatIsGoneWithoutAGoodbye) {
  AsioWorld world(directory_);
  run(world, dial(world.world()));
}

Task<void> all_interfaces(World world) {
  const auto listener = co_await listen(world, ":0");
  const std::string address = listener->address();
  const auto client = co_await connect(world, "127.0.0.1" + address.substr(address.rfind(':')));
  const auto server = co_await accept(*listener);
  EXPECT_NE(server->peer(), "");
}

TEST_F(AsioSystem, AnAddressWithoutAHostIsAllInterfaces) {
  AsioWorld world(directory_);
  run(world, all_interfaces(world.world()));
}

Task<void> exhaust_descriptors(World world) {
  const auto listener = co_await listen(world, "127.0.0.1:0");
  const auto client = co_await connect(world, listener->address());
  rlimit former{};
  check(::getrlimit(RLIMIT_NOFILE, &former) == 0, "the limit can be asked for");
  const UniqueFd probe(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const rlimit none{static_cast<rlim_t>(probe.get()) + 1, former.rlim_max};
  check(::setrlimit(RLIMIT_NOFILE, &none) == 0, "the limit can be lowered");
  // Below the limit there may be gaps.
  std::vector<UniqueFd> fill;
  for (;;) {
    UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) break;
    fill.push_back(std::move(fd));
  }
  const auto refused = co_await listener->accept();
  EXPECT_EQ(error_of(refused), Errc::kUnavailable);
  check(::setrlimit(RLIMIT_NOFILE, &former) == 0, "the limit can be raised again");
  const auto server = co_await accept(*listener);
  EXPECT_EQ(server->peer().substr(0, 10), "127.0.0.1:") << "the connection had waited";
}

TEST_F(AsioSystem, AnAcceptWithoutDescriptorsFailsAndMayBeTriedAgain) {
  AsioWorld world(directory_);
  run(world, exhaust_descriptors(world.world()));
}

// --- Several threads.

using Noted = std::pair<std::size_t, std::string>;  // Which thread read what.

Task<void> note_line(std::unique_ptr<Stream> stream, std::size_t thread,
                     Mailbox<Noted>::Sender notes) {
  const Result<std::string_view> piece = co_await stream->read();
  if (piece) notes.send({thread, std::string(*piece)});
}

Task<void> serve(World world, std::unique_ptr<Listener> listener, std::size_t thread,
                 Mailbox<Noted>::Sender notes) {
  TaskGroup connections(world.scheduler);
  for (;;) {
    auto accepted = co_await listener->accept();
    if (!accepted) co_return;
    connections.spawn(note_line(std::move(*accepted), thread, notes));
  }
}

Task<void> talk(World world, std::string address, int number, Mailbox<Noted>& notes,
                std::vector<Noted>& got) {
  const auto stream = co_await connect(world, std::move(address));
  const Result<void> written = co_await stream->write(std::to_string(number));
  must(written);
  std::optional<Noted> note = co_await notes.receive();
  got.push_back(std::move(*note));
}

Task<void> deal_connections(AsioWorld& node, IoThreads& threads, std::vector<Noted>& got) {
  TaskGroup tasks(node.scheduler);
  Mailbox<Noted> notes(node.scheduler);
  auto listening = co_await threads.listen(node.network, tasks, "127.0.0.1:0");
  std::vector<std::unique_ptr<Listener>> listeners = must(std::move(listening));
  const std::string address = listeners[0]->address();
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    threads.spawn(
        i, [i, listener = std::move(listeners[i]), sender = notes.sender()](World world) mutable {
          return serve(world, std::move(listener), i, std::move(sender));
        });
  }
  for (int number = 0; number < 20; ++number) {
    co_await talk(node.world(), address, number, notes, got);
  }
}

TEST_F(AsioSystem, ConnectionsAreDealtToTheThreadsInTurn) {
  AsioWorld node(directory_);
  std::vector<Noted> got;
  {
    IoThreads threads(3, directory_);
    run(node, deal_connections(node, threads, got));
  }
  ASSERT_EQ(got.size(), 20u);
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i], (Noted{i % 3, std::to_string(i)}));
  }
}

Task<void> sleep_long(World world, std::shared_ptr<int> held) {
  co_await runtime::sleep_for(world.scheduler, 1000s);
  static_cast<void>(held);
}

TEST_F(AsioSystem, ThreadsThatEndDestroyTheirTasks) {
  const auto held = std::make_shared<int>(0);
  {
    IoThreads threads(2, directory_);
    for (std::size_t i = 0; i < 10; ++i) {
      threads.spawn(i % 2, [held](World world) { return sleep_long(world, held); });
    }
  }
  EXPECT_EQ(held.use_count(), 1);
}

// --- Files as others see them.

Task<void> write_late(runtime::File& file, std::uint64_t offset) {
  const Result<void> written = co_await file.write(offset, std::string(kMiB, 'x'));
  must(written);
}

Task<void> abandon_many(World world, std::unique_ptr<runtime::DirectoryLock>& lock) {
  auto opened = co_await world.disk.open("file", runtime::OpenMode::kCreate);
  const auto file = must(std::move(opened));
  auto locked = co_await world.disk.lock("");
  lock = must(std::move(locked));
  TaskGroup tasks(world.scheduler);
  for (std::uint64_t i = 0; i < 20; ++i) tasks.spawn(write_late(*file, i * kMiB));
  while (tasks.size() == 20) co_await runtime::yield(world.scheduler);
}

TEST_F(AsioSystem, AbandonedWritesAreFinishedBeforeTheDiskAndTheLockAreGone) {
  std::unique_ptr<runtime::DirectoryLock> lock;
  {
    AsioWorld world(directory_);
    run(world, abandon_many(world.world(), lock));
    lock.reset();
  }
  EXPECT_EQ(std::filesystem::file_size(directory_ + "/file"), 20 * kMiB);
  AsioWorld next(directory_);
  run(next, abandon_many(next.world(), lock));
}

Task<void> allocate_really(World world) {
  auto opened = co_await world.disk.open("segment", runtime::OpenMode::kCreateNew);
  const auto file = must(std::move(opened));
  const Result<void> allocated = co_await file->allocate(3 * kMiB + 5);
  must(allocated);
  const Result<void> synced = co_await file->sync();
  must(synced);
}

TEST_F(AsioSystem, AllocatedSpaceIsNoHoleAndFilesArePrivate) {
  AsioWorld world(directory_ + "/new/place");
  std::filesystem::create_directories(directory_ + "/new/place");
  run(world, allocate_really(world.world()));
  struct stat about{};
  ASSERT_EQ(::stat((directory_ + "/new/place/segment").c_str(), &about), 0);
  EXPECT_EQ(about.st_size, static_cast<off_t>(3 * kMiB + 5));
  EXPECT_GE(static_cast<std::uint64_t>(about.st_blocks) * 512, 3 * kMiB);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
}

Task<void> grow_past_the_limit(World world) {
  auto opened = co_await world.disk.open("segment", runtime::OpenMode::kCreate);
  const auto file = must(std::move(opened));
  const Result<void> allocated = co_await file->allocate(3 * kMiB);
  EXPECT_EQ(error_of(allocated), Errc::kNoSpace);
  Result<std::uint64_t> size = co_await file->size();
  EXPECT_EQ(must(std::move(size)), 0u) << "what was begun is given back";
  const Result<void> small = co_await file->write(0, "fits");
  EXPECT_TRUE(small.ok());
}

TEST_F(AsioSystem, AnAllocationWithoutRoomTakesNothing) {
  rlimit former{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &former), 0);
  const rlimit small{2 * kMiB, former.rlim_max};
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  {
    AsioWorld world(directory_);
    run(world, grow_past_the_limit(world.world()));
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &former), 0);
  ::signal(SIGXFSZ, handler);
}

Task<void> private_directories(World world) {
  const Result<void> made = co_await world.disk.make_directory("one/two");
  must(made);
}

TEST_F(AsioSystem, DirectoriesArePrivate) {
  AsioWorld world(directory_);
  run(world, private_directories(world.world()));
  for (const char* name : {"/one", "/one/two"}) {
    struct stat about{};
    ASSERT_EQ(::stat((directory_ + name).c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777, 0700u);
  }
}

}  // namespace

}  // namespace detcd::test
