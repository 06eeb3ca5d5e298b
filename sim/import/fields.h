// Typed access to a JSON object of a foreign history: says in words what is missing, of the wrong
// type or unknown, so that a misspelt field is never taken for an absent one.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace detcd::sim {

using Json = nlohmann::json;

// One value, an object at most `kDepthMax` deep without repeated names; kInvalid says what is
// wrong.
[[nodiscard]] Result<Json> parse_object(std::string_view text);

class JsonFields {
 public:
  // All outlive the object. Only the first error is kept.
  JsonFields(const Json& object, std::string_view where, std::string& error);
  // None when it is absent or null.
  [[nodiscard]] std::optional<std::string> text(std::string_view name);
  // A number or, as in Protobuf's JSON, a text of digits.
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view name);
  [[nodiscard]] std::optional<bool> flag(std::string_view name);
  // A number, or a name out of `names` in their order.
  [[nodiscard]] std::int32_t choice(std::string_view name,
                                    const std::vector<std::string_view>& names);
  [[nodiscard]] const Json* array(std::string_view name);
  [[nodiscard]] const Json* object(std::string_view name);
  // Null when it is absent; a JSON null otherwise.
  [[nodiscard]] const Json* any(std::string_view name);
  // Complains about a name that nobody has asked for.
  void refuse_others();
  void complain(std::string_view what);
  [[nodiscard]] std::string_view where() const { return where_; }

 private:
  [[nodiscard]] const Json* find(std::string_view name);
  void complain(std::string_view name, std::string_view what);
  const Json& object_;
  std::string_view where_;
  std::string& error_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace detcd::sim
