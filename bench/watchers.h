// Many watchers, some of them on each of some streams, each stream on a connection of its own.
// Every event is checked, for its watcher and in its order; with the right number of them
// altogether, each came once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/histogram.h"
#include "client/client.h"
#include "client/stream_call.h"
#include "runtime/task_group.h"
#include "runtime/wait.h"
#include "runtime/world.h"
#include "watch/types.h"

namespace detcd::bench {

struct Watching {
  std::string endpoint;
  std::string prefix;
  std::size_t streams = 1;
  std::size_t per_stream = 1;
  // Each watcher has the key of its number, whose value is value_of; else all have the whole
  // prefix, below which run_paced puts.
  bool own_keys = false;
  std::size_t value_bytes = 64;
};

class Watchers {
 public:
  // The watching's clients are of `world`.
  Watchers(runtime::World world, Watching watching);
  Watchers(const Watchers&) = delete;
  Watchers& operator=(const Watchers&) = delete;
  ~Watchers();

  // Creates the first so many of each stream that aren't there yet; returns when all are.
  runtime::Task<Result<void>> create(std::size_t per_stream);
  // Waits until so many events came altogether.
  runtime::Task<Result<void>> wait_for_events(std::uint64_t events, TimePoint deadline);
  [[nodiscard]] std::uint64_t events() const { return events_; }
  // From when a put was due until its event was here. Not of own keys.
  [[nodiscard]] const Histogram& latency_ns() const { return latency_ns_; }

 private:
  struct Stream {
    explicit Stream(std::unique_ptr<client::Client> with) : client(std::move(with)) {}
    std::unique_ptr<client::Client> client;
    std::unique_ptr<client::StreamCall> call;
    std::size_t first = 0;  // The number of its first watcher.
    std::size_t created = 0;
    std::vector<watch::Revision> seen;  // By watcher: of its last event.
  };

  // An event that was looked at, as it is on the wire.
  struct Known {
    std::string bytes;
    TimePoint due;
    watch::Revision revision = 0;
  };

  runtime::Task<Result<void>> open(Stream& stream);
  runtime::Task<void> read(Stream& stream);
  // What is wrong with an answer; none: nothing.
  std::optional<std::string> take(Stream& stream, std::string_view message);
  // False when the message isn't the known event for a watcher that had everything before it.
  bool take_known(Stream& stream, std::string_view message, TimePoint now);
  void remember(std::string_view message);
  [[nodiscard]] std::optional<std::string> look_at(const watch::Event& event,
                                                   std::size_t watcher) const;

  runtime::World world_;
  Watching watching_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::uint64_t events_ = 0;
  Histogram latency_ns_;
  Known known_;
  std::optional<Error> error_;
  runtime::Signal changed_;
  runtime::TaskGroup readers_;
};

}  // namespace detcd::bench
