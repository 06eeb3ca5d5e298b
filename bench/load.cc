#include "bench/load.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "http2/client_session.h"
#include "runtime/task_group.h"
#include "runtime/timeout.h"
#include "wire/kv_codec.h"

namespace detcd::bench {
namespace {

constexpr std::size_t kWriteBytesMax = 64 << 10;

Error wrong(std::string what) {
  return {Errc::kInternal, std::move(what)};
}

// What the connections of one load share.
struct Shared {
  runtime::World world;
  const Load& load;
  const Operation& operation;
  Measured& measured;
  std::uint64_t next = 0;
  TimePoint end{};
  std::optional<Error> error;
};

class Connection {
 public:
  Connection(Shared& shared, std::string endpoint)
      : shared_(shared), endpoint_(std::move(endpoint)), session_(endpoint_) {}

  runtime::Task<void> run() {
    Result<std::unique_ptr<runtime::Stream>> stream =
        co_await shared_.world.network.connect(endpoint_);
    if (!stream) {
      shared_.error = stream.error();
      co_return;
    }
    for (std::size_t i = 0; i < shared_.load.streams; ++i) begin();
    while (!shared_.error && !calls_.empty()) {
      std::string bytes = session_.take_output(kWriteBytesMax);
      if (!bytes.empty()) {
        const Result<void> written = co_await (*stream)->write(std::move(bytes));
        if (!written) shared_.error = written.error();
        if (session_.wants_write()) continue;
      }
      const Result<std::string_view> received = co_await (*stream)->read();
      if (!received || received->empty()) {
        shared_.error = received ? wrong("the server hung up") : received.error();
        co_return;
      }
      if (!session_.feed(*received)) shared_.error = wrong("the server broke HTTP/2");
      take_events();
    }
  }

 private:
  struct Call {
    Operation::Asked asked;
    TimePoint began;
    bool answered = false;
  };

  // What is asked next; none: nothing more.
  std::optional<Call> next() {
    const TimePoint now = shared_.world.clock.boot();
    const Load& load = shared_.load;
    if (now >= shared_.end || shared_.error) return std::nullopt;
    if (shared_.next - load.first_key >= load.operations_max) return std::nullopt;
    return Call{shared_.operation.ask(shared_.next++), now};
  }

  void begin() {
    std::optional<Call> call = next();
    if (!call) return;
    const std::optional<http2::StreamId> stream = session_.open(call->asked.path, {}, std::nullopt);
    if (!stream) {
      shared_.error = wrong("the server takes no more streams");
      return;
    }
    session_.send_message(*stream, Bytes::adopt(std::move(call->asked.message)));
    if (!shared_.operation.streams()) session_.end_request(*stream);
    calls_.emplace(stream->value(), *std::move(call));
  }

  void take_events() {
    for (http2::ClientEvent& event : session_.take_events()) {
      if (const auto* answer = std::get_if<http2::AnswerMessage>(&event)) {
        take_answer(answer->stream, answer->message.view());
        continue;
      }
      const auto& ended = std::get<http2::CallEnded>(event);
      const auto call = calls_.find(ended.stream.value());
      if (ended.status.code != 0 || !call->second.answered) {
        shared_.error = wrong("a call failed: code " + std::to_string(ended.status.code) + " " +
                              ended.status.message);
      }
      if (!shared_.operation.streams()) count(call->second);
      calls_.erase(call);
      begin();
    }
  }

  void take_answer(http2::StreamId stream, std::string_view message) {
    Call& call = calls_.at(stream.value());
    if (!shared_.operation.right(call.asked, message)) {
      shared_.error = wrong("wrong answer to " + std::string(call.asked.path) + " of " +
                            std::to_string(call.asked.key));
    }
    call.answered = true;
    if (!shared_.operation.streams()) return;
    count(call);
    std::optional<Call> more = next();
    if (!more) {
      session_.end_request(stream);
      return;
    }
    call = *std::move(more);
    session_.send_message(stream, Bytes::adopt(std::move(call.asked.message)));
  }

  void count(const Call& call) {
    shared_.measured.latency_ns.add(
        static_cast<std::uint64_t>((shared_.world.clock.boot() - call.began).count()));
    ++shared_.measured.operations;
    if (call.asked.writes && shared_.load.verify) {
      shared_.measured.acknowledged.push_back(call.asked.key);
    }
  }

