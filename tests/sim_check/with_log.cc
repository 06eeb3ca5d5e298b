#include "with_log.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/oracles/model.h"

namespace detcd::sim {
namespace {

template <class Value>
void overlay(const std::optional<Value>& told, Value& value) {
  if (told) value = *told;
}

void overlay(const ToldKeyValue& told, apply::KeyValue& kv) {
  if (told.key) kv.key = Bytes(*told.key);
  if (told.value) kv.value = Bytes(*told.value);
  overlay(told.create_revision, kv.create_revision);
  overlay(told.mod_revision, kv.mod_revision);
  overlay(told.version, kv.version);
  overlay(told.lease, kv.lease);
}

void overlay(const std::optional<std::vector<ToldKeyValue>>& told,
             std::vector<apply::KeyValue>& kvs) {
  if (!told) return;
  kvs.resize(told->size());
  for (std::size_t i = 0; i < kvs.size(); ++i) overlay((*told)[i], kvs[i]);
}

template <class Any>
void overlay_any(const Told& told, Any& any);

void overlay(const Told& told, apply::RangeResponse& range) {
  overlay(told.revision, range.header_revision);
  overlay(told.count, range.count);
  overlay(told.more, range.more);
  overlay(told.kvs, range.kvs);
}
void overlay(const Told& told, apply::PutResponse& put) {
  overlay(told.revision, put.header_revision);
  if (!told.prev_kv) return;
  std::optional<apply::KeyValue> former;
  if (*told.prev_kv) {
    former = put.prev_kv.value_or(apply::KeyValue{});
    overlay(**told.prev_kv, *former);
  }
  put.prev_kv = std::move(former);
}
void overlay(const Told& told, apply::DeleteRangeResponse& erase) {
  overlay(told.revision, erase.header_revision);
  overlay(told.deleted, erase.deleted);
  overlay(told.kvs, erase.prev_kvs);
}
void overlay(const Told& told, apply::TxnResponse& txn) {
  overlay(told.revision, txn.header_revision);
  overlay(told.succeeded, txn.succeeded);
  if (!told.responses) return;
  txn.responses.resize(told.responses->size());
  for (std::size_t i = 0; i < txn.responses.size(); ++i) {
    overlay_any((*told.responses)[i], txn.responses[i].response);
  }
}

template <class Any>
void overlay_any(const Told& told, Any& any) {
  const auto as = [&]<class Response>(const Response&) {
    if (!std::holds_alternative<Response>(any)) any = Response{};
    overlay(told, std::get<Response>(any));
  };
  if (told.kind == Told::Kind::kRange) as(apply::RangeResponse{});
  if (told.kind == Told::Kind::kPut) as(apply::PutResponse{});
  if (told.kind == Told::Kind::kDeleteRange) as(apply::DeleteRangeResponse{});
  if (told.kind == Told::Kind::kTxn) as(apply::TxnResponse{});
}

VirtualTime instant(std::uint64_t time) {
  return VirtualTime(Duration(static_cast<std::int64_t>(time)));
}

bool has_place(const EtcdCall& call) {
  return call.outcome == EtcdCall::Outcome::kAnswered && call.told.revision &&
         made_revision(call) && !is_serializable(call.operation) &&
         !std::holds_alternative<apply::CompactionRequest>(call.operation);
}

}  // namespace

std::optional<History> with_log(const CheckedHistory& history) {
  const bool fits =
      history.model == CheckedModel::kEtcd && std::ranges::all_of(history.etcd, has_place);
  if (!fits) return std::nullopt;
  // By revision; the write first; then as they began.
  std::vector<std::tuple<std::int64_t, bool, std::uint64_t, std::size_t>> order;
  for (std::size_t i = 0; i < history.etcd.size(); ++i) {
    const EtcdCall& call = history.etcd[i];
    order.emplace_back(*call.told.revision, !*made_revision(call), history.intervals[i].began, i);
  }
  std::ranges::sort(order);
  History out;
  Model model;
  std::uint64_t index = 0;
  for (const auto& [revision, reads, began, at] : order) {
    const EtcdCall& told = history.etcd[at];
    CallRecord call;
    call.id = ++index;
    call.client = 1;
    call.operation = told.operation;
    call.called = instant(history.intervals[at].began);
    call.ended = instant(*history.intervals[at].ended);
    call.outcome = CallRecord::Outcome::kAnswered;
    call.header.revision = revision;
    call.header.raft_term = 1;
    const apply::Answer answer = answer_of(told, model);
    if (const auto* response = std::get_if<apply::Response>(&answer)) call.response = *response;
    overlay_any(told.told, call.response);
    if (is_read(call.operation)) {
      out.read_at[index].push_back({1, index});
    } else {
      const apply::RequestId request{1, index};
      out.proposed[request] = index;
      out.log[index] = {1, request, 0, 1};
    }
    out.calls.emplace(index, std::move(call));
  }
  return out;
}

}  // namespace detcd::sim
