#include "sim/campaign/wording.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "sim/campaign/entries.h"
#include "sim/plan/text.h"

namespace detcd::sim {
namespace {

// With so many leading digits kept; the rest are zeros.
std::int64_t rounded(std::int64_t value, int digits) {
  std::int64_t unit = 1;
  std::int64_t bound = 1;
  for (int i = 0; i < digits; ++i) bound *= 10;
  while (value / unit >= bound || value / unit <= -bound) unit *= 10;
  return value / unit * unit;
}

std::int64_t next_rounded(std::int64_t value, int digits) {
  const std::int64_t down = rounded(value, digits);
  std::int64_t unit = 1;
  while (down / unit % 10 == 0 && down != 0 && unit < down) unit *= 10;
  return down + unit;
}

// The next power of ten that isn't less.
std::int64_t next_power(std::int64_t value) {
  std::int64_t power = 1;
  while (power < value && power < INT64_MAX / 10) power *= 10;
  return power;
}

std::vector<std::string> simpler_durations(std::string_view word) {
  Words words(word);
  const std::int64_t ns = words.duration().count();
  if (!words.finished()) return {};
  std::vector<std::string> simpler;
  for (const std::int64_t value :
       {std::int64_t{0}, next_power(ns), next_power(ns) / 10, rounded(ns, 1), next_rounded(ns, 1),
        rounded(ns, 2), rounded(ns, 3)}) {
    simpler.push_back(print_duration(Duration(value)));
  }
  return simpler;
}

std::vector<std::string> simpler_numbers(std::string_view word) {
  const bool marked = word.starts_with("#") || word.starts_with("c");
  const std::string_view digits = marked ? word.substr(1) : word;
  Words words(digits);
  const std::int64_t value = words.integer();
  if (!words.finished()) return {};
  const std::string mark(word.substr(0, marked ? 1 : 0));
  std::vector<std::string> simpler;
  for (const std::int64_t other :
       {std::int64_t{0}, std::int64_t{1}, rounded(value, 1), value / 2}) {
    // A name stays a name of its own.
    if (!marked) simpler.push_back(mark + std::to_string(other));
  }
  return simpler;
}

std::vector<std::string> simpler_bytes(std::string_view word) {
  Words words(word);
  const std::string bytes = words.quoted();
  if (!words.finished()) return {};
  std::vector<std::string> simpler;
  for (std::size_t size = std::min<std::size_t>(bytes.size(), 1); size < bytes.size(); size *= 4) {
    simpler.push_back(quote(std::string_view(bytes).substr(0, std::max<std::size_t>(size, 1))));
  }
  return simpler;
}

std::vector<std::string> without(const std::vector<std::string>& words, std::size_t from,
                                 std::size_t to) {
  std::vector<std::string> rest(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(from));
  rest.insert(rest.end(), words.begin() + static_cast<std::ptrdiff_t>(to), words.end());
  return rest;
}

}  // namespace

std::uint64_t weight(std::string_view line) {
  std::uint64_t sum = 0;
  for (const char c : line) sum += c == '0' ? 4 : c >= '1' && c <= '9' ? 6 : 5;
  return sum;
}

std::vector<std::string> simpler_words(std::string_view word) {
  std::vector<std::string> simpler = simpler_durations(word);
  for (const auto& more : {simpler_numbers(word), simpler_bytes(word)}) {
    simpler.insert(simpler.end(), more.begin(), more.end());
  }
  std::erase_if(simpler, [&](const std::string& other) { return weight(other) >= weight(word); });
  std::ranges::sort(simpler);
  const auto repeated = std::ranges::unique(simpler);
  simpler.erase(repeated.begin(), repeated.end());
  std::ranges::stable_sort(simpler, {}, [](const std::string& other) { return weight(other); });
  return simpler;
}

std::vector<std::string> simpler_lines(std::string_view line) {
  const std::vector<std::string> words = words_of(line);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto clause = std::find(words.begin() + static_cast<std::ptrdiff_t>(i), words.end(), ";");
    if (clause != words.end()) {
      const auto end = static_cast<std::size_t>(clause - words.begin()) + 1;
      lines.push_back(join(without(words, i, end)));
    }
    for (std::size_t n = 3; n > 0; --n) {
      if (i + n <= words.size()) lines.push_back(join(without(words, i, i + n)));
    }
    for (const std::string& word : simpler_words(words[i])) {
      std::vector<std::string> changed = words;
      changed[i] = word;
      lines.push_back(join(changed));
    }
  }
  std::set<std::string> seen{std::string(line)};
  std::erase_if(lines, [&](const std::string& other) {
    return weight(other) >= weight(line) || !seen.insert(other).second;
  });
  return lines;
}

}  // namespace detcd::sim
