#include "wire/kv_codec.h"

#include <type_traits>
#include <utility>
#include <variant>

#include "apply/validate.h"
#include "wire/field.h"
#include "wire/header_codec.h"
#include "wire/kv_fields.h"
#include "wire/maintenance_fields.h"

namespace detcd::wire {
namespace {

using apply::CompactionRequest;
using apply::CompactionResponse;
using apply::Compare;
using apply::DeleteRangeRequest;
using apply::DeleteRangeResponse;
using apply::KeyValue;
using apply::PutRequest;
using apply::PutResponse;
using apply::RangeRequest;
using apply::RangeResponse;
using apply::RequestOp;
using apply::ResponseOp;
using apply::TxnRequest;
using apply::TxnResponse;

// Transactions may nest; one nested deeper than any limit of operations allows isn't built up.
constexpr int kNestingMax = 256;

enum class Parsed : std::uint8_t { kOk, kMalformed, kTooDeep };

std::int32_t enum_of(const Field& field) {
  return static_cast<std::int32_t>(field.varint);
}

// A range_end that is present but empty asks etcd for all keys from the key on, which "\0" says in
// every other place: but only in a request that isn't proposed, because etcd's log forgets what is
// present but empty, so that one key is meant.
enum class EmptyEnd : std::uint8_t { kFromKey, kForgotten };

// Where in a request a message stands.
struct Context {
  EmptyEnd empty_end = EmptyEnd::kFromKey;
  int depth = 0;
  bool& saw_empty_end;
  [[nodiscard]] Context deeper() const { return {empty_end, depth + 1, saw_empty_end}; }
};

void set_range_end(std::string& range_end, std::string_view value, const Context& context) {
  range_end.assign(value);
  if (!value.empty()) return;
  context.saw_empty_end = true;
  if (context.empty_end == EmptyEnd::kFromKey) range_end.assign(1, '\0');
}

// Gives the fields to `take` one by one, which may end it by saying that one couldn't be parsed.
template <class Take>
Parsed each_field(std::string_view bytes, const Take& take) {
  FieldReader reader(bytes);
  Field field;
  Parsed parsed = Parsed::kOk;
  while (parsed == Parsed::kOk && reader.next(field)) {
    if constexpr (std::is_invocable_v<Take, const Field&, Parsed&>) {
      take(field, parsed);
    } else {
      take(field);
    }
  }
  return reader.ok() ? parsed : Parsed::kMalformed;
}

// merge() follows protobuf: a scalar that comes again replaces, a message merges, a list grows.
Parsed merge(std::string_view bytes, RangeRequest& out, const Context& context) {
  return each_field(bytes, [&](const Field& field) {
    if (field.is_bytes(1))
      out.key.assign(field.bytes);
    else if (field.is_bytes(2))
      set_range_end(out.range_end, field.bytes, context);
    else if (field.is_varint(3))
      out.limit = signed_of(field);
    else if (field.is_varint(4))
      out.revision = signed_of(field);
    else if (field.is_varint(5))
      out.sort_order = enum_of(field);
    else if (field.is_varint(6))
      out.sort_target = enum_of(field);
    else if (field.is_varint(7))
      out.serializable = field.varint != 0;
    else if (field.is_varint(8))
      out.keys_only = field.varint != 0;
    else if (field.is_varint(9))
      out.count_only = field.varint != 0;
    else if (field.is_varint(10))
      out.min_mod_revision = signed_of(field);
    else if (field.is_varint(11))
      out.max_mod_revision = signed_of(field);
    else if (field.is_varint(12))
      out.min_create_revision = signed_of(field);
    else if (field.is_varint(13))
      out.max_create_revision = signed_of(field);
  });
}

Parsed merge(std::string_view bytes, PutRequest& out, const Context&) {
  return each_field(bytes, [&](const Field& field) {
    if (field.is_bytes(1))
      out.key.assign(field.bytes);
    else if (field.is_bytes(2))
      out.value.assign(field.bytes);
    else if (field.is_varint(3))
      out.lease = signed_of(field);
    else if (field.is_varint(4))
      out.prev_kv = field.varint != 0;
    else if (field.is_varint(5))
      out.ignore_value = field.varint != 0;
    else if (field.is_varint(6))
      out.ignore_lease = field.varint != 0;
  });
}

Parsed merge(std::string_view bytes, DeleteRangeRequest& out, const Context&) {
  return each_field(bytes, [&](const Field& field) {
    if (field.is_bytes(1))
      out.key.assign(field.bytes);
    else if (field.is_bytes(2))
      out.range_end.assign(field.bytes);
    else if (field.is_varint(3))
      out.prev_kv = field.varint != 0;
  });
}

Parsed merge(std::string_view bytes, CompactionRequest& out, const Context&) {
  return each_field(bytes, [&](const Field& field) {
    if (field.is_varint(1))
      out.revision = signed_of(field);
    else if (field.is_varint(2))
      out.physical = field.varint != 0;
  });
}

// Of the union (fields 4 to 8) the last one that came is set. A member that doesn't belong to the
// target is as if unset: it compares with zero or the empty value (ETCD.md §1.2).
Parsed merge(std::string_view bytes, Compare& out, const Context& context) {
  FieldReader reader(bytes);
  Field field;
  std::uint32_t member = 0;
  while (reader.next(field)) {
    if (field.is_varint(1))
      out.result = enum_of(field);
    else if (field.is_varint(2))
      out.target = enum_of(field);
    else if (field.is_bytes(3))
      out.key.assign(field.bytes);
    else if (field.is_bytes(64))
      set_range_end(out.range_end, field.bytes, context);
    else if (field.is_bytes(7)) {
      out.value.assign(field.bytes);
      member = 7;
    } else if (field.kind == FieldKind::kVarint && field.number >= 4 && field.number <= 8 &&
               field.number != 7) {
      out.number = signed_of(field);
      member = field.number;
    }
  }
  if (!reader.ok()) return Parsed::kMalformed;
  const std::uint32_t wanted = compare_field(out.target);
  if (member != wanted || wanted != 7) out.value.clear();
  if (member != wanted || wanted == 7) out.number = 0;
  return Parsed::kOk;
}

Parsed merge(std::string_view bytes, TxnRequest& out, const Context& context);

template <class Message, class Variant>
Parsed merge_member(std::string_view bytes, Variant& variant, const Context& context) {
  if (!std::holds_alternative<Message>(variant)) variant.template emplace<Message>();
  return merge(bytes, std::get<Message>(variant), context);
}

Parsed merge(std::string_view bytes, RequestOp& out, const Context& context) {
  return each_field(bytes, [&](const Field& field, Parsed& parsed) {
    if (field.is_bytes(1)) {
      parsed = merge_member<RangeRequest>(field.bytes, out.request, context);
    } else if (field.is_bytes(2)) {
      parsed = merge_member<PutRequest>(field.bytes, out.request, context);
    } else if (field.is_bytes(3)) {
      parsed = merge_member<DeleteRangeRequest>(field.bytes, out.request, context);
    } else if (field.is_bytes(4)) {
      parsed = merge_member<TxnRequest>(field.bytes, out.request, context.deeper());
    }
  });
}

Parsed merge(std::string_view bytes, TxnRequest& out, const Context& context) {
  if (context.depth > kNestingMax) return Parsed::kTooDeep;
  return each_field(bytes, [&](const Field& field, Parsed& parsed) {
    if (field.is_bytes(1))
      parsed = merge(field.bytes, out.compare.emplace_back(), context);
    else if (field.is_bytes(2))
      parsed = merge(field.bytes, out.success.emplace_back(), context);
    else if (field.is_bytes(3))
      parsed = merge(field.bytes, out.failure.emplace_back(), context);
  });
}

// Not merged: every message of ours that has one has it once, in one piece.
Parsed merge(std::string_view bytes, Header& out, int = 0) {
  return each_field(bytes, [&](const Field& field) {
    if (field.is_varint(1))
      out.cluster_id = field.varint;
    else if (field.is_varint(2))
      out.member_id = field.varint;
    else if (field.is_varint(3))
      out.revision = signed_of(field);
    else if (field.is_varint(4))
      out.raft_term = field.varint;
  });
}

Parsed merge(std::string_view bytes, KeyValue& out, int = 0) {
  return each_field(bytes, [&](const Field& field) {
    if (field.is_bytes(1))
      out.key = Bytes(field.bytes);
    else if (field.is_varint(2))
      out.create_revision = signed_of(field);
    else if (field.is_varint(3))
      out.mod_revision = signed_of(field);
    else if (field.is_varint(4))
      out.version = signed_of(field);
    else if (field.is_bytes(5))
      out.value = Bytes(field.bytes);
    else if (field.is_varint(6))
      out.lease = signed_of(field);
  });
}

Parsed merge(std::string_view bytes, Header& header, RangeResponse& out, int) {
  return each_field(bytes, [&](const Field& field, Parsed& parsed) {
    if (field.is_bytes(1))
      parsed = merge(field.bytes, header);
    else if (field.is_bytes(2))
      parsed = merge(field.bytes, out.kvs.emplace_back());
    else if (field.is_varint(3))
      out.more = field.varint != 0;
    else if (field.is_varint(4))
      out.count = signed_of(field);
  });
}

Parsed merge(std::string_view bytes, Header& header, PutResponse& out, int) {
  return each_field(bytes, [&](const Field& field, Parsed& parsed) {
    if (field.is_bytes(1)) {
      parsed = merge(field.bytes, header);
    } else if (field.is_bytes(2)) {
      if (!out.prev_kv) out.prev_kv.emplace();
      parsed = merge(field.bytes, *out.prev_kv);
    }
  });
}

Parsed merge(std::string_view bytes, Header& header, DeleteRangeResponse& out, int) {
  return each_field(bytes, [&](const Field& field, Parsed& parsed) {
    if (field.is_bytes(1))
      parsed = merge(field.bytes, header);
    else if (field.is_varint(2))
      out.deleted = signed_of(field);
    else if (field.is_bytes(3))
      parsed = merge(field.bytes, out.prev_kvs.emplace_back());
  });
}

Parsed merge(std::string_view bytes, Header& header, CompactionResponse&, int) {
  return each_field(bytes, [&](const Field& field, Parsed& parsed) {
    if (field.is_bytes(1)) parsed = merge(field.bytes, header);
  });
}

Parsed merge(std::string_view bytes, Header& header, TxnResponse& out, int depth);

template <class Message>
Parsed merge_response(std::string_view bytes, ResponseOp& op, int depth) {
  if (!std::holds_alternative<Message>(op.response)) op.response.emplace<Message>();
  auto& message = std::get<Message>(op.response);
  Header header;
  header.revision = message.header_revision;
  const Parsed parsed = merge(bytes, header, message, depth);
  message.header_revision = header.revision;
  return parsed;
}

Parsed merge(std::string_view bytes, ResponseOp& out, int depth) {
  return each_field(bytes, [&](const Field& field, Parsed& parsed) {
    if (field.is_bytes(1))
      parsed = merge_response<RangeResponse>(field.bytes, out, depth);
    else if (field.is_bytes(2))
      parsed = merge_response<PutResponse>(field.bytes, out, depth);
    else if (field.is_bytes(3))
      parsed = merge_response<DeleteRangeResponse>(field.bytes, out, depth);
    else if (field.is_bytes(4))
      parsed = merge_response<TxnResponse>(field.bytes, out, depth + 1);
  });
}

Parsed merge(std::string_view bytes, Header& header, TxnResponse& out, int depth) {
  if (depth > kNestingMax) return Parsed::kTooDeep;
  return each_field(bytes, [&](const Field& field, Parsed& parsed) {
    if (field.is_bytes(1))
      parsed = merge(field.bytes, header);
    else if (field.is_varint(2))
      out.succeeded = field.varint != 0;
    else if (field.is_bytes(3))
      parsed = merge(field.bytes, out.responses.emplace_back(), depth);
  });
}

// The text is Go's, which clients see behind "grpc: error unmarshalling request: ".
Error refusal(Parsed parsed) {
  if (parsed == Parsed::kTooDeep) {
    return Error{Errc::kTooLarge, "the transaction is nested too deeply"};
  }
  return Error{Errc::kInvalid, "proto: cannot parse invalid wire-format data"};
}

template <class Request>
Result<Request> parse(std::string_view bytes) {
  Request request;
  bool saw_empty_end = false;
  const Parsed parsed = merge(bytes, request, {EmptyEnd::kFromKey, 0, saw_empty_end});
  if (parsed != Parsed::kOk) return refusal(parsed);
  return request;
}

template <class Response>
Result<ParsedResponse> parse_answer(std::string_view bytes) {
  Header header;
  Response response;
  const Parsed parsed = merge(bytes, header, response, 0);
  if (parsed != Parsed::kOk) return refusal(parsed);
  response.header_revision = header.revision;
  return ParsedResponse{header, std::move(response)};
}

}  // namespace

Result<RangeRequest> parse_range_request(std::string_view bytes) {
  return parse<RangeRequest>(bytes);
}
Result<PutRequest> parse_put_request(std::string_view bytes) {
  return parse<PutRequest>(bytes);
}
Result<DeleteRangeRequest> parse_delete_range_request(std::string_view bytes) {
  return parse<DeleteRangeRequest>(bytes);
}
Result<TxnRequest> parse_txn_request(std::string_view bytes) {
  TxnRequest request;
  bool saw_empty_end = false;
  const Parsed parsed = merge(bytes, request, {EmptyEnd::kFromKey, 0, saw_empty_end});
  if (parsed != Parsed::kOk) return refusal(parsed);
  if (!saw_empty_end || apply::is_read_only(request)) return request;
  request = {};
  merge(bytes, request, {EmptyEnd::kForgotten, 0, saw_empty_end});
  return request;
}
Result<CompactionRequest> parse_compaction_request(std::string_view bytes) {
  return parse<CompactionRequest>(bytes);
}

std::string serialize(const RangeRequest& request) {
  return to_bytes(request);
}
std::string serialize(const PutRequest& request) {
  return to_bytes(request);
}
std::string serialize(const DeleteRangeRequest& request) {
  return to_bytes(request);
}
std::string serialize(const TxnRequest& request) {
  return to_bytes(request);
}
std::string serialize(const CompactionRequest& request) {
  return to_bytes(request);
}

Bytes serialize(const Header& header, const apply::Response& response) {
  return std::visit(
      [&header](const auto& answer) { return Bytes::adopt(to_bytes(Answered{header, answer})); },
      response);
}

std::size_t serialized_bytes(const Header& header, const apply::Response& response) {
  return std::visit([&header](const auto& answer) { return size_of(Answered{header, answer}); },
                    response);
}

Result<ParsedResponse> parse_range_response(std::string_view bytes) {
  return parse_answer<RangeResponse>(bytes);
}
Result<ParsedResponse> parse_put_response(std::string_view bytes) {
  return parse_answer<PutResponse>(bytes);
}
Result<ParsedResponse> parse_delete_range_response(std::string_view bytes) {
  return parse_answer<DeleteRangeResponse>(bytes);
}
Result<ParsedResponse> parse_txn_response(std::string_view bytes) {
  return parse_answer<TxnResponse>(bytes);
}
Result<ParsedResponse> parse_compaction_response(std::string_view bytes) {
  return parse_answer<CompactionResponse>(bytes);
}

}  // namespace detcd::wire
