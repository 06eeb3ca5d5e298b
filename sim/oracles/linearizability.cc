#include "sim/oracles/linearizability.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "sim/oracles/access.h"
#include "sim/oracles/model.h"

namespace detcd::sim {
namespace {

using Outcome = CallRecord::Outcome;

// Every operation of both branches, when all are Ranges (ETCD.md §2.5): one with a nested Txn is
// proposed, whatever it holds.
bool all_ranges(const apply::TxnRequest& txn, bool serializable) {
  for (const std::vector<apply::RequestOp>* branch : {&txn.success, &txn.failure}) {
    for (const apply::RequestOp& operation : *branch) {
      const auto* range = std::get_if<apply::RangeRequest>(&operation.request);
      if (range == nullptr || (serializable && !range->serializable)) return false;
    }
  }
  return true;
}

bool is_read(const Operation& operation) {
  if (std::holds_alternative<apply::RangeRequest>(operation)) return true;
  const auto* txn = std::get_if<apply::TxnRequest>(&operation);
  return txn != nullptr && all_ranges(*txn, false);
}

bool is_serializable(const Operation& operation) {
  if (const auto* range = std::get_if<apply::RangeRequest>(&operation)) return range->serializable;
  const auto* txn = std::get_if<apply::TxnRequest>(&operation);
  return txn != nullptr && all_ranges(*txn, true);
}

// Whether it may put something, on either way through it (ETCD.md §2.12).
bool grows(const apply::TxnRequest& txn) {
  for (const std::vector<apply::RequestOp>* branch : {&txn.success, &txn.failure}) {
    for (const apply::RequestOp& operation : *branch) {
      if (std::holds_alternative<apply::PutRequest>(operation.request)) return true;
      const auto* nested = std::get_if<apply::TxnRequest>(&operation.request);
      if (nested != nullptr && grows(*nested)) return true;
    }
  }
  return false;
}

bool grows(const Operation& operation) {
  if (std::holds_alternative<apply::PutRequest>(operation)) return true;
  if (std::holds_alternative<apply::LeaseGrantRequest>(operation)) return true;
  const auto* txn = std::get_if<apply::TxnRequest>(&operation);
  return txn != nullptr && grows(*txn);
}

std::string name(const CallRecord& call) {
  return "call #" + std::to_string(call.id) + " of c" + std::to_string(call.client) + " (" +
         describe(call.operation) + ")";
}

bool is_refused_as_stranger(const CallRecord& call) {
  if (call.outcome != Outcome::kRefused) return false;
  return call.message == apply::text(apply::ApiError::kUserEmpty) ||
         call.message == apply::text(apply::ApiError::kInvalidAuthToken) ||
         call.message == apply::text(apply::ApiError::kAuthOldRevision);
}

Violation wrong(std::string message) {
  return {"linearizability", std::move(message)};
}

// Said by a member that doubts its state before it does anything with a call (DESIGN §5, "Alarms"),
// or where a command is applied while the alarm is active.
bool is_of_corruption(const CallRecord& call) {
  return call.outcome == Outcome::kRefused &&
         call.message == apply::text(apply::ApiError::kCorrupt);
}

bool keeps_alive(const CallRecord& call) {
  return std::holds_alternative<KeepAlive>(call.operation);
}

// What one position of the order holds: at most one write, or keep-alives that share a command, or
// what members do with leases by themselves; then reads.
struct Position {
  std::uint64_t write = 0;  // Call id; 0: none.
  const LeaseRecord* leases = nullptr;
  std::vector<std::uint64_t> keeps;  // Call ids, in the order of the command's renewals.
  std::vector<std::uint64_t> reads;
};

class Judge {
 public:
  explicit Judge(const History& history) : history_(history) {}

  Judgement run() {
    place();
    for (const auto& [index, position] : order_) {
      if (judgement_.violation) break;
      replay(index, position);
    }
    // A read that was served more than once is right when one of the servings is what it got.
    for (auto& [id, doubt] : doubts_) {
      if (!settled_.contains(id)) fail(std::move(doubt));
    }
    judgement_.model = std::move(model_);
    return std::move(judgement_);
  }

