// What a run did, as the judges see it: every call of every client with its answer, and what the
// members told about the log: which command stands at which index, and at which index a read was
// served. Written by the workload and by the members' observers, read by the oracles.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "apply/command.h"
#include "auth/types.h"
#include "sim/history/access.h"
#include "sim/kernel/time.h"
#include "sim/plan/plan.h"

namespace detcd::sim {

struct AnswerHeader {
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  std::int64_t revision = 0;
  std::uint64_t raft_term = 0;
  friend bool operator==(const AnswerHeader&, const AnswerHeader&) = default;
};

struct CallRecord {
  std::uint64_t id = 0;  // Of the plan's entry: the trace id the call carried.
  std::uint32_t client = 0;
  Operation operation;
  std::string user;  // Whose token went with it; empty: none.
  VirtualTime called;
  std::uint64_t committed = 0;  // The highest index that any member knew to be committed then.
  std::optional<VirtualTime> ended;
  // kUnknown: no answer, or one that says nothing about the effect (timeouts, lost connections).
  enum class Outcome : std::uint8_t {
    kPending,
    kAnswered,
    kRefused,
    kUnknown
  } outcome = Outcome::kPending;
  AnswerHeader header;       // kAnswered
  apply::Response response;  // kAnswered
  std::uint32_t code = 0;    // kRefused, kUnknown: gRPC status.
  std::string message;
};

struct AppliedRecord {
  std::uint64_t term = 0;
  std::optional<apply::RequestId> request;
  std::uint64_t state_hash = 0;
  std::uint32_t node = 0;  // Who applied it first.
  friend bool operator==(const AppliedRecord&, const AppliedRecord&) = default;
};

// What an entry says about leases, and when it was stamped.
struct LeaseRecord {
  std::uint64_t term = 0;
  std::uint64_t time_ms = 0;
  std::variant<apply::LeaseGrantRequest, apply::LeaseRevokeRequest, apply::LeaseRenewRequest,
               apply::LeaseTick>
      command;
  VirtualTime applied;  // First, by any member.
};

struct ReadRecord {
  std::uint32_t node = 0;
  std::uint64_t index = 0;
  friend bool operator==(const ReadRecord&, const ReadRecord&) = default;
};

struct History {
  std::map<std::uint64_t, CallRecord> calls;           // By id.
  std::map<std::uint64_t, AppliedRecord> log;          // By index.
  std::map<std::uint64_t, LeaseRecord> leases;         // By index.
  std::map<apply::RequestId, std::uint64_t> proposed;  // Request → call id.
  // Of keep-alives, which share a command: request → call ids.
  std::map<apply::RequestId, std::vector<std::uint64_t>> renewed;
  // Call id → where it was served: more than once when its client asked again.
  std::map<std::uint64_t, std::vector<ReadRecord>> read_at;
  // Active alarms after the entries that changed them, by index.
  std::map<std::uint64_t, std::vector<apply::AlarmMember>> alarms;
  // Users and roles after the entries that changed them, and who asked for what, by index.
  std::map<std::uint64_t, Access> access;
  std::map<std::uint64_t, auth::Caller> callers;
  std::map<std::uint64_t, std::uint32_t> members;  // Member id → node.
  std::uint64_t committed = 0;    // The highest index that any member knows to be committed.
  std::uint64_t clock_jumps = 0;  // Of boot clocks, in the whole run.
  std::uint64_t flips = 0;        // Of bits in members' memory, in the whole run.
};

struct Violation {
  std::string oracle;   // "linearizability", "state hash", …
  std::string message;  // What contradicts what, in words.
  // Oracle and message without numbers: equal for the same bug in shrunk runs.
  [[nodiscard]] std::string fingerprint() const;
};

// Users and roles as the entry at `index` found them.
[[nodiscard]] const Access& access_before(const History& history, std::uint64_t index);

[[nodiscard]] std::string describe(const Operation& operation);
[[nodiscard]] std::string describe(const apply::Response& response);

}  // namespace detcd::sim
