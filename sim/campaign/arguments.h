// Flags of a command: `--name value`, `--name=value` or a bare `--name`; `-o value` where there is
// such a flag; the rest are words.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace detcd::sim {

class Arguments {
 public:
  // kInvalid names a flag that isn't in `valued` or `bare`, or has no value.
  static Result<Arguments> parse(const std::vector<std::string>& arguments,
                                 const std::vector<std::string>& valued,
                                 const std::vector<std::string>& bare);
  [[nodiscard]] bool has(const std::string& name) const { return flags_.contains(name); }
  [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise) const;
  [[nodiscard]] Result<std::uint64_t> number(const std::string& name,
                                             std::uint64_t otherwise) const;
  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }

 private:
  std::map<std::string, std::string> flags_;
  std::vector<std::string> words_;
};

}  // namespace detcd::sim
