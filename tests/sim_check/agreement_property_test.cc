// Three judges of one run: the simulator's exact one, which knows the log; the order of revisions;
// and the search. Runs are made by letting the model answer calls that overlap, near misses by
// changing one answer or one instant of such a run.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "apply/api_error.h"
#include "property.h"
#include "sim/check/cross_check.h"
#include "sim/oracles/linearizability.h"
#include "sim/oracles/model.h"

namespace detcd::sim {
namespace {

using Outcome = CallRecord::Outcome;

std::string any_key() {
  return std::string(1, static_cast<char>('a' + draw(3)));
}

apply::RangeRequest any_range(bool serializable_too) {
  apply::RangeRequest range;
  range.key = any_key();
  if (draw(2) == 0) range.range_end = "z";
  if (draw(4) == 0) range.limit = 1;
  if (draw(4) == 0) range.revision = 1 + draw(8);
  if (draw(6) == 0) range.count_only = true;
  range.serializable = serializable_too && draw(4) == 0;
  return range;
}

apply::PutRequest any_put() {
  apply::PutRequest put;
  put.key = any_key();
  put.value = std::to_string(draw(3));
  put.prev_kv = draw(2) == 0;
  return put;
}

apply::TxnRequest any_txn() {
  apply::TxnRequest txn;
  apply::Compare compare;
  compare.key = any_key();
  compare.target = draw(3);
  compare.result = draw(4);
  compare.number = draw(5);
  txn.compare.push_back(compare);
  txn.success.push_back({any_put()});
  txn.success.push_back({any_range(false)});
  if (draw(2) == 0) {
    apply::DeleteRangeRequest erase;
    erase.key = any_key();
    txn.failure.push_back({erase});
  }
  return txn;
}

Operation any_operation(bool serializable_too) {
  const int kind = draw(10);
  if (kind < 3) return any_range(serializable_too);
  if (kind < 6) return any_put();
  if (kind < 8) return any_txn();
  if (kind == 8) return apply::CompactionRequest{1 + draw(6), false};
  apply::DeleteRangeRequest erase;
  erase.key = any_key();
  if (draw(2) == 0) erase.range_end = "c";
  erase.prev_kv = draw(2) == 0;
  return erase;
}

struct Making {
  int calls = 12;
  int overlap = 0;  // So many instants a call may begin before, or end after, its effect.
  bool unknown_too = false;
  bool serializable_too = false;
};

// Answers one call at its instant, and writes down what the member tells.
void perform(History& history, Model& model, CallRecord& call, std::uint64_t index) {
  const apply::Answer answer = std::visit(
      [&](const auto& request) -> apply::Answer {
        if constexpr (requires { model.apply(request); }) {
          return model.apply(request);
        } else if constexpr (requires { model.read(request); }) {
          return model.read(request);
        } else {
          return apply::ApiError::kCanceled;  // Histories without the log's times hold no leases.
        }
      },
      call.operation);
  if (is_read(call.operation)) {
    history.read_at[call.id].push_back({1, index});
  } else {
    const apply::RequestId request{1, index};
    history.proposed[request] = call.id;
    history.log[index] = {1, request, 0, 1};
  }
  if (const auto* refused = std::get_if<apply::ApiError>(&answer)) {
    call.outcome = Outcome::kRefused;
    call.code = static_cast<std::uint32_t>(apply::grpc_code(*refused));
    call.message = apply::text(*refused);
    return;
  }
  call.outcome = Outcome::kAnswered;
  call.response = std::get<apply::Response>(answer);
  call.header.revision = model.revision();
  call.header.raft_term = 1;
}

History real_run(const Making& making) {
  History history;
  Model model;
  for (int i = 1; i <= making.calls; ++i) {
    const auto id = static_cast<std::uint64_t>(i);
    CallRecord call;
    call.id = id;
    call.client = static_cast<std::uint32_t>(i);
    call.operation = any_operation(making.serializable_too);
    const int effect = 100 + i * 2;
    call.called = VirtualTime((effect - draw(making.overlap + 1)) * 1ms);
    call.ended = VirtualTime((effect + draw(making.overlap + 1)) * 1ms);
    const bool unknown = making.unknown_too && draw(4) == 0;
    if (!unknown || draw(2) == 0) perform(history, model, call, id);
    if (unknown) call.outcome = Outcome::kUnknown;
    history.calls.emplace(id, std::move(call));
  }
  return history;
}

bool spoil(apply::Response& response) {
  if (auto* range = std::get_if<apply::RangeResponse>(&response)) {
    if (range->kvs.empty() || draw(4) == 0) {
      ++range->count;
      return true;
    }
    apply::KeyValue& kv =
        range->kvs[static_cast<std::size_t>(draw(static_cast<int>(range->kvs.size())))];
    const int field = draw(4);
    if (field == 0) kv.value = Bytes(kv.value.str() + "x");
    if (field == 1) ++kv.mod_revision;
    if (field == 2) ++kv.version;
    if (field == 3) --kv.create_revision;
    return true;
  }
  if (auto* put = std::get_if<apply::PutResponse>(&response)) {
    if (!put->prev_kv) return false;
    put->prev_kv.reset();
    return true;
  }
  if (auto* erase = std::get_if<apply::DeleteRangeResponse>(&response)) {
    ++erase->deleted;
    return true;
  }
  if (auto* txn = std::get_if<apply::TxnResponse>(&response)) {
    txn->succeeded = !txn->succeeded;
    return true;
  }
  return false;
}

// Changes one answer; false when that one can't be.
bool spoil_answer(History& history) {
  const auto id = static_cast<std::uint64_t>(1 + draw(static_cast<int>(history.calls.size())));
  CallRecord& call = history.calls.at(id);
  if (call.outcome == Outcome::kRefused) {
    const bool was_compacted = call.message == apply::text(apply::ApiError::kCompacted);
    const auto other = was_compacted ? apply::ApiError::kFutureRev : apply::ApiError::kCompacted;
    call.message = apply::text(other);
    call.code = static_cast<std::uint32_t>(apply::grpc_code(other));
    return true;
  }
  if (call.outcome != Outcome::kAnswered) return false;
  if (draw(4) == 0) {
    call.header.revision += draw(2) == 0 ? 1 : -1;
    return true;
  }
  return spoil(call.response);
}

// Moves one call in time.
void spoil_time(History& history) {
  const auto id = static_cast<std::uint64_t>(1 + draw(static_cast<int>(history.calls.size())));
  CallRecord& call = history.calls.at(id);
  const Duration by = (draw(30) - 15) * 1ms;
  call.called += by;
  if (call.ended) *call.ended += by;
}

std::string text(const History& history) {
  std::string out;
  for (const auto& [id, call] : history.calls) {
    out += std::to_string(call.called.time_since_epoch() / 1ms) + "-" +
           std::to_string(call.ended->time_since_epoch() / 1ms) + " " + describe(call.operation) +
           " → " + std::to_string(static_cast<int>(call.outcome)) + " " + call.message;
    if (call.outcome == Outcome::kAnswered) out += describe(call.response);
    out += "\n";
  }
  return out;
}

struct Verdicts {
  bool exact = false;
  bool revisions = false;
  bool searched = false;
};

Verdicts judge_all(const History& history) {
  const CheckedHistory checked = seen_by_clients(history);
  const CheckResult judged = judge(checked, {});
  const CheckResult searched = judge_by_search(checked, {});
  const Judgement exact = judge_linearizability(history);
  RC_LOG() << text(history) << (exact.violation ? exact.violation->message : "exact: legal");
  for (const std::string& line : judged.lines) RC_LOG() << "\n" << line;
  for (const std::string& line : searched.lines) RC_LOG() << "\n" << line;
  RC_ASSERT(judged.finding != Finding::kUnknown);
  RC_ASSERT(searched.finding != Finding::kUnknown);
  return {!exact.violation, judged.finding == Finding::kLegal, searched.finding == Finding::kLegal};
}

TEST(Agreement, ARealRunIsLegalForAll) {
  expect_property("a real run is legal", [] {
    const History history = real_run({10 + draw(30), draw(12), draw(2) == 0, true});
    const Verdicts verdicts = judge_all(history);
    RC_ASSERT(verdicts.exact);
    RC_ASSERT(verdicts.revisions);
    RC_ASSERT(verdicts.searched);
  });
}

TEST(Agreement, OneAfterTheOtherAllJudgesSeeTheSame) {
  int illegal = 0;
  expect_property("a spoilt answer", [&] {
    History history = real_run({2 + draw(16), 0, false, false});
    RC_PRE(spoil_answer(history));
    const Verdicts verdicts = judge_all(history);
    RC_ASSERT(!verdicts.exact);
    RC_ASSERT(!verdicts.revisions);
    RC_ASSERT(!verdicts.searched);
    ++illegal;
  });
  EXPECT_GE(illegal, 100);
}

// Clients know less than the log: what contradicts it may still be explained by another order.
TEST(Agreement, WhatTheSearchRefusesTheLogRefusesToo) {
  int illegal = 0;
  int legal = 0;
  expect_property("a near miss", [&] {
    const bool in_time = draw(2) == 0;
    History history = real_run({2 + draw(16), draw(10), draw(2) == 0, !in_time});
    if (in_time) {
      spoil_time(history);
    } else {
      RC_PRE(spoil_answer(history));
    }
    const Verdicts verdicts = judge_all(history);
    RC_ASSERT(verdicts.revisions == verdicts.searched);
    RC_ASSERT(verdicts.searched || !verdicts.exact);
    ++(verdicts.searched ? legal : illegal);
  });
  EXPECT_GT(illegal, 25);
  EXPECT_GT(legal, 8);
}

}  // namespace
}  // namespace detcd::sim