 private:
  using Complaint = std::optional<Violation>;
  void place();
  void place_read(const CallRecord& call);
  void judge_doubt(const CallRecord& call);
  void place_leases();
  void replay(std::uint64_t index, const Position& position);
  void replay_leases(std::uint64_t index, const Position& position);
  void judge_keep(const CallRecord& call, std::uint64_t index, std::int64_t ttl);
  void judge_read(const CallRecord& call, std::uint64_t index);
  [[nodiscard]] Complaint compare(const CallRecord& call, std::uint64_t index,
                                  const apply::Answer& expected) const;
  [[nodiscard]] Complaint out_of_time(const CallRecord& call, std::uint64_t index) const;
  [[nodiscard]] Complaint too_early(const CallRecord& call, std::uint64_t index) const;
  [[nodiscard]] Complaint other_caller(const CallRecord& call, std::uint64_t index) const;
  [[nodiscard]] apply::Answer change_access(const auth::Change& change, std::uint64_t index) const;
  void remember(const CallRecord& call, const CallRecord*& latest) const;
  void fail(Violation violation) {
    if (!judgement_.violation) judgement_.violation = std::move(violation);
  }

  const History& history_;
  std::map<std::uint64_t, Position> order_;
  Model model_;
  Judgement judgement_;
  std::set<std::uint64_t> settled_;
  std::map<std::uint64_t, Violation> doubts_;
  std::set<std::uint64_t> kept_;  // Keep-alives that stand somewhere in the order.
  // The latest call among all operations at strictly earlier positions.
  const CallRecord* latest_ = nullptr;
};

void Judge::place() {
  std::map<std::uint64_t, std::uint64_t> written_at;  // Call id → index.
  std::map<apply::RequestId, std::uint64_t> seen;
  for (const auto& [index, record] : history_.log) {
    if (!record.request) continue;
    const auto proposed = history_.proposed.find(*record.request);
    if (proposed == history_.proposed.end() || proposed->second == 0) continue;
    // A request that was appended twice takes effect once, at its first place.
    if (!seen.emplace(*record.request, index).second) continue;
    const auto [place, fresh] = written_at.emplace(proposed->second, index);
    if (!fresh) {
      fail({"at most once", "one call was applied twice: #" + std::to_string(proposed->second) +
                                " at " + std::to_string(place->second) + " and " +
                                std::to_string(index)});
    }
    order_[index].write = proposed->second;
  }
  place_leases();
  for (const auto& [id, call] : history_.calls) {
    if (is_of_corruption(call) && !written_at.contains(id)) {
      judge_doubt(call);
    } else if (is_read(call.operation)) {
      place_read(call);
    } else if (keeps_alive(call)) {
      const bool answered = call.outcome == Outcome::kAnswered;
      if (answered && !kept_.contains(id)) {
        fail(wrong("a keep-alive was answered that is in no member's log: " + name(call)));
      }
    } else if (!written_at.contains(id)) {
      if (call.outcome == Outcome::kAnswered) {
        fail({"durability", "a write was acknowledged and is in no member's log: " + name(call)});
      }
      ++judgement_.unordered;
    }
  }
}

// It stands nowhere in the order: no member did anything with it.
void Judge::judge_doubt(const CallRecord& call) {
  ++judgement_.unordered;
  if (history_.flips > 0) return;
  fail(wrong("a member doubted its state, and nothing had harmed it: " + name(call)));
}

// A client that asked again may have been served several times; who answered is in the header.
void Judge::place_read(const CallRecord& call) {
  // Who was taken for a stranger was asked again, perhaps after it had been served without its
  // hearing of it.
  if (is_refused_as_stranger(call)) {
    ++judgement_.unordered;
    return;
  }
  const auto served = history_.read_at.find(call.id);
  const auto member = history_.members.find(call.header.member_id);
  bool placed = false;
  if (served != history_.read_at.end() && call.outcome != Outcome::kPending) {
    for (const ReadRecord& read : served->second) {
      const bool by_another = call.outcome == Outcome::kAnswered &&
                              member != history_.members.end() && member->second != read.node;
      if (by_another) continue;
      std::vector<std::uint64_t>& reads = order_[read.index].reads;
      if (reads.empty() || reads.back() != call.id) reads.push_back(call.id);
      placed = true;
    }
  }
  if (placed) return;
  ++judgement_.unordered;
  if (call.outcome == Outcome::kAnswered) {
    fail(wrong("a read was answered that no member served: " + name(call)));
  }
}

Judge::Complaint Judge::out_of_time(const CallRecord& call, std::uint64_t index) const {
  if (latest_ == nullptr || !call.ended || call.outcome != Outcome::kAnswered) return std::nullopt;
  if (is_serializable(call.operation) || *call.ended >= latest_->called) return std::nullopt;
  return wrong("the order contradicts real time: " + name(call) + " ended at " +
               std::to_string(call.ended->time_since_epoch().count()) + " ns at index " +
               std::to_string(index) + ", before " + name(*latest_) + " began at " +
               std::to_string(latest_->called.time_since_epoch().count()) +
               " ns, which stands earlier in the order");
}

Judge::Complaint Judge::compare(const CallRecord& call, std::uint64_t index,
                                const apply::Answer& expected) const {
  const std::string where = " at index " + std::to_string(index) + ": " + name(call);
  const auto* refused = std::get_if<apply::ApiError>(&expected);
  if (call.outcome == Outcome::kRefused) {
    if (refused == nullptr) {
      return wrong("refused what must succeed" + where + ", with \"" + call.message + "\"");
    }
    if (call.message != apply::text(*refused) ||
        call.code != static_cast<std::uint32_t>(apply::grpc_code(*refused))) {
      return wrong("refused for another reason" + where + ", with \"" + call.message +
                   "\" instead of \"" + std::string(apply::text(*refused)) + "\"");
    }
    return std::nullopt;
  }
  if (call.outcome != Outcome::kAnswered) return std::nullopt;
  if (refused != nullptr) {
    return Violation{is_of_access(*refused) ? "access" : "linearizability",
                     "answered what must be refused" + where + ", with " + describe(call.response) +
                         " instead of \"" + std::string(apply::text(*refused)) + "\""};
  }
  const auto& response = std::get<apply::Response>(expected);
  if (call.response != response) {
    return wrong("an answer differs from the model's" + where + ", got " + describe(call.response) +
                 ", expected " + describe(response));
  }
  if (call.header.revision != model_.revision()) {
    return wrong("a header's revision differs from the model's" + where + ", got " +
                 std::to_string(call.header.revision) + ", expected " +
                 std::to_string(model_.revision()));
  }
  const auto applied = history_.log.find(index);
  if (applied != history_.log.end() && call.header.raft_term < applied->second.term) {
    return wrong("a header names an older term than that of the entry it answers from" + where +
                 ", got " + std::to_string(call.header.raft_term) + ", the entry is of term " +
                 std::to_string(applied->second.term));
  }
  return std::nullopt;
}

// Dissertation §6.4: a read is served from a state that has all that was committed when it was
// asked for, whether a client had heard of it or not.
Judge::Complaint Judge::too_early(const CallRecord& call, std::uint64_t index) const {
  const bool bound = call.outcome == Outcome::kAnswered && !is_serializable(call.operation);
  if (!bound || index >= call.committed) return std::nullopt;
  return wrong(
      "a read was served from before what was committed when it was called: " + name(call) +
      " at index " + std::to_string(index) + ", committed was " + std::to_string(call.committed));
}

void Judge::remember(const CallRecord& call, const CallRecord*& latest) const {
  if (is_serializable(call.operation)) return;
  if (latest == nullptr || call.called > latest->called) latest = &call;
}

void Judge::judge_read(const CallRecord& call, std::uint64_t index) {
  // Reads are looked at with the users and roles that they are served with.
  const Access& access = access_before(history_, index + 1);
  const auth::Caller caller{call.user, call.user.empty() ? 0 : access.revision(), false};
  const std::optional<apply::ApiError> refused = access.refuse(caller, call.operation);
  const auto read = [&](const auto& request) -> apply::Answer {
    if constexpr (requires { model_.read(request); }) {
      return model_.read(request);
    } else {
      return apply::ApiError::kCanceled;
    }
  };
  const apply::Answer expected =
      refused ? apply::Answer(*refused) : std::visit(read, call.operation);
  Complaint complaint = judge_access(call, access);
  if (!complaint) complaint = compare(call, index, expected);
  if (!complaint) complaint = out_of_time(call, index);
  if (!complaint) complaint = too_early(call, index);
  if (complaint) {
    doubts_.emplace(call.id, std::move(*complaint));
  } else if (settled_.insert(call.id).second && call.outcome != Outcome::kUnknown) {
    ++judgement_.acknowledged;
  }
}

void Judge::replay(std::uint64_t index, const Position& position) {
  if (position.leases != nullptr) {
    replay_leases(index, position);
  } else if (position.write != 0) {
    const auto call = history_.calls.find(position.write);
    if (call == history_.calls.end()) {
      fail({"at most once", "a command was applied that nobody called"});
      return;
    }
    const std::optional<apply::ApiError> refused =
        refused_at(history_, call->second.operation, index);
    if (Complaint other = other_caller(call->second, index)) fail(std::move(*other));
    const auto replayed = [&](const auto& request) -> apply::Answer {
      if constexpr (std::is_same_v<decltype(request), const auth::Change&>) {
        return change_access(request, index);
      } else if constexpr (requires { model_.apply(request); }) {
        return model_.apply(request);
      } else if constexpr (requires { model_.read(request); }) {
        return model_.read(request);
      } else {
        return apply::ApiError::kCanceled;  // What is said of leases is replayed otherwise.
      }
    };
    const apply::Answer expected =
        refused ? apply::Answer(*refused) : std::visit(replayed, call->second.operation);
    Complaint complaint = judge_access(call->second, access_before(history_, index));
    if (!complaint) complaint = compare(call->second, index, expected);
    if (!complaint) complaint = out_of_time(call->second, index);
    if (complaint) fail(std::move(*complaint));
    const bool told =
        call->second.outcome == Outcome::kAnswered || call->second.outcome == Outcome::kRefused;
    if (told) ++judgement_.acknowledged;
    // The write stands before the reads at its index.
    remember(call->second, latest_);
  }
  const CallRecord* latest_here = latest_;
  for (const std::uint64_t id : position.reads) {
    const CallRecord& call = history_.calls.at(id);
    judge_read(call, index);
    // Where a read that was served more than once really stands isn't known.
    if (history_.read_at.at(id).size() == 1) remember(call, latest_here);
  }
  latest_ = latest_here;
}

// ---- Users --------------------------------------------------------------------------------------

// Nobody's command goes in another's name.
Judge::Complaint Judge::other_caller(const CallRecord& call, std::uint64_t index) const {
  const auto caller = history_.callers.find(index);
  if (caller == history_.callers.end() || !access_before(history_, index).enabled()) return {};
  if (caller->second.user == call.user && !caller->second.own) return {};
  return Violation{"access", "a command carries another caller than its client: " + name(call) +
                                 " of \"" + call.user + "\" stands at index " +
                                 std::to_string(index) + " as of \"" + caller->second.user + "\""};
}

apply::Answer Judge::change_access(const auth::Change& change, std::uint64_t index) const {
  Access access = access_before(history_, index);
  if (const std::optional<apply::ApiError> refused = access.apply(change)) return *refused;
  return apply::Response(apply::AuthResponse{model_.revision(), {}});
}

// ---- Leases -------------------------------------------------------------------------------------

void Judge::place_leases() {
  std::set<apply::RequestId> seen;
  for (const auto& [index, record] : history_.log) {
    const auto leases = history_.leases.find(index);
    if (leases == history_.leases.end() || !record.request) continue;
    // One that was appended twice takes effect once.
    if (!seen.insert(*record.request).second) continue;
    Position& position = order_[index];
    position.leases = &leases->second;
    const auto renewed = history_.renewed.find(*record.request);
    if (renewed == history_.renewed.end()) continue;
    position.keeps = renewed->second;
    kept_.insert(position.keeps.begin(), position.keeps.end());
  }
}

void Judge::replay_leases(std::uint64_t index, const Position& position) {
  const LeaseRecord& record = *position.leases;
  const Model::Stamp stamp{record.term, record.time_ms};
  const auto replayed = [&](const auto& command) -> apply::Answer {
    // Alarms stop nothing that keeps leases or lets them end.
    if constexpr (requires { Operation(command); }) {
      const std::optional<apply::ApiError> refused =
          refused_at(history_, Operation(command), index);
      if (refused) return *refused;
    }
    return model_.apply(command, stamp);
  };
  const apply::Answer expected = std::visit(replayed, record.command);
  if (position.write != 0) {
    const auto call = history_.calls.find(position.write);
    if (call == history_.calls.end()) {
      return fail({"at most once", "a command was applied that nobody called"});
    }
    const auto* asked = std::get_if<apply::LeaseGrantRequest>(&call->second.operation);
    const auto* granted = std::get_if<apply::LeaseGrantRequest>(&record.command);
    if (asked != nullptr && granted != nullptr &&
        (granted->id != asked->id || granted->ttl < asked->ttl)) {
      return fail(wrong("another lease is granted than was asked for: " + name(call->second)));
    }
    Complaint complaint = compare(call->second, index, expected);
    if (!complaint) complaint = out_of_time(call->second, index);
    if (complaint) fail(std::move(*complaint));
    const bool told =
        call->second.outcome == Outcome::kAnswered || call->second.outcome == Outcome::kRefused;
    if (told) ++judgement_.acknowledged;
    remember(call->second, latest_);
  }
  const auto* renew = std::get_if<apply::LeaseRenewRequest>(&record.command);
  if (renew == nullptr) return;
  const auto& ttls = std::get<apply::LeaseRenewResponse>(std::get<apply::Response>(expected)).ttls;
  for (const std::uint64_t id : position.keeps) {
    const CallRecord& call = history_.calls.at(id);
    const auto lease = std::ranges::find(renew->ids, std::get<KeepAlive>(call.operation).lease);
    if (lease == renew->ids.end()) {
      return fail(wrong("a keep-alive isn't in the command that it became: " + name(call)));
    }
    judge_keep(call, index, ttls[static_cast<std::size_t>(lease - renew->ids.begin())]);
  }
}

// A keep-alive that was proposed more than once is right when one of the places is what it got. It
// says the revision that its member had before.
void Judge::judge_keep(const CallRecord& call, std::uint64_t index, std::int64_t ttl) {
  if (call.outcome != Outcome::kAnswered) return;
  const std::string where = " at index " + std::to_string(index) + ": " + name(call);
  const apply::Response expected = apply::LeaseRenewResponse{{ttl}};
  Complaint complaint;
  if (call.response != expected) {
    complaint = wrong("a keep-alive's answer differs from the model's" + where + ", got " +
                      describe(call.response) + ", expected " + describe(expected));
  } else if (call.header.revision > model_.revision()) {
    complaint = wrong("a keep-alive's header has a revision from the future" + where);
  } else {
    complaint = out_of_time(call, index);
  }
  if (complaint) {
    doubts_.emplace(call.id, std::move(*complaint));
  } else if (settled_.insert(call.id).second) {
    ++judgement_.acknowledged;
  }
}

}  // namespace

std::optional<apply::ApiError> refused_at(const History& history, const Operation& operation,
                                          std::uint64_t index) {
  const auto caller = history.callers.find(index);
  const bool known = caller != history.callers.end();
  const std::optional<apply::ApiError> denied =
      access_before(history, index).refuse(known ? caller->second : auth::Caller(), operation);
  // Whoever may not compact hears that first, as in etcd; and no alarm keeps root from its work.
  if (denied && std::holds_alternative<apply::CompactionRequest>(operation)) return denied;
  if (std::holds_alternative<auth::Change>(operation)) return denied;
  bool full = false;
  const auto after = history.alarms.lower_bound(index);
  if (after != history.alarms.begin()) {
    for (const apply::AlarmMember& alarm : std::prev(after)->second) {
      const auto type = static_cast<apply::AlarmType>(alarm.alarm);
      if (type == apply::AlarmType::kCorrupt) return apply::ApiError::kCorrupt;
      full = full || type == apply::AlarmType::kNoSpace;
    }
  }
  return full && grows(operation) ? apply::ApiError::kNoSpace : denied;
}

Judgement judge_linearizability(const History& history) {
  return Judge(history).run();
}

}  // namespace detcd::sim
