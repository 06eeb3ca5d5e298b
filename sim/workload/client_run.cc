#include "sim/workload/client_run.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "runtime/wait.h"
#include "sim/plan/resolve.h"

namespace detcd::sim {
namespace {

using client::CallOptions;

template <class Response>
void record(CallRecord& call, client::Outcome<Response> outcome) {
  if (auto* answer = std::get_if<client::Answer<Response>>(&outcome)) {
    call.outcome = CallRecord::Outcome::kAnswered;
    call.header = {answer->header.cluster_id, answer->header.member_id, answer->header.revision,
                   answer->header.raft_term};
    call.response = std::move(answer->response);
    return;
  }
  const auto& failure = std::get<client::Failure>(outcome);
  call.outcome = is_definite(failure.status.message) ? CallRecord::Outcome::kRefused
                                                     : CallRecord::Outcome::kUnknown;
  call.code = failure.status.code;
  call.message = failure.status.message;
}

client::Outcome<apply::LeaseRenewResponse> renewed(
    client::Outcome<wire::LeaseKeepAliveResponse> outcome) {
  if (auto* failure = std::get_if<client::Failure>(&outcome)) return std::move(*failure);
  const auto& answer = std::get<client::Answer<wire::LeaseKeepAliveResponse>>(outcome);
  return client::Answer<apply::LeaseRenewResponse>{answer.header, {{answer.response.ttl}}};
}

runtime::Task<void> perform_on_leases(client::Client& client, CallRecord& call,
                                      CallOptions options) {
  const Operation operation = call.operation;
  if (const auto* grant = std::get_if<apply::LeaseGrantRequest>(&operation)) {
    client::Outcome<apply::LeaseGrantResponse> outcome =
        co_await client.lease_grant(*grant, options);
    record(call, std::move(outcome));
  } else if (const auto* revoke = std::get_if<apply::LeaseRevokeRequest>(&operation)) {
    client::Outcome<apply::LeaseRevokeResponse> outcome =
        co_await client.lease_revoke(*revoke, options);
    record(call, std::move(outcome));
  } else if (const auto* keep = std::get_if<KeepAlive>(&operation)) {
    client::Outcome<wire::LeaseKeepAliveResponse> outcome =
        co_await client.keep_alive(keep->lease, options);
    record(call, renewed(std::move(outcome)));
  }
}

runtime::Task<void> perform(client::Client& client, CallRecord& call, CallOptions options) {
  const Operation operation = call.operation;
  if (const auto* range = std::get_if<apply::RangeRequest>(&operation)) {
    client::Outcome<apply::RangeResponse> outcome = co_await client.range(*range, options);
    record(call, std::move(outcome));
  } else if (const auto* put = std::get_if<apply::PutRequest>(&operation)) {
    client::Outcome<apply::PutResponse> outcome = co_await client.put(*put, options);
    record(call, std::move(outcome));
  } else if (const auto* erase = std::get_if<apply::DeleteRangeRequest>(&operation)) {
    client::Outcome<apply::DeleteRangeResponse> outcome =
        co_await client.delete_range(*erase, options);
    record(call, std::move(outcome));
  } else if (const auto* txn = std::get_if<apply::TxnRequest>(&operation)) {
    client::Outcome<apply::TxnResponse> outcome = co_await client.txn(*txn, options);
    record(call, std::move(outcome));
  } else if (const auto* compact = std::get_if<apply::CompactionRequest>(&operation)) {
    client::Outcome<apply::CompactionResponse> outcome = co_await client.compact(*compact, options);
    record(call, std::move(outcome));
  } else {
    co_await perform_on_leases(client, call, options);
  }
}

// What the client was told is part of the run: the hash covers it.
std::uint64_t digest(const CallRecord& call) {
  std::string text = std::to_string(call.id) + " " +
                     std::to_string(static_cast<int>(call.outcome)) + " " +
                     std::to_string(call.header.revision) + " " +
                     std::to_string(call.header.raft_term) + " " + call.message;
  if (call.outcome == CallRecord::Outcome::kAnswered) text += describe(call.response);
  return hash64(text);
}

}  // namespace

runtime::Task<void> run_client(runtime::World world, Kernel& kernel, History& history,
                               ClientJob job) {
  client::Options options;
  options.endpoints = job.endpoints;
  options.entity = job.number;
  options.connect_timeout = job.timeout / 4;
  client::Client client(world.scheduler, world.network, world.random, options);
  const auto nodes = static_cast<std::uint32_t>(job.endpoints.size());
  SeamClient seam(world, {job.at_seam, nodes, (job.number - 1) % nodes + 1});
  const TimePoint start = world.clock.boot();
  apply::Revision own = 0;
  apply::Revision& seen = job.seen == nullptr ? own : *job.seen;
  for (const OperationEntry& entry : job.operations) {
    const TimePoint at = start + entry.at;
    if (world.clock.boot() < at) co_await runtime::sleep_until(world.scheduler, at);
    // What waited so long behind a slow call is passed over: the run must end. The last is done.
    const bool late = world.clock.boot() > at + job.patience;
    if (late && entry != job.operations.back()) continue;
    CallRecord& call = history.calls[entry.id];
    call.id = entry.id;
    call.client = entry.client;
    call.operation = resolve(entry.operation, seen);
    call.called = kernel.now();
    call.committed = history.committed;
    if (job.tell) job.tell(call);
    const TimePoint deadline = world.clock.boot() + job.timeout;
    if (job.at_seam) {
      co_await seam.perform(call, entry.id, deadline);
    } else {
      co_await perform(client, call, CallOptions(deadline, entry.id));
    }
    call.ended = kernel.now();
    seen = std::max(seen, call.header.revision);
    if (job.tell) job.tell(call);
    kernel.note(NodeNumber(0), digest(call));
  }
}

}  // namespace detcd::sim
