#include "wire/lease_codec.h"

#include "wire/field.h"
#include "wire/header_codec.h"
#include "wire/kv_fields.h"

namespace detcd::wire {
namespace {

Error malformed() {
  return Error{Errc::kInvalid, "proto: cannot parse invalid wire-format data"};
}

// A message of which only the number in one field counts.
Result<std::int64_t> parse_id(std::string_view bytes) {
  std::int64_t id = 0;
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_varint(1)) id = signed_of(field);
  }
  if (!reader.ok()) return malformed();
  return id;
}

struct IdField {
  std::int64_t id = 0;
};
struct TimeToLiveFields {
  const apply::LeaseTimeToLiveRequest& request;
};
struct GrantFields {
  const apply::LeaseGrantRequest& request;
};
struct KeepAliveFields {
  const LeaseKeepAliveResponse& response;
};

template <class Sink>
void fields(Sink& sink, const IdField& message) {
  sink.number(1, unsigned_of(message.id));
}
template <class Sink>
void fields(Sink& sink, const GrantFields& message) {
  sink.number(1, unsigned_of(message.request.ttl));
  sink.number(2, unsigned_of(message.request.id));
}
template <class Sink>
void fields(Sink& sink, const TimeToLiveFields& message) {
  sink.number(1, unsigned_of(message.request.id));
  sink.number(2, message.request.keys ? 1 : 0);
}
template <class Sink>
void fields(Sink& sink, const KeepAliveFields& message) {
  nested(sink, 1, message.response.header);
  sink.number(2, unsigned_of(message.response.id));
  sink.number(3, unsigned_of(message.response.ttl));
}
template <class Sink>
void body(Sink& sink, const apply::LeaseTimeToLiveResponse& message) {
  sink.number(2, unsigned_of(message.id));
  sink.number(3, unsigned_of(message.ttl));
  sink.number(4, unsigned_of(message.granted_ttl));
  for (const std::string& key : message.keys) sink.present_bytes(5, key);
}
template <class Sink>
void body(Sink& sink, const apply::LeaseLeasesResponse& message) {
  for (const std::int64_t id : message.ids) nested(sink, 2, IdField{id});
}
template <class Response>
struct WithHeader {
  const Header& header;
  const Response& response;
};
template <class Sink, class Response>
void fields(Sink& sink, const WithHeader<Response>& message) {
  nested(sink, 1, message.header);
  body(sink, message.response);
}

}  // namespace

Result<apply::LeaseGrantRequest> parse_lease_grant_request(std::string_view bytes) {
  apply::LeaseGrantRequest request;
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_varint(1)) request.ttl = signed_of(field);
    if (field.is_varint(2)) request.id = signed_of(field);
  }
  if (!reader.ok()) return malformed();
  return request;
}

Result<apply::LeaseRevokeRequest> parse_lease_revoke_request(std::string_view bytes) {
  const Result<std::int64_t> id = parse_id(bytes);
  if (!id) return id.error();
  return apply::LeaseRevokeRequest{*id};
}

Result<std::int64_t> parse_lease_keep_alive_request(std::string_view bytes) {
  return parse_id(bytes);
}

Result<apply::LeaseTimeToLiveRequest> parse_lease_time_to_live_request(std::string_view bytes) {
  apply::LeaseTimeToLiveRequest request;
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_varint(1)) request.id = signed_of(field);
    if (field.is_varint(2)) request.keys = field.varint != 0;
  }
  if (!reader.ok()) return malformed();
  return request;
}

Result<apply::LeaseLeasesRequest> parse_lease_leases_request(std::string_view bytes) {
  const Result<std::int64_t> nothing = parse_id(bytes);
  if (!nothing) return nothing.error();
  return apply::LeaseLeasesRequest{};
}

std::string serialize(const apply::LeaseGrantRequest& request) {
  return to_bytes(GrantFields{request});
}
std::string serialize(const apply::LeaseRevokeRequest& request) {
  return to_bytes(IdField{request.id});
}
std::string serialize_lease_keep_alive_request(std::int64_t id) {
  return to_bytes(IdField{id});
}
std::string serialize(const apply::LeaseTimeToLiveRequest& request) {
  return to_bytes(TimeToLiveFields{request});
}

Bytes serialize(const LeaseKeepAliveResponse& response) {
  return Bytes::adopt(to_bytes(KeepAliveFields{response}));
}
Bytes serialize(const Header& header, const apply::LeaseTimeToLiveResponse& response) {
  return Bytes::adopt(to_bytes(WithHeader<apply::LeaseTimeToLiveResponse>{header, response}));
}
Bytes serialize(const Header& header, const apply::LeaseLeasesResponse& response) {
  return Bytes::adopt(to_bytes(WithHeader<apply::LeaseLeasesResponse>{header, response}));
}

Result<ParsedResponse> parse_lease_grant_response(std::string_view bytes) {
  ParsedResponse parsed;
  apply::LeaseGrantResponse response;
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_bytes(1) && !parse_header(parsed.header, field.bytes)) return malformed();
    if (field.is_varint(2)) response.id = signed_of(field);
    if (field.is_varint(3)) response.ttl = signed_of(field);
  }
  if (!reader.ok()) return malformed();
  response.header_revision = parsed.header.revision;
  parsed.response = response;
  return parsed;
}

Result<ParsedResponse> parse_lease_revoke_response(std::string_view bytes) {
  ParsedResponse parsed;
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_bytes(1) && !parse_header(parsed.header, field.bytes)) return malformed();
  }
  if (!reader.ok()) return malformed();
  parsed.response = apply::LeaseRevokeResponse{parsed.header.revision};
  return parsed;
}

Result<LeaseKeepAliveResponse> parse_lease_keep_alive_response(std::string_view bytes) {
  LeaseKeepAliveResponse response;
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_bytes(1) && !parse_header(response.header, field.bytes)) return malformed();
    if (field.is_varint(2)) response.id = signed_of(field);
    if (field.is_varint(3)) response.ttl = signed_of(field);
  }
  if (!reader.ok()) return malformed();
  return response;
}

Result<LeaseTimeToLive> parse_lease_time_to_live_response(std::string_view bytes) {
  LeaseTimeToLive parsed;
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_bytes(1) && !parse_header(parsed.header, field.bytes)) return malformed();
    if (field.is_varint(2)) parsed.response.id = signed_of(field);
    if (field.is_varint(3)) parsed.response.ttl = signed_of(field);
    if (field.is_varint(4)) parsed.response.granted_ttl = signed_of(field);
    if (field.is_bytes(5)) parsed.response.keys.emplace_back(field.bytes);
  }
  if (!reader.ok()) return malformed();
  return parsed;
}

Result<LeaseLeases> parse_lease_leases_response(std::string_view bytes) {
  LeaseLeases parsed;
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_bytes(1) && !parse_header(parsed.header, field.bytes)) return malformed();
    if (!field.is_bytes(2)) continue;
    const Result<std::int64_t> id = parse_id(field.bytes);
    if (!id) return id.error();
    parsed.response.ids.push_back(*id);
  }
  if (!reader.ok()) return malformed();
  return parsed;
}

}  // namespace detcd::wire