  Shared& shared_;
  std::string endpoint_;
  http2::ClientSession session_;
  std::map<std::uint64_t, Call> calls_;
};

runtime::Task<void> run_connection(Shared& shared, std::string endpoint) {
  Connection connection(shared, std::move(endpoint));
  co_await connection.run();
}

// One unary call on a stream of its own connection; the message of its answer.
runtime::Task<Result<Bytes>> call_once(runtime::Stream& stream, http2::ClientSession& session,
                                       std::string path, std::string request) {
  const std::optional<http2::StreamId> call = session.open(path, {}, std::nullopt);
  if (!call) co_return wrong("the server takes no more streams");
  session.send_message(*call, Bytes::adopt(std::move(request)));
  session.end_request(*call);
  Bytes answer;
  for (;;) {
    while (session.wants_write()) {
      std::string bytes = session.take_output(kWriteBytesMax);
      if (bytes.empty()) break;
      const Result<void> written = co_await stream.write(std::move(bytes));
      if (!written) co_return written.error();
    }
    const Result<std::string_view> received = co_await stream.read();
    if (!received) co_return received.error();
    if (received->empty()) co_return wrong("the server hung up");
    if (!session.feed(*received)) co_return wrong("the server broke HTTP/2");
    for (const http2::ClientEvent& event : session.take_events()) {
      if (const auto* message = std::get_if<http2::AnswerMessage>(&event))
        answer = message->message;
      if (const auto* ended = std::get_if<http2::CallEnded>(&event)) {
        if (ended->status.code != 0) co_return wrong(ended->status.message);
        co_return answer;
      }
    }
  }
}

runtime::Task<Result<Bytes>> connect_and_put(runtime::World world, std::string endpoint) {
  Result<std::unique_ptr<runtime::Stream>> stream = co_await world.network.connect(endpoint);
  if (!stream) co_return stream.error();
  http2::ClientSession session(endpoint);
  apply::PutRequest put;
  put.key = "ready";
  co_return co_await call_once(**stream, session, "/etcdserverpb.KV/Put", wire::serialize(put));
}

}  // namespace

runtime::Task<Result<Measured>> run_load(runtime::World world, Load load) {
  Measured measured;
  const std::unique_ptr<const Operation> operation = make_operation(load.kind, load.operation);
  Shared shared{world, load, *operation, measured, load.first_key, {}, std::nullopt};
  const TimePoint began = world.clock.boot();
  shared.end = began + load.length;
  runtime::TaskGroup connections(world.scheduler);
  for (std::size_t i = 0; i < load.connections; ++i) {
    connections.spawn(run_connection(shared, load.endpoints[i % load.endpoints.size()]));
  }
  co_await connections.join();
  if (shared.error) co_return *shared.error;
  measured.elapsed = world.clock.boot() - began;
  measured.keys_used = shared.next;
  std::ranges::sort(measured.acknowledged);
  const auto repeated = std::ranges::unique(measured.acknowledged);
  measured.acknowledged.erase(repeated.begin(), repeated.end());
  co_return std::move(measured);
}

runtime::Task<Result<void>> verify_keys(runtime::World world, Load load,
                                        std::vector<std::uint64_t> acknowledged) {
  Result<std::unique_ptr<runtime::Stream>> stream =
      co_await world.network.connect(load.endpoints.front());
  if (!stream) co_return stream.error();
  http2::ClientSession session(load.endpoints.front());
  apply::RangeRequest page;
  page.key = load.operation.prefix;
  page.range_end = load.operation.prefix + "~";
  page.limit = 1000;
  std::size_t next = 0;
  for (bool more = true; more;) {
    std::string request = wire::serialize(page);
    const Result<Bytes> answer =
        co_await call_once(**stream, session, "/etcdserverpb.KV/Range", std::move(request));
    if (!answer) co_return answer.error();
    const Result<wire::ParsedResponse> parsed = wire::parse_range_response(answer->view());
    if (!parsed) co_return parsed.error();
    const auto& range = std::get<apply::RangeResponse>(parsed->response);
    for (const apply::KeyValue& kv : range.kvs) {
      if (next == acknowledged.size()) break;
      const std::uint64_t wanted = acknowledged[next];
      if (kv.key.view() < key_name(load.operation.prefix, wanted))
        continue;  // Never acknowledged, yet there.
      if (kv.key.view() != key_name(load.operation.prefix, wanted) ||
          kv.value.view() != value_of(wanted, load.operation.value_bytes)) {
        co_return wrong("acknowledged key " + std::to_string(wanted) + " is lost or wrong");
      }
      ++next;
    }
    more = range.more && !range.kvs.empty();
    if (more) page.key = range.kvs.back().key.str() + std::string(1, '\0');
  }
  if (next != acknowledged.size()) {
    co_return wrong("acknowledged key " + std::to_string(acknowledged[next]) + " is lost");
  }
  co_return Result<void>();
}

runtime::Task<Result<void>> wait_ready(runtime::World world, std::string endpoint,
                                       Duration patience) {
  const TimePoint deadline = world.clock.boot() + patience;
  for (;;) {
    std::optional<Result<Bytes>> answer = co_await runtime::with_timeout(
        world.scheduler, world.clock.boot() + 2s, connect_and_put(world, endpoint));
    if (answer && answer->ok()) co_return Result<void>();
    if (world.clock.boot() >= deadline) {
      co_return wrong(endpoint +
                      " doesn't become ready: " + (answer ? answer->error().message : "no answer"));
    }
    co_await runtime::sleep_for(world.scheduler, 20ms);
  }
}

namespace {

runtime::Task<Result<Bytes>> connect_and_range(runtime::World world, std::string endpoint,
                                               std::string request) {
  Result<std::unique_ptr<runtime::Stream>> stream = co_await world.network.connect(endpoint);
  if (!stream) co_return stream.error();
  http2::ClientSession session(endpoint);
  co_return co_await call_once(**stream, session, "/etcdserverpb.KV/Range", std::move(request));
}

}  // namespace

runtime::Task<Result<Duration>> first_answer(runtime::World world, std::string endpoint,
                                             OperationOptions operation) {
  const TimePoint began = world.clock.boot();
  const std::unique_ptr<const Operation> range = make_operation(Kind::kRange, operation);
  for (;;) {
    Operation::Asked asked = range->ask(0);
    std::string message = asked.message;
    std::optional<Result<Bytes>> answer =
        co_await runtime::with_timeout(world.scheduler, world.clock.boot() + 60s,
                                       connect_and_range(world, endpoint, std::move(message)));
    const Duration took = world.clock.boot() - began;
    if (answer && answer->ok()) {
      if (range->right(asked, (*answer)->view())) co_return took;
      co_return wrong("the first answer after a restart is wrong");
    }
    if (took > 300s) co_return wrong(endpoint + " gives no answer after its restart");
    co_await runtime::sleep_for(world.scheduler, 2ms);
  }
}

}  // namespace detcd::bench
