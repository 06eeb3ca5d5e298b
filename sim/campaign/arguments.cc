#include "sim/campaign/arguments.h"

#include <algorithm>
#include <charconv>

namespace detcd::sim {

Result<Arguments> Arguments::parse(const std::vector<std::string>& arguments,
                                   const std::vector<std::string>& valued,
                                   const std::vector<std::string>& bare) {
  Arguments parsed;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "-o" && std::ranges::count(valued, "o") > 0 && i + 1 < arguments.size()) {
      parsed.flags_["o"] = arguments[++i];
      continue;
    }
    if (!word.starts_with("--")) {
      parsed.words_.push_back(word);
      continue;
    }
    const auto equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (std::ranges::count(bare, name) > 0 && equals == std::string::npos) {
      parsed.flags_[name] = "";
    } else if (std::ranges::count(valued, name) == 0) {
      return Error{Errc::kInvalid, "unknown flag " + word};
    } else if (equals != std::string::npos) {
      parsed.flags_[name] = word.substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      parsed.flags_[name] = arguments[++i];
    } else {
      return Error{Errc::kInvalid, "flag " + word + " needs a value"};
    }
  }
  return parsed;
}

std::string Arguments::text(const std::string& name, const std::string& otherwise) const {
  const auto found = flags_.find(name);
  return found == flags_.end() ? otherwise : found->second;
}

Result<std::uint64_t> Arguments::number(const std::string& name, std::uint64_t otherwise) const {
  const auto found = flags_.find(name);
  if (found == flags_.end()) return otherwise;
  std::uint64_t value = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return Error{Errc::kInvalid, "--" + name + " isn't a number: " + text};
  }
  return value;
}

}  // namespace detcd::sim
