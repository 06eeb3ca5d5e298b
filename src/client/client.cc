#include "client/client.h"

#include <algorithm>
#include <utility>

#include "apply/api_error.h"
#include "base/check.h"
#include "runtime/timeout.h"

namespace detcd::client {
namespace {

using apply::GrpcCode;

constexpr runtime::Site kRetrySite{"client retry"};

http2::GrpcStatus status_of(GrpcCode code, std::string text) {
  return {static_cast<std::uint32_t>(code), std::move(text)};
}

Failure unreadable(const Error& error) {
  return {status_of(GrpcCode::kInternal,
                    "grpc: failed to unmarshal the received message: " + error.message),
          true};
}

template <class Response>
Outcome<Response> kv_outcome(std::variant<Bytes, Failure> raw,
                             Result<wire::ParsedResponse> (*parse)(std::string_view)) {
  if (auto* failure = std::get_if<Failure>(&raw)) return std::move(*failure);
  Result<wire::ParsedResponse> parsed = parse(std::get<Bytes>(raw).view());
  if (!parsed) return unreadable(parsed.error());
  return Answer<Response>{parsed->header, std::get<Response>(std::move(parsed->response))};
}

}  // namespace

Client::Client(runtime::Scheduler& scheduler, runtime::Network& network,
               const runtime::Random& random, Options options)
    : scheduler_(scheduler), network_(network), random_(random), options_(std::move(options)) {
  check(!options_.endpoints.empty(), "a client has an endpoint");
  for (const std::string& address : options_.endpoints) {
    endpoints_.push_back(std::make_unique<Endpoint>(scheduler, address));
  }
}

Client::~Client() = default;

runtime::Task<Outcome<apply::RangeResponse>> Client::range(apply::RangeRequest request,
                                                           CallOptions options) {
  Request call{"/etcdserverpb.KV/Range", wire::serialize(request), options, Repeatable::kYes, {}};
  Raw raw = co_await invoke(std::move(call));
  co_return kv_outcome<apply::RangeResponse>(std::move(raw), wire::parse_range_response);
}

runtime::Task<Outcome<apply::PutResponse>> Client::put(apply::PutRequest request,
                                                       CallOptions options) {
  Request call{"/etcdserverpb.KV/Put", wire::serialize(request), options, Repeatable::kNo, {}};
  Raw raw = co_await invoke(std::move(call));
  co_return kv_outcome<apply::PutResponse>(std::move(raw), wire::parse_put_response);
}

runtime::Task<Outcome<apply::DeleteRangeResponse>> Client::delete_range(
    apply::DeleteRangeRequest request, CallOptions options) {
  Request call{
      "/etcdserverpb.KV/DeleteRange", wire::serialize(request), options, Repeatable::kNo, {}};
  Raw raw = co_await invoke(std::move(call));
  co_return kv_outcome<apply::DeleteRangeResponse>(std::move(raw),
                                                   wire::parse_delete_range_response);
}

runtime::Task<Outcome<apply::TxnResponse>> Client::txn(apply::TxnRequest request,
                                                       CallOptions options) {
  Request call{"/etcdserverpb.KV/Txn", wire::serialize(request), options, Repeatable::kNo, {}};
  Raw raw = co_await invoke(std::move(call));
  co_return kv_outcome<apply::TxnResponse>(std::move(raw), wire::parse_txn_response);
}

runtime::Task<Outcome<apply::CompactionResponse>> Client::compact(apply::CompactionRequest request,
                                                                  CallOptions options) {
  Request call{"/etcdserverpb.KV/Compact", wire::serialize(request), options, Repeatable::kNo, {}};
  Raw raw = co_await invoke(std::move(call));
  co_return kv_outcome<apply::CompactionResponse>(std::move(raw), wire::parse_compaction_response);
}

runtime::Task<Outcome<apply::LeaseGrantResponse>> Client::lease_grant(
    apply::LeaseGrantRequest request, CallOptions options) {
  Request call{
      "/etcdserverpb.Lease/LeaseGrant", wire::serialize(request), options, Repeatable::kNo, {}};
  Raw raw = co_await invoke(std::move(call));
  co_return kv_outcome<apply::LeaseGrantResponse>(std::move(raw), wire::parse_lease_grant_response);
}

runtime::Task<Outcome<apply::LeaseRevokeResponse>> Client::lease_revoke(
    apply::LeaseRevokeRequest request, CallOptions options) {
  Request call{
      "/etcdserverpb.Lease/LeaseRevoke", wire::serialize(request), options, Repeatable::kNo, {}};
  Raw raw = co_await invoke(std::move(call));
  co_return kv_outcome<apply::LeaseRevokeResponse>(std::move(raw),
                                                   wire::parse_lease_revoke_response);
}

runtime::Task<Outcome<wire::LeaseKeepAliveResponse>> Client::keep_alive(std::int64_t lease,
                                                                        CallOptions options) {
  Request call{"/etcdserverpb.Lease/LeaseKeepAlive",
               wire::serialize_lease_keep_alive_request(lease),
               options,
               Repeatable::kYes,
               {}};
  Raw raw = co_await invoke(std::move(call));
  if (auto* failure = std::get_if<Failure>(&raw)) co_return std::move(*failure);
  const Result<wire::LeaseKeepAliveResponse> parsed =
      wire::parse_lease_keep_alive_response(std::get<Bytes>(raw).view());
  if (!parsed) co_return unreadable(parsed.error());
  co_return Answer<wire::LeaseKeepAliveResponse>{parsed->header, *parsed};
}

runtime::Task<Outcome<std::vector<membership::Member>>> Client::member_list(bool linearizable,
                                                                            CallOptions options) {
  Request call{"/etcdserverpb.Cluster/MemberList",
               wire::serialize_member_list_request(linearizable),
               options,
               Repeatable::kYes,
               {}};
  Raw raw = co_await invoke(std::move(call));
  if (auto* failure = std::get_if<Failure>(&raw)) co_return std::move(*failure);
  Result<wire::MemberList> parsed = wire::parse_member_list_response(std::get<Bytes>(raw).view());
  if (!parsed) co_return unreadable(parsed.error());
  co_return Answer<std::vector<membership::Member>>{parsed->header, std::move(parsed->members)};
}

runtime::Task<Outcome<wire::Status>> Client::status(std::size_t endpoint, CallOptions options) {
  Request call{"/etcdserverpb.Maintenance/Status", {}, options, Repeatable::kYes, endpoint};
  Raw raw = co_await invoke(std::move(call));
  if (auto* failure = std::get_if<Failure>(&raw)) co_return std::move(*failure);
  Result<wire::Status> parsed = wire::parse_status_response(std::get<Bytes>(raw).view());
  if (!parsed) co_return unreadable(parsed.error());
  co_return Answer<wire::Status>{parsed->header, *std::move(parsed)};
}

runtime::Task<Outcome<apply::HashKvAnswer>> Client::hash_kv(std::size_t endpoint,
                                                            apply::Revision revision,
                                                            CallOptions options) {
  Request call{"/etcdserverpb.Maintenance/HashKV", wire::serialize_hash_kv_request(revision),
               options, Repeatable::kYes, endpoint};
  Raw raw = co_await invoke(std::move(call));
  if (auto* failure = std::get_if<Failure>(&raw)) co_return std::move(*failure);
  Result<wire::HashKv> parsed = wire::parse_hash_kv_response(std::get<Bytes>(raw).view());
  if (!parsed) co_return unreadable(parsed.error());
  co_return Answer<apply::HashKvAnswer>{parsed->header, parsed->answer};
}

std::size_t Client::next_endpoint() {
  return turn_++ % endpoints_.size();
}

runtime::Task<Client::Raw> Client::invoke(Request request) {
  bool seen = false;  // The server may have seen an attempt before the last one.
  for (std::size_t attempts = 1;; ++attempts) {
    const std::size_t endpoint = request.endpoint ? *request.endpoint : next_endpoint();
    CallResult result = co_await attempt(request, endpoint);
    if (result.status.code == 0) co_return std::move(result.message);
    seen = seen || (result.processed && maybe_applied(result.status));
    const Attempt failed{.status = result.status,
                         .processed = result.processed,
                         .repeatable = request.repeatable,
                         .endpoints = request.endpoint ? 1 : endpoints_.size()};
    // An attempt that no server saw isn't one: such calls wait until a server can be reached.
    const bool attempts_left = attempts < kAttemptsMax || !result.processed;
    if (options_.retry == RetryPolicy::kNever || !is_retried(failed) || !attempts_left) {
      co_return Failure{std::move(result.status), seen};
    }
    const std::uint64_t word = random_.draw(kRetrySite, options_.entity, ++pauses_);
    const TimePoint resume =
        scheduler_.clock().boot() + retry_pause(attempts, failed.endpoints, word);
    if (resume >= request.options.deadline) {
      co_await runtime::sleep_until(scheduler_, request.options.deadline);
      co_return Failure{status_of(GrpcCode::kDeadlineExceeded, "context deadline exceeded"), seen};
    }
    co_await runtime::sleep_until(scheduler_, resume);
  }
}

runtime::Task<CallResult> Client::attempt(Request request, std::size_t endpoint) {
  const Result<Connection*> connection =
      co_await reach(*endpoints_.at(endpoint), request.options.deadline);
  if (!connection) {
    const bool late = scheduler_.clock().boot() >= request.options.deadline;
    co_return CallResult{late ? status_of(GrpcCode::kDeadlineExceeded, "context deadline exceeded")
                              : status_of(GrpcCode::kUnavailable, connection.error().message),
                         {},
                         false};
  }
  UnaryCall call{std::move(request.path), std::move(request.message), request.options.deadline,
                 request.options.trace, request.anonymous ? std::string() : token_};
  co_return co_await (*connection)->call(std::move(call));
}

runtime::Task<Result<std::unique_ptr<StreamCall>>> Client::open_stream(std::string path,
                                                                       http2::Headers metadata) {
  const Result<Connection*> connection = co_await reach(*endpoints_.at(next_endpoint()), kNever);
  if (!connection) co_return connection.error();
  std::unique_ptr<StreamCall> call = (*connection)->open_stream(path, metadata);
  if (call == nullptr) co_return Error{Errc::kUnavailable, "transport is closing"};
  co_return std::move(call);
}

runtime::Task<Result<Connection*>> Client::reach(Endpoint& endpoint, TimePoint deadline) {
  std::erase_if(endpoint.connections, [](const std::unique_ptr<Connection>& connection) {
    return !connection->usable() && connection->calls() == 0;
  });
  // Who comes while somebody connects waits for that connection.
  const runtime::Mutex::Guard guard = co_await endpoint.connecting.lock();
  if (!endpoint.connections.empty() && endpoint.connections.back()->usable()) {
    co_return endpoint.connections.back().get();
  }
  const TimePoint limit = std::min(deadline, scheduler_.clock().boot() + options_.connect_timeout);
  std::optional<Result<std::unique_ptr<runtime::Stream>>> stream =
      co_await runtime::with_timeout(scheduler_, limit, network_.connect(endpoint.address));
  if (!stream) co_return Error{Errc::kTimedOut, "dialing " + endpoint.address + " took too long"};
  if (!*stream) co_return stream->error();
  ConnectionOptions options = options_.connections;
  options.authority = endpoint.address;
  endpoint.connections.push_back(
      std::make_unique<Connection>(scheduler_, *std::move(*stream), options));
  co_return endpoint.connections.back().get();
}

}  // namespace detcd::client
