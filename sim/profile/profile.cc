#include "sim/profile/profile.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/hash.h"
#include "runtime/random.h"
#include "sim/faults/registry.h"
#include "sim/kernel/distribution.h"
#include "sim/plan/draw.h"
#include "sim/plan/text.h"

namespace detcd::sim {
namespace {

using runtime::Site;

constexpr Site kSettings{"plan: settings"};
constexpr Site kMask{"plan: families"};

Error wrong(const std::string& what) {
  return {Errc::kInvalid, what};
}

// Digits, or digits with a unit of time.
std::optional<std::int64_t> number_of(std::string_view text) {
  if (text.empty()) return std::nullopt;
  Words plain(text);
  const std::int64_t number = plain.integer();
  if (plain.finished()) return number;
  Words timed(text);
  const Duration duration = timed.duration();
  if (timed.finished()) return duration.count();
  return std::nullopt;
}

const SettingField* field_named(std::string_view name) {
  for (const SettingField& field : setting_fields()) {
    if (field.name == name && !std::holds_alternative<SettingField::Text>(field.where)) {
      return &field;
    }
  }
  return nullptr;
}

// "20", "300ms", "heartbeat", "heartbeat/5", "nodes*2".
std::optional<Bound> bound_of(std::string_view text) {
  Bound bound;
  if (const std::optional<std::int64_t> number = number_of(text)) {
    bound.number = *number;
    return bound;
  }
  const std::size_t mark = text.find_first_of("/*");
  bound.field = field_named(text.substr(0, mark));
  if (bound.field == nullptr) return std::nullopt;
  if (mark == std::string_view::npos) return bound;
  const std::optional<std::int64_t> factor = number_of(text.substr(mark + 1));
  if (!factor || *factor <= 0) return std::nullopt;
  (text[mark] == '/' ? bound.divisor : bound.number) = *factor;
  return bound;
}

std::int64_t value_of(const SettingField& field, const Settings& settings) {
  return std::visit(
      [&](const auto where) -> std::int64_t {
        const auto& value = settings.*where;
        if constexpr (requires { value == Entrance::kApi; }) return value == Entrance::kApi ? 1 : 0;
        if constexpr (requires { value.count(); }) return value.count();
        if constexpr (requires { value + 1; }) return static_cast<std::int64_t>(value);
        return 0;
      },
      field.where);
}

void set_value(const SettingField& field, std::int64_t number, Settings& settings) {
  if (const auto* where = std::get_if<SettingField::Small>(&field.where)) {
    settings.*(*where) = static_cast<std::uint32_t>(number);
  } else if (const auto* big = std::get_if<SettingField::Number>(&field.where)) {
    settings.*(*big) = static_cast<std::uint64_t>(number);
  } else if (const auto* time = std::get_if<SettingField::Time>(&field.where)) {
    settings.*(*time) = Duration(number);
  } else if (const auto* flag = std::get_if<SettingField::Flag>(&field.where)) {
    settings.*(*flag) = number != 0;
  } else if (const auto* way = std::get_if<SettingField::Way>(&field.where)) {
    settings.*(*way) = number != 0 ? Entrance::kApi : Entrance::kWire;
  }
}

std::int64_t resolved(const Bound& bound, const Settings& settings) {
  if (bound.field == nullptr) return bound.number;
  return value_of(*bound.field, settings) * bound.number / bound.divisor;
}

std::uint64_t key_of(const SettingField& field) {
  return field.key ? *field.key : hash64(field.name);
}

Result<void> check_settings(const Settings& settings) {
  if (settings.nodes < 1 || settings.nodes > 9) return wrong("nodes must be 1 to 9");
  if (settings.clients < 1 || settings.clients > 64) return wrong("clients must be 1 to 64");
  if (settings.heartbeat <= Duration{}) return wrong("the heartbeat must be longer than nothing");
  if (settings.election < settings.heartbeat * 2) {
    return wrong("the election timeout must be at least two heartbeats");
  }
  if (settings.length <= Duration{} || settings.length > 1'000'000s) {
    return wrong("the length must be up to 1000000s");
  }
  if (settings.keys < 1) return wrong("there must be a key");
  if (settings.paces < 1 || settings.paces > 4) return wrong("paces must be 1 to 4");
  if (settings.fault_gap < 1) return wrong("the fault gap must be at least 1");
  return {};
}

bool same_set(const SettingDraw& one, const SettingDraw& other) {
  return one.field == other.field && one.condition == other.condition &&
         one.condition_value == other.condition_value;
}

// The range's ends or the choices, from the words after the setting's name.
Result<void> read_values(Words& words, SettingDraw& draw) {
  std::string_view word = words.word();
  using Kind = SettingDraw::Kind;
  const auto is_clause = [](std::string_view next) {
    return next.empty() || next == "times" || next == "multiple-of" || next == "if";
  };
  const auto add = [&](std::string_view text) {
    const std::optional<Bound> bound = bound_of(text);
    if (bound) draw.choices.push_back(*bound);
    return bound.has_value();
  };
  if (word == "one-of") {
    do {
      word = words.word();
      if (!add(word)) return wrong("\"" + std::string(word) + "\" is no value");
    } while (!words.finished() && !is_clause(words.peek()));
    return {};
  }
  if (word == "log") {
    draw.kind = Kind::kLog;
    word = words.word();
  }
  const std::size_t dots = word.find("..");
  if (dots == std::string_view::npos) {
    if (draw.kind == Kind::kLog) return wrong("after \"log\" comes a range, as 1..100");
    if (!add(word)) return wrong("\"" + std::string(word) + "\" is no value");
    return {};
  }
  if (draw.kind != Kind::kLog) draw.kind = Kind::kUniform;
  if (!add(word.substr(0, dots)) || !add(word.substr(dots + 2))) {
    return wrong("\"" + std::string(word) + "\" is no range, as 1..100 or 1ms..heartbeat/5");
  }
  const bool plain = draw.choices[0].field == nullptr && draw.choices[1].field == nullptr;
  if (plain && draw.choices[0].number > draw.choices[1].number) return wrong("the range is empty");
  const bool low = draw.choices[0].field == nullptr && draw.choices[0].number < 1;
  if (draw.kind == Kind::kLog && low) return wrong("a logarithmic range begins at 1 or more");
  return {};
}

Result<void> read_clauses(Words& words, SettingDraw& draw) {
  while (!words.finished() && words.ok()) {
    const std::string_view clause = words.word();
    const std::string_view name = words.word();
    if (clause == "times") {
      draw.times = field_named(name);
      if (draw.times == nullptr) return wrong("there is no setting \"" + std::string(name) + "\"");
    } else if (clause == "multiple-of") {
      const std::optional<std::int64_t> number = number_of(name);
      if (!number || *number < 1) return wrong("multiple-of needs a number of at least 1");
      draw.multiple_of = *number;
    } else if (clause == "if") {
      draw.condition = field_named(name);
      const std::optional<std::int64_t> number = number_of(words.word());
      if (draw.condition == nullptr || !number) return wrong("\"if\" needs a setting and a number");
      draw.condition_value = *number;
    } else {
      return wrong("unknown word \"" + std::string(clause) + "\"");
    }
  }
  return {};
}

std::optional<Odds> odds_of(std::string_view text) {
  if (text == "on") return Odds{1, 1};
  if (text == "off") return Odds{0, 1};
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<std::int64_t> wins = number_of(text.substr(0, slash));
  const std::optional<std::int64_t> of = number_of(text.substr(slash + 1));
  if (!wins || !of || *wins < 0 || *of < 1 || *wins > *of) return std::nullopt;
  return Odds{static_cast<std::uint64_t>(*wins), static_cast<std::uint64_t>(*of)};
}

}  // namespace

Result<Profile> Profile::parse(const std::string& name, std::string_view text) {
  Profile profile;
  profile.name_ = name;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    line = line.substr(0, line.find('#'));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const Result<void> read = profile.read_line(line, number);
    if (!read) {
      return Error{Errc::kInvalid, "profile " + name + ", line " + std::to_string(number) + ": " +
                                       read.error().message};
    }
  }
  return profile;
}

