#include "sim/check/judge.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sim/check/revisions.h"

namespace detcd::sim {
namespace {

using Step = Specification::Step;

constexpr std::size_t kOrderShownMax = 5;
constexpr std::size_t kBlockedShownMax = 12;

std::string lines_of(const Origin& origin) {
  const std::string began = std::to_string(origin.line_began);
  if (origin.line_ended == 0) return "lines " + began + "–…";
  return "lines " + began + "–" + std::to_string(origin.line_ended);
}

std::string name(const Origin& origin, std::string call) {
  return lines_of(origin) + ", process " + origin.process + ": " + std::move(call);
}

std::string of(std::uint64_t part, std::uint64_t whole) {
  return std::to_string(part) + " of " + std::to_string(whole);
}

// A part of a history that is judged by itself.
struct Part {
  std::string name;
  std::vector<std::size_t> calls;  // Of the history.
  std::vector<Interval> intervals;
  std::vector<PlainCall> plain;
  std::vector<EtcdCall> etcd;
};

class Searching {
 public:
  Searching(const CheckedHistory& history, const SearchLimits& limits)
      : history_(history), limits_(limits) {}

  CheckResult run() {
    for (const Part& part : parts()) {
      judge(part);
      if (result_.finding == Finding::kIllegal) break;
    }
    return std::move(result_);
  }

 private:
  [[nodiscard]] std::vector<Part> parts() const;
  [[nodiscard]] std::unique_ptr<Specification> specification(const Part& part) const;
  void judge(const Part& part);
  void explain(const Part& part, const SearchResult& found, Specification& specification);
  [[nodiscard]] std::string call_in_words(const Part& part, std::size_t call,
                                          const Specification& specification) const {
    return name(history_.origins[part.calls[call]], specification.describe_call(call));
  }

