// The command line and the environment as a set of typed flags, read as Go's package flag reads
// them: -x, --x, --x=v and --x v, booleans without a separate value, the last one wins. The table
// knows every flag of etcd 2.3 to 3.8, and says of each whether it is in force here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "bootstrap/url.h"

namespace detcd::bootstrap {

enum class FlagType : std::uint8_t {
  kString,
  kBool,
  kUint,
  kUint32,
  kInt,
  kDuration,
  kUrls,
  kChoice,   // One of the words in `choices`, separated by '|'.
  kIgnored,  // Any value or none, as etcd's own ignored flags.
};

enum class FlagState : std::uint8_t {
  kInForce,
  kNotYet,   // Its type is checked, and the log says that it has no effect yet.
  kRefused,  // As kNotYet, but another value than the default ends the start: it would do something
             // else than was asked for.
  kObsolete,  // Of older etcds: no effect, and the log says why.
};

struct FlagSpec {
  std::string_view name;
  FlagType type = FlagType::kString;
  std::string_view preset;  // The default, as text.
  FlagState state = FlagState::kNotYet;
  std::string_view
      help;  // In force: what it does. Else: why it has no effect, if more is to be said.
  std::string_view choices;
};

[[nodiscard]] std::span<const FlagSpec> flag_table();
// Former names of flags, each with the present one.
[[nodiscard]] std::span<const std::pair<std::string_view, std::string_view>> renamed_flags();
// The present name of a flag that was called otherwise ("experimental-…"); the name itself
// otherwise.
[[nodiscard]] std::string_view present_name(std::string_view name);
// "initial-cluster" -> "ETCD_INITIAL_CLUSTER".
[[nodiscard]] std::string variable_of(std::string_view flag);

class FlagSet {
 public:
  FlagSet();

  // Reads flags up to the first argument that is none. An error is what Go prints above the usage;
  // of code kNotFound with an empty text for -h and --help.
  Result<void> parse(std::span<const std::string> arguments);
  // What followed the flags.
  [[nodiscard]] const std::vector<std::string>& rest() const { return rest_; }

  // Checks the value's type. The error is the reason only.
  Result<void> set(std::string_view name, std::string_view value);
  [[nodiscard]] bool knows(std::string_view name) const { return find(name) != nullptr; }
  [[nodiscard]] bool is_set(std::string_view name) const;

  // Of flags whose values passed set(), hence without an error.
  [[nodiscard]] const std::string& text(std::string_view name) const;
  [[nodiscard]] bool boolean(std::string_view name) const;
  [[nodiscard]] std::uint64_t number(std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view name) const;
  [[nodiscard]] Duration duration(std::string_view name) const;
  [[nodiscard]] Urls urls(std::string_view name) const;

 private:
  struct Entry {
    const FlagSpec* spec = nullptr;
    std::string value;
    bool set = false;
  };
  [[nodiscard]] const Entry* find(std::string_view name) const;
  Result<void> parse_one(std::span<const std::string>& arguments);

  std::vector<Entry> entries_;  // In the order of the table.
  std::vector<std::string> rest_;
};

}  // namespace detcd::bootstrap
