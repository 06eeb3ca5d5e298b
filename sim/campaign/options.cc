#include "sim/campaign/options.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <utility>

#include "sim/campaign/command_line.h"
#include "sim/faults/registry.h"
#include "sim/profile/generate.h"
#include "sim/profile/profile.h"

namespace detcd::sim {
namespace {

// One of the program's own by its name, or a file by its path.
Result<Profile> profile_of(const Arguments& arguments) {
  const std::string name = arguments.text("profile", "lite");
  const bool path = name.find('/') != std::string::npos || name.ends_with(".txt");
  if (!path) return Profile::builtin(name);
  const Result<std::string> text = read_file(name);
  if (!text) return text.error();
  return Profile::parse(name, *text);
}

}  // namespace

Result<RunOptions> options_for(std::uint64_t seed, const Arguments& arguments) {
  RunOptions options;
  options.seed = seed;
  const Result<Profile> profile = profile_of(arguments);
  if (!profile) return profile.error();
  Result<Settings> settings = profile->draw(seed);
  if (!settings) return settings.error();
  const Result<std::uint64_t> nodes = arguments.number("nodes", settings->nodes);
  if (!nodes) return nodes.error();
  if (*nodes < 1 || *nodes > 9) return Error{Errc::kInvalid, "--nodes must be 1 to 9"};
  settings->nodes = static_cast<std::uint32_t>(*nodes);
  const Result<std::uint64_t> seconds = arguments.number("virtual-seconds", 0);
  if (!seconds) return seconds.error();
  if (*seconds > 1'000'000) return Error{Errc::kInvalid, "--virtual-seconds is too large"};
  if (*seconds > 0) settings->length = std::chrono::seconds(*seconds);
  const Result<void> masked = mask_families(arguments.text("families", "all"), *settings);
  if (!masked) return masked.error();
  options.settings = *settings;
  options.plan = draw_plan(seed, options.settings);
  options.cross_check = arguments.has("cross-check");
  return options;
}

Result<RunOptions> options_for(const Recipe& recipe, const Arguments& arguments) {
  Result<RunOptions> options = options_for(recipe.seed, arguments);
  if (!options || recipe.changes.empty()) return options;
  Draft draft{options->seed, std::move(options->settings), std::move(options->plan)};
  for (const std::uint64_t key : recipe.changes) change(draft, key);
  options->seed = draft.seed;
  options->settings = std::move(draft.settings);
  options->plan = std::move(draft.plan);
  return options;
}

std::string reproduce(const std::string& program, std::uint64_t seed, const Arguments& arguments) {
  std::string line = program + " run --seed " + std::to_string(seed);
  for (const char* name : {"profile", "nodes", "virtual-seconds", "families", "changes"}) {
    if (!arguments.has(name)) continue;
    const std::string value = arguments.text(name, "");
    const std::string_view quotes = value.find(' ') == std::string::npos ? "" : "\"";
    line += fmt::format(" --{} {}{}{}", name, quotes, value, quotes);
  }
  if (arguments.has("cross-check")) line += " --cross-check";
  return line;
}

Result<SeedRange> parse_seeds(const std::string& text, std::string_view flag) {
  const Error wrong{Errc::kInvalid, "--" + std::string(flag) + " must be A..B, as 1..200: " + text};
  const auto dots = text.find("..");
  if (dots == std::string::npos) return wrong;
  SeedRange range;
  const auto number = [](std::string_view digits, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size() && !digits.empty();
  };
  const bool read = number(std::string_view(text).substr(0, dots), range.first) &&
                    number(std::string_view(text).substr(dots + 2), range.last);
  if (!read || range.first > range.last) return wrong;
  return range;
}

}  // namespace detcd::sim
