#include "sim/workload/client_run.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "apply/api_error.h"
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

std::string password_for(const auth::Change& change) {
  if (const auto* add = std::get_if<auth::UserAdd>(&change)) return add->name;
  if (const auto* changed = std::get_if<auth::UserChangePassword>(&change)) return changed->name;
  return {};
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
  } else if (const auto* change = std::get_if<auth::Change>(&operation)) {
    client::Outcome<apply::AuthResponse> outcome =
        co_await client.change_access(*change, password_for(*change), options);
    record(call, std::move(outcome));
  } else {
    co_await perform_on_leases(client, call, options);
  }
}

// Without a trace: what the log says of it belongs to no call.
runtime::Task<void> introduce(client::Client& client, const std::string& user, TimePoint deadline) {
  client::Outcome<auth::Answer> outcome = co_await client.authenticate(user, user, deadline);
  const auto* failure = std::get_if<client::Failure>(&outcome);
  const std::string_view unasked = apply::text(apply::ApiError::kAuthNotEnabled);
  if (failure != nullptr && failure->status.message == unasked) client.forget_token();
}

// It must say who it is, and not as it did.
bool is_stranger(const CallRecord& call) {
  if (call.outcome != CallRecord::Outcome::kRefused) return false;
  return call.message == apply::text(apply::ApiError::kUserEmpty) ||
         call.message == apply::text(apply::ApiError::kInvalidAuthToken) ||
         call.message == apply::text(apply::ApiError::kAuthOldRevision);
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
  bool stranger = false;
  for (const OperationEntry& entry : job.operations) {
    const TimePoint at = start + entry.at;
    if (world.clock.boot() < at) co_await runtime::sleep_until(world.scheduler, at);
    // What waited so long behind a slow call is passed over: the run must end. The last is done.
    const bool late = world.clock.boot() > at + job.patience;
    const bool last = entry == job.operations.back();
    if (late && !last) continue;
    if (stranger && !job.user.empty()) {
      client.forget_token();
      co_await introduce(client, job.user, world.clock.boot() + job.timeout);
    }
    CallRecord& call = history.calls[entry.id];
    call.id = entry.id;
    call.client = entry.client;
    call.operation = resolve(entry.operation, seen);
    call.user = client.has_token() ? job.user : std::string();
    call.called = kernel.now();
    call.committed = history.committed;
    if (job.tell) job.tell(call);
    const TimePoint deadline = world.clock.boot() + (last ? job.last_timeout : job.timeout);
    if (job.at_seam) {
      co_await seam.perform(call, entry.id, deadline);
    } else {
      co_await perform(client, call, CallOptions(deadline, entry.id));
    }
    call.ended = kernel.now();
    seen = std::max(seen, call.header.revision);
    stranger = is_stranger(call);
    if (job.tell) job.tell(call);
    kernel.note(NodeNumber(0), digest(call));
  }
}

}  // namespace detcd::sim
