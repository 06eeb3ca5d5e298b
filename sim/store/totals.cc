#include "sim/store/totals.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/hash.h"

namespace detcd::sim {
namespace {

constexpr std::size_t kFirstKept = 5;

RunRecord without_costs(RunRecord record) {
  record.cpu_ms = 0;
  return record;
}

}  // namespace

bool is_better(const RunRecord& a, const RunRecord& b) {
  return std::tie(a.events, a.entries, a.number) < std::tie(b.events, b.entries, b.number);
}

std::string failure_name(const std::string& fingerprint) {
  return fmt::format("{:016x}", hash64(fingerprint));
}

Result<void> Totals::add(const RunRecord& record) {
  const auto known = records_.find(record.number);
  if (known != records_.end()) {
    if (without_costs(known->second) == without_costs(record)) return {};
    return Error{Errc::kExists,
                 fmt::format("run {} is there twice, with different results: {:016x} "
                             "and {:016x}",
                             record.number, known->second.hash, record.hash)};
  }
  records_[record.number] = record;
  ++numbers_.runs;
  if (record.outcome == Outcome::kPass) ++numbers_.passed;
  if (record.outcome == Outcome::kFail) add_failure(record);
  if (record.outcome == Outcome::kVoid) {
    ++numbers_.voided;
    if (record.changes.empty()) ++numbers_.voided_drawn;
  }
  if (record.twice) ++numbers_.twice;
  if (!record.found.empty()) ++numbers_.found;
  if (!record.changes.empty()) {
    ++numbers_.guided;
    if (!record.found.empty()) ++numbers_.guided_found;
  }
  states_.insert(record.found.begin(), record.found.end());
  for (const ProbeCount& probe : record.probes) {
    Reached& reached = probes_[probe.id];
    const bool is_first = reached.runs == 0 || record.number < reached.first;
    if (is_first) reached.first = record.number;
    ++reached.runs;
    reached.times += probe.times;
  }
  numbers_.operations += record.operations;
  numbers_.acknowledged += record.acknowledged;
  numbers_.faults += record.faults;
  numbers_.leaders += record.leaders;
  numbers_.recoveries += record.recoveries;
  numbers_.events += record.events;
  numbers_.virtual_ms += record.virtual_ms;
  numbers_.cpu_ms += record.cpu_ms;
  return {};
}

Reached Totals::reached(std::string_view probe) const {
  const auto found = probes_.find(probe_id(probe));
  return found == probes_.end() ? Reached{} : found->second;
}

void Totals::add_failure(const RunRecord& record) {
  ++numbers_.failed;
  Failure& failure = failures_[record.fingerprint];
  if (failure.count == 0 || is_better(record, failure.best)) failure.best = record;
  ++failure.count;
  failure.first.insert(std::ranges::upper_bound(failure.first, record.number), record.number);
  if (failure.first.size() > kFirstKept) failure.first.pop_back();
}

std::vector<Growth> Totals::growth(std::size_t points) const {
  std::vector<Growth> curve;
  std::set<std::uint32_t> known;
  std::uint64_t runs = 0;
  std::uint64_t due = 0;
  for (const auto& [number, record] : records_) {
    known.insert(record.found.begin(), record.found.end());
    ++runs;
    // The first, the last, and evenly between.
    if (runs * points < due * records_.size() && runs != records_.size()) continue;
    curve.push_back({runs, known.size()});
    due = runs * points / records_.size() + 1;
  }
  return curve;
}

}  // namespace detcd::sim
