#include "sim/store/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

namespace detcd::sim {
namespace {

using Json = nlohmann::ordered_json;

std::string joined(const std::vector<std::uint64_t>& numbers) {
  std::string text;
  for (const std::uint64_t number : numbers) {
    text += (text.empty() ? "" : ", ") + std::to_string(number);
  }
  return text;
}

std::string range_of(const CampaignPlan& plan) {
  std::string text =
      fmt::format("runs {}..{}", plan.first, plan.last ? std::to_string(*plan.last) : "");
  if (plan.shards > 1) text += fmt::format(", shard {}/{}", plan.shard, plan.shards);
  return text;
}

std::string failures_text(const Story& story) {
  std::string text;
  std::size_t number = 0;
  for (const auto& [fingerprint, failure] : story.totals->failures()) {
    const RunRecord& best = failure.best;
    text += fmt::format(
        "{}. {}\n   {} {}, first in {}; the shortest is {} with {} events: "
        "failures/{}.trace\n   {}\n   reproduce: {}\n",
        ++number, fingerprint, failure.count, failure.count == 1 ? "run" : "runs",
        joined(failure.first), best.number, best.events, failure_name(fingerprint), best.message,
        best.reproduce(story.plan));
  }
  return text;
}

// Who was reached how often, the rarest first; and what never was.
std::string probes_text(const Story& story) {
  if (story.probes.empty()) return {};
  std::vector<std::pair<Reached, std::string>> hit;
  std::string never;
  for (const ProbeRule& probe : story.probes) {
    const Reached reached = story.totals->reached(probe.name);
    if (reached.runs > 0) hit.emplace_back(reached, probe.name);
    if (reached.runs == 0) never += fmt::format("  never: {}\n", probe.name);
  }
  std::ranges::sort(hit, {}, [](const auto& each) {
    return std::tuple(each.first.runs, each.first.times, each.second);
  });
  std::string text = fmt::format("probes: {} of {} reached\n", hit.size(), story.probes.size());
  text += never;
  for (const auto& [reached, name] : hit) {
    text += fmt::format("  in {} {}, {} times, first in run {}: {}\n", reached.runs,
                        reached.runs == 1 ? "run" : "runs", reached.times, reached.first, name);
  }
  return text;
}

Json probes_json(const Story& story) {
  Json runs = Json::object();
  Json times = Json::object();
  Json first = Json::object();
  Json never = Json::array();
  for (const ProbeRule& probe : story.probes) {
    const Reached reached = story.totals->reached(probe.name);
    runs[probe.name] = reached.runs;
    times[probe.name] = reached.times;
    if (reached.runs > 0) first[probe.name] = reached.first;
    if (reached.runs == 0) never.push_back(probe.name);
  }
  return {{"runs", runs},
          {"times", times},
          {"first", first},
          {"never", never},
          {"missed", missed_probes(story)}};
}

Json failures_json(const Story& story) {
  Json all = Json::array();
  for (const auto& [fingerprint, failure] : story.totals->failures()) {
    const RunRecord& best = failure.best;
    all.push_back({{"fingerprint", fingerprint},
                   {"runs", failure.count},
                   {"first", failure.first},
                   {"shortest",
                    {{"run", best.number},
                     {"events", best.events},
                     {"entries", best.entries},
                     {"message", best.message},
                     {"trace", "failures/" + failure_name(fingerprint) + ".trace"},
                     {"reproduce", best.reproduce(story.plan)}}}});
  }
  return all;
}

}  // namespace

std::string short_number(std::uint64_t number) {
  if (number < 10'000) return std::to_string(number);
  if (number < 1'000'000) return fmt::format("{}.{} k", number / 1000, number / 100 % 10);
  if (number < 1'000'000'000) {
    return fmt::format("{}.{} M", number / 1'000'000, number / 100'000 % 10);
  }
  return fmt::format("{}.{} G", number / 1'000'000'000, number / 100'000'000 % 10);
}

std::optional<std::uint64_t> planned_runs(const CampaignPlan& plan) {
  if (!plan.last) return std::nullopt;
  std::uint64_t runs = 0;
  for (std::uint64_t number = plan.first; number <= *plan.last; ++number) {
    if (plan.covers(number)) ++runs;
  }
  return runs;
}

std::vector<std::string> missed_probes(const Story& story) {
  std::vector<std::string> missed;
  if (story.totals->numbers().runs < kRunsThatReachAll) return missed;
  for (const ProbeRule& probe : story.probes) {
    if (probe.required && story.totals->reached(probe.name).runs == 0) {
      missed.push_back(probe.name);
    }
  }
  return missed;
}

std::string verdict_of(const Story& story) {
  const Totals::Numbers& numbers = story.totals->numbers();
  if (numbers.failed + numbers.voided_drawn > 0 || !missed_probes(story).empty()) return "FAIL";
  const std::optional<std::uint64_t> planned = planned_runs(story.plan);
  const bool all = planned ? numbers.runs == *planned : numbers.runs > 0;
  return all ? "pass" : "incomplete";
}

std::string summary_text(const Story& story) {
  const CampaignPlan& plan = story.plan;
  const Totals::Numbers& n = story.totals->numbers();
  std::string text = fmt::format("campaign: {}, profile {}, commit {}\n", range_of(plan),
                                 plan.profile, plan.commit);
  text += failures_text(story);
  const std::vector<std::string> missed = missed_probes(story);
  for (const std::string& probe : missed) text += fmt::format("NEVER REACHED: {}\n", probe);
  text += probes_text(story);
  text += fmt::format(
      "abstract states: {}; new ones in {} of {} drawn plans and {} of {} changed "
      "ones\n",
      story.totals->states(), n.found - n.guided_found, n.runs - n.guided, n.guided_found,
      n.guided);
  if (n.twice > 0) text += fmt::format("done twice, in another process: {} runs\n", n.twice);
  const std::optional<std::uint64_t> planned = planned_runs(plan);
  text += fmt::format(
      "{} runs={}{} failed={} ways={} void={} ops={} acked={} faults={} leaders={} recoveries={} "
      "events/op={} virtual={}s cpu={}.{}s\n",
      verdict_of(story), n.runs, planned ? fmt::format("/{}", *planned) : "", n.failed,
      story.totals->failures().size(), n.voided, n.operations, n.acknowledged, n.faults, n.leaders,
      n.recoveries, n.operations == 0 ? 0 : n.events / n.operations, n.virtual_ms / 1000,
      n.cpu_ms / 1000, n.cpu_ms / 100 % 10);
  return text;
}

std::string summary_json(const Story& story) {
  const CampaignPlan& plan = story.plan;
  const Totals::Numbers& n = story.totals->numbers();
  Json growth = Json::array();
  for (const Growth& point : story.totals->growth(100)) {
    growth.push_back({point.runs, point.states});
  }
  const auto or_null = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  const Json all = {{"verdict", verdict_of(story)},
                    {"campaign",
                     {{"profile", plan.profile},
                      {"commit", plan.commit},
                      {"first", plan.first},
                      {"last", or_null(plan.last)},
                      {"shard", plan.shard},
                      {"shards", plan.shards},
                      {"guided_percent", plan.guided_percent},
                      {"twice_percent", plan.twice_percent}}},
                    {"runs",
                     {{"planned", or_null(planned_runs(plan))},
                      {"done", n.runs},
                      {"passed", n.passed},
                      {"failed", n.failed},
                      {"void", n.voided},
                      {"guided", n.guided},
                      {"twice", n.twice}}},
                    {"failures", failures_json(story)},
                    {"states",
                     {{"distinct", story.totals->states()},
                      {"found_by_drawn", n.found - n.guided_found},
                      {"found_by_guided", n.guided_found},
                      {"growth", growth}}},
                    {"probes", probes_json(story)},
                    {"work",
                     {{"operations", n.operations},
                      {"acknowledged", n.acknowledged},
                      {"faults", n.faults},
                      {"leaders", n.leaders},
                      {"recoveries", n.recoveries},
                      {"events", n.events},
                      {"virtual_ms", n.virtual_ms},
                      {"cpu_ms", n.cpu_ms},
                      {"wall_ms", or_null(story.wall_ms)}}}};
  // Messages may quote any bytes.
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace detcd::sim
