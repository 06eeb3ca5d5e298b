// Where log lines go in production: standard error, standard output or files, one line per record,
// as JSON in etcd's form or as text for people. Any thread may write; a line is never torn, and has
// left the process when write() returns. The only place that knows spdlog.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "bootstrap/config.h"
#include "telemetry/log.h"

namespace detcd::app {

// {"level":"info","ts":"2026-01-02T03:04:05.678901Z","caller":"a/b.cc:1","msg":"…","key":"value"}
[[nodiscard]] std::string json_line(const telemetry::Record& record, WallTime at);
// The same for people, with tabs: time, level, caller, message, {"key": "value"}.
[[nodiscard]] std::string console_line(const telemetry::Record& record, WallTime at);

class LogSink final : public telemetry::Sink {
 public:
  // Outputs are "stderr", "stdout" or paths of files, which are appended to. Fails if a file can't
  // be opened.
  [[nodiscard]] static Result<std::unique_ptr<LogSink>> open(
      const std::vector<std::string>& outputs, bootstrap::LogFormat format);
  ~LogSink() override;

  void write(const telemetry::Record& record) override;

 private:
  struct Outputs;
  LogSink(std::unique_ptr<Outputs> outputs, bootstrap::LogFormat format);

  std::unique_ptr<Outputs> outputs_;
  bootstrap::LogFormat format_;
};

}  // namespace detcd::app
