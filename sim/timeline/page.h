// The page: one HTML file with everything in it, a function of the timeline and these facts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/run/run.h"
#include "sim/timeline/timeline.h"
#include "sim/trace/trace.h"

namespace detcd::sim {

// How much of each kind the page takes, so that it stays below 5 MB and draws at once. What doesn't
// fit is left out from the far end of the run, and the page says how much that was.
struct PageLimits {
  std::size_t messages_max = 42'000;
  std::size_t calls_bytes_max = 1'500'000;
  std::size_t events_bytes_max = 500'000;
  std::size_t watches_bytes_max = 300'000;
  std::size_t progress_max = 2'000;
  std::size_t changes_max = 25'000;
  std::size_t text_bytes_max = 600;  // Of one answer, one log line.
};

struct PageFacts {
  std::string version;  // Of the code that ran.
  std::string commit;
  std::string file;                 // The trace file's name.
  std::string reproduce;            // A command.
  Trace trace;                      // As recorded.
  RunResult result;                 // As replayed.
  std::optional<VirtualTime> from;  // Only what happened between these.
  std::optional<VirtualTime> to;
  PageLimits limits;
};

[[nodiscard]] std::string render_page(const Timeline& timeline, const PageFacts& facts);

// What a judge's message names outside quotes: "call #12", "n3", "index 45", "w4", "lease 2",
// "revision 17" or "mod 17".
struct Involved {
  std::vector<std::uint64_t> calls;
  std::vector<std::uint32_t> members;
  std::vector<std::uint64_t> indexes;
  std::vector<std::uint64_t> watches;
  std::vector<std::uint64_t> leases;
  std::vector<std::uint64_t> revisions;
  friend bool operator==(const Involved&, const Involved&) = default;
};
[[nodiscard]] Involved involved_in(const std::string& message);

}  // namespace detcd::sim
