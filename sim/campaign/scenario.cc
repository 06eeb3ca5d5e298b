#include "sim/campaign/scenario.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "sim/campaign/known_probes.h"
#include "sim/campaign/report.h"
#include "sim/plan/text.h"
#include "sim/trace/trace.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbeWord = "probe";
constexpr std::uint64_t kSeedsMax = 10'000;
constexpr std::array<std::string_view, 3> kSigns{">=", "<=", "=="};
// What a run's result counts by itself.
constexpr std::array<std::string_view, 3> kNumbers{"operations", "acknowledged", "events"};

struct Line {
  std::size_t number = 0;
  std::string_view kind;
  std::string_view rest;
};

// What stands in a file, line by line; nothing for those that say nothing.
std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const std::string_view kind = line.substr(0, line.find(' '));
    lines.push_back({number, kind, line.substr(std::min(kind.size() + 1, line.size()))});
  }
  return lines;
}

Error wrong(const Line& line, std::string_view why) {
  return {Errc::kInvalid, "line " + std::to_string(line.number) + ": " + std::string(why)};
}

bool parse_number(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool parse_seeds(std::string_view text, Scenario& scenario) {
  const auto dots = text.find("..");
  std::uint64_t last = 0;
  if (dots == std::string_view::npos ||
      !parse_number(text.substr(0, dots), scenario.options.seed) ||
      !parse_number(text.substr(dots + 2), last) || last < scenario.options.seed ||
      last - scenario.options.seed >= kSeedsMax) {
    return false;
  }
  scenario.seeds = last - scenario.options.seed + 1;
  return true;
}

bool counts(std::string_view what) {
  return counted_of(what) || std::ranges::find(kNumbers, what) != kNumbers.end();
}

// A name with its spaces: "a clock stood still". Empty: it isn't one.
std::string read_name(Words& words) {
  std::string name(words.word());
  if (!name.starts_with('"')) return {};
  while (words.ok() && !words.finished() && (name.size() < 2 || !name.ends_with('"'))) {
    name += " " + std::string(words.word());
  }
  if (name.size() < 2 || !name.ends_with('"')) return {};
  return name.substr(1, name.size() - 2);
}

// "[total] WHAT [nN] [>= N]".
std::optional<Expectation> parse_expectation(Words& words) {
  Expectation expectation;
  if (words.peek() == "total") {
    words.word();
    expectation.total = true;
  }
  expectation.what = words.word();
  if (expectation.what == kProbeWord) {
    expectation.probe = read_name(words);
    if (std::ranges::count(known_probes(), expectation.probe) == 0) return std::nullopt;
  } else if (!counts(expectation.what)) {
    return std::nullopt;
  }
  if (std::string_view node = words.peek(); node.starts_with('n')) {
    words.word();
    std::uint64_t number = 0;
    const bool of_a_member = counted_of(expectation.what).has_value();
    if (!of_a_member || !parse_number(node.substr(1), number)) return std::nullopt;
    if (number < 1 || number > kTallyNodesMax) return std::nullopt;
    expectation.node = static_cast<std::uint32_t>(number);
  }
  if (words.finished()) return expectation;
  const auto sign = std::ranges::find(kSigns, words.word());
  expectation.number = words.number();
  if (sign == kSigns.end() || !words.finished()) return std::nullopt;
  expectation.relation = static_cast<Expectation::Relation>(sign - kSigns.begin());
  return expectation;
}

// A judge's name, with its spaces: "durable log". Empty: it isn't one.
std::string judge_named(std::string_view text) {
  if (text.size() < 3 || text.front() != '"' || text.back() != '"') return {};
  const std::string_view name = text.substr(1, text.size() - 2);
  return name.find('"') == std::string_view::npos ? std::string(name) : std::string();
}

bool parse_expect(std::string_view text, Scenario& scenario) {
  Words words(text);
  if (words.peek() == "pass") {
    words.word();
    scenario.verdict = Verdict::kPass;
    return words.finished();
  }
  if (words.peek() == "FAIL") {
    words.word();
    scenario.verdict = Verdict::kFail;
    if (words.finished()) return true;
    scenario.oracle = judge_named(text.substr(std::min(text.find('"'), text.size())));
    return !scenario.oracle.empty();
  }
  const std::optional<Expectation> expectation = parse_expectation(words);
  if (expectation) scenario.expects.push_back(*expectation);
  return expectation.has_value();
}

// What only scenarios have; nothing: a trace file's line.
std::optional<bool> parse_own(const Line& line, Scenario& scenario) {
  if (line.kind == "seeds") return parse_seeds(line.rest, scenario);
  if (line.kind == "expect") return parse_expect(line.rest, scenario);
  if (line.kind == "reach") {
    Words words(line.rest);
    const std::optional<Expectation> expectation = parse_expectation(words);
    if (!expectation || expectation->total) return false;
    scenario.reaches.push_back(*expectation);
    return true;
  }
  if (line.kind == "judge") {
    scenario.judge = judge_named(line.rest);
    return !scenario.judge.empty();
  }
  // As `shrink --scenario` leaves them: what it did when the bug was there.
  if (line.kind == "verdict" || line.kind == "fingerprint") return true;
  if (line.kind == "detcd-trace" || line.kind == "end") return true;
  return std::nullopt;
}

// The rest is a trace file's.
Result<void> parse_shared(const Line& line, Trace& trace) {
  const std::string text =
      "detcd-trace 1\n" + std::string(line.kind) + " " + std::string(line.rest) + "\nend 0\n";
  if (line.kind == "checkpoint" || line.kind == "hash") {
    return wrong(line, "a scenario has no hashes: the code may change, what is expected stays");
  }
  // One line at a time: so the number in a complaint is this file's.
  Result<Trace> read = parse_trace(text, Strictness::kEdited);
  if (!read) {
    const std::string& why = read.error().message;
    return wrong(line, why.substr(why.find(": ") + 2));
  }
  if (line.kind == "seed") trace.seed = read->seed;
  if (line.kind == "set") return parse_setting(line.rest, trace.settings);
  std::ranges::move(read->plan.faults, std::back_inserter(trace.plan.faults));
  std::ranges::move(read->plan.operations, std::back_inserter(trace.plan.operations));
  std::ranges::move(read->plan.watches, std::back_inserter(trace.plan.watches));
  std::ranges::move(read->overrides, std::back_inserter(trace.overrides));
  return {};
}

Result<void> add_loads(const std::vector<Line>& loads, Trace& trace) {
  for (const Line& line : loads) {
    Result<std::vector<OperationEntry>> entries = parse_load(line.rest, trace.settings.keys);
    if (!entries) return wrong(line, entries.error().message);
    std::ranges::move(*entries, std::back_inserter(trace.plan.operations));
  }
  std::set<std::uint64_t> ids;
  for (const OperationEntry& entry : trace.plan.operations) {
    if (!ids.insert(entry.id).second) {
      return Error{Errc::kInvalid, "two operations have the id #" + std::to_string(entry.id)};
    }
    if (entry.client > trace.settings.clients) {
      return Error{Errc::kInvalid, "there is no client c" + std::to_string(entry.client) +
                                       ": \"set clients\" says how many there are"};
    }
  }
  for (const WatchEntry& entry : trace.plan.watches) {
    if (entry.client > trace.settings.clients) {
      return Error{Errc::kInvalid, "there is no client c" + std::to_string(entry.client) +
                                       ": \"set clients\" says how many there are"};
    }
  }
  std::ranges::stable_sort(trace.plan.watches, {}, &WatchEntry::at);
  std::ranges::stable_sort(trace.plan.faults, {}, &FaultEntry::at);
  std::ranges::stable_sort(trace.plan.operations, {}, &OperationEntry::at);
  return {};
}

// ---- Playing ------------------------------------------------------------------------------------

std::uint64_t count_of(const Expectation& expectation, const Tally& tally,
                       const RunResult& result) {
  if (const std::optional<Counted> kind = counted_of(expectation.what)) {
    return tally.count(*kind, expectation.node);
  }
  if (expectation.what == kProbeWord) {
    const auto found = result.probes.find(expectation.probe);
    return found == result.probes.end() ? 0 : found->second;
  }
  if (expectation.what == "operations") return result.operations;
  if (expectation.what == "acknowledged") return result.acknowledged;
  return result.events;
}

std::string found(const Expectation& expectation, std::uint64_t count) {
  return print(expectation) + ", but there were " + std::to_string(count);
}

std::string unlike(const Scenario& scenario, const RunResult& result) {
  const std::string oracle = result.violation ? result.violation->oracle : "";
  if (result.verdict != scenario.verdict) {
    return "expected " + std::string(name_of(scenario.verdict)) +
           ", but: " + std::string(name_of(result.verdict)) + " " + failure_text(result);
  }
  if (scenario.oracle.empty() || oracle == scenario.oracle) return {};
  return "expected a failure of \"" + scenario.oracle + "\", but: " + failure_text(result);
}

struct Sums {
  std::vector<std::uint64_t> expects;
  std::vector<std::uint64_t> reaches;
};

std::string missed_by(const Scenario& scenario, const Tally& tally, const RunResult& result,
                      Sums& sums) {
  std::string why = unlike(scenario, result);
  for (std::size_t n = 0; n < scenario.expects.size(); ++n) {
    const Expectation& expectation = scenario.expects[n];
    const std::uint64_t count = count_of(expectation, tally, result);
    sums.expects[n] += count;
    if (!why.empty() || expectation.total || expectation.holds(count)) continue;
    why = "expected " + found(expectation, count);
  }
  for (std::size_t n = 0; n < scenario.reaches.size(); ++n) {
    sums.reaches[n] += count_of(scenario.reaches[n], tally, result);
  }
  return why;
}

}  // namespace

