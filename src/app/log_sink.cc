#include "app/log_sink.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <system_error>
#include <utility>

namespace detcd::app {
namespace {

// UTC with as many digits of the second as asked for: 6 as etcd's JSON, 3 as its console.
std::string timestamp(WallTime at, int digits) {
  const std::int64_t nanoseconds = at.time_since_epoch().count();
  std::int64_t seconds = nanoseconds / 1'000'000'000;
  std::int64_t fraction = nanoseconds % 1'000'000'000;
  if (fraction < 0) {
    fraction += 1'000'000'000;
    --seconds;
  }
  const auto calendar_seconds = static_cast<std::time_t>(seconds);
  std::tm calendar{};
  gmtime_r(&calendar_seconds, &calendar);
  const std::string shown =
      fmt::format("{:09}", fraction).substr(0, static_cast<std::size_t>(digits));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{}Z", calendar.tm_year + 1900,
                     calendar.tm_mon + 1, calendar.tm_mday, calendar.tm_hour, calendar.tm_min,
                     calendar.tm_sec, shown);
}

// spdlog would make the directories of a mistyped path; etcd refuses it.
Result<void> can_append_to(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) {
    return Error{Errc::kIo, fmt::format("open sink \"{}\": open {}: {}", path, path,
                                        std::generic_category().message(errno))};
  }
  ::close(file);
  return {};
}

WallTime now() {
  return WallTime(
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

}  // namespace

std::string json_line(const telemetry::Record& record, WallTime at) {
  std::string line =
      fmt::format(R"({{"level":"{}","ts":"{}","caller":{},"msg":{})",
                  telemetry::name_of(record.level), timestamp(at, 6),
                  telemetry::json_string(record.caller), telemetry::json_string(record.message));
  for (const telemetry::Field& field : record.fields) {
    line += fmt::format(",{}:{}", telemetry::json_string(field.key), field.json);
  }
  line.push_back('}');
  return line;
}

std::string console_line(const telemetry::Record& record, WallTime at) {
  std::string line = fmt::format("{}\t{}\t{}\t{}", timestamp(at, 3),
                                 telemetry::name_of(record.level), record.caller, record.message);
  for (std::size_t i = 0; i < record.fields.size(); ++i) {
    line += fmt::format("{}{}: {}", i == 0 ? "\t{" : ", ",
                        telemetry::json_string(record.fields[i].key), record.fields[i].json);
  }
  if (!record.fields.empty()) line.push_back('}');
  return line;
}

struct LogSink::Outputs {
  explicit Outputs(std::vector<spdlog::sink_ptr> sinks)
      : logger("detcd", sinks.begin(), sinks.end()) {
    logger.set_level(spdlog::level::trace);  // telemetry::Log has chosen already.
    logger.set_pattern("%v");
    logger.flush_on(spdlog::level::trace);
  }
  spdlog::logger logger;
};

LogSink::LogSink(std::unique_ptr<Outputs> outputs, bootstrap::LogFormat format)
    : outputs_(std::move(outputs)), format_(format) {}
LogSink::~LogSink() = default;

Result<std::unique_ptr<LogSink>> LogSink::open(const std::vector<std::string>& outputs,
                                               bootstrap::LogFormat format) {
  std::vector<spdlog::sink_ptr> sinks;
  for (const std::string& output : outputs) {
    try {
      if (output == "stderr") {
        sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
      } else if (output == "stdout") {
        sinks.push_back(std::make_shared<spdlog::sinks::stdout_sink_mt>());
      } else {
        const Result<void> writable = can_append_to(output);
        if (!writable) return writable.error();
        sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(output));
      }
    } catch (const spdlog::spdlog_ex& failure) {
      return Error{Errc::kIo, fmt::format("couldn't open sink \"{}\": {}", output, failure.what())};
    }
  }
  return std::unique_ptr<LogSink>(new LogSink(std::make_unique<Outputs>(std::move(sinks)), format));
}

void LogSink::write(const telemetry::Record& record) {
  const std::string line = format_ == bootstrap::LogFormat::kJson ? json_line(record, now())
                                                                  : console_line(record, now());
  outputs_->logger.log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace detcd::app
