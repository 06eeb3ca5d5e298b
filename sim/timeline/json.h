// Writes JSON that may stand inside an HTML page: what could end a script element or begin a
// comment is escaped, and so is whatever isn't UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace detcd::sim {

class Json {
 public:
  Json& open(char bracket);  // { or [
  Json& close();
  Json& name(std::string_view name);  // Of the next value, in an object.
  Json& text(std::string_view text);
  Json& number(std::int64_t number);
  Json& number(std::uint64_t number);
  Json& boolean(bool value);
  Json& raw(std::string_view json);  // A value that is JSON already.
  [[nodiscard]] const std::string& str() const { return out_; }
  [[nodiscard]] std::size_t size() const { return out_.size(); }

 private:
  void begin_value();
  std::string out_;
  std::string open_;    // Closing brackets still to write.
  bool first_ = true;   // Nothing stands yet in the innermost bracket.
  bool named_ = false;  // A name has just been written.
};

}  // namespace detcd::sim
