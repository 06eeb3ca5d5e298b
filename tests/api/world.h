// A listener with a scripted node behind it and raw clients in front, in virtual time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "api/listener.h"
#include "http2/client_session.h"
#include "sim/kernel/clock.h"
#include "sim/kernel/fence.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/random.h"
#include "sim/kernel/scheduler.h"
#include "tests/support/memory_network.h"
#include "tests/support/scripted_node.h"

namespace detcd::api {

inline constexpr std::string_view kAddress = "memory:2379";

class NullSink final : public telemetry::Sink {
 public:
  void write(const telemetry::Record& record) override { records.push_back(record); }
  std::vector<telemetry::Record> records;
};

struct World {
  explicit World(std::uint64_t seed = 0, Settings settings = {},
                 testing_support::Pieces pieces = {})
      : kernel(seed + 1),
        clock(kernel, {}),
        scheduler(kernel, clock, fence, {.node = sim::NodeNumber(1)}),
        random(kernel, fence, sim::NodeNumber(1), sim::Incarnation(1)),
        network(scheduler, pieces),
        node(scheduler),
        listener(std::in_place,
                 Environment{.scheduler = scheduler,
                             .log = telemetry::Log(sink, telemetry::Level::kDebug),
                             .service = node.service(),
                             .settings = settings},
                 network.open(std::string(kAddress))),
        tasks(scheduler) {
    listener->start();
  }
  void run_for(Duration duration) { kernel.run_for(duration); }
  // Runs whatever is to be done now.
  void settle() { kernel.run_for(1us); }
  // Begins the listener's shutdown; true in `drained` when it is done.
  void shut_down() { tasks.spawn(drain()); }
  runtime::Task<void> drain() {
    co_await listener->shutdown();
    drained = true;
  }

  NullSink sink;
  sim::Kernel kernel;
  sim::NodeClock clock;
  sim::Fence fence;
  sim::NodeScheduler scheduler;
  sim::NodeRandom random;
  testing_support::MemoryNetwork network;
  testing_support::ScriptedNode node;
  std::optional<Listener> listener;
  runtime::TaskGroup tasks;
  bool drained = false;
};

// A client that speaks bytes.
class RawClient {
 public:
  explicit RawClient(World& world)
      : world_(world), outbox_changed_(world.scheduler), tasks_(world.scheduler) {
    tasks_.spawn(connect());
    world.settle();
  }
  // Queues the bytes behind what was sent before, and lets the world react.
  void send(const std::string& bytes) {
    post(bytes);
    world_.settle();
  }
  // Reads nothing more, except what a read that is under way gives.
  void pause() { paused_ = true; }
  void resume() {
    paused_ = false;
    outbox_changed_.wake_all();
  }
  void abort() {
    stream->abort();
    world_.settle();
  }

  std::unique_ptr<runtime::Stream> stream;
  std::string received;
  bool ended = false;  // By the server.

 protected:
  runtime::Task<void> connect() {
    Result<std::unique_ptr<runtime::Stream>> connected =
        co_await world_.network.connect(std::string(kAddress));
    check(connected.ok(), "the server listens");
    stream = *std::move(connected);
    tasks_.spawn(write());
    co_await read();
  }
  void post(const std::string& bytes) {
    outbox_ += bytes;
    outbox_changed_.wake_all();
  }
  runtime::Task<void> read() {
    for (;;) {
      while (paused_) {
        const bool woken = co_await outbox_changed_.wait();
        static_cast<void>(woken);
      }
      const Result<std::string_view> bytes = co_await stream->read();
      if (!bytes || bytes->empty()) break;
      received += *bytes;
      take(*bytes);
    }
    ended = true;
    gone();
  }
  runtime::Task<void> write() {
    for (;;) {
      while (outbox_.empty()) {
        const bool woken = co_await outbox_changed_.wait();
        static_cast<void>(woken);
      }
      std::string out = std::exchange(outbox_, std::string());
      const Result<void> written = co_await stream->write(std::move(out));
      if (!written) co_return;
    }
  }
  virtual void take(std::string_view) {}
  virtual void gone() {}

 public:
  virtual ~RawClient() { tasks_.cancel(); }

 protected:
  World& world_;
  bool paused_ = false;
  std::string outbox_;
  runtime::Signal outbox_changed_;
  runtime::TaskGroup tasks_;
};

struct RawAnswer {
  std::vector<std::string> messages;
  std::optional<http2::GrpcStatus> status;
};

// A client that speaks HTTP/2, call by call.
class GrpcClient final : public RawClient {
 public:
  explicit GrpcClient(World& world) : RawClient(world) { flush(); }
  ~GrpcClient() override { tasks_.cancel(); }

  http2::Headers metadata;  // Of all calls that follow.
  http2::StreamId open(std::string_view path, std::optional<Duration> timeout = {}) {
    std::optional<std::int64_t> timeout_ns;
    if (timeout) timeout_ns = timeout->count();
    const std::optional<http2::StreamId> stream = session.open(path, metadata, timeout_ns);
    check(stream.has_value(), "the connection takes calls");
    return *stream;
  }
  // Opens, sends one message, half closes.
  http2::StreamId call(std::string_view path, std::string message,
                       std::optional<Duration> timeout = {}) {
    const http2::StreamId stream = open(path, timeout);
    session.send_message(stream, Bytes::adopt(std::move(message)));
    session.end_request(stream);
    flush();
    return stream;
  }
  void flush() {
    std::string out;
    do {
      out = session.take_output(64 << 10);
      if (!out.empty()) send(out);
    } while (!out.empty());
  }
  RawAnswer& answer(http2::StreamId stream) { return answers[stream]; }

  http2::ClientSession session{"test"};
  std::map<http2::StreamId, RawAnswer, IdOrder> answers;
  std::vector<http2::CallEnded> ends;

 private:
  void take(std::string_view bytes) override {
    const bool alive = session.feed(bytes);
    static_cast<void>(alive);
    collect();
    post(session.take_output(64 << 10));
  }
  void gone() override {
    session.connection_lost();
    collect();
  }
  void collect() {
    for (http2::ClientEvent& event : session.take_events()) {
      if (auto* message = std::get_if<http2::AnswerMessage>(&event)) {
        answers[message->stream].messages.push_back(message->message.str());
      } else {
        const auto& ended_call = std::get<http2::CallEnded>(event);
        answers[ended_call.stream].status = ended_call.status;
        ends.push_back(ended_call);
      }
    }
  }
};

}  // namespace detcd::api
