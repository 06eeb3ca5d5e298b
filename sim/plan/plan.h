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
#include "auth/types.h"
#include "base/result.h"
#include "base/units.h"
#include "sim/plan/settings.h"
#include "watch/types.h"

namespace detcd::sim {

// A fault in the words of a trace file, as "crash n1 down 1s", just as its family prints it
// (sim/faults): the first word names the family.
struct FaultEntry {
  Duration at{};
  std::string fault;
  friend bool operator==(const FaultEntry&, const FaultEntry&) = default;
};

// One keep-alive, on a stream of its own.
struct KeepAlive {
  std::int64_t lease = 0;
  friend bool operator==(const KeepAlive&, const KeepAlive&) = default;
};

// What changes users and roles is among them; the password of each user is its name.
using Operation =
    std::variant<apply::RangeRequest, apply::PutRequest, apply::DeleteRangeRequest,
                 apply::TxnRequest, apply::CompactionRequest, apply::LeaseGrantRequest,
                 apply::LeaseRevokeRequest, KeepAlive, auth::Change>;

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

// A client watches from `at` on, over however many streams it takes. All watches of a client share
// one stream at a time. The request's start is a revision as operations have them.
struct WatchEntry {
  Duration at{};
  std::uint32_t client = 1;
  std::uint64_t id = 0;  // Stable name, unique among the watches of a run.
  watch::Create request;
  Duration length{};     // Then it is canceled; 0: it stays.
  Duration ask_every{};  // Progress is asked for so often; 0: never.
  Duration slow{};       // The client takes so long over each response, until the faults end.
  friend bool operator==(const WatchEntry&, const WatchEntry&) = default;
};

struct Plan {
  std::vector<FaultEntry> faults;
  std::vector<OperationEntry> operations;
  std::vector<WatchEntry> watches = {};
  [[nodiscard]] std::size_t size() const {
    return faults.size() + operations.size() + watches.size();
  }
  friend bool operator==(const Plan&, const Plan&) = default;
};

// One line each, and back; kInvalid names what is wrong. Faults are read by sim/faults.
[[nodiscard]] std::string print(const FaultEntry& entry);
[[nodiscard]] std::string print(const OperationEntry& entry);
[[nodiscard]] std::string print(const WatchEntry& entry);
[[nodiscard]] Result<OperationEntry> parse_operation(std::string_view line);
[[nodiscard]] Result<WatchEntry> parse_watch(std::string_view line);

}  // namespace detcd::sim
