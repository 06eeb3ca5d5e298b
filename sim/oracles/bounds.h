// The judge of resources: queues, what is in flight and the work of one step stay below stated
// bounds on every member, whatever happens around it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "raft/message.h"
#include "sim/plan/settings.h"

namespace detcd::sim {

struct Bounds {
  std::uint64_t append_bytes = 1 << 20;      // Of entries in one message, unless it is one entry.
  std::uint64_t applied_per_event = 512;     // Entries, before others get the processor.
  std::uint64_t disk_operations = 16;        // Under way or waiting at the device.
  std::uint64_t log_entries = 1'000'000;     // In memory.
  std::uint64_t unapplied_entries = 20'000;  // Committed.
  [[nodiscard]] static Bounds of(const Settings& settings);
};

// What a member uses at one instant.
struct Usage {
  std::uint64_t disk_operations = 0;
  std::uint64_t log_entries = 0;
  std::uint64_t unapplied_entries = 0;
};

class BoundsOracle {
 public:
  using Fail = std::function<void(std::string oracle, std::string message)>;
  explicit BoundsOracle(Fail fail) : fail_(std::move(fail)) {}

  void set_bounds(const Bounds& bounds) { bounds_ = bounds; }
  void sent(std::uint32_t node, const raft::Message& message);
  // An entry was applied in this event of the kernel.
  void applied(std::uint32_t node, std::uint64_t event);
  void looked(std::uint32_t node, const Usage& usage);

 private:
  struct Work {
    std::uint64_t event = 0;
    std::uint64_t entries = 0;
  };
  void require(std::uint64_t found, std::uint64_t most, std::uint32_t node, const char* what);

  Fail fail_;
  Bounds bounds_;
  std::map<std::uint32_t, Work> work_;
};

}  // namespace detcd::sim
