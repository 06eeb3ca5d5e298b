#include <algorithm>
#include <optional>
#include <regex>

#include "tests/arch/tidy.h"

namespace detcd::arch {
namespace {

struct Definition {
  std::string name;  // With its namespaces.
  std::size_t line = 0;
};

// What stands before a brace, without what ended before it, says what the brace opens.
std::vector<Definition> definitions(const std::string& source) {
  static const std::regex opens(R"((?:^|\s)namespace\s*([\w:]*)\s*$)");
  static const std::regex type(
      R"((?:^|\s)(?:class|struct)\s+(\w+)(?:\s+final)?(?:\s*:[^:].*)?\s*$)");
  const std::string text = strip(source);
  std::vector<std::optional<std::string>> within;  // Namespaces, and none for other blocks.
  std::vector<Definition> found;
  std::size_t begin = 0;
  for (std::size_t at = text.find_first_of("{};"); at != std::string::npos;
       begin = at + 1, at = text.find_first_of("{};", begin)) {
    if (text[at] == '}' && !within.empty()) within.pop_back();
    if (text[at] != '{') continue;
    std::string before = text.substr(begin, at - begin);
    std::ranges::replace(before, '\n', ' ');
    std::smatch match;
    if (std::regex_search(before, match, opens)) {
      within.emplace_back(match[1].str());
      continue;
    }
    const bool visible =
        std::ranges::all_of(within, [](const auto& outer) { return outer && !outer->empty(); });
    if (visible && std::regex_search(before, match, type)) {
      std::string name;
      for (const auto& outer : within) name += *outer + "::";
      found.push_back({name + match[1].str(), detail::line_of(text, begin + match.position(1))});
    }
    within.emplace_back(std::nullopt);
  }
  return found;
}

}  // namespace

std::vector<Violation> defined_twice(const std::map<std::string, std::string>& sources) {
  std::map<std::string, std::string> first;
  std::vector<Violation> violations;
  for (const auto& [path, source] : sources) {
    if (!path.starts_with("src/") && !path.starts_with("sim/")) continue;
    for (const Definition& definition : definitions(source)) {
      const auto [known, fresh] = first.emplace(definition.name, path);
      if (fresh || known->second == path) continue;
      violations.push_back(
          {path, definition.line, definition.name + " is defined in " + known->second + ", too"});
    }
  }
  return violations;
}

}  // namespace detcd::arch