Result<Profile> Profile::builtin(std::string_view name) {
  const std::string_view text = profile_source(name);
  if (!text.empty()) return parse(std::string(name), text);
  std::string known;
  for (const std::string_view each : builtin_profiles()) known += " " + std::string(each);
  return Error{Errc::kInvalid, "unknown profile \"" + std::string(name) + "\"; there are" + known +
                                   ", and files by their path"};
}

Result<void> Profile::read_line(std::string_view line, std::size_t number) {
  Words words(line);
  const std::string_view kind = words.word();
  if (kind == "like") {
    if (number != 1 && !(draws_.empty() && families_.empty())) {
      return wrong("\"like\" comes before everything else");
    }
    Result<Profile> other = builtin(words.word());
    if (!other) return other.error();
    std::string own = std::move(name_);
    *this = std::move(*other);
    name_ = std::move(own);
    if (!words.finished()) return wrong("\"like\" names one profile");
    return {};
  }
  if (kind == "set") return read_set(words.rest(), number);
  if (kind == "family") return read_family(words.rest());
  if (kind == "families") {
    const std::optional<Odds> odds = odds_of(words.word());
    if (!odds || !words.finished()) return wrong("odds are on, off or as 1/2");
    odds_ = *odds;
    families_.clear();
    return {};
  }
  return wrong("unknown word \"" + std::string(kind) +
               "\"; lines begin with like, set, families or "
               "family");
}

