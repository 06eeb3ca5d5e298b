#include "bootstrap/flags.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>

#include "base/quote.h"
#include "bootstrap/go_value.h"

namespace detcd::bootstrap {
namespace {

Error bad(std::string what) {
  return Error{Errc::kInvalid, std::move(what)};
}

Result<void> check_choice(std::string_view choices, std::string_view value) {
  for (const std::string& choice : split(choices, '|')) {
    if (choice == value) return {};
  }
  return bad("invalid value");
}

// Whether the value is of the type; the reason in Go's words if not.
Result<void> check_value(const FlagSpec& spec, std::string_view value) {
  switch (spec.type) {
    case FlagType::kString:
    case FlagType::kIgnored:
      return {};
    case FlagType::kChoice:
      return check_choice(spec.choices, value);
    case FlagType::kBool: {
      const Result<bool> parsed = parse_bool(value);
      if (!parsed) return parsed.error();
      return {};
    }
    case FlagType::kUint: {
      const Result<std::uint64_t> parsed = parse_uint(value);
      if (!parsed) return parsed.error();
      return {};
    }
    case FlagType::kUint32: {
      // This type is etcd's own, and prints the error of strconv as it is.
      const Result<std::uint64_t> parsed = parse_uint(value, 32);
      if (parsed) return {};
      return bad(fmt::format(
          "strconv.ParseUint: parsing {}: {}", go_quoted(value),
          parsed.error().message == "parse error" ? "invalid syntax" : parsed.error().message));
    }
    case FlagType::kInt: {
      const Result<std::int64_t> parsed = parse_int(value);
      if (!parsed) return parsed.error();
      return {};
    }
    case FlagType::kDuration: {
      const Result<Duration> parsed = parse_duration(value);
      if (!parsed) return parsed.error();
      return {};
    }
    case FlagType::kUrls: {
      if (value.empty()) return {};
      const Result<Urls> parsed = parse_urls(value);
      if (!parsed) return parsed.error();
      return {};
    }
  }
  return {};
}

bool stands_alone(const FlagSpec& spec) {
  return spec.type == FlagType::kBool || spec.type == FlagType::kIgnored;
}

}  // namespace

std::string variable_of(std::string_view flag) {
  std::string name = "ETCD_";
  for (const char c : flag) {
    name.push_back(c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  return name;
}

FlagSet::FlagSet() {
  for (const FlagSpec& spec : flag_table()) {
    entries_.push_back({.spec = &spec, .value = std::string(spec.preset), .set = false});
  }
}

const FlagSet::Entry* FlagSet::find(std::string_view name) const {
  const std::string_view wanted = present_name(name);
  const auto found =
      std::ranges::find_if(entries_, [&](const Entry& e) { return e.spec->name == wanted; });
  return found == entries_.end() ? nullptr : &*found;
}

Result<void> FlagSet::set(std::string_view name, std::string_view value) {
  const Entry* known = find(name);
  check(known != nullptr, "only flags of the table are set");
  const Result<void> good = check_value(*known->spec, value);
  if (!good) return good.error();
  Entry& entry = entries_[static_cast<std::size_t>(known - entries_.data())];
  // An empty list of URLs leaves the default in force, as in etcd.
  if (entry.spec->type != FlagType::kUrls || !value.empty()) entry.value = value;
  entry.set = true;
  return {};
}

Result<void> FlagSet::parse(std::span<const std::string> arguments) {
  while (!arguments.empty()) {
    const std::string& next = arguments.front();
    if (next.size() < 2 || next[0] != '-') break;
    if (next == "--") {
      arguments = arguments.subspan(1);
      break;
    }
    const Result<void> good = parse_one(arguments);
    if (!good) return good.error();
  }
  rest_.assign(arguments.begin(), arguments.end());
  return {};
}

Result<void> FlagSet::parse_one(std::span<const std::string>& arguments) {
  const std::string_view whole = arguments.front();
  std::string_view name = whole.substr(whole[1] == '-' ? 2 : 1);
  if (name.empty() || name[0] == '-' || name[0] == '=') {
    return bad(fmt::format("bad flag syntax: {}", whole));
  }
  arguments = arguments.subspan(1);
  std::optional<std::string_view> value;
  if (const std::size_t equals = name.find('='); equals != std::string_view::npos) {
    value = name.substr(equals + 1);
    name = name.substr(0, equals);
  }
  const Entry* entry = find(name);
  if (entry == nullptr) {
    if (name == "help" || name == "h") return Error{Errc::kNotFound, ""};
    return bad(fmt::format("flag provided but not defined: -{}", name));
  }
  if (stands_alone(*entry->spec)) {
    const Result<void> good = set(name, value.value_or("true"));
    if (good) return {};
    return bad(fmt::format("invalid boolean value {} for -{}: {}", go_quoted(*value), name,
                           good.error().message));
  }
  if (!value) {
    if (arguments.empty()) return bad(fmt::format("flag needs an argument: -{}", name));
    value = arguments.front();
    arguments = arguments.subspan(1);
  }
  const Result<void> good = set(name, *value);
  if (good) return {};
  return bad(fmt::format("invalid value {} for flag -{}: {}", go_quoted(*value), name,
                         good.error().message));
}

bool FlagSet::is_set(std::string_view name) const {
  const Entry* entry = find(name);
  return entry != nullptr && entry->set;
}

const std::string& FlagSet::text(std::string_view name) const {
  const Entry* entry = find(name);
  check(entry != nullptr, "only flags of the table are asked for");
  return entry->value;
}

bool FlagSet::boolean(std::string_view name) const {
  return *parse_bool(text(name));
}
std::uint64_t FlagSet::number(std::string_view name) const {
  return *parse_uint(text(name));
}
std::int64_t FlagSet::integer(std::string_view name) const {
  return *parse_int(text(name));
}
Duration FlagSet::duration(std::string_view name) const {
  return *parse_duration(text(name));
}
Urls FlagSet::urls(std::string_view name) const {
  const std::string& value = text(name);
  return value.empty() ? Urls{} : *parse_urls(value);
}

}  // namespace detcd::bootstrap