bool Expectation::holds(std::uint64_t count) const {
  switch (relation) {
    case Relation::kAtLeast:
      return count >= number;
    case Relation::kAtMost:
      return count <= number;
    case Relation::kExactly:
      return count == number;
  }
  return false;
}

std::string print(const Expectation& expectation) {
  std::string text = expectation.total ? "total " : "";
  text += expectation.what;
  if (!expectation.probe.empty()) text += " \"" + expectation.probe + "\"";
  if (expectation.node > 0) text += " n" + std::to_string(expectation.node);
  const auto sign = static_cast<std::size_t>(expectation.relation);
  return text + " " + std::string(kSigns.at(sign)) + " " + std::to_string(expectation.number);
}

Result<Scenario> parse_scenario(std::string_view text) {
  Scenario scenario;
  Trace trace;
  trace.seed = 1;
  std::vector<Line> loads;
  for (const Line& line : lines_of(text)) {
    if (line.kind == "load") {
      loads.push_back(line);  // How many keys there are may stand below.
      continue;
    }
    const std::optional<bool> own = parse_own(line, scenario);
    if (own && !*own) return wrong(line, "can't read: " + std::string(line.rest));
    if (own) continue;
    const Result<void> shared = parse_shared(line, trace);
    if (!shared) return shared.error();
  }
  const Result<void> loaded = add_loads(loads, trace);
  if (!loaded) return loaded.error();
  const std::uint64_t first = scenario.seeds > 1 ? scenario.options.seed : trace.seed;
  scenario.options = options_of(trace);
  scenario.options.seed = first;
  return scenario;
}

