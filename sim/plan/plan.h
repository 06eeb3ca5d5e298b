// What will happen in a run, as plain data, drawn up front from the seed: faults and operations. A
// plan can be printed, edited, shrunk and replayed; taking one entry out changes no other, because
// every micro-choice of the run is keyed by stable names, never by position in the plan.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "apply/command.h"
#include "base/result.h"
#include "base/units.h"
#include "sim/plan/settings.h"

namespace detcd::sim {

// A fault in the words of a trace file, as "crash n1 down 1s", just as its family prints it
// (sim/faults): the first word names the family.
struct FaultEntry {
  Duration at{};
  std::string fault;
  friend bool operator==(const FaultEntry&, const FaultEntry&) = default;
};

using Operation = std::variant<apply::RangeRequest, apply::PutRequest, apply::DeleteRangeRequest,
                               apply::TxnRequest, apply::CompactionRequest>;

// A number below zero where a revision is asked for (in a Range, a Compaction, a Compare) counts
// back from the newest revision that the client has seen when it calls, -1 being that one: so the
// same plan asks for what is there, however the run goes.

// A client does its operations in order; one starts at `at`, or when the one before has ended,
// and is left out when that is much later.
struct OperationEntry {
  Duration at{};
  std::uint32_t client = 1;
  std::uint64_t id = 0;  // Stable name, unique in the run: the call's trace id.
  Operation operation;
  friend bool operator==(const OperationEntry&, const OperationEntry&) = default;
};

struct Plan {
  std::vector<FaultEntry> faults;
  std::vector<OperationEntry> operations;
  [[nodiscard]] std::size_t size() const { return faults.size() + operations.size(); }
  friend bool operator==(const Plan&, const Plan&) = default;
};

// One line each, and back; kInvalid names what is wrong. Faults are read by sim/faults.
[[nodiscard]] std::string print(const FaultEntry& entry);
[[nodiscard]] std::string print(const OperationEntry& entry);
[[nodiscard]] Result<OperationEntry> parse_operation(std::string_view line);

}  // namespace detcd::sim
