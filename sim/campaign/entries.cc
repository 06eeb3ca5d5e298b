#include "sim/campaign/entries.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "sim/faults/registry.h"

namespace detcd::sim {
namespace {

// "n12" → 12; 0 for anything else.
std::uint32_t node_named(std::string_view word) {
  std::uint32_t node = 0;
  if (word.size() < 2 || word.front() != 'n') return 0;
  const auto [end, error] = std::from_chars(word.data() + 1, word.data() + word.size(), node);
  return error == std::errc() && end == word.data() + word.size() ? node : 0;
}

// A list of members without some of them, renumbered; empty if nobody is left. A word that isn't a
// list of members stays as it is.
std::string without_nodes(std::string_view word, const std::vector<std::uint32_t>& nodes) {
  std::string out;
  for (std::string_view rest = word; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    const std::uint32_t node = node_named(name);
    if (node == 0 && name != "leader") return std::string(word);
    if (node != 0 && std::ranges::count(nodes, node) > 0) continue;
    const auto lower = std::ranges::count_if(nodes, [&](std::uint32_t n) { return n < node; });
    if (!out.empty()) out += ",";
    out += node == 0 ? std::string(name)
                     : "n" + std::to_string(node - static_cast<std::uint32_t>(lower));
  }
  return out;
}

}  // namespace

std::vector<Entry> entries_of(const Plan& plan) {
  std::vector<Entry> entries(plan.faults.begin(), plan.faults.end());
  entries.insert(entries.end(), plan.operations.begin(), plan.operations.end());
  entries.insert(entries.end(), plan.watches.begin(), plan.watches.end());
  std::ranges::stable_sort(entries, {}, time_of);
  return entries;
}

Plan plan_of(const std::vector<Entry>& entries) {
  Plan plan;
  for (const Entry& entry : entries) {
    if (const auto* fault = std::get_if<FaultEntry>(&entry)) plan.faults.push_back(*fault);
    if (const auto* call = std::get_if<OperationEntry>(&entry)) plan.operations.push_back(*call);
    if (const auto* watch = std::get_if<WatchEntry>(&entry)) plan.watches.push_back(*watch);
  }
  return plan;
}

Duration time_of(const Entry& entry) {
  return std::visit([](const auto& known) { return known.at; }, entry);
}

void set_time(Entry& entry, Duration at) {
  std::visit([at](auto& known) { known.at = at; }, entry);
}

std::string line_of(const Entry& entry) {
  return std::visit([](const auto& known) { return print(known); }, entry);
}

std::optional<Entry> with_line(const Entry& entry, std::string_view line) {
  if (std::holds_alternative<FaultEntry>(entry)) {
    Result<FaultEntry> fault = parse_fault(line);
    if (fault) return Entry(std::move(*fault));
    return std::nullopt;
  }
  if (std::holds_alternative<WatchEntry>(entry)) {
    Result<WatchEntry> watch = parse_watch(line);
    if (watch) return Entry(std::move(*watch));
    return std::nullopt;
  }
  Result<OperationEntry> call = parse_operation(line);
  if (call) return Entry(std::move(*call));
  return std::nullopt;
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const std::string_view word = line.substr(0, line.find(' '));
    if (!word.empty()) words.emplace_back(word);
    line.remove_prefix(std::min(word.size() + 1, line.size()));
  }
  return words;
}

std::string join(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

Plan without_nodes(const Plan& plan, const std::vector<std::uint32_t>& nodes) {
  Plan rest;
  rest.operations = plan.operations;
  rest.watches = plan.watches;
  for (const FaultEntry& fault : plan.faults) {
    std::vector<std::string> words = words_of(print(fault));
    bool goes = false;
    for (std::string& word : words) {
      word = without_nodes(word, nodes);
      goes = goes || word.empty();
    }
    if (goes) continue;
    const Result<FaultEntry> renumbered = parse_fault(join(words));
    if (renumbered) rest.faults.push_back(*renumbered);
  }
  return rest;
}

}  // namespace detcd::sim
