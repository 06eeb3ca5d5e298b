// The runs of a campaign, added up: what failed in which way, what was reached, what it cost. The
// order in which runs are added doesn't matter.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/store/record.h"

namespace detcd::sim {

// Everything that failed with one fingerprint.
struct Failure {
  std::uint64_t count = 0;
  std::vector<std::uint64_t> first;  // The lowest numbers.
  RunRecord best;                    // Of the fewest events, then entries, then the lowest number.
};
[[nodiscard]] bool is_better(const RunRecord& a, const RunRecord& b);
// A file name for it.
[[nodiscard]] std::string failure_name(const std::string& fingerprint);

// What runs hit a probe.
struct Reached {
  std::uint64_t runs = 0;
  std::uint64_t times = 0;
  std::uint64_t first = 0;  // The lowest number.
};

struct Growth {
  std::uint64_t runs = 0;
  std::uint64_t states = 0;
};

class Totals {
 public:
  struct Numbers {
    std::uint64_t runs = 0;
    std::uint64_t passed = 0;
    std::uint64_t failed = 0;
    std::uint64_t voided = 0;
    std::uint64_t voided_drawn = 0;  // Not counting changed plans.
    std::uint64_t twice = 0;
    std::uint64_t guided = 0;
    std::uint64_t found = 0;         // Runs that found something new in their lane.
    std::uint64_t guided_found = 0;  // Those of changed plans.
    std::uint64_t operations = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t faults = 0;
    std::uint64_t leaders = 0;
    std::uint64_t recoveries = 0;
    std::uint64_t events = 0;
    std::uint64_t virtual_ms = 0;
    std::uint64_t cpu_ms = 0;
  };

  // kExists: a run of this number is there and had another result (costs apart); the same result
  // again changes nothing.
  Result<void> add(const RunRecord& record);
  [[nodiscard]] bool has(std::uint64_t number) const { return records_.contains(number); }
  [[nodiscard]] const std::map<std::uint64_t, RunRecord>& records() const { return records_; }
  [[nodiscard]] const Numbers& numbers() const { return numbers_; }
  [[nodiscard]] std::size_t states() const { return states_.size(); }
  [[nodiscard]] const std::map<std::string, Failure>& failures() const { return failures_; }
  // How many probes were hit.
  [[nodiscard]] std::size_t probes() const { return probes_.size(); }
  // Of no run: not reached.
  [[nodiscard]] Reached reached(std::string_view probe) const;
  // Distinct states after so many runs, in the order of their numbers, at most `points` of them.
  [[nodiscard]] std::vector<Growth> growth(std::size_t points) const;

 private:
  void add_failure(const RunRecord& record);

  std::map<std::uint64_t, RunRecord> records_;
  Numbers numbers_;
  std::set<std::uint32_t> states_;
  std::map<std::string, Failure> failures_;  // By fingerprint.
  std::map<std::uint32_t, Reached> probes_;  // By probe_id.
};

}  // namespace detcd::sim
