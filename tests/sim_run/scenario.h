// Runs from a few lines in the words of a trace file.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "sim/campaign/report.h"
#include "sim/profile/generate.h"

namespace detcd::sim {

// "seed", "set", "fault" and "op" lines. Small and quick unless they say otherwise: three members,
// one client, an election timeout of 200 ms, five seconds.
inline RunOptions scenario(std::string_view lines) {
  const std::string text =
      "detcd-trace 1\nset clients 1\nset length 5s\nset heartbeat 20ms\nset election 200ms\n" +
      std::string(lines) + "end 0\n";
  const Result<Trace> trace = parse_trace(text, Strictness::kEdited);
  if (!trace) ADD_FAILURE() << trace.error().message;
  return trace ? options_of(*trace) : RunOptions{};
}

inline RunOptions drawn(std::uint64_t seed, std::string_view profile) {
  RunOptions options;
  options.seed = seed;
  options.settings = *draw_settings(seed, profile);
  options.settings.length = std::min(options.settings.length, Duration(4s));
  options.plan = draw_plan(seed, options.settings);
  return options;
}

// Puts by client 1, one every `every`, from `from` on.
inline std::string puts(int count, Duration from, Duration every) {
  std::string lines;
  for (int n = 0; n < count; ++n) {
    OperationEntry entry;
    entry.at = from + every * n;
    entry.id = 1'000'000ULL + static_cast<std::uint64_t>(n);
    apply::PutRequest put;
    put.key = "k" + std::to_string(n % 3);
    put.value = "v" + std::to_string(n);
    entry.operation = put;
    lines += "op " + print(entry) + "\n";
  }
  return lines;
}

}  // namespace detcd::sim