Result<void> Profile::read_set(std::string_view rest, std::size_t number) {
  Words words(rest);
  SettingDraw draw;
  draw.line = number;
  const std::string_view name = words.word();
  draw.field = field_named(name);
  if (draw.field == nullptr) return wrong("there is no setting \"" + std::string(name) + "\"");
  const Result<void> values = read_values(words, draw);
  if (!values) return values;
  const Result<void> clauses = read_clauses(words, draw);
  if (!clauses) return clauses;
  const auto known =
      std::ranges::find_if(draws_, [&](const SettingDraw& each) { return same_set(each, draw); });
  if (known != draws_.end()) {
    *known = std::move(draw);
  } else {
    draws_.push_back(std::move(draw));
  }
  return {};
}

Result<void> Profile::read_family(std::string_view rest) {
  Words words(rest);
  const std::string_view name = words.word();
  const std::string_view text = words.word();
  const std::optional<Odds> odds = odds_of(text);
  if (!odds || !words.finished()) return wrong("odds are on, off or as 1/2");
  const Result<void> known = check_mask("none " + std::string(name));
  const Family* family = family_named(name);
  if (family == nullptr) return known;
  if (odds->wins > 0 && !known) return known;
  std::erase_if(families_, [&](const auto& each) { return each.first == family; });
  families_.emplace_back(family, *odds);
  return {};
}

std::string Profile::draw_mask(std::uint64_t seed, const Settings& settings) const {
  const Draw draw(seed, 2);
  std::string mask = "none";
  for (const Family* family : sim::families()) {
    const auto own = std::ranges::find(families_, family, &std::pair<const Family*, Odds>::first);
    const Odds odds = own == families_.end() ? odds_ : own->second;
    if (!family->possible(settings)) continue;
    if (draw.pick(kMask, family->key(), odds.of) >= odds.wins) continue;
    mask += " " + std::string(family->name());
  }
  return mask;
}

Result<Settings> Profile::draw(std::uint64_t seed) const {
  Settings settings;
  settings.profile = name_;
  const Draw draws(seed, 1);
  for (const SettingDraw& draw : draws_) {
    if (draw.condition != nullptr && value_of(*draw.condition, settings) != draw.condition_value) {
      continue;
    }
    const std::uint64_t word = draws.word(kSettings, key_of(*draw.field));
    const auto choice = [&](std::size_t n) { return resolved(draw.choices.at(n), settings); };
    std::int64_t number = 0;
    if (draw.kind == SettingDraw::Kind::kOneOf) {
      number = choice(below(word, draw.choices.size()));
    } else {
      const auto low = static_cast<std::uint64_t>(choice(0));
      const auto high = static_cast<std::uint64_t>(choice(1));
      const bool log = draw.kind == SettingDraw::Kind::kLog;
      if (choice(0) > choice(1) || (log && choice(0) < 1)) {
        return wrong("profile " + name_ + ", line " + std::to_string(draw.line) +
                     ": the range is empty");
      }
      number = static_cast<std::int64_t>(log ? log_uniform(word, low, high)
                                             : low + below(word, high - low + 1));
    }
    if (draw.times != nullptr) number *= value_of(*draw.times, settings);
    set_value(*draw.field, number / draw.multiple_of * draw.multiple_of, settings);
  }
  const Result<void> sane = check_settings(settings);
  if (!sane) return wrong("profile " + name_ + ": " + sane.error().message);
  settings.families = draw_mask(seed, settings);
  return settings;
}

}  // namespace detcd::sim
