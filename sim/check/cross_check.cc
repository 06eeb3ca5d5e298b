#include "sim/check/cross_check.h"

#include <utility>

namespace detcd::sim {
namespace {

using Outcome = CallRecord::Outcome;

// Small runs only: the search is there to doubt the exact judge, not to replace it.
constexpr std::size_t kCallsMax = 20'000;
constexpr std::uint64_t kStepsMax = 3'000'000;
constexpr std::uint64_t kMemoryBytesMax = 512 << 20;

std::uint64_t instant(VirtualTime time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

EtcdCall seen(const CallRecord& call) {
  EtcdCall out;
  out.operation = call.operation;
  if (call.outcome == Outcome::kRefused && is_refusal_by_state(call.message)) {
    out.outcome = EtcdCall::Outcome::kRefused;
    out.error = call.message;
  }
  if (call.outcome == Outcome::kAnswered) {
    std::optional<Told> answer = told(call.response);
    if (answer) {
      out.outcome = EtcdCall::Outcome::kAnswered;
      out.told = std::move(*answer);
      out.told.revision = call.header.revision;
    }
  }
  return out;
}

}  // namespace

CheckedHistory seen_by_clients(const History& history) {
  CheckedHistory out;
  out.model = CheckedModel::kEtcd;
  for (const auto& [id, call] : history.calls) {
    out.origins.push_back({"c" + std::to_string(call.client), id, 0});
    Interval interval{instant(call.called), std::nullopt};
    EtcdCall seen_call = seen(call);
    if (call.ended && seen_call.outcome != EtcdCall::Outcome::kUnknown) {
      interval.ended = instant(*call.ended);
    }
    out.intervals.push_back(interval);
    out.etcd.push_back(std::move(seen_call));
  }
  return out;
}

CrossCheck cross_check(const History& history) {
  CrossCheck result;
  if (history.calls.size() > kCallsMax) return result;
  SearchLimits limits;
  limits.steps_max = kStepsMax;
  limits.memory_bytes_max = kMemoryBytesMax;
  const CheckResult found = judge_by_search(seen_by_clients(history), limits);
  if (found.finding == Finding::kUnknown) return result;
  result.finding = found.finding;
  result.calls = history.calls.size();
  for (const std::string& line : found.lines)
    result.words += (result.words.empty() ? "" : "; ") + line;
  return result;
}

}  // namespace detcd::sim
