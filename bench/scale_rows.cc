// Sizes at the edge of what a server is for: very many watchers, very many leases.
#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "bench/operations.h"
#include "bench/paced.h"
#include "bench/row.h"
#include "bench/run.h"
#include "bench/steps.h"
#include "bench/watchers.h"
#include "runtime/wait.h"
#include "wire/lease_codec.h"

namespace detcd::bench {
namespace {

// ---- Watchers -----------------------------------------------------------------------------------

struct ManyWatchers {
  std::size_t streams = 1;
  std::size_t per_stream = 1;
};

Load puts_of(const Cluster& cluster, const std::string& prefix, const ManyWatchers& many) {
  OperationOptions operation;
  operation.prefix = prefix;
  operation.value_bytes = 64;
  operation.keys = many.streams * many.per_stream;
  Load load = many_at_once(cluster, Kind::kPutAgain, operation);
  load.connections = 4;
  load.streams = 16;
  load.length = 3s;
  return load;
}

// What a put costs the server, in nanoseconds.
runtime::Task<Result<std::uint64_t>> cost_of_puts(runtime::World world, const Cluster& cluster,
                                                  Load load) {
  const std::uint64_t cpu = cluster.cpu_microseconds();
  const Result<Measured> measured = co_await run_load(world, std::move(load));
  if (!measured) co_return measured.error();
  const std::uint64_t puts = std::max<std::uint64_t>(1, measured->operations);
  co_return (cluster.cpu_microseconds() - cpu) * 1000 / puts;
}

runtime::Task<Result<Sample>> watch_much(runtime::World world, const Cluster& cluster,
                                         ManyWatchers many) {
  const std::uint64_t watchers_all = many.streams * many.per_stream;
  const Load unwatched = puts_of(cluster, "other/", many);
  const Load watched = puts_of(cluster, "watched/", many);
  const Result<std::uint64_t> alone = co_await cost_of_puts(world, cluster, unwatched);
  if (!alone) co_return alone.error();
  Watchers watchers(world, {.endpoint = cluster.endpoints().front(),
                            .prefix = "watched/",
                            .streams = many.streams,
                            .per_stream = many.per_stream,
                            .own_keys = true});
  // The streams themselves are not what is measured.
  const Result<void> one_each = co_await watchers.create(1);
  if (!one_each) co_return one_each.error();
  co_await runtime::sleep_for(world.scheduler, 2s);
  const std::uint64_t resident = cluster.memory().resident_bytes;
  const TimePoint began = world.clock.boot();
  const Result<void> created = co_await watchers.create(many.per_stream);
  if (!created) co_return created.error();
  const Duration took = world.clock.boot() - began;
  co_await runtime::sleep_for(world.scheduler, 2s);
  const std::uint64_t per_watcher =
      grown(resident, cluster.memory().resident_bytes) / (watchers_all - many.streams);
  const Result<std::uint64_t> beside = co_await cost_of_puts(world, cluster, unwatched);
  if (!beside) co_return beside.error();
  const std::uint64_t cpu = cluster.cpu_microseconds();
  const Result<Measured> seen = co_await run_load(world, watched);
  if (!seen) co_return seen.error();
  const Result<void> came =
      co_await watchers.wait_for_events(seen->operations, world.clock.boot() + 60s);
  if (!came) co_return came.error();
  const std::uint64_t with_event = (cluster.cpu_microseconds() - cpu) * 1000 / seen->operations;
  co_return Sample{per_second(watchers_all, took), per_watcher, *alone, *beside, with_event};
}

Result<Sample> measure_watchers(const Bench& bench, const ManyWatchers& many) {
  const Result<Cluster> cluster = start_ready(bench, 1);
  if (!cluster) return cluster.error();
  return run<Result<Sample>>(
      [&](runtime::World world) { return watch_much(world, *cluster, many); });
}

Row watcher_row(const ManyWatchers& many) {
  return {.name = grouped(many.streams * many.per_stream) + " watchers on " +
                  grouped(many.streams) + (many.streams == 1 ? " stream" : " streams"),
          .figures = {{"created/s"},
                      {"RSS bytes/watcher", 1, {Aim::Of::kValue, 400'00}},
                      {"CPU µs/put without watchers", 1000},
                      {"CPU µs/put, others watched", 1000},
                      {"CPU µs/put and its event", 1000}},
          .measure = [many](const Bench& bench) { return measure_watchers(bench, many); },
          .rounds = 1,
          .rounds_quick = 1};
}

// ---- Leases -------------------------------------------------------------------------------------

constexpr std::uint64_t kLeases = 1'000'000;
constexpr std::uint64_t kEnding = 100'000;
// Long enough to attach a key to each of those that end.
constexpr std::int64_t kEndingSeconds = 40;
constexpr std::int64_t kEndingSecondsQuick = 15;

struct Granted {
  std::uint64_t per_second = 0;
  std::uint64_t bytes_each = 0;
};

Result<Granted> grant_all(const Cluster& cluster, std::uint64_t leases) {
  const std::uint64_t resident = cluster.memory().resident_bytes;
  const Result<Measured> granted = run_to_end(many_at_once(cluster, Kind::kGrant, {}), leases);
  if (!granted) return granted.error();
  let_settle();
  return Granted{per_second(leases, granted->elapsed),
                 grown(resident, cluster.memory().resident_bytes) / leases};
}

// Of leases that all end at about the same time, with a key each.
runtime::Task<Result<void>> grant_ending(runtime::World world, Load load) {
  load.length = 900s;
  for (const Kind kind : {Kind::kGrant, Kind::kPutLeased}) {
    load.kind = kind;
    const Result<Measured> done = co_await run_load(world, load);
    if (!done) co_return done.error();
  }
  co_return Result<void>();
}

struct Ending {
  PacedResult usual;
  PacedResult listing;
  PacedResult meanwhile;
  std::uint64_t left = 0;  // Keys that are still there.
};

runtime::Task<void> store_paced(runtime::World world, client::Client& client, Paced paced,
                                Result<PacedResult>& into) {
  into = co_await run_paced(world, client, paced);
}

runtime::Task<Result<void>> list_all(client::Client& client, std::uint64_t leases) {
  std::string path = "/etcdserverpb.Lease/LeaseLeases";
  http2::Headers metadata;
  Result<std::unique_ptr<client::StreamCall>> call =
      co_await client.open_stream(std::move(path), std::move(metadata));
  if (!call) co_return call.error();
  std::string message;
  const bool sent = co_await (*call)->send(std::move(message));
  (*call)->end_request();
  const std::optional<Bytes> answer = co_await (*call)->receive();
  if (!sent || !answer) co_return Error{Errc::kInternal, "leases weren't listed"};
  const Result<wire::LeaseLeases> listed = wire::parse_lease_leases_response(answer->view());
  if (!listed || listed->response.ids.size() != leases) {
    co_return Error{Errc::kInternal, "not all leases were listed"};
  }
  co_return Result<void>();
}

// Puts go on while all leases are listed.
runtime::Task<Result<PacedResult>> list_meanwhile(runtime::World world, client::Client& client,
                                                  Paced paced, std::uint64_t leases) {
  Result<PacedResult> put = Error{Errc::kInternal, "not yet"};
  runtime::TaskGroup puts(world.scheduler);
  puts.spawn(store_paced(world, client, paced, put));
  co_await runtime::sleep_for(world.scheduler, paced.length / 3);
  const Result<void> listed = co_await list_all(client, leases);
  if (!listed) co_return listed.error();
  co_await puts.join();
  co_return std::move(put);
}

runtime::Task<Result<std::uint64_t>> count_ending(runtime::World world, client::Client& client) {
  apply::RangeRequest range;
  range.key = "ending/";
  range.range_end = "ending0";
  range.count_only = true;
  const client::CallOptions options(world.clock.boot() + 60s);
  const client::Outcome<apply::RangeResponse> left =
      co_await client.range(std::move(range), options);
  const auto* answer = std::get_if<client::Answer<apply::RangeResponse>>(&left);
  if (answer == nullptr) co_return Error{Errc::kInternal, "a range failed"};
  co_return static_cast<std::uint64_t>(answer->response.count);
}

runtime::Task<Result<Ending>> watch_end(runtime::World world, Load load) {
  const TimePoint ends = world.clock.boot() + load.operation.ttl_seconds * Duration(1s);
  const Result<void> granted = co_await grant_ending(world, load);
  if (!granted) co_return granted.error();
  Ending ending;
  client::Client client(world.scheduler, world.network, world.random,
                        one_endpoint(load.endpoints.front()));
  Paced paced{.prefix = "paced/", .value_bytes = 256, .per_second = 500, .length = 3s};
  Result<PacedResult> put = co_await run_paced(world, client, paced);
  if (!put) co_return put.error();
  ending.usual = *std::move(put);
  put = co_await list_meanwhile(world, client, paced, load.first_key + load.operations_max);
  if (!put) co_return put.error();
  ending.listing = *std::move(put);
  if (world.clock.boot() > ends - 1s) {
    co_return Error{Errc::kTimedOut, "the leases end before anybody looks"};
  }
  co_await runtime::sleep_until(world.scheduler, ends - 1s);
  paced.length = 8s;
  put = co_await run_paced(world, client, paced);
  if (!put) co_return put.error();
  ending.meanwhile = *std::move(put);
  const Result<std::uint64_t> left = co_await count_ending(world, client);
  if (!left) co_return left.error();
  ending.left = *left;
  co_return std::move(ending);
}

Result<Sample> measure_leases(const Bench& bench) {
  const Result<Cluster> cluster = start_ready(bench, 1);
  if (!cluster) return cluster.error();
  const std::uint64_t leases = scaled(kLeases, bench.size);
  const Result<Granted> granted = grant_all(*cluster, leases);
  if (!granted) return granted.error();
  const std::uint64_t count = scaled(kEnding, bench.size);
  OperationOptions operation;
  operation.prefix = "ending/";
  operation.value_bytes = 64;
  operation.ttl_seconds = bench.size == Size::kQuick ? kEndingSecondsQuick : kEndingSeconds;
  Load load = many_at_once(*cluster, Kind::kGrant, operation);
  load.first_key = leases;
  load.operations_max = count;
  const auto ending =
      run<Result<Ending>>([&](runtime::World world) { return watch_end(world, load); });
  if (!ending) return ending.error();
  const std::uint64_t usual_ns =
      std::max<std::uint64_t>(1, ending->usual.latency_ns.percentile(990));
  return Sample{granted->per_second,
                granted->bytes_each,
                usual_ns / 1000,
                ending->listing.worst_ns * 1000 / usual_ns,
                ending->meanwhile.latency_ns.percentile(990) * 1000 / usual_ns,
                ending->meanwhile.worst_ns * 1000 / usual_ns,
                count - std::min(count, ending->left)};
}

Row lease_row(Size size) {
  const std::string ending = grouped(scaled(kEnding, size));
  constexpr auto kValue = Aim::Of::kValue;
  return {.name = grouped(scaled(kLeases, size)) + " leases, " + ending + " of which end at once",
          .figures = {{"grants/s"},
                      {"RSS bytes/lease"},
                      {"usual put p99 µs"},
                      {"all listed: worst put / usual p99", 1000, {kValue, 200}},
                      {"ending: put p99 / usual p99", 1000},
                      {"ending: worst put / usual p99", 1000, {kValue, 200}},
                      {"ended within 7 s"}},
          .measure = measure_leases,
          .rounds = 1,
          .rounds_quick = 1};
}

}  // namespace

std::vector<Row> scale_rows(Size size) {
  return {watcher_row({1, scaled(10'000, size)}), watcher_row({20, scaled(100'000, size) / 20}),
          lease_row(size)};
}

}  // namespace detcd::bench
