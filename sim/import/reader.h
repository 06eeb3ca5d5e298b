// Reads histories that others recorded: JSON lines, as sim/check/FORMAT.md says. Refuses what it
// doesn't understand, with the line and the reason.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/check/judge.h"
#include "sim/import/fields.h"

namespace detcd::sim {

struct ReaderLimits {
  std::uint64_t line_bytes_max = 16 << 20;
  std::uint64_t lines_max = 5'000'000;
};

class HistoryReader {
 public:
  // `model`: of histories that don't name one themselves.
  explicit HistoryReader(std::optional<CheckedModel> model, ReaderLimits limits = {});
  // The next line, without its end. After an error nothing else is taken.
  [[nodiscard]] Result<void> take(std::string_view line);
  // All histories, in order; at least one.
  [[nodiscard]] Result<std::vector<CheckedHistory>> finish();

 private:
  struct Call {  // Under way.
    Origin origin;
    Interval interval;
    std::string function;
    PlainCall plain;
    EtcdCall etcd;
  };
  [[nodiscard]] std::string take_object(const Json& object);
  void take_header(JsonFields& fields, std::string& error);
  void take_initial(JsonFields& fields, std::string& error);
  void take_event(JsonFields& fields, const std::string& type, std::string& error);
  void invoke(JsonFields& fields, const std::string& process, std::string& error);
  void complete(JsonFields& fields, const std::string& type, Call call, std::string& error);
  [[nodiscard]] std::uint64_t instant(JsonFields& fields, std::string& error);
  void keep(Call call);
  void end_history();
  [[nodiscard]] Error at_line(const std::string& what) const;

  std::optional<CheckedModel> model_;
  ReaderLimits limits_;
  std::vector<CheckedHistory> done_;
  std::optional<CheckedHistory> current_;
  std::map<std::string, Call> under_way_;  // By process.
  std::optional<bool> has_times_;
  std::uint64_t latest_ = 0;
  std::uint64_t line_ = 0;
};

}  // namespace detcd::sim