ScenarioOutcome play(const Scenario& scenario, Aim aim) {
  using Kind = ScenarioOutcome::Kind;
  ScenarioOutcome outcome;
  Sums sums{std::vector<std::uint64_t>(scenario.expects.size()),
            std::vector<std::uint64_t>(scenario.reaches.size())};
  const std::uint64_t first = scenario.options.seed;
  for (std::uint64_t seed = first; seed < first + scenario.seeds; ++seed) {
    RunOptions options = scenario.options;
    options.seed = seed;
    Tally tally;
    tally.count_in(options);
    const RunResult result = run_in_child(options).result;
    ++outcome.runs;
    outcome.events += result.events;
    if (aim == Aim::kFind) {
      if (result.violation && result.violation->oracle == scenario.judge) return outcome;
      continue;
    }
    const std::string why = missed_by(scenario, tally, result, sums);
    if (!why.empty()) return {Kind::kFail, why, seed, outcome.runs, outcome.events};
  }
  if (aim == Aim::kFind) {
    outcome.kind = Kind::kFail;
    outcome.why = "\"" + scenario.judge + "\" didn't find the bug that this once was";
    return outcome;
  }
  for (std::size_t n = 0; n < scenario.expects.size(); ++n) {
    const Expectation& expectation = scenario.expects[n];
    if (!expectation.total || expectation.holds(sums.expects[n])) continue;
    return {Kind::kFail, "expected " + found(expectation, sums.expects[n]), 0, outcome.runs,
            outcome.events};
  }
  for (std::size_t n = 0; n < scenario.reaches.size(); ++n) {
    if (scenario.reaches[n].holds(sums.reaches[n])) continue;
    return {Kind::kStale, "it no longer reaches " + found(scenario.reaches[n], sums.reaches[n]), 0,
            outcome.runs, outcome.events};
  }
  return outcome;
}

}  // namespace detcd::sim
