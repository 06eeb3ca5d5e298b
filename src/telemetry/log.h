// Structured log lines as values. A module logs through a Log it was given; the sink belongs to the
// world: JSON lines in production (app), the run's own log in the simulator.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace detcd::telemetry {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError, kFatal };
[[nodiscard]] std::string_view name_of(Level level);

// A key and its value as JSON text: strings quoted and escaped, numbers and booleans bare.
struct Field {
  std::string key;
  std::string json;
  Field(std::string_view name, std::string_view value);
  Field(std::string_view name, const char* value) : Field(name, std::string_view(value)) {}
  Field(std::string_view name, const std::string& value) : Field(name, std::string_view(value)) {}
  Field(std::string_view name, std::uint64_t value);
  Field(std::string_view name, std::int64_t value);
  Field(std::string_view name, int value) : Field(name, static_cast<std::int64_t>(value)) {}
  Field(std::string_view name, bool value);
  Field(std::string_view name, const std::vector<std::string>& values);
};

// "a", with JSON's escapes, in quotes.
[[nodiscard]] std::string json_string(std::string_view text);
// Lower-case hex without padding, as etcd prints ids.
[[nodiscard]] std::string hex(std::uint64_t id);

struct Record {
  Level level = Level::kInfo;
  std::string caller;  // "server/node.cc:120"
  std::string message;
  std::vector<Field> fields;
};

class Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(const Record& record) = 0;
};

// Cheap to copy; the sink outlives it.
class Log {
 public:
  Log(Sink& sink, Level least) : sink_(&sink), least_(least) {}
  [[nodiscard]] bool enabled(Level level) const { return level >= least_; }
  void debug(std::string_view message, std::vector<Field> fields = {},
             std::source_location where = std::source_location::current()) const;
  void info(std::string_view message, std::vector<Field> fields = {},
            std::source_location where = std::source_location::current()) const;
  void warn(std::string_view message, std::vector<Field> fields = {},
            std::source_location where = std::source_location::current()) const;
  void error(std::string_view message, std::vector<Field> fields = {},
             std::source_location where = std::source_location::current()) const;
  // The last words of a process; ending it is the caller's.
  void fatal(std::string_view message, std::vector<Field> fields = {},
             std::source_location where = std::source_location::current()) const;

 private:
  void write(Level level, std::string_view message, std::vector<Field> fields,
             const std::source_location& where) const;
  Sink* sink_;
  Level least_;
};

}  // namespace detcd::telemetry
