// What the tests of the virtual network share: two machines with a connection between them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "sim/machine/machine.h"
#include "tests/sim/fixture.h"

namespace detcd::sim {

inline constexpr NodeNumber kOne{1};
inline constexpr NodeNumber kTwo{2};

// Two machines, "a" and "b"; b listens at port 80.
class NetworkTest : public testing::Test {
 protected:
  explicit NetworkTest(std::uint64_t seed = 1)
      : kernel(seed),
        network(kernel),
        a(kernel, network, {.node = kOne, .host = "a"}),
        b(kernel, network, {.node = kTwo, .host = "b"}) {}
  ~NetworkTest() override {
    client.reset();
    server.reset();
    listener.reset();
  }
  template <class T>
  T run(Machine& machine, runtime::Task<T> task) {
    return sim::run(kernel, machine.world().scheduler, std::move(task));
  }
  template <class T>
  void start(Machine& machine, runtime::Task<T> task, std::optional<T>& out) {
    machine.tasks().spawn(keep(std::move(task), out));
  }
  void listen() {
    auto made = run(b, b.world().network.listen("b:80"));
    ASSERT_TRUE(made.ok());
    listener = std::move(*made);
  }
  void connect() {
    listen();
    std::optional<Result<std::unique_ptr<runtime::Stream>>> accepted;
    start(b, listener->accept(), accepted);
    auto connected = run(a, a.world().network.connect("b:80"));
    ASSERT_TRUE(connected.ok()) << connected.error().message;
    client = std::move(*connected);
    kernel.run_until([&] { return accepted.has_value(); }, kNeverVirtual);
    ASSERT_TRUE(accepted->ok());
    server = std::move(**accepted);
  }
  // All bytes until the end of file.
  static runtime::Task<Result<std::string>> drain(runtime::Stream& stream) {
    std::string all;
    for (;;) {
      const Result<std::string_view> piece = co_await stream.read();
      if (!piece) co_return piece.error();
      if (piece->empty()) co_return std::move(all);
      all += *piece;
    }
  }
  Errc read_error(Machine& machine, runtime::Stream& stream) {
    const Result<std::string_view> piece = run(machine, stream.read());
    return piece.ok() ? Errc::kInternal : piece.error().code;
  }
  void kill_b(Death death) {
    b.kill(death, [&] {
      server.reset();
      listener.reset();
    });
  }

  Kernel kernel;
  SimNetwork network;
  Machine a;
  Machine b;
  std::unique_ptr<runtime::Listener> listener;
  std::unique_ptr<runtime::Stream> client;
  std::unique_ptr<runtime::Stream> server;
};

}  // namespace detcd::sim