  const CheckedHistory& history_;
  const SearchLimits& limits_;
  CheckResult result_;
};

// Linearizability is local: registers under different keys are judged one by one.
std::vector<Part> Searching::parts() const {
  std::map<std::string, Part> by_key;
  if (history_.model == CheckedModel::kEtcd) {
    Part& whole = by_key[""];
    for (std::size_t i = 0; i < history_.etcd.size(); ++i) {
      const EtcdCall& call = history_.etcd[i];
      Interval interval = history_.intervals[i];
      if (call.outcome == EtcdCall::Outcome::kUnknown && is_read(call.operation)) continue;
      if (is_serializable(call.operation)) {
        // It says nothing about when; any member may have answered it, from any of its pasts. Once
        // it fits, it fits for ever: its end is all that counts. Without a revision nothing says
        // which past it was.
        if (call.outcome != EtcdCall::Outcome::kAnswered || !call.told.revision) continue;
        interval.began = interval.ended.value_or(interval.began);
      }
      whole.calls.push_back(i);
      whole.intervals.push_back(interval);
      whole.etcd.push_back(call);
    }
  }
  for (std::size_t i = 0; i < history_.plain.size(); ++i) {
    Part& part = by_key[history_.plain[i].key];
    part.name = history_.plain[i].key;
    part.calls.push_back(i);
    part.intervals.push_back(history_.intervals[i]);
    part.plain.push_back(history_.plain[i]);
  }
  std::vector<Part> out;
  for (auto& [key, part] : by_key) out.push_back(std::move(part));
  return out;
}

std::unique_ptr<Specification> Searching::specification(const Part& part) const {
  switch (history_.model) {
    case CheckedModel::kRegister:
    case CheckedModel::kCasRegister:
    case CheckedModel::kKv:
      break;
    case CheckedModel::kSet:
      return set_specification(part.plain);
    case CheckedModel::kQueue:
      return queue_specification(part.plain);
    case CheckedModel::kEtcd:
      return etcd_specification(part.etcd);
  }
  const auto initial = history_.initial.find(part.name);
  return register_specification(part.plain,
                                initial == history_.initial.end() ? kNothing : initial->second);
}

void Searching::judge(const Part& part) {
  const std::unique_ptr<Specification> object = specification(part);
  SearchLimits limits = limits_;
  limits.steps_max -= std::min(limits.steps_max, result_.steps);
  const std::uint64_t steps_before = result_.steps;
  limits.go_on = [&](SearchProgress progress) {
    progress.steps += steps_before;
    return !limits_.go_on || limits_.go_on(progress);
  };
  const SearchResult found = search(part.intervals, *object, limits);
  result_.steps += found.steps;
  result_.remembered += found.remembered;
  if (found.finding == Finding::kLegal) return;
  result_.finding = found.finding;
  if (!part.name.empty()) result_.lines.push_back("of " + part.name + ":");
  if (found.finding == Finding::kUnknown) {
    result_.lines.push_back("the search was given up " + found.limit);
  } else {
    explain(part, found, *object);
  }
}

void Searching::explain(const Part& part, const SearchResult& found, Specification& object) {
  std::vector<std::string>& lines = result_.lines;
  lines.push_back("no order of the calls explains every answer. " +
                  of(found.order.size(), part.calls.size()) +
                  " calls can be ordered, and no order gets further; the last of them:");
  const std::size_t from = found.order.size() - std::min(found.order.size(), kOrderShownMax);
  for (std::size_t i = 0; i < found.order.size(); ++i) {
    object.apply(found.order[i]);
    if (i >= from) lines.push_back("  " + call_in_words(part, found.order[i], object));
  }
  lines.push_back("the object then " + object.describe_state() + ". What can't follow:");
  std::uint64_t window = UINT64_MAX;
  for (std::size_t i = 0; i < found.blocked.size(); ++i) {
    const std::size_t call = found.blocked[i];
    window = std::min(window, history_.origins[part.calls[call]].line_began);
    if (i >= kBlockedShownMax) continue;
    std::string line = "  " + call_in_words(part, call, object);
    const Step step = object.apply(call);
    line += step == Step::kRefused ? " — " + object.reason() : " — it fits, but leads no further";
    if (step == Step::kChanged) object.undo();
    lines.push_back(std::move(line));
  }
  if (found.blocked.size() > kBlockedShownMax) {
    lines.push_back("  … and " + std::to_string(found.blocked.size() - kBlockedShownMax) + " more");
  }
  const Origin& first = history_.origins[part.calls[found.blocked.front()]];
  lines.push_back("the contradiction lies in lines " + std::to_string(window) + "–" +
                  std::to_string(first.line_ended) + "; cut off before line " +
                  std::to_string(first.line_ended) + ", the history is legal");
}

std::uint64_t count_unordered(const CheckedHistory& history) {
  const auto plain =
      std::ranges::count_if(history.plain, [](const PlainCall& call) { return !call.answered; });
  const auto etcd = std::ranges::count_if(history.etcd, [](const EtcdCall& call) {
    return call.outcome != EtcdCall::Outcome::kAnswered || !call.told.revision;
  });
  return static_cast<std::uint64_t>(plain + etcd);
}

constexpr std::array<std::pair<std::string_view, CheckedModel>, 6> kModels{{
    {"register", CheckedModel::kRegister},
    {"cas-register", CheckedModel::kCasRegister},
    {"kv", CheckedModel::kKv},
    {"set", CheckedModel::kSet},
    {"queue", CheckedModel::kQueue},
    {"etcd", CheckedModel::kEtcd},
}};

}  // namespace

CheckResult judge_by_search(const CheckedHistory& history, const SearchLimits& limits) {
  CheckResult result = Searching(history, limits).run();
  result.unordered = count_unordered(history);
  return result;
}

CheckResult judge(const CheckedHistory& history, const SearchLimits& limits) {
  if (history.model != CheckedModel::kEtcd) return judge_by_search(history, limits);
  const RevisionOrder order = judge_by_revision(history.etcd, history.intervals);
  if (!order.finding) {
    CheckResult result = judge_by_search(history, limits);
    result.lines.insert(result.lines.begin(), "revisions alone don't order it: " + order.why_not);
    return result;
  }
  CheckResult result;
  result.finding = *order.finding;
  result.method = Method::kRevisions;
  result.unordered = count_unordered(history);
  if (result.finding == Finding::kIllegal) result.lines.push_back(order.message);
  for (const std::size_t call : order.involved) {
    result.lines.push_back("  " + name(history.origins[call], describe(history.etcd[call])));
  }
  return result;
}

std::string_view name_of(CheckedModel model) {
  for (const auto& [name, known] : kModels) {
    if (known == model) return name;
  }
  return {};
}

std::optional<CheckedModel> checked_model(std::string_view name) {
  for (const auto& [known, model] : kModels) {
    if (known == name) return model;
  }
  return std::nullopt;
}

std::string_view name_of(Finding finding) {
  switch (finding) {
    case Finding::kLegal:
      return "legal";
    case Finding::kIllegal:
      return "illegal";
    case Finding::kUnknown:
      return "unknown";
  }
  return {};
}

}  // namespace detcd::sim
