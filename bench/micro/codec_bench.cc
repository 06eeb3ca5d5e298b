// What bytes cost: a command as a log entry, a request and an answer as etcd's protobuf messages,
// and one unary call through both ends of HTTP/2.
#include <benchmark/benchmark.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "http2/client_session.h"
#include "http2/server_session.h"
#include "wire/command_codec.h"
#include "wire/kv_codec.h"

namespace detcd::bench {
namespace {

apply::PutRequest put_request() {
  apply::PutRequest put;
  put.key = "bench/000000000001";
  put.value = std::string(256, 'v');
  return put;
}

void command_encode_decode(benchmark::State& state) {
  const apply::Command command{{1, 2}, put_request()};
  for ([[maybe_unused]] const auto _ : state) {
    Result<apply::Command> decoded = wire::decode_command(wire::encode_command(command));
    check(decoded.ok(), "a command is read back");
    benchmark::DoNotOptimize(*decoded);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(command_encode_decode);

void proto_parse_put(benchmark::State& state) {
  const std::string message = wire::serialize(put_request());
  for ([[maybe_unused]] const auto _ : state) {
    Result<apply::PutRequest> parsed = wire::parse_put_request(message);
    check(parsed.ok(), "a put is parsed");
    benchmark::DoNotOptimize(*parsed);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(proto_parse_put);

void proto_serialize_put_response(benchmark::State& state) {
  const wire::Header header{1, 2, 3, 4};
  const apply::Response response = apply::PutResponse{3, std::nullopt};
  for ([[maybe_unused]] const auto _ : state) {
    Bytes bytes = wire::serialize(header, response);
    benchmark::DoNotOptimize(bytes);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(proto_serialize_put_response);

constexpr std::size_t kOutputMax = 64 << 10;

void serve(http2::ServerSession& server, const Bytes& answer) {
  for (const http2::ServerEvent& event : server.take_events()) {
    const auto* asked = std::get_if<http2::MessageReceived>(&event);
    if (asked == nullptr) continue;
    server.send_message(asked->stream, answer);
    server.finish(asked->stream, {});
  }
}

void http2_unary_call(benchmark::State& state) {
  http2::ClientSession client("127.0.0.1:2379");
  http2::ServerSession server({});
  const std::string request = wire::serialize(put_request());
  const Bytes answer = wire::serialize({1, 2, 3, 4}, apply::PutResponse{3, std::nullopt});
  for ([[maybe_unused]] const auto _ : state) {
    const std::optional<http2::StreamId> call =
        client.open("/etcdserverpb.KV/Put", {}, std::nullopt);
    check(call.has_value(), "the server takes streams");
    client.send_message(*call, Bytes(request));
    client.end_request(*call);
    for (bool ended = false; !ended;) {
      check(server.feed(client.take_output(kOutputMax), TimePoint()), "the client keeps to HTTP/2");
      serve(server, answer);
      check(client.feed(server.take_output(kOutputMax)), "the server keeps to HTTP/2");
      for (const http2::ClientEvent& event : client.take_events()) {
        ended |= std::holds_alternative<http2::CallEnded>(event);
      }
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(http2_unary_call);

}  // namespace
}  // namespace detcd::bench

BENCHMARK_MAIN();
