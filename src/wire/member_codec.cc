#include "wire/member_codec.h"

#include <climits>
#include <utility>

#include "base/check.h"
#include "wire/proto/rpc.pb.h"

namespace detcd::wire {
namespace {

using membership::Change;
using membership::Member;

// Go's text, which clients see behind "grpc: error unmarshalling request: ".
Error malformed() {
  return Error{Errc::kInvalid, "proto: cannot parse invalid wire-format data"};
}

template <class Message>
bool parse_into(Message& message, std::string_view bytes) {
  return bytes.size() <= INT_MAX &&
         message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

template <class Message>
std::string to_string(const Message& message) {
  std::string bytes;
  const bool serialized = message.SerializeToString(&bytes);
  check(serialized, "a message made of valid fields can be serialized");
  return bytes;
}

void fill(etcdserverpb::Member& out, const Member& member) {
  out.set_id(member.id);
  out.set_name(member.name);
  for (const std::string& url : member.peer_urls) out.add_peerurls(url);
  for (const std::string& url : member.client_urls) out.add_clienturls(url);
  out.set_islearner(member.is_learner);
}

Member member_of(const etcdserverpb::Member& from) {
  Member member;
  member.id = from.id();
  member.name = from.name();
  member.peer_urls.assign(from.peerurls().begin(), from.peerurls().end());
  member.client_urls.assign(from.clienturls().begin(), from.clienturls().end());
  member.is_learner = from.islearner();
  return member;
}

template <class Message>
void fill_list(Message& out, const MemberList& response) {
  etcdserverpb::ResponseHeader& header = *out.mutable_header();
  header.set_cluster_id(response.header.cluster_id);
  header.set_member_id(response.header.member_id);
  header.set_revision(response.header.revision);
  header.set_raft_term(response.header.raft_term);
  for (const Member& member : response.members) fill(*out.add_members(), member);
}

template <class Message>
MemberList list_of(const Message& parsed) {
  MemberList response;
  response.header = {.cluster_id = parsed.header().cluster_id(),
                     .member_id = parsed.header().member_id(),
                     .revision = parsed.header().revision(),
                     .raft_term = parsed.header().raft_term()};
  for (const etcdserverpb::Member& member : parsed.members()) {
    response.members.push_back(member_of(member));
  }
  return response;
}

// A request that holds an id and nothing else.
template <class Message>
Result<Change> parse_of_id(Change::Kind kind, std::string_view bytes) {
  Message request;
  if (!parse_into(request, bytes)) return malformed();
  return Change{kind, {.id = request.id()}};
}

template <class Message>
std::string serialize_of_id(const Change& change) {
  Message request;
  request.set_id(change.member.id);
  return to_string(request);
}

}  // namespace

Result<bool> parse_member_list_request(std::string_view bytes) {
  etcdserverpb::MemberListRequest request;
  if (!parse_into(request, bytes)) return malformed();
  return request.linearizable();
}

std::string serialize_member_list_request(bool linearizable) {
  etcdserverpb::MemberListRequest request;
  request.set_linearizable(linearizable);
  return to_string(request);
}

Result<Change> parse_member_request(Change::Kind kind, std::string_view bytes) {
  switch (kind) {
    case Change::Kind::kAdd: {
      etcdserverpb::MemberAddRequest request;
      if (!parse_into(request, bytes)) return malformed();
      Change change{kind, {.is_learner = request.islearner()}};
      change.member.peer_urls.assign(request.peerurls().begin(), request.peerurls().end());
      return change;
    }
    case Change::Kind::kUpdate: {
      etcdserverpb::MemberUpdateRequest request;
      if (!parse_into(request, bytes)) return malformed();
      Change change{kind, {.id = request.id()}};
      change.member.peer_urls.assign(request.peerurls().begin(), request.peerurls().end());
      return change;
    }
    case Change::Kind::kRemove:
      return parse_of_id<etcdserverpb::MemberRemoveRequest>(kind, bytes);
    case Change::Kind::kPromote:
      return parse_of_id<etcdserverpb::MemberPromoteRequest>(kind, bytes);
  }
  return malformed();
}

std::string serialize_member_request(const Change& change) {
  switch (change.kind) {
    case Change::Kind::kAdd: {
      etcdserverpb::MemberAddRequest request;
      for (const std::string& url : change.member.peer_urls) request.add_peerurls(url);
      request.set_islearner(change.member.is_learner);
      return to_string(request);
    }
    case Change::Kind::kUpdate: {
      etcdserverpb::MemberUpdateRequest request;
      request.set_id(change.member.id);
      for (const std::string& url : change.member.peer_urls) request.add_peerurls(url);
      return to_string(request);
    }
    case Change::Kind::kRemove:
      return serialize_of_id<etcdserverpb::MemberRemoveRequest>(change);
    case Change::Kind::kPromote:
      return serialize_of_id<etcdserverpb::MemberPromoteRequest>(change);
  }
  return "";
}

Bytes serialize(const MemberList& response) {
  if (response.added) {
    etcdserverpb::MemberAddResponse out;
    fill_list(out, response);
    fill(*out.mutable_member(), *response.added);
    return Bytes::adopt(to_string(out));
  }
  etcdserverpb::MemberListResponse out;
  fill_list(out, response);
  return Bytes::adopt(to_string(out));
}

Result<MemberList> parse_member_list_response(std::string_view bytes) {
  etcdserverpb::MemberListResponse parsed;
  if (!parse_into(parsed, bytes)) return malformed();
  return list_of(parsed);
}

Result<MemberList> parse_member_add_response(std::string_view bytes) {
  etcdserverpb::MemberAddResponse parsed;
  if (!parse_into(parsed, bytes)) return malformed();
  MemberList response = list_of(parsed);
  response.added = member_of(parsed.member());
  return response;
}

}  // namespace detcd::wire
