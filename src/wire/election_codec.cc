#include "wire/election_codec.h"

#include "wire/field.h"
#include "wire/header_codec.h"
#include "wire/kv_fields.h"

namespace detcd::wire {
namespace {

Error malformed() {
  return Error{Errc::kInvalid, "proto: cannot parse invalid wire-format data"};
}

// Gives each field to `take`, which says whether it could be read.
template <class Take>
bool each_field(std::string_view bytes, const Take& take) {
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (!take(field)) return false;
  }
  return reader.ok();
}

bool merge(LeaderKey& out, std::string_view bytes) {
  return each_field(bytes, [&](const Field& field) {
    if (field.is_bytes(1)) out.name.assign(field.bytes);
    if (field.is_bytes(2)) out.key.assign(field.bytes);
    if (field.is_varint(3)) out.revision = signed_of(field);
    if (field.is_varint(4)) out.lease = signed_of(field);
    return true;
  });
}
bool merge(std::optional<LeaderKey>& out, std::string_view bytes) {
  if (!out) out.emplace();
  return merge(*out, bytes);
}
bool merge(Header& out, std::string_view bytes) {
  return each_field(bytes, [&](const Field& field) {
    if (field.is_varint(1)) out.cluster_id = field.varint;
    if (field.is_varint(2)) out.member_id = field.varint;
    if (field.is_varint(3)) out.revision = signed_of(field);
    if (field.is_varint(4)) out.raft_term = field.varint;
    return true;
  });
}
bool merge(apply::KeyValue& out, std::string_view bytes) {
  return each_field(bytes, [&](const Field& field) {
    if (field.is_bytes(1)) out.key = Bytes(field.bytes);
    if (field.is_varint(2)) out.create_revision = signed_of(field);
    if (field.is_varint(3)) out.mod_revision = signed_of(field);
    if (field.is_varint(4)) out.version = signed_of(field);
    if (field.is_bytes(5)) out.value = Bytes(field.bytes);
    if (field.is_varint(6)) out.lease = signed_of(field);
    return true;
  });
}

}  // namespace

// Outside, where kv_fields.h finds them by the types of their messages.
template <class Sink>
void fields(Sink& sink, const LockRequest& message) {
  sink.bytes(1, message.name);
  sink.number(2, unsigned_of(message.lease));
}
template <class Sink>
void fields(Sink& sink, const UnlockRequest& message) {
  sink.bytes(1, message.key);
}
template <class Sink>
void fields(Sink& sink, const CampaignRequest& message) {
  sink.bytes(1, message.name);
  sink.number(2, unsigned_of(message.lease));
  sink.bytes(3, message.value);
}
template <class Sink>
void fields(Sink& sink, const LeaderKey& message) {
  sink.bytes(1, message.name);
  sink.bytes(2, message.key);
  sink.number(3, unsigned_of(message.revision));
  sink.number(4, unsigned_of(message.lease));
}
template <class Sink>
void fields(Sink& sink, const ProclaimRequest& message) {
  if (message.leader) nested(sink, 1, *message.leader);
  sink.bytes(2, message.value);
}
template <class Sink>
void fields(Sink& sink, const ResignRequest& message) {
  if (message.leader) nested(sink, 1, *message.leader);
}

namespace {

struct LockFields {
  const Header& header;
  std::string_view key;
};
template <class Sink>
void fields(Sink& sink, const LockFields& message) {
  nested(sink, 1, message.header);
  sink.bytes(2, message.key);
}
template <class Inner>
struct WithHeader {
  const Header& header;
  const Inner& inner;
};
template <class Sink, class Inner>
void fields(Sink& sink, const WithHeader<Inner>& message) {
  nested(sink, 1, message.header);
  nested(sink, 2, message.inner);
}

}  // namespace

Result<LockRequest> parse_lock_request(std::string_view bytes) {
  LockRequest request;
  const bool whole = each_field(bytes, [&](const Field& field) {
    if (field.is_bytes(1)) request.name.assign(field.bytes);
    if (field.is_varint(2)) request.lease = signed_of(field);
    return true;
  });
  if (!whole) return malformed();
  return request;
}

