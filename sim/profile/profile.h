// A profile says, as text, from what the settings of a run are drawn: ranges, and the odds of each
// family of faults. Every choice is keyed by seed and name, so that one line more or less changes
// no other choice. The text is described in sim/profiles/README.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sim/faults/fault.h"
#include "sim/plan/settings.h"

namespace detcd::sim {

// A number, or that of a setting that is drawn before: "heartbeat/5", "nodes*2".
struct Bound {
  std::int64_t number = 1;  // The factor, when there is a field.
  const SettingField* field = nullptr;
  std::int64_t divisor = 1;
};

struct SettingDraw {
  enum class Kind : std::uint8_t { kOneOf, kUniform, kLog };
  const SettingField* field = nullptr;
  Kind kind = Kind::kOneOf;
  std::vector<Bound> choices;  // Or the two ends of a range.
  const SettingField* times = nullptr;
  std::int64_t multiple_of = 1;  // Rounded down to one.
  // Only when that setting is that number.
  const SettingField* condition = nullptr;
  std::int64_t condition_value = 0;
  std::size_t line = 0;
};

struct Odds {
  std::uint64_t wins = 1;
  std::uint64_t of = 2;
};

class Profile {
 public:
  // kInvalid names the profile, the line and what is wrong with it.
  static Result<Profile> parse(const std::string& name, std::string_view text);
  // One of those that the program has in itself; kInvalid: there is none, but these.
  static Result<Profile> builtin(std::string_view name);

  [[nodiscard]] const std::string& name() const { return name_; }
  // kInvalid when what was drawn makes no run.
  [[nodiscard]] Result<Settings> draw(std::uint64_t seed) const;

 private:
  Result<void> read_line(std::string_view line, std::size_t number);
  Result<void> read_set(std::string_view rest, std::size_t number);
  Result<void> read_family(std::string_view rest);
  [[nodiscard]] std::string draw_mask(std::uint64_t seed, const Settings& settings) const;

  std::string name_;
  std::vector<SettingDraw> draws_;
  Odds odds_;
  std::vector<std::pair<const Family*, Odds>> families_;
};

[[nodiscard]] std::vector<std::string_view> builtin_profiles();
// The text of one, empty when there is none (made from sim/profiles).
[[nodiscard]] std::string_view profile_source(std::string_view name);

}  // namespace detcd::sim
