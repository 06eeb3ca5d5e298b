#include "sim/campaign/options.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <utility>

#include "sim/plan/generate.h"

namespace detcd::sim {

Result<RunOptions> options_for(std::uint64_t seed, const Arguments& arguments) {
  RunOptions options;
  options.seed = seed;
  Result<Settings> settings = draw_settings(seed, arguments.text("profile", "lite"));
  if (!settings) return settings.error();
  const Result<std::uint64_t> nodes = arguments.number("nodes", settings->nodes);
  if (!nodes) return nodes.error();
  if (*nodes < 1 || *nodes > 9) return Error{Errc::kInvalid, "--nodes must be 1 to 9"};
  settings->nodes = static_cast<std::uint32_t>(*nodes);
  const Result<std::uint64_t> seconds = arguments.number("virtual-seconds", 0);
  if (!seconds) return seconds.error();
  if (*seconds > 1'000'000) return Error{Errc::kInvalid, "--virtual-seconds is too large"};
  if (*seconds > 0) settings->length = std::chrono::seconds(*seconds);
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
  for (const char* name : {"profile", "nodes", "virtual-seconds", "changes"}) {
    if (arguments.has(name)) line += fmt::format(" --{} {}", name, arguments.text(name, ""));
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
