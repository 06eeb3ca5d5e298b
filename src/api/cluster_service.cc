#include "api/cluster_service.h"

#include <array>

#include "api/errors.h"
#include "base/check.h"
#include "wire/admin_codec.h"

namespace detcd::api {
namespace {

Asked ask_member_list(const Bytes& message, const apply::Limits&) {
  const Result<bool> linearizable = wire::parse_member_list_request(message.view());
  if (!linearizable) return unmarshalling_failed(linearizable.error());
  return server::Request(server::MemberListRequest{.linearizable = *linearizable});
}

// Answers of this service carry no revision (ETCD.md §3.2).
Answered answer_member_list(const server::Reply& reply) {
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) return status_of(*error);
  const auto* response = std::get_if<server::MemberListResponse>(&reply.outcome);
  check(response != nullptr, "the node answers MemberList with a list of members");
  wire::MemberList list;
  list.header = {.cluster_id = reply.header.cluster_id,
                 .member_id = reply.header.member_id,
                 .revision = 0,
                 .raft_term = reply.header.raft_term};
  list.members = response->members;
  return wire::serialize(list);
}

constexpr std::array kMethods{
    Method{"etcdserverpb.Cluster", "MemberList", Shape::kUnary, ask_member_list,
           answer_member_list},
};

}  // namespace

std::span<const Method> cluster_methods() {
  return kMethods;
}

}  // namespace detcd::api
