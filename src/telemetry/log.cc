#include "telemetry/log.h"

#include <fmt/format.h>

namespace detcd::telemetry {

std::string_view name_of(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarn:
      return "warn";
    case Level::kError:
      return "error";
    case Level::kFatal:
      return "fatal";
  }
  return "info";
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
  return out;
}

std::string hex(std::uint64_t id) {
  return fmt::format("{:x}", id);
}

Field::Field(std::string_view name, std::string_view value) : key(name), json(json_string(value)) {}
Field::Field(std::string_view name, std::uint64_t value) : key(name), json(std::to_string(value)) {}
Field::Field(std::string_view name, std::int64_t value) : key(name), json(std::to_string(value)) {}
Field::Field(std::string_view name, bool value) : key(name), json(value ? "true" : "false") {}
Field::Field(std::string_view name, const std::vector<std::string>& values) : key(name), json("[") {
  for (const std::string& value : values) {
    if (json.size() > 1) json.push_back(',');
    json += json_string(value);
  }
  json.push_back(']');
}

void Log::write(Level level, std::string_view message, std::vector<Field> fields,
                const std::source_location& where) const {
  if (!enabled(level)) return;
  // "src/server/node.cc" and an absolute path both become "server/node.cc".
  std::string_view file = where.file_name();
  if (const auto slash = file.rfind('/'); slash != std::string_view::npos && slash > 0) {
    const auto before = file.rfind('/', slash - 1);
    file = before == std::string_view::npos ? file : file.substr(before + 1);
  }
  sink_->write(Record{level, fmt::format("{}:{}", file, where.line()), std::string(message),
                      std::move(fields)});
}

void Log::debug(std::string_view message, std::vector<Field> fields,
                std::source_location where) const {
  write(Level::kDebug, message, std::move(fields), where);
}
void Log::info(std::string_view message, std::vector<Field> fields,
               std::source_location where) const {
  write(Level::kInfo, message, std::move(fields), where);
}
void Log::warn(std::string_view message, std::vector<Field> fields,
               std::source_location where) const {
  write(Level::kWarn, message, std::move(fields), where);
}
void Log::error(std::string_view message, std::vector<Field> fields,
                std::source_location where) const {
  write(Level::kError, message, std::move(fields), where);
}

void Log::fatal(std::string_view message, std::vector<Field> fields,
                std::source_location where) const {
  write(Level::kFatal, message, std::move(fields), where);
}

}  // namespace detcd::telemetry
