#include "api/election_service.h"

#include <array>
#include <utility>

#include "api/errors.h"
#include "base/check.h"
#include "wire/election_codec.h"

namespace detcd::api {
namespace {

constexpr std::string_view kLock = "v3lockpb.Lock";
constexpr std::string_view kElection = "v3electionpb.Election";

http2::GrpcStatus unknown(std::string text) {
  return {static_cast<std::uint32_t>(apply::GrpcCode::kUnknown), std::move(text)};
}

template <class Request>
Asked asked(Result<Request> request) {
  if (!request) return unmarshalling_failed(request.error());
  return server::Request(server::ElectionRequest(*std::move(request)));
}
// Who speaks as a leader has to show its key.
template <class Request>
Asked asked_as_leader(Result<Request> request) {
  if (request && !request->leader) return unknown("\"leader\" field must be provided");
  return asked(std::move(request));
}
template <class Request>
Asked asked_by_name(const Bytes& message) {
  Result<std::string> name = wire::parse_leader_request(message.view());
  if (!name) return unmarshalling_failed(name.error());
  return server::Request(server::ElectionRequest(Request{*std::move(name)}));
}

Asked ask_lock(const Bytes& message, const apply::Limits&) {
  return asked(wire::parse_lock_request(message.view()));
}
Asked ask_unlock(const Bytes& message, const apply::Limits&) {
  return asked(wire::parse_unlock_request(message.view()));
}
Asked ask_campaign(const Bytes& message, const apply::Limits&) {
  return asked(wire::parse_campaign_request(message.view()));
}
Asked ask_proclaim(const Bytes& message, const apply::Limits&) {
  return asked_as_leader(wire::parse_proclaim_request(message.view()));
}
Asked ask_resign(const Bytes& message, const apply::Limits&) {
  return asked_as_leader(wire::parse_resign_request(message.view()));
}
Asked ask_leader(const Bytes& message, const apply::Limits&) {
  return asked_by_name<server::LeaderRequest>(message);
}
Asked ask_observe(const Bytes& message, const apply::Limits&) {
  return asked_by_name<server::ObserveRequest>(message);
}

const server::ElectionAnswer& answer_in(const server::Reply& reply) {
  const auto* const answer = std::get_if<server::ElectionAnswer>(&reply.outcome);
  check(answer != nullptr, "the node answers locks and elections with answers of these");
  return *answer;
}

Bytes serialize(const wire::Header& header, const server::HeaderAnswer&) {
  return wire::serialize_header_only(header);
}
Bytes serialize(const wire::Header& header, const server::LockAnswer& lock) {
  return wire::serialize_lock_response(header, lock.key);
}
Bytes serialize(const wire::Header& header, const server::CampaignAnswer& won) {
  return wire::serialize(header, won.leader);
}
Bytes serialize(const wire::Header& header, const server::LeaderAnswer& leader) {
  return wire::serialize_leader_response(header, leader.kv);
}

template <class Response>
Answered answer(const server::Reply& reply) {
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) return status_of(*error);
  const server::ElectionAnswer& said = answer_in(reply);
  if (const auto* why = std::get_if<server::ElectionRefusal>(&said.what)) return unknown(why->text);
  const auto* const response = std::get_if<Response>(&said.what);
  check(response != nullptr, "the node answers a lock or an election with its own kind of answer");
  return serialize(said.header, *response);
}

StreamAnswer answer_observe(const server::Reply& reply, const apply::Limits&) {
  StreamAnswer said;
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) {
    said.end = status_of(*error);
    return said;
  }
  const server::ElectionAnswer& told = answer_in(reply);
  if (std::holds_alternative<server::ObservedAll>(told.what)) {
    said.end = ok();
    return said;
  }
  const auto* const leader = std::get_if<server::LeaderAnswer>(&told.what);
  check(leader != nullptr, "an observer is told leaders, and the end");
  said.messages.push_back(serialize(told.header, *leader));
  said.responses = 1;
  said.bytes = server::observed_bytes(leader->kv);
  return said;
}

constexpr std::array kLockMethods{
    Method{kLock, "Lock", Shape::kUnary, ask_lock, answer<server::LockAnswer>},
    Method{kLock, "Unlock", Shape::kUnary, ask_unlock, answer<server::HeaderAnswer>},
};

constexpr std::array kElectionMethods{
    Method{kElection, "Campaign", Shape::kUnary, ask_campaign, answer<server::CampaignAnswer>},
    Method{kElection, "Proclaim", Shape::kUnary, ask_proclaim, answer<server::HeaderAnswer>},
    Method{kElection, "Leader", Shape::kUnary, ask_leader, answer<server::LeaderAnswer>},
    Method{.service = kElection,
           .name = "Observe",
           .shape = Shape::kServerStream,
           .ask = ask_observe,
           .answer_stream = answer_observe},
    Method{kElection, "Resign", Shape::kUnary, ask_resign, answer<server::HeaderAnswer>},
};

}  // namespace

std::span<const Method> lock_methods() {
  return kLockMethods;
}

std::span<const Method> election_methods() {
  return kElectionMethods;
}

}  // namespace detcd::api
