#include "sim/import/fields.h"

#include <charconv>
#include <utility>
#include <vector>

namespace detcd::sim {
namespace {

constexpr int kDepthMax = 32;

// The library names itself and its own lines first.
std::string in_short(std::string_view what) {
  const auto at = what.find("column ");
  return "not JSON: " + std::string(at == std::string_view::npos ? what : what.substr(at));
}

}  // namespace

Result<Json> parse_object(std::string_view text) {
  std::vector<std::set<std::string>> names;
  std::string wrong;
  const auto look = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kDepthMax && wrong.empty()) wrong = "nested deeper than any history is";
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto& name = parsed.get_ref<const std::string&>();
      if (!names.back().insert(name).second) wrong = "the name \"" + name + "\" stands twice";
    }
    return wrong.empty();
  };
  Json parsed;
  // The library reports what isn't JSON by an exception.
  try {
    parsed = Json::parse(text, look);
  } catch (const Json::exception& e) {
    if (wrong.empty()) return Error{Errc::kInvalid, in_short(e.what())};
  }
  if (!wrong.empty()) return Error{Errc::kInvalid, wrong};
  if (!parsed.is_object()) return Error{Errc::kInvalid, "a line must be one JSON object"};
  return parsed;
}

JsonFields::JsonFields(const Json& object, std::string_view where, std::string& error)
    : object_(object), where_(where), error_(error) {
  if (!object.is_object()) complain("must be an object");
}

void JsonFields::complain(std::string_view what) {
  if (error_.empty()) error_ = std::string(where_) + " " + std::string(what);
}

void JsonFields::complain(std::string_view name, std::string_view what) {
  if (error_.empty()) {
    error_ = "\"" + std::string(name) + "\" of " + std::string(where_) + " " + std::string(what);
  }
}

const Json* JsonFields::any(std::string_view name) {
  asked_.emplace(name);
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(name);
  return found == object_.end() ? nullptr : &*found;
}

const Json* JsonFields::find(std::string_view name) {
  const Json* found = any(name);
  return found != nullptr && found->is_null() ? nullptr : found;
}

std::optional<std::string> JsonFields::text(std::string_view name) {
  const Json* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (!found->is_string()) {
    complain(name, "must be a text");
    return std::nullopt;
  }
  return found->get_ref<const std::string&>();
}

std::optional<std::int64_t> JsonFields::number(std::string_view name) {
  const Json* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_number_unsigned() && found->get<std::uint64_t>() > INT64_MAX) {
    complain(name, "is too large");
    return std::nullopt;
  }
  if (found->is_number_integer()) return found->get<std::int64_t>();
  std::int64_t value = 0;
  if (found->is_string()) {
    const auto& digits = found->get_ref<const std::string&>();
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc() && end == digits.data() + digits.size()) return value;
  }
  complain(name, "must be a whole number");
  return std::nullopt;
}

std::optional<bool> JsonFields::flag(std::string_view name) {
  const Json* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_boolean()) return found->get<bool>();
  complain(name, "must be true or false");
  return std::nullopt;
}

std::int32_t JsonFields::choice(std::string_view name, const std::vector<std::string_view>& names) {
  const Json* found = find(name);
  if (found == nullptr) return 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool named = found->is_string() && found->get_ref<const std::string&>() == names[i];
    const bool numbered = found->is_number_unsigned() && found->get<std::uint64_t>() == i;
    if (named || numbered) return static_cast<std::int32_t>(i);
  }
  std::string known;
  for (const std::string_view one : names) known += (known.empty() ? "" : ", ") + std::string(one);
  complain(name, "must be one of " + known);
  return 0;
}

const Json* JsonFields::array(std::string_view name) {
  const Json* found = find(name);
  if (found == nullptr || found->is_array()) return found;
  complain(name, "must be an array");
  return nullptr;
}

const Json* JsonFields::object(std::string_view name) {
  const Json* found = find(name);
  if (found == nullptr || found->is_object()) return found;
  complain(name, "must be an object");
  return nullptr;
}

void JsonFields::refuse_others() {
  if (!object_.is_object()) return;
  for (const auto& [name, value] : object_.items()) {
    if (!asked_.contains(name)) complain(name, "is no field that is known there");
  }
}

}  // namespace detcd::sim
