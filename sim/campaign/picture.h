// `replay --html`: the same run with a recorder beside it, and its page as a file.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "sim/campaign/arguments.h"
#include "sim/campaign/child.h"
#include "sim/kernel/time.h"
#include "sim/trace/trace.h"

namespace detcd::sim {

// --from and --to: virtual times as in trace files ("2500ms"); nothing: no bound.
struct Between {
  std::optional<VirtualTime> from;
  std::optional<VirtualTime> to;
  [[nodiscard]] bool holds(VirtualTime time) const {
    return (!from || time >= *from) && (!to || time <= *to);
  }
};
[[nodiscard]] Result<Between> between_of(const Arguments& arguments);

struct PictureJob {
  std::string out;        // The page's file.
  std::string file;       // The trace's, for the page.
  std::string reproduce;  // A command, for the page.
  Between between;
};

struct Picture {
  ChildResult child;
  std::optional<std::size_t> bytes;  // Of the page; nothing: there is none.
};
// Runs in a process of its own, which writes the page itself: a check that fails ends the process,
// but not before the page is there.
[[nodiscard]] Picture draw_picture(const RunOptions& options, const Trace& trace,
                                   const PictureJob& job);

}  // namespace detcd::sim
