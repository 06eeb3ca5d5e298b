#include "sim/workload/seam_client.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "apply/api_error.h"
#include "apply/validate.h"
#include "runtime/wait.h"

namespace detcd::sim {
namespace {

// As clientv3 waits after it has tried every member.
constexpr Duration kPauseAfterRound = 25ms;
// How often somebody who waits looks whether the member still lives.
constexpr Duration kLookEvery = 20ms;

std::optional<apply::ApiError> invalid(const Operation& operation) {
  if (const auto* txn = std::get_if<apply::TxnRequest>(&operation)) {
    return apply::validate(*txn, apply::Limits{});
  }
  if (const auto* range = std::get_if<apply::RangeRequest>(&operation)) {
    return apply::validate(*range);
  }
  if (const auto* put = std::get_if<apply::PutRequest>(&operation)) return apply::validate(*put);
  if (const auto* erase = std::get_if<apply::DeleteRangeRequest>(&operation)) {
    return apply::validate(*erase);
  }
  return std::nullopt;
}

server::Request to_request(const KeepAlive& keep) {
  return server::KeepAliveRequest{keep.lease};
}
server::Request to_request(const auth::Change& change) {
  if (const auto* add = std::get_if<auth::UserAdd>(&change)) {
    return server::UserAddRequest{add->name, add->name};
  }
  if (const auto* password = std::get_if<auth::UserChangePassword>(&change)) {
    return server::ChangePasswordRequest{password->name, password->name, {}};
  }
  return change;
}
template <class Known>
server::Request to_request(const Known& known) {
  return known;
}
server::Request request_of(const Operation& operation) {
  return std::visit([](const auto& known) { return to_request(known); }, operation);
}

void refuse(CallRecord& call, apply::ApiError error) {
  call.message = apply::text(error);
  call.code = static_cast<std::uint32_t>(apply::grpc_code(error));
  call.outcome =
      is_definite(call.message) ? CallRecord::Outcome::kRefused : CallRecord::Outcome::kUnknown;
}

void lose(CallRecord& call, std::string_view why) {
  call.outcome = CallRecord::Outcome::kUnknown;
  call.message = why;
}

void record(CallRecord& call, server::Reply reply) {
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) {
    refuse(call, *error);
    return;
  }
  auto* const response = std::get_if<apply::Response>(&reply.outcome);
  const auto* const kept = std::get_if<server::KeepAliveAnswer>(&reply.outcome);
  if (response == nullptr && kept == nullptr) {
    lose(call, "an answer of another kind");
    return;
  }
  call.outcome = CallRecord::Outcome::kAnswered;
  call.header = {reply.header.cluster_id, reply.header.member_id, reply.header.revision,
                 reply.header.raft_term};
  if (kept != nullptr) {
    call.response = apply::LeaseRenewResponse{{kept->ttl}};
  } else {
    call.response = std::move(*response);
  }
}

}  // namespace

bool is_definite(std::string_view refusal) {
  for (const apply::ApiError error : {apply::ApiError::kCompacted,
                                      apply::ApiError::kFutureRev,
                                      apply::ApiError::kKeyNotFound,
                                      apply::ApiError::kLeaseNotFound,
                                      apply::ApiError::kLeaseExist,
                                      apply::ApiError::kNoSpace,
                                      apply::ApiError::kCorrupt,
                                      apply::ApiError::kRootUserNotExist,
                                      apply::ApiError::kRootRoleNotExist,
                                      apply::ApiError::kUserAlreadyExist,
                                      apply::ApiError::kUserEmpty,
                                      apply::ApiError::kUserNotFound,
                                      apply::ApiError::kRoleAlreadyExist,
                                      apply::ApiError::kRoleNotFound,
                                      apply::ApiError::kPermissionDenied,
                                      apply::ApiError::kRoleNotGranted,
                                      apply::ApiError::kPermissionNotGranted,
                                      apply::ApiError::kInvalidAuthMgmt,
                                      apply::ApiError::kInvalidAuthToken,
                                      apply::ApiError::kAuthOldRevision}) {
    if (refusal == apply::text(error)) return true;
  }
  return false;
}

SeamClient::SeamClient(runtime::World world, Where where)
    : world_(world),
      where_(std::move(where)),
      turn_(where_.favourite - 1),
      replies_(world.scheduler) {}

runtime::Task<std::optional<server::Service>> SeamClient::reach(TimePoint deadline) {
  for (std::uint32_t tried = 0; world_.clock.boot() < deadline; ++tried) {
    if (tried == where_.nodes) {
      tried = 0;
      co_await runtime::sleep_for(world_.scheduler, kPauseAfterRound);
    }
    std::optional<server::Service> member = where_.reach(turn_ % where_.nodes + 1);
    if (member) co_return member;
    ++turn_;
  }
  co_return std::nullopt;
}

runtime::Task<std::optional<server::Reply>> SeamClient::wait(server::Service member,
                                                             server::CallId id,
                                                             TimePoint deadline) {
  while (member.node.connected() && world_.clock.boot() < deadline) {
    const TimePoint look = std::min(deadline, world_.clock.boot() + kLookEvery);
    std::optional<server::Reply> reply = co_await replies_.receive_until(look);
    // An earlier call's may come late.
    if (reply && reply->call == id) co_return std::move(reply);
  }
  co_return std::nullopt;
}

runtime::Task<void> SeamClient::perform(CallRecord& call, std::uint64_t trace, TimePoint deadline) {
  if (const std::optional<apply::ApiError> error = invalid(call.operation)) {
    refuse(call, *error);
    co_return;
  }
  const std::optional<server::Service> member = co_await reach(deadline);
  if (!member) {
    lose(call, "no member is there");
    co_return;
  }
  const server::CallId id(++calls_);
  const bool streams = std::holds_alternative<KeepAlive>(call.operation);
  if (streams) {
    server::Call opening;
    opening.call = id;
    opening.trace = trace;
    opening.request = server::KeepAliveOpen{};
    opening.reply = replies_.sender();
    const bool opened = member->node.send(std::move(opening));
    static_cast<void>(opened);  // What follows says the same.
  }
  server::Call asked;
  asked.call = id;
  asked.trace = trace;
  asked.request = request_of(call.operation);
  asked.reply = replies_.sender();
  const bool sent = member->node.send(std::move(asked));
  if (!sent) {
    lose(call, "the member is gone");
    co_return;
  }
  std::optional<server::Reply> reply = co_await wait(*member, id, deadline);
  if (reply) {
    record(call, *std::move(reply));
    if (streams) member->node.send(server::Forget{id, replies_.sender()});
  } else if (member->node.connected()) {
    member->node.send(server::Forget{id, replies_.sender()});
    lose(call, "no answer in time");
  } else {
    ++turn_;
    lose(call, "the member died");
  }
}

}  // namespace detcd::sim
