// What a campaign keeps: what it is, in one small file, and one line per run in a file that only
// grows. Every line carries its checksum, so that a line that was cut short or changed isn't taken
// for a result.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace detcd::sim {

// Two campaigns with the same of these (but for the shard) have the same runs.
struct CampaignPlan {
  std::string commit;
  std::uint64_t program = 0;  // A hash of the executable: results hold for one build.
  std::string profile = "swarm";
  std::uint64_t nodes = 0;            // 0: as drawn.
  std::uint64_t virtual_seconds = 0;  // 0: as drawn.
  std::uint64_t first = 1;            // Numbers of runs.
  std::optional<std::uint64_t> last;  // None: until the time is over.
  std::uint64_t guided_percent = 0;   // Runs that change a plan instead of drawing one.
  std::uint64_t twice_percent = 0;    // Runs that are done again in another process.
  std::uint64_t shard = 1;            // Of so many; lanes are dealt out to shards.
  std::uint64_t shards = 1;
  friend bool operator==(const CampaignPlan&, const CampaignPlan&) = default;
  // Whether the run with this number belongs to the shard.
  [[nodiscard]] bool covers(std::uint64_t number) const;
  // The command's flags for one run, to make it again: " --profile swarm --nodes 3".
  [[nodiscard]] std::string flags() const;
};

[[nodiscard]] std::string print(const CampaignPlan& plan);
[[nodiscard]] Result<CampaignPlan> parse_campaign(std::string_view text);
// Why the two aren't parts of one campaign; empty: they are.
[[nodiscard]] std::string difference(const CampaignPlan& a, const CampaignPlan& b);

enum class Outcome : std::uint8_t { kPass, kFail, kVoid };
[[nodiscard]] std::string_view name_of(Outcome outcome);

// A probe that a run hit, and how often.
struct ProbeCount {
  std::uint32_t id = 0;
  std::uint64_t times = 0;
  friend bool operator==(const ProbeCount&, const ProbeCount&) = default;
};
// Names are long, and stand in every line: a checksum stands for them.
[[nodiscard]] std::uint32_t probe_id(std::string_view name);

struct RunRecord {
  std::uint64_t number = 0;
  std::uint64_t seed = 0;
  std::vector<std::uint64_t> changes;  // Keys; none: the plan is the seed's own.
  Outcome outcome = Outcome::kPass;
  std::uint64_t hash = 0;
  std::uint64_t entries = 0;  // Of the plan.
  std::uint64_t events = 0;
  std::uint64_t operations = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t faults = 0;
  std::uint64_t leaders = 0;
  std::uint64_t recoveries = 0;
  std::uint64_t virtual_ms = 0;
  bool twice = false;                // It was done again elsewhere.
  std::uint64_t cpu_ms = 0;          // Differs from time to time, as nothing else does.
  std::vector<ProbeCount> probes;    // What it hit.
  std::vector<std::uint32_t> found;  // Abstract states that its lane hadn't seen.
  std::string fingerprint;           // Of a failure.
  std::string message;               // Of a failure, or why it is void.
  friend bool operator==(const RunRecord&, const RunRecord&) = default;
  [[nodiscard]] std::string reproduce(const CampaignPlan& plan) const;
};

// One line, with its newline.
[[nodiscard]] std::string print(const RunRecord& record);

struct Records {
  std::vector<RunRecord> records;  // In the order of the file.
  std::size_t whole_bytes = 0;     // The file up to its last whole line.
  bool torn = false;               // Something follows that isn't a whole line.
};
// A last line that was cut short is left out and said; kDamaged names any other line that isn't
// what was written.
[[nodiscard]] Result<Records> parse_records(std::string_view text);

}  // namespace detcd::sim
