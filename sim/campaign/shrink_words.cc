#include "sim/campaign/shrink_words.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include "sim/campaign/entries.h"
#include "sim/campaign/reduce.h"
#include "sim/campaign/wording.h"

namespace detcd::sim {
namespace {

constexpr std::size_t kSeeds = 2;  // Other ones, for each proposal.

// ---- Names --------------------------------------------------------------------------------------

enum class Name : std::uint8_t { kOther, kKey, kValue };

// What a quoted word is depends on the word before.
Name name_of(const std::vector<std::string>& words, std::size_t at) {
  if (!words[at].starts_with('"') || at == 0) return Name::kOther;
  if (words[at - 1] == "value") return Name::kValue;
  return words[at - 1] == "end" ? Name::kOther : Name::kKey;
}

using Renaming = std::map<std::string, std::string>;  // Quoted, as they stand.

std::vector<std::string> names_in(const Plan& plan, Name kind) {
  std::vector<std::string> names;
  const auto look = [&](const auto& entry) {
    const std::vector<std::string> words = words_of(print(entry));
    for (std::size_t at = 0; at < words.size(); ++at) {
      const bool fresh = std::ranges::count(names, words[at]) == 0;
      if (name_of(words, at) == kind && fresh) names.push_back(words[at]);
    }
  };
  for (const OperationEntry& entry : plan.operations) look(entry);
  for (const WatchEntry& entry : plan.watches) look(entry);
  return names;
}

RunOptions renamed(const RunOptions& options, Name kind, const Renaming& renaming) {
  RunOptions changed = options;
  const auto rename = [&](std::vector<std::string> words) {
    for (std::size_t at = 0; at < words.size(); ++at) {
      const auto other = renaming.find(words[at]);
      if (name_of(words, at) == kind && other != renaming.end()) words[at] = other->second;
    }
    return join(words);
  };
  for (OperationEntry& entry : changed.plan.operations) {
    const Result<OperationEntry> read = parse_operation(rename(words_of(print(entry))));
    if (read) entry = *read;
  }
  for (WatchEntry& entry : changed.plan.watches) {
    const Result<WatchEntry> read = parse_watch(rename(words_of(print(entry))));
    if (read) entry = *read;
  }
  return changed;
}

// All names at once, then one after the other.
template <class NewName>
void rename(Search& search, Name kind, const NewName& new_name) {
  const std::vector<std::string> names = names_in(search.best().plan, kind);
  Renaming all;
  for (std::size_t n = 0; n < names.size(); ++n) all[names[n]] = new_name(n);
  if (search.attempt({renamed(search.best(), kind, all)}, kSeeds)) return;
  for (const auto& [name, other] : all) {
    if (search.exhausted()) return;
    search.attempt({renamed(search.best(), kind, {{name, other}})}, 0);
  }
}

void renumber_calls(Search& search) {
  RunOptions changed = search.best();
  std::uint64_t next = 1;
  for (OperationEntry& entry : changed.plan.operations) entry.id = next++;
  search.attempt({changed}, kSeeds);
}

// ---- Settings -----------------------------------------------------------------------------------

std::vector<std::string> lines_of(const Settings& settings) {
  std::vector<std::string> lines;
  const std::string text = print(settings);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// How much there is and how long it takes isn't simpler for being the default.
bool is_size(std::string_view line) {
  return line.starts_with("nodes ") || line.starts_with("clients ") || line.starts_with("length ");
}

RunOptions with_settings(const RunOptions& options, const std::vector<std::string>& lines) {
  RunOptions changed = options;
  for (const std::string& line : lines) {
    static_cast<void>(parse_setting(line, changed.settings));
  }
  return changed;
}

bool is_default(const Settings& settings, std::size_t line) {
  return lines_of(settings)[line] == lines_of(Settings{})[line];
}

// Rounder, but never none: members, latencies and sizes of nothing mean something else.
std::vector<RunOptions> rounder(const RunOptions& options, const std::string& line) {
  const std::vector<std::string> words = words_of(line);
  std::vector<RunOptions> proposals;
  for (const std::string& word : simpler_words(words.back())) {
    if (word == "0" || word == "0s") continue;
    proposals.push_back(with_settings(options, {words.front() + " " + word}));
  }
  return proposals;
}

// ---- Entries ------------------------------------------------------------------------------------

// A gentler kind of fault with the same words, and the plainest operations.
std::vector<std::string> plainer_lines(const std::string& line) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kGentler{
      {{"power-loss", "crash"}, {"partition-from", "partition"}}};
  std::vector<std::string> lines;
  const std::vector<std::string> words = words_of(line);
  for (std::size_t at = 0; at < words.size(); ++at) {
    for (const auto& [kind, gentler] : kGentler) {
      if (words[at] != kind || at != 2) continue;
      std::vector<std::string> changed = words;
      changed[at] = gentler;
      lines.push_back(join(changed));
    }
  }
  if (words.size() > 5 && words[3].starts_with('#')) {
    const std::string head = join({words.begin(), words.begin() + 4});
    if (words[4] != "range") lines.push_back(head + " range \"k\"");
    if (words[4] == "txn") lines.push_back(head + " put \"k\" value \"v\"");
  }
  std::erase_if(lines, [&](const std::string& other) { return weight(other) >= weight(line); });
  return lines;
}

// Proposals for the n-th entry.
std::vector<RunOptions> simpler(const RunOptions& options, std::size_t n) {
  const std::vector<Entry> entries = entries_of(options.plan);
  const std::string line = line_of(entries[n]);
  std::vector<std::string> lines = plainer_lines(line);
  for (const std::string& other : simpler_lines(line)) lines.push_back(other);
  std::vector<RunOptions> proposals;
  for (const std::string& other : lines) {
    const std::optional<Entry> read = with_line(entries[n], other);
    if (!read || weight(line_of(*read)) >= weight(line)) continue;
    std::vector<Entry> changed = entries;
    changed[n] = *read;
    std::ranges::stable_sort(changed, {}, time_of);
    RunOptions proposal = options;
    proposal.plan = plan_of(changed);
    proposals.push_back(std::move(proposal));
  }
  return proposals;
}

}  // namespace

void drop_overrides(Search& search) {
  const RunOptions whole = search.best();
  static_cast<void>(reduce(whole.overrides.size(), [&](std::size_t count, const auto& candidate) {
    return search.attempt(
        count,
        [&](std::size_t n) {
          RunOptions fewer = whole;
          fewer.overrides.clear();
          for (const std::size_t at : candidate(n)) fewer.overrides.push_back(whole.overrides[at]);
          return fewer;
        },
        0);
  }));
}

void simplify_settings(Search& search) {
  const std::vector<std::string> defaults = lines_of(Settings{});
  std::vector<std::string> all = defaults;
  std::erase_if(all, is_size);
  if (search.attempt({with_settings(search.best(), all)}, kSeeds)) return;
  for (std::size_t n = 0; n < defaults.size(); ++n) {
    if (is_size(defaults[n])) continue;
    search.attempt({with_settings(search.best(), {defaults[n]})}, kSeeds);
  }
  for (std::size_t n = 0; n < defaults.size(); ++n) {
    const std::string line = lines_of(search.best().settings)[n];
    const bool counts = line.starts_with("nodes ") || line.starts_with("clients ");
    if (counts || is_default(search.best().settings, n)) continue;
    search.attempt(rounder(search.best(), line), kSeeds);
  }
}

void simplify_names(Search& search) {
  rename(search, Name::kKey, [](std::size_t) { return std::string("\"k\""); });
  rename(search, Name::kValue, [](std::size_t n) { return "\"v" + std::to_string(n + 1) + "\""; });
  renumber_calls(search);
}

void simplify_entries(Search& search) {
  std::size_t n = 0;
  while (n < search.best().plan.size() && !search.exhausted()) {
    const bool found = search.attempt(simpler(search.best(), n), 0);
    if (!found) ++n;
  }
}

}  // namespace detcd::sim
