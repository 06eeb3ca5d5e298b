// Judges a history that somebody else recorded: by the order of its revisions where it has them,
// else by search, register by register; and says in words what can't be ordered.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/check/etcd.h"
#include "sim/check/plain.h"
#include "sim/check/search.h"

namespace detcd::sim {

enum class CheckedModel : std::uint8_t { kRegister, kCasRegister, kKv, kSet, kQueue, kEtcd };
[[nodiscard]] std::string_view name_of(CheckedModel model);
[[nodiscard]] std::optional<CheckedModel> checked_model(std::string_view name);

// Where a call stands in the file.
struct Origin {
  std::string process;
  std::uint64_t line_began = 0;
  std::uint64_t line_ended = 0;  // 0: it has no end.
};

struct CheckedHistory {
  std::string name;
  CheckedModel model = CheckedModel::kRegister;
  // What the file says the verdict must be, and why: histories for tests.
  std::optional<Finding> expected;
  std::string why;
  std::map<std::string, std::string> initial;  // By register; others begin with nothing.
  // By call, all of one length; `plain` or `etcd` is empty.
  std::vector<Origin> origins;
  std::vector<Interval> intervals;
  std::vector<PlainCall> plain;
  std::vector<EtcdCall> etcd;
};

enum class Method : std::uint8_t { kRevisions, kSearch };

struct CheckResult {
  Finding finding = Finding::kLegal;
  Method method = Method::kSearch;
  std::vector<std::string> lines;  // For a person.
  std::uint64_t unordered = 0;     // Calls without a place of their own: no answer, no revision.
  std::uint64_t steps = 0;
  std::uint64_t remembered = 0;
};

[[nodiscard]] CheckResult judge(const CheckedHistory& history, const SearchLimits& limits);
// By search even where revisions give the order.
[[nodiscard]] CheckResult judge_by_search(const CheckedHistory& history,
                                          const SearchLimits& limits);
[[nodiscard]] std::string_view name_of(Finding finding);

}  // namespace detcd::sim
