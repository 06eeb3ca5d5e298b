// The KV messages as sequences of protobuf fields, for a sink that counts (FieldSizer) or writes
// (FieldWriter): one description gives both a message's length and its bytes.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <variant>

#include "apply/command.h"
#include "wire/field.h"
#include "wire/kv_codec.h"

namespace detcd::wire {

// A response with its outer header.
template <class Response>
struct Answered {
  const Header& header;
  const Response& response;
};

// The field of Compare's union that belongs to a target; 0 for targets that don't exist.
[[nodiscard]] constexpr std::uint32_t compare_field(std::int32_t target) {
  switch (static_cast<apply::CompareTarget>(target)) {
    case apply::CompareTarget::kVersion:
      return 4;
    case apply::CompareTarget::kCreate:
      return 5;
    case apply::CompareTarget::kMod:
      return 6;
    case apply::CompareTarget::kValue:
      return 7;
    case apply::CompareTarget::kLease:
      return 8;
  }
  return 0;
}

[[nodiscard]] constexpr std::uint64_t unsigned_of(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

// Declared ahead, because messages hold each other: fields(sink, message) puts out all fields.
template <class Sink>
void fields(Sink& sink, const Header& message);
template <class Sink>
void fields(Sink& sink, const apply::KeyValue& message);
template <class Sink>
void fields(Sink& sink, const apply::RangeRequest& message);
template <class Sink>
void fields(Sink& sink, const apply::PutRequest& message);
template <class Sink>
void fields(Sink& sink, const apply::DeleteRangeRequest& message);
template <class Sink>
void fields(Sink& sink, const apply::TxnRequest& message);
template <class Sink>
void fields(Sink& sink, const apply::RequestOp& message);
template <class Sink>
void fields(Sink& sink, const apply::Compare& message);
template <class Sink>
void fields(Sink& sink, const apply::CompactionRequest& message);
template <class Sink>
void fields(Sink& sink, const apply::ResponseOp& message);
template <class Sink, class Response>
void fields(Sink& sink, const Answered<Response>& message);

template <class Message>
[[nodiscard]] std::size_t size_of(const Message& message) {
  FieldSizer sizer;
  fields(sizer, message);
  return sizer.size();
}
template <class Message>
[[nodiscard]] std::string to_bytes(const Message& message) {
  FieldWriter writer(size_of(message));
  fields(writer, message);
  return writer.take();
}

// A message inside a message; written even when it is empty. Sizes of nested messages are counted
// again at each level, which costs (depth × size); depth is bounded by the limit of operations.
template <class Message>
void nested(FieldSizer& sink, std::uint32_t field, const Message& message) {
  const std::size_t before = sink.size();
  fields(sink, message);
  sink.message_header(field, sink.size() - before);
}
template <class Message>
void nested(FieldWriter& sink, std::uint32_t field, const Message& message) {
  sink.message_header(field, size_of(message));
  fields(sink, message);
}

template <class Sink>
void fields(Sink& sink, const Header& message) {
  sink.number(1, message.cluster_id);
  sink.number(2, message.member_id);
  sink.number(3, unsigned_of(message.revision));
  sink.number(4, message.raft_term);
}
template <class Sink>
void fields(Sink& sink, const apply::KeyValue& message) {
  sink.bytes(1, message.key.view());
  sink.number(2, unsigned_of(message.create_revision));
  sink.number(3, unsigned_of(message.mod_revision));
  sink.number(4, unsigned_of(message.version));
  sink.bytes(5, message.value.view());
  sink.number(6, unsigned_of(message.lease));
}

template <class Sink>
void fields(Sink& sink, const apply::RangeRequest& message) {
  sink.bytes(1, message.key);
  sink.bytes(2, message.range_end);
  sink.number(3, unsigned_of(message.limit));
  sink.number(4, unsigned_of(message.revision));
  sink.number(5, unsigned_of(message.sort_order));
  sink.number(6, unsigned_of(message.sort_target));
  sink.number(7, message.serializable ? 1 : 0);
  sink.number(8, message.keys_only ? 1 : 0);
  sink.number(9, message.count_only ? 1 : 0);
  sink.number(10, unsigned_of(message.min_mod_revision));
  sink.number(11, unsigned_of(message.max_mod_revision));
  sink.number(12, unsigned_of(message.min_create_revision));
  sink.number(13, unsigned_of(message.max_create_revision));
}
template <class Sink>
void fields(Sink& sink, const apply::PutRequest& message) {
  sink.bytes(1, message.key);
  sink.bytes(2, message.value);
  sink.number(3, unsigned_of(message.lease));
  sink.number(4, message.prev_kv ? 1 : 0);
  sink.number(5, message.ignore_value ? 1 : 0);
  sink.number(6, message.ignore_lease ? 1 : 0);
}
template <class Sink>
void fields(Sink& sink, const apply::DeleteRangeRequest& message) {
  sink.bytes(1, message.key);
  sink.bytes(2, message.range_end);
  sink.number(3, message.prev_kv ? 1 : 0);
}
template <class Sink>
void fields(Sink& sink, const apply::CompactionRequest& message) {
  sink.number(1, unsigned_of(message.revision));
  sink.number(2, message.physical ? 1 : 0);
}
template <class Sink>
void fields(Sink& sink, const apply::Compare& message) {
  sink.number(1, unsigned_of(message.result));
  sink.number(2, unsigned_of(message.target));
  sink.bytes(3, message.key);
  // Members of a union are written also when they are zero.
  const std::uint32_t member = compare_field(message.target);
  if (member == 7) {
    sink.present_bytes(7, message.value);
  } else if (member != 0) {
    sink.present_number(member, unsigned_of(message.number));
  }
  sink.bytes(64, message.range_end);
}
template <class Sink>
void fields(Sink& sink, const apply::RequestOp& message) {
  if (const auto* range = std::get_if<apply::RangeRequest>(&message.request)) {
    nested(sink, 1, *range);
  } else if (const auto* put = std::get_if<apply::PutRequest>(&message.request)) {
    nested(sink, 2, *put);
  } else if (const auto* del = std::get_if<apply::DeleteRangeRequest>(&message.request)) {
    nested(sink, 3, *del);
  } else if (const auto* txn = std::get_if<apply::TxnRequest>(&message.request)) {
    nested(sink, 4, *txn);
  }
}
template <class Sink>
void fields(Sink& sink, const apply::TxnRequest& message) {
  for (const apply::Compare& compare : message.compare) nested(sink, 1, compare);
  for (const apply::RequestOp& op : message.success) nested(sink, 2, op);
  for (const apply::RequestOp& op : message.failure) nested(sink, 3, op);
}

template <class Sink>
void body(Sink& sink, const apply::RangeResponse& message) {
  for (const apply::KeyValue& kv : message.kvs) nested(sink, 2, kv);
  sink.number(3, message.more ? 1 : 0);
  sink.number(4, unsigned_of(message.count));
}
template <class Sink>
void body(Sink& sink, const apply::PutResponse& message) {
  if (message.prev_kv) nested(sink, 2, *message.prev_kv);
}
template <class Sink>
void body(Sink& sink, const apply::DeleteRangeResponse& message) {
  sink.number(2, unsigned_of(message.deleted));
  for (const apply::KeyValue& kv : message.prev_kvs) nested(sink, 3, kv);
}
template <class Sink>
void body(Sink& sink, const apply::TxnResponse& message) {
  sink.number(2, message.succeeded ? 1 : 0);
  for (const apply::ResponseOp& op : message.responses) nested(sink, 3, op);
}
template <class Sink>
void body(Sink&, const apply::CompactionResponse&) {}
template <class Sink>
void body(Sink& sink, const apply::LeaseGrantResponse& message) {
  sink.number(2, unsigned_of(message.id));
  sink.number(3, unsigned_of(message.ttl));
}
template <class Sink>
void body(Sink&, const apply::LeaseRevokeResponse&) {}
// What these say goes to the clients in another form (auth_codec.h, member_codec.h), or to none.
template <class Sink>
void body(Sink&, const apply::PublishResponse&) {}
template <class Sink>
void body(Sink&, const apply::LeaseRenewResponse&) {}
template <class Sink>
void body(Sink&, const apply::LeaseTickResponse&) {}
template <class Sink>
void body(Sink&, const apply::AuthResponse&) {}
template <class Sink>
void body(Sink&, const apply::MemberResponse&) {}

template <class Sink, class Response>
void fields(Sink& sink, const Answered<Response>& message) {
  nested(sink, 1, message.header);
  body(sink, message.response);
}
// Inside a Txn, the answers' headers carry a revision only (ETCD.md §2.5).
template <class Sink>
void fields(Sink& sink, const apply::ResponseOp& message) {
  const auto put_out = [&sink](std::uint32_t field, const auto& response) {
    Header header;
    header.revision = response.header_revision;
    nested(sink, field, Answered<std::remove_cvref_t<decltype(response)>>{header, response});
  };
  std::visit(
      [&](const auto& response) {
        using Response = std::remove_cvref_t<decltype(response)>;
        if constexpr (std::is_same_v<Response, apply::RangeResponse>)
          put_out(1, response);
        else if constexpr (std::is_same_v<Response, apply::PutResponse>)
          put_out(2, response);
        else if constexpr (std::is_same_v<Response, apply::DeleteRangeResponse>)
          put_out(3, response);
        else
          put_out(4, response);
      },
      message.response);
}

}  // namespace detcd::wire
