#include "tests/arch/tidy.h"

#include <algorithm>
#include <cctype>
#include <regex>
#include <set>

namespace detcd::arch {
namespace {

constexpr std::size_t kFileLinesMax = 600;
constexpr std::size_t kHeaderLinesMax = 250;
constexpr std::size_t kFunctionLinesMax = 70;
constexpr std::size_t kColumnsMax = 100;

bool starts_with_any(std::string_view path, std::initializer_list<std::string_view> folders) {
  return std::ranges::any_of(folders, [&](std::string_view f) { return path.starts_with(f); });
}
bool is_pure(std::string_view path) {
  return starts_with_any(
      path, {"src/base/", "src/raft/", "src/mvcc/", "src/watch/", "src/membership/", "src/auth/",
             "src/lease/", "src/apply/", "src/bbolt/", "src/backup/"});
}
// Everything that runs inside the simulator: all of src but the edges, and the simulated world.
bool is_simulated(std::string_view path) {
  if (path.starts_with("sim/")) return !starts_with_any(path, {"sim/main", "sim/campaign/"});
  return path.starts_with("src/") && !starts_with_any(path, {"src/runtime_asio/", "src/app/"});
}
bool is_anywhere(std::string_view) {
  return true;
}

struct Ban {
  std::string_view needle;  // Every match contains it: looked for first, as expressions are slow.
  std::regex pattern;
  bool (*where)(std::string_view path);
  std::string instead;
};

const std::vector<Ban>& bans() {
  static const std::vector<Ban> list = {
      {"_clock", std::regex(R"(_clock\s*::\s*now\b)"), is_simulated,
       "ask runtime::Clock for the time"},
      {"rand", std::regex(R"(\brandom_device\b|\brand\s*\()"), is_simulated,
       "draw from runtime::Random"},
      {"mt19937", std::regex(R"(\bmt19937)"), is_simulated, "draw from runtime::Random"},
      {"std::",
       std::regex(R"(std::(jthread|thread|mutex|shared_mutex|async|condition_variable)\b)"),
       is_simulated, "use runtime::Scheduler, Mailbox and sync.h"},
      {"this_thread", std::regex(R"(\bthis_thread\b)"), is_simulated, "sleep on runtime::Clock"},
      {"sleep", std::regex(R"((^|[^\w.>:])(u|nano)?sleep\s*\()"), is_simulated,
       "sleep on runtime::Clock"},
      {"getenv", std::regex(R"(\bgetenv\s*\()"), is_simulated,
       "take the environment as an argument"},
      {"shared", std::regex(R"(\bshared_ptr\b|\bmake_shared\b)"), is_pure,
       "own with unique_ptr; shared immutable bytes are base/bytes.h"},
      {"*", std::regex(R"(std::(map|set)<\s*(const\s+)?[\w:]+\s*\*)"), is_simulated,
       "key by an id: the order of addresses differs per run"},
      {"volatile", std::regex(R"(\bvolatile\b)"), is_anywhere,
       "use runtime's or std's synchronisation"},
      {"#", std::regex(R"(^\s*#\s*define\b)"), is_anywhere, "use a constant or a function"},
      {"using", std::regex(R"(\busing\s+namespace\b(?!\s+std::\w*literals\b))"), is_anywhere,
       "name what is used"},
  };
  return list;
}

using Report = std::vector<Violation>;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::size_t columns(std::string_view line) {
  return static_cast<std::size_t>(std::ranges::count_if(
      line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void check_lengths(const std::string& path, std::string_view source, std::string_view stripped,
                   Report& report) {
  const std::vector<std::string_view> lines = lines_of(source);
  const std::size_t lines_max = path.ends_with(".h") ? kHeaderLinesMax : kFileLinesMax;
  if (lines.size() > lines_max) {
    report.push_back({path, lines.size(),
                      "more than " + std::to_string(lines_max) + " lines: split it along a seam"});
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (columns(lines[i]) <= kColumnsMax || lines[i].starts_with("#include")) continue;
    report.push_back({path, i + 1, "more than 100 columns"});
  }
  for (const detail::Function& function : detail::functions(stripped)) {
    const std::size_t first = detail::line_of(stripped, function.begin);
    const std::size_t count = detail::line_of(stripped, function.end) - first + 1;
    if (count > kFunctionLinesMax) {
      report.push_back(
          {path, first, "a function of " + std::to_string(count) + " lines; 70 is the most"});
    }
  }
}

bool has_word(std::string_view line, std::string_view word) {
  const auto in_word = [&](std::size_t at) {
    return at < line.size() &&
           (std::isalnum(static_cast<unsigned char>(line[at])) != 0 || line[at] == '_');
  };
  for (std::size_t at = line.find(word); at != std::string_view::npos;
       at = line.find(word, at + 1)) {
    if (!(at > 0 && in_word(at - 1)) && !in_word(at + word.size())) return true;
  }
  return false;
}

// Promises and skipped tests are looked for in comments as well.
void check_words(const std::string& path, std::string_view source, std::string_view stripped,
                 Report& report) {
  // In two pieces each, so that this file holds none.
  const std::string promises[] = {std::string("TO") + "DO", std::string("FIX") + "ME",
                                  std::string("XX") + "X"};
  const std::string skips[] = {std::string("GTEST_") + "SKIP", std::string("DIS") + "ABLED_"};
  const std::vector<std::string_view> raw = lines_of(source);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto holds = [&](const std::string& word) {
      return raw[i].find(word) != std::string_view::npos;
    };
    const auto holds_word = [&](const std::string& word) { return has_word(raw[i], word); };
    if (std::ranges::any_of(promises, holds_word)) {
      report.push_back({path, i + 1, "a promise: open an issue"});
    }
    if (std::ranges::any_of(skips, holds)) {
      report.push_back({path, i + 1, "a skipped test: mend it"});
    }
  }
  const std::vector<std::string_view> code = lines_of(stripped);
  for (std::size_t i = 0; i < code.size(); ++i) {
    for (const Ban& ban : bans()) {
      if (!ban.where(path) || code[i].find(ban.needle) == std::string_view::npos) continue;
      if (!std::regex_search(code[i].begin(), code[i].end(), ban.pattern)) continue;
      report.push_back({path, i + 1, ban.instead});
    }
  }
}

// `for (… : name)` over something this file declares as a hashed container.
void check_iteration(const std::string& path, const std::string& stripped, Report& report) {
  if (!is_simulated(path)) return;
  if (stripped.find("unordered_") == std::string::npos &&
      stripped.find("_hash_") == std::string::npos) {
    return;
  }
  static const std::regex declared(
      R"((unordered_(multi)?(map|set)|(flat|node)_hash_(map|set))<[^;(){}]*>&?\s+(\w+)\s*[;={,)])");
  static const std::regex loop(R"(\bfor\s*\([^;()]*[^:]:\s*([\w.>-]*?)(\w+)\s*\))");
  std::set<std::string> hashed;
  for (std::sregex_iterator it(stripped.begin(), stripped.end(), declared), end; it != end; ++it) {
    hashed.insert((*it)[6]);
  }
  for (std::sregex_iterator it(stripped.begin(), stripped.end(), loop), end; it != end; ++it) {
    if (!hashed.contains((*it)[2])) continue;
    report.push_back({path, detail::line_of(stripped, static_cast<std::size_t>(it->position())),
                      "iterates a hashed container: its order differs per run"});
  }
}

// Whether what stands between the beginning of a statement and `co_await` leaves the awaited call a
// whole statement, a whole initialiser or a whole return.
bool may_precede_await(const std::string& before) {
  if (std::ranges::count(before, '(') != std::ranges::count(before, ')')) return false;
  static const std::regex nothing(R"(^\s*((else|do|co_return)\s*)*$)");
  static const std::regex initialiser(R"(^\s*(else\s+)?[\w:*(\[][^=?!]*[^=?!<>+\-*/&|^%]=\s*$)");
  static const std::regex controlled(
      R"(^\s*(else\s+)?(if|for|while)\b[\s\S]*\)\s*(co_return\s*)?$)");
  static const std::regex controlled_assignment(
      R"(^\s*(else\s+)?(if|for|while)\b[\s\S]*\)\s*[\w.>\-]+\s*=\s*$)");
  static const std::regex label(R"(^\s*(case\b[^?]*|default\s*):\s*(co_return\s*)?$)");
  for (const std::regex* form :
       {&nothing, &initialiser, &controlled, &controlled_assignment, &label}) {
    if (std::regex_match(before, *form)) return true;
  }
  return false;
}

// The beginning of the statement around `at`: after the last ; { or } outside parentheses, or after
// the parenthesis that `at` stands in.
std::size_t statement_begin(std::string_view stripped, std::size_t at) {
  std::size_t depth = 0;
  for (; at > 0; --at) {
    const char c = stripped[at - 1];
    if (c == ')') ++depth;
    if (c == '(' && depth-- == 0) return at - 1;
    if (depth == 0 && std::string_view(";{}").find(c) != std::string_view::npos) return at;
  }
  return at;
}

// The text without what stands in parentheses.
std::string outside_parentheses(std::string_view text) {
  std::string out;
  std::size_t depth = 0;
  for (const char c : text) {
    if (c == ')' && depth > 0) --depth;
    if (depth == 0) out.push_back(c);
    if (c == '(') ++depth;
  }
  return out;
}

void check_await(const std::string& path, std::string_view stripped, std::size_t at,
                 Report& report) {
  const std::size_t begin = statement_begin(stripped, at);
  const std::string awaited(stripped.substr(at + 8, stripped.find(';', at) - at - 8));
  const std::size_t line = detail::line_of(stripped, at);
  static const std::regex operators(R"(\s(\?|==|!=|&&|\|\||\+)\s)");
  if (!may_precede_await(std::string(stripped.substr(begin, at - begin)))) {
    report.push_back({path, line, "await as a whole statement, initialiser or return only"});
  } else if (awaited.find("co_await") != std::string::npos) {
    report.push_back({path, line, "one await per statement"});
  } else if (awaited.find('{') != std::string::npos) {
    report.push_back(
        {path, line, "name what an awaited call is given: no braces among its arguments"});
  } else if (std::regex_search(outside_parentheses(awaited), operators)) {
    report.push_back({path, line, "name the awaited value before computing with it"});
  }
}

// A lambda that captures and is a coroutine outlives its captures.
void check_lambdas(const std::string& path, const std::string& stripped, Report& report) {
  if (stripped.find("co_") == std::string::npos) return;
  static const std::regex lambda(
      R"((^|[^\w\)\]\[])\[([^\]\[]+)\]\s*(\([^()]*(\([^()]*\)[^()]*)*\))?[^;{}()]*\{)");
  for (std::sregex_iterator it(stripped.begin(), stripped.end(), lambda), last; it != last; ++it) {
    std::size_t at = static_cast<std::size_t>(it->position() + it->length());
    const std::size_t body = at;
    for (std::size_t depth = 1; at < stripped.size() && depth > 0; ++at) {
      depth += stripped[at] == '{' ? 1 : 0;
      depth -= stripped[at] == '}' ? 1 : 0;
    }
    if (stripped.substr(body, at - body).find("co_") == std::string::npos) continue;
    report.push_back({path, detail::line_of(stripped, body),
                      "a capturing lambda is no coroutine: pass parameters"});
  }
}

}  // namespace

std::vector<Violation> tidy(const std::string& path, std::string_view source) {
  Report report;
  const std::string stripped = strip(source);
  check_lengths(path, source, stripped, report);
  check_words(path, source, stripped, report);
  check_iteration(path, stripped, report);
  static const std::regex await(R"(\bco_await\b)");
  for (std::sregex_iterator it(stripped.begin(), stripped.end(), await), end; it != end; ++it) {
    const auto at = static_cast<std::size_t>(it->position());
    if (stripped.substr(at > 9 ? at - 9 : 0, 9).find("operator") != std::string::npos) continue;
    check_await(path, stripped, at, report);
  }
  check_lambdas(path, stripped, report);
  return report;
}

std::vector<Hop> put_path_table(std::string_view readme) {
  static const std::regex row(R"(^\| *([0-9]+) *\| *`([\w/.]+) : ([\w()]+)` *\|)");
  std::vector<Hop> hops;
  for (const std::string_view line : lines_of(readme)) {
    std::smatch match;
    const std::string text(line);
    if (!std::regex_search(text, match, row)) continue;
    hops.push_back({std::stoi(match[1]), match[2], match[3]});
  }
  return hops;
}

}  // namespace detcd::arch
