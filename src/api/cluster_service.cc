#include "api/cluster_service.h"

#include <array>
#include <utility>

#include "api/errors.h"
#include "base/check.h"
#include "membership/url.h"
#include "wire/member_codec.h"

namespace detcd::api {
namespace {

using membership::Change;

constexpr std::string_view kService = "etcdserverpb.Cluster";

Asked ask_list(const Bytes& message, const apply::Limits&) {
  const Result<bool> linearizable = wire::parse_member_list_request(message.view());
  if (!linearizable) return unmarshalling_failed(linearizable.error());
  return server::Request(server::MemberListRequest{.linearizable = *linearizable});
}

template <Change::Kind kKind>
Asked ask_change(const Bytes& message, const apply::Limits&) {
  Result<Change> change = wire::parse_member_request(kKind, message.view());
  if (!change) return unmarshalling_failed(change.error());
  return server::Request(*std::move(change));
}

// As etcd, which looks at the URLs of an added member and takes those of an update as they are.
Asked ask_add(const Bytes& message, const apply::Limits&) {
  Result<Change> change = wire::parse_member_request(Change::Kind::kAdd, message.view());
  if (!change) return unmarshalling_failed(change.error());
  const Result<membership::Urls> urls = membership::parse_urls(change->member.peer_urls);
  if (!urls || urls->empty()) return status_of(apply::ApiError::kMemberBadUrls);
  change->member.peer_urls = membership::strings(*urls);
  return server::Request(*std::move(change));
}

// Answers of this service carry no revision (ETCD.md §3.2).
Answered answer(const server::Reply& reply) {
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) return status_of(*error);
  const auto* response = std::get_if<server::MemberListResponse>(&reply.outcome);
  check(response != nullptr, "the node answers requests of Cluster with a list of members");
  wire::MemberList list;
  list.header = {.cluster_id = reply.header.cluster_id,
                 .member_id = reply.header.member_id,
                 .revision = 0,
                 .raft_term = reply.header.raft_term};
  list.members = response->members;
  list.added = response->added;
  return wire::serialize(list);
}

constexpr std::array kMethods{
    Method{kService, "MemberAdd", Shape::kUnary, ask_add, answer},
    Method{kService, "MemberRemove", Shape::kUnary, ask_change<Change::Kind::kRemove>, answer},
    Method{kService, "MemberUpdate", Shape::kUnary, ask_change<Change::Kind::kUpdate>, answer},
    Method{kService, "MemberList", Shape::kUnary, ask_list, answer},
    Method{kService, "MemberPromote", Shape::kUnary, ask_change<Change::Kind::kPromote>, answer},
};

}  // namespace

std::span<const Method> cluster_methods() {
  return kMethods;
}

}  // namespace detcd::api