Result<UnlockRequest> parse_unlock_request(std::string_view bytes) {
  Result<std::string> key = parse_leader_request(bytes);  // The same field.
  if (!key) return key.error();
  return UnlockRequest{*std::move(key)};
}

Result<CampaignRequest> parse_campaign_request(std::string_view bytes) {
  CampaignRequest request;
  const bool whole = each_field(bytes, [&](const Field& field) {
    if (field.is_bytes(1)) request.name.assign(field.bytes);
    if (field.is_varint(2)) request.lease = signed_of(field);
    if (field.is_bytes(3)) request.value.assign(field.bytes);
    return true;
  });
  if (!whole) return malformed();
  return request;
}

Result<ProclaimRequest> parse_proclaim_request(std::string_view bytes) {
  ProclaimRequest request;
  const bool whole = each_field(bytes, [&](const Field& field) {
    if (field.is_bytes(2)) request.value.assign(field.bytes);
    return !field.is_bytes(1) || merge(request.leader, field.bytes);
  });
  if (!whole) return malformed();
  return request;
}

Result<std::string> parse_leader_request(std::string_view bytes) {
  std::string name;
  const bool whole = each_field(bytes, [&](const Field& field) {
    if (field.is_bytes(1)) name.assign(field.bytes);
    return true;
  });
  if (!whole) return malformed();
  return name;
}

Result<ResignRequest> parse_resign_request(std::string_view bytes) {
  ResignRequest request;
  const bool whole = each_field(bytes, [&](const Field& field) {
    return !field.is_bytes(1) || merge(request.leader, field.bytes);
  });
  if (!whole) return malformed();
  return request;
}

std::string serialize(const LockRequest& request) {
  return to_bytes(request);
}
std::string serialize(const UnlockRequest& request) {
  return to_bytes(request);
}
std::string serialize(const CampaignRequest& request) {
  return to_bytes(request);
}
std::string serialize(const ProclaimRequest& request) {
  return to_bytes(request);
}
std::string serialize_leader_request(std::string_view name) {
  return to_bytes(UnlockRequest{std::string(name)});
}
std::string serialize(const ResignRequest& request) {
  return to_bytes(request);
}

Bytes serialize_header_only(const Header& header) {
  return serialize_lock_response(header, "");
}
Bytes serialize_lock_response(const Header& header, std::string_view key) {
  return Bytes::adopt(to_bytes(LockFields{header, key}));
}
Bytes serialize(const Header& header, const LeaderKey& leader) {
  return Bytes::adopt(to_bytes(WithHeader<LeaderKey>{header, leader}));
}
Bytes serialize_leader_response(const Header& header, const apply::KeyValue& kv) {
  return Bytes::adopt(to_bytes(WithHeader<apply::KeyValue>{header, kv}));
}

Result<ElectionResponse> parse_lock_response(std::string_view bytes) {
  ElectionResponse response;
  const bool whole = each_field(bytes, [&](const Field& field) {
    if (field.is_bytes(2)) response.key.assign(field.bytes);
    return !field.is_bytes(1) || merge(response.header, field.bytes);
  });
  if (!whole) return malformed();
  return response;
}

Result<ElectionResponse> parse_campaign_response(std::string_view bytes) {
  ElectionResponse response;
  const bool whole = each_field(bytes, [&](const Field& field) {
    if (field.is_bytes(2)) return merge(response.leader, field.bytes);
    return !field.is_bytes(1) || merge(response.header, field.bytes);
  });
  if (!whole) return malformed();
  return response;
}

Result<ElectionResponse> parse_leader_response(std::string_view bytes) {
  ElectionResponse response;
  const bool whole = each_field(bytes, [&](const Field& field) {
    if (field.is_bytes(2)) {
      if (!response.kv) response.kv.emplace();
      return merge(*response.kv, field.bytes);
    }
    return !field.is_bytes(1) || merge(response.header, field.bytes);
  });
  if (!whole) return malformed();
  return response;
}

}  // namespace detcd::wire
