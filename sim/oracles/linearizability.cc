#include "sim/oracles/linearizability.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "apply/validate.h"
#include "sim/oracles/model.h"

namespace detcd::sim {
namespace {

using Outcome = CallRecord::Outcome;

bool is_read(const Operation& operation) {
  if (std::holds_alternative<apply::RangeRequest>(operation)) return true;
  const auto* txn = std::get_if<apply::TxnRequest>(&operation);
  return txn != nullptr && apply::is_read_only(*txn);
}

bool is_serializable(const Operation& operation) {
  if (const auto* range = std::get_if<apply::RangeRequest>(&operation)) return range->serializable;
  const auto* txn = std::get_if<apply::TxnRequest>(&operation);
  return txn != nullptr && apply::is_read_only(*txn) && apply::is_serializable(*txn);
}

std::string name(const CallRecord& call) {
  return "call #" + std::to_string(call.id) + " of c" + std::to_string(call.client) + " (" +
         describe(call.operation) + ")";
}

Violation wrong(std::string message) {
  return {"linearizability", std::move(message)};
}

// What one position of the order holds: at most one write, then reads.
struct Position {
  std::uint64_t write = 0;  // Call id; 0: none.
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
    return std::move(judgement_);
  }

 private:
  void place();
  void replay(std::uint64_t index, const Position& position);
  void compare(const CallRecord& call, std::uint64_t index, const apply::Answer& expected);
  void respect_real_time(const CallRecord& call, std::uint64_t index);
  void fail(Violation violation) {
    if (!judgement_.violation) judgement_.violation = std::move(violation);
  }

  const History& history_;
  std::map<std::uint64_t, Position> order_;
  Model model_;
  Judgement judgement_;
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
  for (const auto& [id, call] : history_.calls) {
    if (is_read(call.operation)) {
      const auto served = history_.read_at.find(id);
      if (served != history_.read_at.end() && call.outcome != Outcome::kPending) {
        order_[served->second].reads.push_back(id);
      } else if (call.outcome == Outcome::kAnswered) {
        fail(wrong("a read was answered that no member served: " + name(call)));
      } else {
        ++judgement_.unordered;
      }
    } else if (!written_at.contains(id)) {
      if (call.outcome == Outcome::kAnswered) {
        fail({"durability", "a write was acknowledged and is in no member's log: " + name(call)});
      }
      ++judgement_.unordered;
    }
  }
}

void Judge::respect_real_time(const CallRecord& call, std::uint64_t index) {
  if (latest_ == nullptr || !call.ended || call.outcome != Outcome::kAnswered) return;
  if (is_serializable(call.operation)) return;
  if (*call.ended < latest_->called) {
    fail(wrong("the order contradicts real time: " + name(call) + " ended at " +
               std::to_string(call.ended->time_since_epoch().count()) + " ns at index " +
               std::to_string(index) + ", before " + name(*latest_) + " began at " +
               std::to_string(latest_->called.time_since_epoch().count()) +
               " ns, which stands earlier in the order"));
  }
}

void Judge::compare(const CallRecord& call, std::uint64_t index, const apply::Answer& expected) {
  const std::string where = " at index " + std::to_string(index) + ": " + name(call);
  const auto* refused = std::get_if<apply::ApiError>(&expected);
  if (call.outcome == Outcome::kRefused) {
    ++judgement_.acknowledged;
    if (refused == nullptr) {
      fail(wrong("refused what must succeed" + where + ", with \"" + call.message + "\""));
    } else if (call.message != apply::text(*refused) ||
               call.code != static_cast<std::uint32_t>(apply::grpc_code(*refused))) {
      fail(wrong("refused for another reason" + where + ", with \"" + call.message +
                 "\" instead of \"" + std::string(apply::text(*refused)) + "\""));
    }
    return;
  }
  if (call.outcome != Outcome::kAnswered) return;
  ++judgement_.acknowledged;
  if (refused != nullptr) {
    fail(wrong("answered what must be refused" + where + ", with " + describe(call.response) +
               " instead of \"" + std::string(apply::text(*refused)) + "\""));
    return;
  }
  const auto& response = std::get<apply::Response>(expected);
  if (call.response != response) {
    fail(wrong("an answer differs from the model's" + where + ", got " + describe(call.response) +
               ", expected " + describe(response)));
    return;
  }
  if (call.header.revision != model_.revision()) {
    fail(wrong("a header's revision differs from the model's" + where + ", got " +
               std::to_string(call.header.revision) + ", expected " +
               std::to_string(model_.revision())));
  }
}

void Judge::replay(std::uint64_t index, const Position& position) {
  const CallRecord* latest_here = nullptr;
  const auto note = [&](const CallRecord& call) {
    respect_real_time(call, index);
    const bool later = latest_here == nullptr || call.called > latest_here->called;
    if (later && !is_serializable(call.operation)) latest_here = &call;
  };
  if (position.write != 0) {
    const auto call = history_.calls.find(position.write);
    if (call == history_.calls.end()) {
      fail({"at most once", "a command was applied that nobody called"});
      return;
    }
    const apply::Answer expected = std::visit(
        [&](const auto& request) -> apply::Answer {
          if constexpr (requires { model_.apply(request); }) {
            return model_.apply(request);
          } else {
            return model_.read(request);
          }
        },
        call->second.operation);
    compare(call->second, index, expected);
    note(call->second);
    // The write stands before the reads at its index.
    if (latest_here != nullptr && (latest_ == nullptr || latest_here->called > latest_->called)) {
      latest_ = latest_here;
    }
  }
  for (const std::uint64_t id : position.reads) {
    const CallRecord& call = history_.calls.at(id);
    const apply::Answer expected = std::visit(
        [&](const auto& request) -> apply::Answer {
          if constexpr (requires { model_.read(request); }) {
            return model_.read(request);
          } else {
            return apply::ApiError::kCanceled;
          }
        },
        call.operation);
    compare(call, index, expected);
    note(call);
  }
  if (latest_here != nullptr && (latest_ == nullptr || latest_here->called > latest_->called)) {
    latest_ = latest_here;
  }
}

}  // namespace

Judgement judge_linearizability(const History& history) {
  return Judge(history).run();
}

}  // namespace detcd::sim
