// Any plan within the budget is survived. RapidCheck makes the plans and takes a failing one apart;
// what is left is a trace file, and its replay the last line of the failure.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "sim/campaign/judge.h"
#include "sim/campaign/shrink.h"
#include "sim/faults/fields.h"
#include "tests/sim_run/scenario.h"

namespace detcd::sim {
namespace {

using rc::gen::inRange;

constexpr int kFaultsMost = 16;
constexpr int kOperationsMost = 120;

FaultEntry make_fault(const std::tuple<int, int, std::uint32_t, int, std::uint64_t>& numbers) {
  const auto& [at, kind, node, length, detail] = numbers;
  const std::string victim = node == kLeader ? "leader" : "n" + std::to_string(node);
  const std::string named = node == kLeader ? "n1" : victim;
  const std::string time = print_duration(length * 1ms);
  const std::string boundary = detail % 8 == 0 ? "" : " boundary " + std::to_string(detail % 8);
  const std::string where = std::to_string(detail);
  const std::string drift = std::to_string(static_cast<std::int64_t>(detail % 401) - 200);
  const std::string words[] = {
      "crash " + victim + " down " + time + boundary,
      "power-loss " + victim + " down " + time + boundary,
      "pause " + victim + " for " + time,
      (detail % 3 == 0 ? "partition-from " : "partition ") + victim + " for " + time,
      "clock " + named + " drift-ppm " + drift + " wall-step " + print_duration(length * 10ms),
      (detail % 2 == 0 ? "rot-snapshot n2 down " : "rot n2 down ") + time + " where " + where,
      "put-back " + named + " after " + time + " down " + print_duration((length % 200) * 1ms),
  };
  return {at * 1ms, words[kind]};
}

OperationEntry make_operation(const std::tuple<int, std::uint32_t, int, int, int>& numbers) {
  const auto& [at, client, kind, key, ordinal] = numbers;
  OperationEntry entry;
  entry.at = at * 1ms;
  entry.client = client;
  entry.id = client * 1'000'000ULL + static_cast<std::uint64_t>(ordinal);
  const std::string name = "k" + std::to_string(key);
  apply::RangeRequest range;
  range.key = name;
  apply::PutRequest put;
  put.key = name;
  put.value = "v" + std::to_string(entry.id);
  entry.operation = put;
  if (kind == 1) entry.operation = range;
  if (kind == 2) {
    range.range_end = "z";
    entry.operation = range;
  }
  if (kind == 3) entry.operation = apply::DeleteRangeRequest{name, "", true};
  if (kind == 4) {
    apply::TxnRequest txn;
    apply::Compare absent;
    absent.key = name;
    txn.compare.push_back(absent);
    txn.success.push_back({put});
    txn.failure.push_back({range});
    entry.operation = txn;
  }
  return entry;
}

// Entries are taken out one by one and in chunks; then their numbers get small.
RunOptions any_options(std::uint32_t nodes, int kinds_of_fault) {
  const auto detail = rc::gen::cast<std::uint64_t>(inRange(0, 1'000'000));
  const auto fault = rc::gen::map(rc::gen::tuple(inRange(200, 4000), inRange(0, kinds_of_fault),
                                                 inRange(0U, nodes + 1), inRange(10, 1500), detail),
                                  make_fault);
  const auto operation =
      rc::gen::map(rc::gen::tuple(inRange(200, 4000), inRange(1U, 4U), inRange(0, 5), inRange(0, 3),
                                  rc::gen::noShrink(inRange(0, 900'000))),
                   make_operation);
  const auto faults = *rc::gen::resize(kFaultsMost, rc::gen::container<std::vector<FaultEntry>>(
                                                        rc::gen::resize(rc::kNominalSize, fault)));
  const auto operations =
      *rc::gen::resize(kOperationsMost, rc::gen::container<std::vector<OperationEntry>>(
                                            rc::gen::resize(rc::kNominalSize, operation)));
  RunOptions options = scenario("set clients 3\nset snapshot-count 20\nset catch-up-entries 5\n");
  options.settings.nodes = nodes;
  options.seed = *rc::gen::noShrink(inRange<std::uint64_t>(1, 1 << 20));
  std::set<std::uint64_t> names;
  for (const OperationEntry& entry : operations) {
    if (names.insert(entry.id).second) options.plan.operations.push_back(entry);
  }
  options.plan.faults = faults;
  std::ranges::stable_sort(options.plan.faults, {}, &FaultEntry::at);
  std::ranges::stable_sort(options.plan.operations, {}, &OperationEntry::at);
  return options;
}

struct Finding {
  std::string said;
  std::string trace;  // A file; empty when the property holds.
};

// RapidCheck keeps the seed: what hangs on timing gets smaller with others.
void shrink_file(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  const Result<Trace> trace = parse_trace(text.str(), Strictness::kWhole);
  if (!trace) return;
  const RunResult judged = run_in_child(options_of(*trace)).result;
  if (!judged.violation) return;
  Judge judge(judged.violation->fingerprint(), 1);
  const ShrinkLimits limits{.judged = 150, .elapsed = {}, .on_step = {}};
  const Shrunk small = shrink(options_of(*trace), judged.virtual_time, limits,
                              [&](std::size_t count, const MakeCandidate& candidate) {
                                return judge.first_failing(count, candidate);
                              });
  std::ofstream(path, std::ios::binary)
      << print(trace_of(small.options, run_in_child(small.options).result));
}

// The last attempt that failed is the smallest: only failures are shrunk further.
template <class Options>
Finding check_plans(int runs, const Options& options_of_one) {
  const std::string path =
      testing::TempDir() + "detcd-plan-property-" + std::to_string(getpid()) + ".trace";
  rc::detail::TestMetadata metadata;
  metadata.description = "any plan within the budget is survived";
  rc::detail::TestParams params = rc::detail::configuration().testParams;
  if (std::getenv("RC_PARAMS") == nullptr) {
    params.seed = 20261121;
    params.maxSuccess = runs;
  }
  const auto result = rc::detail::checkTestable(
      [&] {
        const RunOptions options = options_of_one();
        const RunResult judged = run_in_child(options).result;
        if (!judged.violation) return;
        std::ofstream(path, std::ios::binary) << print(trace_of(options, judged));
        RC_FAIL(failure_text(judged));
      },
      metadata, params);
  if (result.template is<rc::detail::SuccessResult>()) return {};
  std::ostringstream said;
  rc::detail::printResultMessage(result, said);
  shrink_file(path);
  return {said.str(), path};
}

TEST(PlanProperty, AnyPlanIsSurvivedByThreeMembers) {
  const Finding finding = check_plans(40, [] { return any_options(3, 7); });
  EXPECT_TRUE(finding.trace.empty())
      << finding.said << "\nreproduce: detcd-sim replay " << finding.trace;
}

TEST(PlanProperty, CrashesAndPausesAreSurvivedByOneMember) {
  const Finding finding = check_plans(25, [] {
    RunOptions options = any_options(1, 3);
    options.settings.torn_ppm = 0;
    options.settings.garbage_ppm = 0;
    return options;
  });
  EXPECT_TRUE(finding.trace.empty())
      << finding.said << "\nreproduce: detcd-sim replay " << finding.trace;
}

// Alone and with torn sectors, a member can't go on: what a property finds is small and replays.
TEST(PlanProperty, AFailureIsShrunkToATraceThatReplays) {
  const Finding finding = check_plans(60, [] {
    RunOptions options = any_options(1, 2);
    options.settings.garbage_ppm = 1'000'000;
    return options;
  });
  ASSERT_FALSE(finding.trace.empty()) << "the planted failure happens";
  std::stringstream text;
  text << std::ifstream(finding.trace, std::ios::binary).rdbuf();
  const Result<Trace> trace = parse_trace(text.str(), Strictness::kWhole);
  unlink(finding.trace.c_str());
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_LE(trace->plan.size(), 3U);
  for (const FaultEntry& entry : trace->plan.faults) {
    EXPECT_EQ(entry.at % 10ms, Duration{}) << "numbers are simple as well: " << print(entry);
  }
  const RunResult again = run_in_child(options_of(*trace)).result;
  ASSERT_TRUE(again.violation);
  EXPECT_EQ(again.violation->fingerprint(), trace->fingerprint);
  EXPECT_EQ(again.hash, trace->hash);
}

}  // namespace
}  // namespace detcd::sim
