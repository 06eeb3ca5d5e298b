#include "api/kv_service.h"

#include <array>
#include <optional>
#include <utility>

#include "api/errors.h"
#include "apply/validate.h"
#include "base/check.h"
#include "wire/kv_codec.h"
#include "wire/range_stream_codec.h"

namespace detcd::api {
namespace {

constexpr std::string_view kService = "etcdserverpb.KV";

// etcd compares the size of what it proposes, an InternalRaftRequest around the request, with
// --max-request-bytes: a tag and a length for the request, and a header with a 64-bit id.
constexpr std::size_t kEnvelopeBytes = 18;

// etcd's maxSendBytes: an answer may be no longer, whatever asked for it.
constexpr std::size_t kAnswerBytesMax = 0x7fffffff;

bool too_large(const Bytes& message, const apply::Limits& limits) {
  return message.size() + kEnvelopeBytes > limits.request_bytes_max;
}

http2::GrpcStatus refusal(const Error& error) {
  // A Txn nested beyond what is parsed has too many operations by any limit.
  if (error.code == Errc::kTooLarge) return status_of(apply::ApiError::kTooManyOps);
  return unmarshalling_failed(error);
}

// The request, or why it is refused.
template <class Request>
Asked checked(Result<Request> parsed, const std::optional<apply::ApiError>& invalid) {
  if (invalid) return status_of(*invalid);
  return server::Request(*std::move(parsed));
}

Asked ask_range(const Bytes& message, const apply::Limits&) {
  Result<apply::RangeRequest> request = wire::parse_range_request(message.view());
  if (!request) return refusal(request.error());
  const std::optional<apply::ApiError> invalid = apply::validate(*request);
  return checked(std::move(request), invalid);
}

http2::GrpcStatus unimplemented(std::string_view what) {
  return {static_cast<std::uint32_t>(apply::GrpcCode::kUnimplemented),
          "RangeStream does not support " + std::string(what)};
}

Asked ask_range_stream(const Bytes& message, const apply::Limits&) {
  Result<apply::RangeRequest> request = wire::parse_range_request(message.view());
  if (!request) return refusal(request.error());
  const std::optional<apply::ApiError> invalid = apply::validate(*request);
  if (invalid) return status_of(*invalid);
  const std::optional<apply::StreamRefusal> refused = apply::refuse_stream(*request);
  if (refused == apply::StreamRefusal::kSortOrder) return unimplemented("custom sort orders");
  if (refused == apply::StreamRefusal::kRevisionFilter) return unimplemented("revision filters");
  return server::Request(server::RangeStreamRequest{*std::move(request)});
}

// put-path 3/8: a message becomes a checked request.
Asked ask_put(const Bytes& message, const apply::Limits& limits) {
  Result<apply::PutRequest> request = wire::parse_put_request(message.view());
  if (!request) return refusal(request.error());
  std::optional<apply::ApiError> invalid = apply::validate(*request);
  if (!invalid && too_large(message, limits)) invalid = apply::ApiError::kRequestTooLarge;
  return checked(std::move(request), invalid);
}

Asked ask_delete_range(const Bytes& message, const apply::Limits& limits) {
  Result<apply::DeleteRangeRequest> request = wire::parse_delete_range_request(message.view());
  if (!request) return refusal(request.error());
  std::optional<apply::ApiError> invalid = apply::validate(*request);
  if (!invalid && too_large(message, limits)) invalid = apply::ApiError::kRequestTooLarge;
  return checked(std::move(request), invalid);
}

// A read-only Txn isn't proposed and has no limit of bytes (ETCD.md §2.5).
Asked ask_txn(const Bytes& message, const apply::Limits& limits) {
  Result<apply::TxnRequest> request = wire::parse_txn_request(message.view());
  if (!request) return refusal(request.error());
  std::optional<apply::ApiError> invalid = apply::validate(*request, limits);
  if (!invalid && too_large(message, limits) && !apply::is_read_only(*request)) {
    invalid = apply::ApiError::kRequestTooLarge;
  }
  return checked(std::move(request), invalid);
}

Asked ask_compact(const Bytes& message, const apply::Limits&) {
  Result<apply::CompactionRequest> request = wire::parse_compaction_request(message.view());
  if (!request) return refusal(request.error());
  return checked(std::move(request), std::nullopt);
}

StreamAnswer answer_range_stream(const server::Reply& reply, const apply::Limits&) {
  StreamAnswer said;
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) {
    said.end = status_of(*error);
    return said;
  }
  const auto* piece = std::get_if<apply::RangePiece>(&reply.outcome);
  check(piece != nullptr, "a stream of a range is answered with its pieces, or ended");
  const wire::Header header{.cluster_id = reply.header.cluster_id,
                            .member_id = reply.header.member_id,
                            .revision = piece->rows.header_revision,
                            .raft_term = reply.header.raft_term};
  said.messages.push_back(
      wire::serialize_range_piece(piece->last ? &header : nullptr, piece->rows));
  said.responses = 1;
  said.bytes = static_cast<std::int64_t>(piece->bytes);
  if (piece->last) said.end = ok();
  return said;
}

template <class Response>
Answered answer(const server::Reply& reply) {
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) return status_of(*error);
  const auto* response = std::get_if<apply::Response>(&reply.outcome);
  check(response != nullptr && std::holds_alternative<Response>(*response),
        "the node answers a request of KV with its own kind of response");
  const wire::Header header{.cluster_id = reply.header.cluster_id,
                            .member_id = reply.header.member_id,
                            .revision = reply.header.revision,
                            .raft_term = reply.header.raft_term};
  // What isn't large holds no room.
  if (reply.held != nullptr) {
    const std::size_t bytes = wire::serialized_bytes(header, *response);
    if (bytes > kAnswerBytesMax) return answer_too_large(bytes, kAnswerBytesMax);
  }
  return wire::serialize(header, *response);
}

constexpr std::array kMethods{
    Method{kService, "Range", Shape::kUnary, ask_range, answer<apply::RangeResponse>},
    Method{.service = kService,
           .name = "RangeStream",
           .shape = Shape::kServerStream,
           .ask = ask_range_stream,
           .answer_stream = answer_range_stream},
    Method{kService, "Put", Shape::kUnary, ask_put, answer<apply::PutResponse>},
    Method{kService, "DeleteRange", Shape::kUnary, ask_delete_range,
           answer<apply::DeleteRangeResponse>},
    Method{kService, "Txn", Shape::kUnary, ask_txn, answer<apply::TxnResponse>},
    Method{kService, "Compact", Shape::kUnary, ask_compact, answer<apply::CompactionResponse>},
};

}  // namespace

std::span<const Method> kv_methods() {
  return kMethods;
}

}  // namespace detcd::api
