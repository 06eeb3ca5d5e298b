#include "sim/workload/watch_run.h"

#include <map>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "client/watches.h"
#include "runtime/task_group.h"
#include "runtime/wait.h"
#include "sim/plan/resolve.h"

namespace detcd::sim {
namespace {

using client::WatchName;

// Pings find out about connections that carry nothing any more; a server allows one in 5 s.
constexpr Duration kKeepaliveInterval = 10s;
constexpr Duration kKeepaliveTimeout = 5s;

class Watching {
 public:
  Watching(runtime::World world, Kernel& kernel, WatchJob job)
      : world_(world),
        kernel_(kernel),
        job_(std::move(job)),
        start_(world.clock.boot()),
        client_(world.scheduler, world.network, world.random, client_options()),
        watches_(world.scheduler, client_, watch_options()),
        tasks_(world.scheduler) {
    for (const WatchEntry& entry : job_.entries) slow_[WatchName(entry.id)] = entry.slow;
  }

  runtime::Task<void> run() {
    for (const WatchEntry& entry : job_.entries) tasks_.spawn(live(entry));
    for (;;) {
      const std::optional<client::WatchNews> news = co_await watches_.next();
      if (!news) break;
      const Duration slow = slow_.at(news->watch);
      const bool is_slow = slow > Duration{} && world_.clock.boot() < start_ + job_.slow_until;
      if (is_slow) co_await runtime::sleep_for(world_.scheduler, slow);
    }
    tell({.kind = WatchNote::Kind::kHalted, .why = watches_.status().message});
  }

 private:
  [[nodiscard]] client::Options client_options() const {
    client::Options options;
    options.endpoints = job_.endpoints;
    options.entity = 1000 + job_.number;
    options.connect_timeout = job_.connect_timeout;
    options.connections.stream_window_bytes = job_.window_bytes;
    options.connections.keepalive_interval = kKeepaliveInterval;
    options.connections.keepalive_timeout = kKeepaliveTimeout;
    return options;
  }
  [[nodiscard]] client::WatchOptions watch_options() {
    client::WatchOptions options;
    options.on_create = [this](WatchName name, const watch::Create& create) {
      tell({.kind = WatchNote::Kind::kAsked, .watch = name.value(), .create = create});
    };
    options.on_answer = [this](std::optional<WatchName> name, const wire::WatchAnswer& answer) {
      tell({.kind = WatchNote::Kind::kAnswered,
            .watch = name ? name->value() : 0,
            .answer = answer});
    };
    options.on_lost = [this](const http2::GrpcStatus& status) {
      tell({.kind = WatchNote::Kind::kLost, .why = status.message});
    };
    return options;
  }
  void tell(WatchNote note) {
    note.client = job_.number;
    // What the client was told is part of the run: the hash covers it.
    if (note.kind == WatchNote::Kind::kAnswered) {
      kernel_.note(NodeNumber(0), hash64(describe(note)));
    }
    job_.tell(note);
  }

  // The time of one watch of the plan.
  runtime::Task<void> live(WatchEntry entry) {
    const TimePoint begin = start_ + entry.at;
    co_await runtime::sleep_until(world_.scheduler, begin);
    const WatchName name(entry.id);
    watch::Create request = resolve(entry.request, *job_.seen);
    tell({.kind = WatchNote::Kind::kWanted, .watch = entry.id, .create = request});
    watches_.add(name, std::move(request));
    const TimePoint end = entry.length == Duration{} ? kNever : begin + entry.length;
    TimePoint asks = entry.ask_every == Duration{} ? kNever : begin + entry.ask_every;
    // Nobody asks when all is over: what was committed last is told all the same.
    if (asks >= start_ + job_.slow_until) asks = kNever;
    while (asks < end) {
      co_await runtime::sleep_until(world_.scheduler, asks);
      watches_.ask_progress();
      asks += entry.ask_every;
      if (asks >= start_ + job_.slow_until) asks = kNever;
    }
    if (end == kNever) co_return;
    co_await runtime::sleep_until(world_.scheduler, end);
    tell({.kind = WatchNote::Kind::kUnwanted, .watch = entry.id});
    watches_.cancel(name);
  }

  runtime::World world_;
  Kernel& kernel_;
  WatchJob job_;
  TimePoint start_;
  std::map<WatchName, Duration> slow_;
  client::Client client_;
  client::Watches watches_;
  runtime::TaskGroup tasks_;
};

}  // namespace

runtime::Task<void> run_watches(runtime::World world, Kernel& kernel, WatchJob job) {
  Watching watching(world, kernel, std::move(job));
  co_await watching.run();
}

}  // namespace detcd::sim
