// What comes once or goes on by itself: events to many watchers, a million keys in memory and after
// a restart, compaction beside puts that go on.
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

namespace detcd::bench {
namespace {

// ---- Watch fan-out ------------------------------------------------------------------------------

// As etcd's own benchmark has them.
constexpr std::size_t kStreams = 10;
constexpr std::size_t kWatchersPerStream = 100;
constexpr std::uint64_t kPutsPerSecond = 100;

struct Events {
  std::uint64_t events = 0;
  Histogram latency_ns;
  std::uint64_t cpu_microseconds = 0;
};

runtime::Task<Result<Events>> watch_events(runtime::World world, const Cluster& cluster,
                                           Duration length) {
  const std::string endpoint = cluster.endpoints().front();
  Watchers watchers(world, {.endpoint = endpoint,
                            .prefix = "watched/",
                            .streams = kStreams,
                            .per_stream = kWatchersPerStream});
  const Result<void> created = co_await watchers.create(kWatchersPerStream);
  if (!created) co_return created.error();
  client::Client client(world.scheduler, world.network, world.random, one_endpoint(endpoint));
  const std::uint64_t cpu = cluster.cpu_microseconds();
  Paced paced{.prefix = "watched/", .per_second = kPutsPerSecond, .length = length};
  const Result<PacedResult> put = co_await run_paced(world, client, paced);
  if (!put) co_return put.error();
  const Result<void> all_came = co_await watchers.wait_for_events(
      put->puts * kStreams * kWatchersPerStream, world.clock.boot() + 60s);
  if (!all_came) co_return all_came.error();
  co_return Events{watchers.events(), watchers.latency_ns(), cluster.cpu_microseconds() - cpu};
}

Result<Sample> measure_watch(const Bench& bench) {
  const Result<Cluster> cluster = start_ready(bench, 1);
  if (!cluster) return cluster.error();
  const Duration length = bench.size == Size::kQuick ? 3s : 10s;
  const auto events = run<Result<Events>>(
      [&](runtime::World world) { return watch_events(world, *cluster, length); });
  if (!events) return events.error();
  return Sample{
      events->latency_ns.percentile(500) / 1000, events->latency_ns.percentile(990) / 1000,
      events->cpu_microseconds * 1000 / events->events, cluster->memory().resident_bytes >> 20};
}

// ---- A million keys -----------------------------------------------------------------------------

constexpr std::uint64_t kKeys = 1'000'000;

Result<Sample> measure_keys(const Bench& bench) {
  Result<Cluster> cluster = start_ready(bench, 1);
  if (!cluster) return cluster.error();
  const std::uint64_t keys = scaled(kKeys, bench.size);
  const Memory before = cluster->memory();
  OperationOptions operation;
  operation.prefix = "bench/";
  operation.keys = keys;
  const Result<Measured> filled = run_to_end(many_at_once(*cluster, Kind::kPut, operation), keys);
  if (!filled) return filled.error();
  let_settle();
  const Memory full = cluster->memory();
  const auto per_key = [&](std::uint64_t Memory::* what) {
    return grown(before.*what, full.*what) / keys;
  };
  cluster->stop();
  const Result<void> started = cluster->start_again();
  if (!started) return started.error();
  const auto answer = run<Result<Duration>>([&](runtime::World world) {
    return first_answer(world, cluster->endpoints().front(), operation);
  });
  if (!answer) return answer.error();
  const Result<Measured> read = run_to_end(many_at_once(*cluster, Kind::kRange, operation), 10'000);
  if (!read) return read.error();
  let_settle();
  return Sample{per_second(keys, filled->elapsed),         per_key(&Memory::resident_bytes),
                per_key(&Memory::proportional_bytes),      per_key(&Memory::anonymous_bytes),
                static_cast<std::uint64_t>(*answer / 1us), cluster->memory().resident_bytes >> 20};
}

// ---- Compaction ---------------------------------------------------------------------------------

constexpr std::uint64_t kRevisions = 1'000'000;
constexpr std::uint64_t kRevisedKeys = 10'000;

struct Compaction {
  PacedResult normal;
  PacedResult meanwhile;
  Duration answered{};
};

runtime::Task<void> store_paced(runtime::World world, client::Client& client, Paced paced,
                                Result<PacedResult>& into) {
  into = co_await run_paced(world, client, paced);
}

runtime::Task<Result<Compaction>> compact_meanwhile(runtime::World world, std::string endpoint,
                                                    Duration length) {
  Compaction done;
  client::Client client(world.scheduler, world.network, world.random, one_endpoint(endpoint));
  client::Client other(world.scheduler, world.network, world.random, one_endpoint(endpoint));
  Paced paced{.prefix = "paced/", .value_bytes = 256, .per_second = 500, .length = length};
  Result<PacedResult> put = co_await run_paced(world, client, paced);
  if (!put) co_return put.error();
  done.normal = *std::move(put);
  apply::RangeRequest range;
  range.key = "paced/";
  const client::CallOptions in_a_minute(world.clock.boot() + 60s);
  const client::Outcome<apply::RangeResponse> head =
      co_await other.range(std::move(range), in_a_minute);
  const auto* at = std::get_if<client::Answer<apply::RangeResponse>>(&head);
  if (at == nullptr) co_return Error{Errc::kInternal, "a range failed"};
  runtime::TaskGroup puts(world.scheduler);
  put = Error{Errc::kInternal, "not yet"};
  puts.spawn(store_paced(world, client, paced, put));
  // The first fifth is as before: what comes in it waits for the compaction at most.
  co_await runtime::sleep_for(world.scheduler, length / 5);
  apply::CompactionRequest compact{.revision = at->header.revision};
  const TimePoint asked = world.clock.boot();
  const client::Outcome<apply::CompactionResponse> compacted =
      co_await other.compact(compact, in_a_minute);
  if (const auto* failure = std::get_if<client::Failure>(&compacted)) {
    co_return Error{Errc::kInternal, "the compaction failed: " + failure->status.message};
  }
  done.answered = world.clock.boot() - asked;
  co_await puts.join();
  if (!put) co_return put.error();
  done.meanwhile = *std::move(put);
  co_return std::move(done);
}

Result<Sample> measure_compaction(const Bench& bench) {
  const Result<Cluster> cluster = start_ready(bench, 1);
  if (!cluster) return cluster.error();
  OperationOptions operation;
  operation.prefix = "bench/";
  operation.keys = kRevisedKeys;
  const Result<Measured> filled = run_to_end(many_at_once(*cluster, Kind::kPutAgain, operation),
                                             scaled(kRevisions, bench.size));
  if (!filled) return filled.error();
  let_settle();
  const Duration length = bench.size == Size::kQuick ? 4s : 15s;
  const auto done = run<Result<Compaction>>([&](runtime::World world) {
    return compact_meanwhile(world, cluster->endpoints().front(), length);
  });
  if (!done) return done.error();
  const Result<Measured> read =
      run_to_end(many_at_once(*cluster, Kind::kRange, operation), kRevisedKeys);
  if (!read) return read.error();
  const std::uint64_t usual_ns =
      std::max<std::uint64_t>(1, done->normal.latency_ns.percentile(990));
  return Sample{usual_ns / 1000,
                done->normal.worst_ns / 1000,
                done->meanwhile.latency_ns.percentile(990) / 1000,
                done->meanwhile.worst_ns / 1000,
                done->meanwhile.worst_ns * 1000 / usual_ns,
                static_cast<std::uint64_t>(done->answered / 1us)};
}

}  // namespace

std::vector<Row> special_rows(Size size) {
  constexpr auto kRatio = Aim::Of::kRatio;
  std::vector<Row> rows;
  rows.push_back({.name = "watch fan-out, 1000 watchers x 100 puts/s",
                  .figures = {{"event p50 µs"},
                              {"event p99 µs", 1, {kRatio, 33}},
                              {"CPU µs/event", 1000, {kRatio, 20}},
                              {"RSS MiB"}},
                  .measure = measure_watch});
  rows.push_back({.name = grouped(scaled(kKeys, size)) + " keys",
                  .figures = {{"puts/s"},
                              {"RSS bytes/key", 1, {kRatio, 60}},
                              {"PSS bytes/key"},
                              {"anonymous bytes/key"},
                              {"restart to first answer ms", 1000, {kRatio, 40}},
                              {"RSS MiB after restart"}},
                  .measure = measure_keys,
                  .rounds = 2,
                  .rounds_quick = 1});
  rows.push_back({.name = "compaction of " + grouped(scaled(kRevisions, size)) +
                          " revisions beside 500 puts/s",
                  .figures = {{"usual put p99 µs"},
                              {"usual worst µs"},
                              {"put p99 µs meanwhile"},
                              {"worst put µs meanwhile"},
                              {"worst put / usual p99", 1000, {Aim::Of::kValue, 200}},
                              {"compaction answered after µs"}},
                  .measure = measure_compaction,
                  .rounds = 2,
                  .rounds_quick = 1});
  return rows;
}

}  // namespace detcd::bench
