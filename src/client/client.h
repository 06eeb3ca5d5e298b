// An etcd client for the simulator's workloads and the load generator: typed calls of KV and of
// what Cluster and Maintenance serve, over the runtime's interfaces only. A failure says whether
// the server may have applied the request: what a history needs to know.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "apply/command.h"
#include "auth/types.h"
#include "client/connection.h"
#include "client/retry.h"
#include "client/stream_call.h"
#include "http2/message.h"
#include "membership/membership.h"
#include "runtime/network.h"
#include "runtime/random.h"
#include "runtime/sync.h"
#include "runtime/task.h"
#include "wire/admin_codec.h"
#include "wire/kv_codec.h"
#include "wire/lease_codec.h"
#include "wire/member_codec.h"

namespace detcd::client {

struct Failure {
  http2::GrpcStatus status;
  // False when the request provably had and will have no effect.
  bool maybe_applied = true;
  friend bool operator==(const Failure&, const Failure&) = default;
};

template <class Response>
struct Answer {
  wire::Header header;
  Response response;
};
template <class Response>
using Outcome = std::variant<Answer<Response>, Failure>;

enum class RetryPolicy : std::uint8_t {
  kNever,       // One attempt at one endpoint; also a connection that can't be made is the answer.
  kAsClientv3,  // Endpoints in turn, waiting for one that can be reached, until the deadline.
};

// By when a call must have ended, and the trace it belongs to (0: none), sent as `traceparent`.
struct CallOptions {
  CallOptions(TimePoint by, std::uint64_t trace_id = 0)  // NOLINT: a deadline is options enough
      : deadline(by), trace(trace_id) {}
  TimePoint deadline;
  std::uint64_t trace;
};

struct Options {
  std::vector<std::string> endpoints;  // "host:port" or "unix:/path"; at least one.
  RetryPolicy retry = RetryPolicy::kAsClientv3;
  Duration connect_timeout = 2s;
  std::uint64_t entity = 0;            // Names this client in random draws.
  ConnectionOptions connections = {};  // The authority is the endpoint.
};

class Client {
 public:
  // All outlive the client, and the client its calls.
  Client(runtime::Scheduler& scheduler, runtime::Network& network, const runtime::Random& random,
         Options options);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  runtime::Task<Outcome<apply::RangeResponse>> range(apply::RangeRequest request,
                                                     CallOptions options);
  runtime::Task<Outcome<apply::PutResponse>> put(apply::PutRequest request, CallOptions options);
  runtime::Task<Outcome<apply::DeleteRangeResponse>> delete_range(apply::DeleteRangeRequest request,
                                                                  CallOptions options);
  runtime::Task<Outcome<apply::TxnResponse>> txn(apply::TxnRequest request, CallOptions options);
  runtime::Task<Outcome<apply::CompactionResponse>> compact(apply::CompactionRequest request,
                                                            CallOptions options);
  // Asked once: what was granted can't be told from what was there.
  runtime::Task<Outcome<apply::LeaseGrantResponse>> lease_grant(apply::LeaseGrantRequest request,
                                                                CallOptions options);
  runtime::Task<Outcome<apply::LeaseRevokeResponse>> lease_revoke(apply::LeaseRevokeRequest request,
                                                                  CallOptions options);
  // One keep-alive, on a stream that ends with it.
  runtime::Task<Outcome<wire::LeaseKeepAliveResponse>> keep_alive(std::int64_t lease,
                                                                  CallOptions options);
  runtime::Task<Outcome<std::vector<membership::Member>>> member_list(bool linearizable,
                                                                      CallOptions options);
  // These two ask one endpoint, by its place in the options.
  runtime::Task<Outcome<wire::Status>> status(std::size_t endpoint, CallOptions options);
  runtime::Task<Outcome<apply::HashKvAnswer>> hash_kv(std::size_t endpoint,
                                                      apply::Revision revision,
                                                      CallOptions options);
  // A token for this user, which all calls that follow carry; kept when it can't be had.
  runtime::Task<Outcome<auth::Answer>> authenticate(std::string user, std::string password,
                                                    CallOptions options);
  void forget_token() { token_.clear(); }
  [[nodiscard]] bool has_token() const { return !token_.empty(); }
  // `password` where the change needs one.
  runtime::Task<Outcome<apply::AuthResponse>> change_access(auth::Change change,
                                                            std::string password,
                                                            CallOptions options);
  // A call in both directions at the next endpoint: one attempt. The client outlives it.
  runtime::Task<Result<std::unique_ptr<StreamCall>>> open_stream(std::string path,
                                                                 http2::Headers metadata);

 private:
  struct Endpoint {
    Endpoint(runtime::Scheduler& scheduler, std::string where)
        : address(std::move(where)), connecting(scheduler) {}
    std::string address;
    runtime::Mutex connecting;
    // The last one takes new calls; the others end with their calls.
    std::vector<std::unique_ptr<Connection>> connections;
  };
  struct Request {
    std::string path;
    std::string message;
    CallOptions options{kNever};
    Repeatable repeatable = Repeatable::kNo;
    std::optional<std::size_t> endpoint;  // None: in turn.
    bool anonymous = false;               // Without the token.
  };
  using Raw = std::variant<Bytes, Failure>;

  runtime::Task<Raw> invoke(Request request);
  runtime::Task<CallResult> attempt(Request request, std::size_t endpoint);
  // The endpoint's connection, made now if need be.
  runtime::Task<Result<Connection*>> reach(Endpoint& endpoint, TimePoint deadline);
  std::size_t next_endpoint();

  runtime::Scheduler& scheduler_;
  runtime::Network& network_;
  const runtime::Random& random_;
  Options options_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::string token_;
  std::size_t turn_ = 0;
  std::uint64_t pauses_ = 0;
};

}  // namespace detcd::client
