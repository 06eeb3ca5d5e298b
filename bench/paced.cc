#include "bench/paced.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

#include "base/check.h"
#include "bench/operations.h"
#include "runtime/task_group.h"
#include "runtime/wait.h"

namespace detcd::bench {
namespace {

constexpr Duration kPatience = 60s;
constexpr std::size_t kTimeDigits = 20;
constexpr std::size_t kNumberDigits = 12;
static_assert(kTimeDigits + kNumberDigits == kStampBytes);

struct Shared {
  runtime::World world;
  client::Client& client;
  const Paced& paced;
  PacedResult result;
  std::optional<Error> error;
};

std::string digits(std::uint64_t number, std::size_t width) {
  std::string text = std::to_string(number);
  check(text.size() <= width, "a stamp's numbers fit");
  return std::string(width - text.size(), '0') + text;
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

runtime::Task<void> put(Shared& shared, Stamp stamp) {
  const Paced& paced = shared.paced;
  apply::PutRequest request;
  request.key = key_name(paced.prefix, stamp.number % paced.keys);
  request.value = stamped_value(stamp, paced.value_bytes);
  const client::CallOptions options(stamp.due + kPatience);
  const client::Outcome<apply::PutResponse> outcome =
      co_await shared.client.put(std::move(request), options);
  if (const auto* failure = std::get_if<client::Failure>(&outcome)) {
    shared.error = Error{Errc::kInternal, "a paced put failed: " + failure->status.message};
    co_return;
  }
  const auto took = static_cast<std::uint64_t>((shared.world.clock.boot() - stamp.due).count());
  shared.result.latency_ns.add(took);
  shared.result.worst_ns = std::max(shared.result.worst_ns, took);
  ++shared.result.puts;
}

}  // namespace

runtime::Task<Result<PacedResult>> run_paced(runtime::World world, client::Client& client,
                                             Paced paced) {
  Shared shared{world, client, paced, {}, std::nullopt};
  runtime::TaskGroup puts(world.scheduler);
  const TimePoint began = world.clock.boot();
  const Duration spacing = Duration(1s) / static_cast<std::int64_t>(paced.per_second);
  TimePoint due = began;
  for (std::uint64_t number = paced.first; due < began + paced.length; ++number) {
    co_await runtime::sleep_until(world.scheduler, due);
    if (shared.error) break;
    puts.spawn(put(shared, Stamp{due, number}));
    due += spacing;
  }
  co_await puts.join();
  if (shared.error) co_return *shared.error;
  co_return std::move(shared.result);
}

std::string stamped_value(const Stamp& stamp, std::size_t bytes) {
  check(bytes >= kStampBytes, "a value has room for its stamp");
  const auto due = static_cast<std::uint64_t>(stamp.due.time_since_epoch().count());
  return digits(due, kTimeDigits) + digits(stamp.number, kNumberDigits) +
         value_of(stamp.number, bytes - kStampBytes);
}

std::optional<Stamp> read_stamp(std::string_view value) {
  if (value.size() < kStampBytes) return std::nullopt;
  const auto due = number_in(value.substr(0, kTimeDigits));
  const auto number = number_in(value.substr(kTimeDigits, kNumberDigits));
  if (!due || !number) return std::nullopt;
  if (value.substr(kStampBytes) != value_of(*number, value.size() - kStampBytes)) {
    return std::nullopt;
  }
  return Stamp{TimePoint(Duration(static_cast<std::int64_t>(*due))), *number};
}

client::Options one_endpoint(std::string endpoint) {
  client::Options options;
  options.endpoints = {std::move(endpoint)};
  options.retry = client::RetryPolicy::kNever;
  return options;
}

}  // namespace detcd::bench
