// What clients ask: writes become commands, reads are answered from the applied state.
#include <algorithm>
#include <utility>
#include <vector>

#include "apply/validate.h"
#include "server/alarms.h"
#include "server/node.h"

namespace detcd::server {
namespace {

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};

// What a member says of itself, whatever its state is like.
bool tells_of_the_member(const Request& request) {
  return std::holds_alternative<StatusRequest>(request) ||
         std::holds_alternative<HealthRequest>(request) ||
         std::holds_alternative<VersionRequest>(request) ||
         std::holds_alternative<ServingRequest>(request);
}
bool tells_of_the_member(const Outcome& outcome) {
  if (const auto* error = std::get_if<apply::ApiError>(&outcome)) {
    return *error == apply::ApiError::kCorrupt || *error == apply::ApiError::kTooManyRequests ||
           *error == apply::ApiError::kNotSupportedForLearner ||
           apply::grpc_code(*error) == apply::GrpcCode::kUnavailable;
  }
  return std::holds_alternative<StatusResponse>(outcome) ||
         std::holds_alternative<HealthResponse>(outcome) ||
         std::holds_alternative<VersionInfo>(outcome) ||
         std::holds_alternative<ServingAnswer>(outcome);
}

// Clients open these again elsewhere, unless the error says that it can't help.
bool is_of_lasting_stream(const Request& request) {
  return std::holds_alternative<WatchOpen>(request) ||
         std::holds_alternative<watch::Request>(request) ||
         std::holds_alternative<KeepAliveOpen>(request) ||
         std::holds_alternative<KeepAliveRequest>(request);
}

}  // namespace

runtime::Task<void> Node::take_calls() {
  for (;;) {
    std::optional<ToNode> message = co_await mailbox_.receive();
    if (!message) co_return;
    // All that has arrived goes into one turn of the core: one append, one sync.
    std::vector<Forget> taken_back;
    while (message) {
      if (Call* call = std::get_if<Call>(&*message)) {
        on_call(std::move(*call));
      } else if (Forget* forget = std::get_if<Forget>(&*message)) {
        const bool of_stream = watches_.close(*forget) || backups_.close(*forget) ||
                               keep_alives_.close(*forget) || ranges_.close(*forget) ||
                               elections_.close(*forget) || serving_.close(*forget);
        if (!of_stream) taken_back.push_back(std::move(*forget));
        watches_waiting_.wake_one();
      } else if (const Credit* credit = std::get_if<Credit>(&*message)) {
        const bool elsewhere =
            backups_.grant(*credit) || ranges_.grant(*credit) || elections_.grant(*credit);
        if (!elsewhere) watches_.grant(*credit);
        watches_waiting_.wake_one();
      } else {
        ranges_.taken(std::get<Taken>(*message));
      }
      message = mailbox_.try_receive();
    }
    if (!taken_back.empty()) {
      const Forgotten forgotten(std::move(taken_back));
      proposals_.forget(forgotten);
      gate_.forget(forgotten);
      reads_.forget(forgotten);
      ranges_.forget(forgotten);
    }
    work_.wake_all();
  }
}

void Node::on_call(Call call) {
  const ReturnAddress origin{call.call, call.trace, call.reply};
  // In the order of etcd's interceptor.
  if (roster_.is_refused_by_learner(call.request)) {
    answer(origin, apply::ApiError::kNotSupportedForLearner);
    return;
  }
  if (call.require_leader && !leader_) {
    answer(origin, apply::ApiError::kNoLeader);
    return;
  }
  if (guard_.in_doubt() && !tells_of_the_member(call.request)) {
    const bool lasting = is_of_lasting_stream(call.request);
    answer(origin, lasting ? apply::ApiError::kUnhealthy : apply::ApiError::kCorrupt);
    return;
  }
  if (gate_.admit(call)) serve(std::move(call));
}

void Node::serve(Call call) {
  const ReturnAddress origin{call.call, call.trace, call.reply};
  std::visit(
      Overload{
          [&](apply::PutRequest& put) { propose(call, {{}, std::move(put)}); },
          [&](apply::DeleteRangeRequest& erase) { propose(call, {{}, std::move(erase)}); },
          [&](apply::CompactionRequest& compact) { propose(call, {{}, compact}); },
          [&](apply::TxnRequest& txn) {
            if (!apply::is_read_only(txn)) {
              propose(call, {{}, std::move(txn)});
            } else {
              const bool linearizable = !apply::is_serializable(txn);
              read(std::move(call), linearizable);
            }
          },
          [&](const apply::RangeRequest& range) {
            const bool linearizable = !range.serializable;
            read(std::move(call), linearizable);
          },
          [&](const RangeStreamRequest& stream) {
            const bool linearizable = !stream.range.serializable;
            read(std::move(call), linearizable);
          },
          [&](const MemberListRequest& list) {
            const bool linearizable = list.linearizable;
            read(std::move(call), linearizable);
          },
          [&](const HealthRequest& health) {
            if (const auto alarm = unhealthy_alarm(health.exclude)) {
              answer(origin, HealthResponse{false, *alarm});
              return;
            }
            if (!health.serializable && !leader_) {
              answer(origin, HealthResponse{false, "RAFT NO LEADER"});
              return;
            }
            const bool linearizable = !health.serializable;
            read(std::move(call), linearizable);
          },
          [&](const StatusRequest&) { answer(origin, status_now()); },
          [&](const VersionRequest&) { answer(origin, version()); },
          [&](const ServingRequest& asked) {
            if (asked.stream) serving_.open(origin);
            answer(origin, ServingAnswer{!guard_.in_doubt()});
          },
          [&](const HashKvRequest&) { read(std::move(call), false); },
          [&](const WatchOpen&) { open_watches(origin, call.require_leader); },
          [&](watch::Request& asked) { ask_watches(origin, std::move(asked), call.token); },
          [&](const apply::LeaseGrantRequest& grant) {
            propose(call, {{}, complete_grant(grant)});
          },
          [&](const apply::LeaseRevokeRequest& revoke) { propose(call, {{}, revoke}); },
          [&](const apply::LeaseTimeToLiveRequest&) { read(std::move(call), true); },
          [&](const apply::LeaseLeasesRequest&) { read(std::move(call), false); },
          [&](const KeepAliveOpen&) { open_keep_alives(origin, call.require_leader); },
          [&](const KeepAliveRequest& asked) { ask_keep_alive(origin, asked.lease, call.token); },
          [&](const ElectionRequest&) { elections_.begin(std::move(call)); },
          [&](const auth::Query&) { read(std::move(call), true); },
          [&](const AuthenticateRequest&) { read(std::move(call), true); },
          [&](const membership::Change&) { roster_.ask(std::move(call)); },
          [&](const auto&) { ask_maintenance(std::move(call)); },
      },
      call.request);
}

void Node::propose(const Call& call, apply::Command command) {
  const ReturnAddress origin{call.call, call.trace, call.reply};
  std::variant<auth::Caller, apply::ApiError> caller = gate_.caller_of(call.token);
  if (const auto* unknown = std::get_if<apply::ApiError>(&caller)) {
    answer(origin, *unknown);
    return;
  }
  command.caller = std::get<auth::Caller>(std::move(caller));
  const std::uint64_t applied = applier_->applied().index;
  if (core_.commit().value() > applied + options_.unapplied_max) {
    answer(origin, apply::ApiError::kTooManyRequests);
    return;
  }
  if (exceeds_quota(command)) {
    raise_no_space();
    answer(origin, apply::ApiError::kNoSpace);
    return;
  }
  const std::optional<apply::ApiError> refused =
      proposals_.propose(std::move(command), origin, world_.clock.boot());
  if (refused) {
    answer(origin, *refused);
  } else {
    observer_.on_proposed(proposals_.last_id(), call.trace);
  }
}

void Node::read(Call call, bool linearizable) {
  const TimePoint now = world_.clock.boot();
  WaitingRead waiting{{call.call, call.trace, std::move(call.reply)},
                      std::move(call.request),
                      now + request_timeout(options_),
                      now,
                      0,
                      std::move(call.token)};
  if (linearizable) {
    reads_.add(std::move(waiting));
  } else {
    answer_read(std::move(waiting));
  }
}

void Node::answer_read(WaitingRead waiting) {
  const ReturnAddress& origin = waiting.origin;
  observer_.on_read(origin.trace, applier_->applied().index);
  std::visit(
      Overload{
          [&](const apply::RangeRequest&) { ranges_.start(std::move(waiting)); },
          [&](const apply::TxnRequest&) { ranges_.start(std::move(waiting)); },
          [&](const RangeStreamRequest&) { ranges_.open_stream(std::move(waiting)); },
          [&](const HashKvRequest& hash) { ranges_.start_hash(origin, hash.revision); },
          [&](const MemberListRequest&) {
            answer(origin, MemberListResponse{applier_->members().list(), std::nullopt});
          },
          [&](const apply::DowngradeRequest& downgrade) {
            apply::Answer checked =
                applier_->downgrade().validate(downgrade, applier_->cluster_version());
            if (auto* const response = std::get_if<apply::Response>(&checked)) {
              std::get<apply::DowngradeResponse>(*response).header_revision = applier_->revision();
            }
            ranges_.answer(origin, std::move(checked));
          },
          [&](const apply::AlarmRequest& alarm) {
            apply::AlarmResponse response{.header_revision = applier_->revision()};
            if (static_cast<apply::AlarmAction>(alarm.action) == apply::AlarmAction::kGet) {
              response.alarms = applier_->alarms().list(static_cast<apply::AlarmType>(alarm.alarm));
            }
            answer(origin, apply::Response{std::move(response)});
          },
          [&](const HealthRequest&) { answer(origin, HealthResponse{true, ""}); },
          [&](const apply::LeaseTimeToLiveRequest& asked) {
            // Without keys it is as good as touching none: any user may ask.
            const std::optional<apply::ApiError> refused =
                gate_.refuse_lease(waiting.token, auth::Access::kRead, asked.keys ? asked.id : 0);
            if (refused) {
              answer(origin, *refused);
            } else {
              long_reads_.spawn(finish_time_to_live(origin, asked, waiting.token, waiting.time_ms));
            }
          },
          [&](const apply::LeaseLeasesRequest&) {
            long_reads_.spawn(finish_listing(origin, waiting.token));
          },
          [&](const auto&) { check(gate_.answer_read(waiting), "only reads wait as reads"); },
      },
      waiting.request);
}

ResponseHeader Node::header(bool with_revision) const {
  ResponseHeader header;
  header.cluster_id = options_.cluster_id;
  header.member_id = options_.member_id;
  header.revision = with_revision ? applier_->revision() : 0;
  header.raft_term = core_.term().value();
  return header;
}

void Node::answer(const ReturnAddress& origin, Outcome outcome, std::unique_ptr<Held> held) {
  // What was made of a state that isn't to be relied on isn't told; whether a write was done isn't
  // known to who asked.
  if (guard_.in_doubt() && !tells_of_the_member(outcome)) outcome = apply::ApiError::kTimeout;
  ResponseHeader filled = header(!std::holds_alternative<MemberListResponse>(outcome));
  // What an answer was made from decides its revision, not what was applied since.
  if (const auto* response = std::get_if<apply::Response>(&outcome)) {
    std::visit(
        Overload{
            [&](const auto& known) {
              if constexpr (requires { known.header_revision; }) {
                filled.revision = known.header_revision;
              }
            },
        },
        *response);
  }
  const bool sent =
      origin.reply.send(Reply{origin.call, filled, std::move(outcome), std::move(held)});
  static_cast<void>(sent);  // The connection may be gone: nobody waits then.
}

StatusResponse Node::status_now() const {
  const raft::Status status = core_.status();
  StatusResponse response;
  response.version = kApiVersion;
  response.db_size = static_cast<std::int64_t>(applier_->sizes().size);
  response.db_size_in_use = static_cast<std::int64_t>(applier_->sizes().in_use);
  response.db_size_quota = options_.quota_bytes;
  response.leader = status.leader ? status.leader->value() : 0;
  response.raft_index = status.commit.value();
  response.raft_term = status.term.value();
  response.raft_applied_index = applier_->applied().index;
  response.is_learner = roster_.is_learner();
  // A downgrade migrates the storage first.
  response.downgrade_target = applier_->downgrade().target();
  response.storage_version =
      response.downgrade_target.empty() ? applier_->cluster_version() : response.downgrade_target;
  if (!status.leader) response.errors.emplace_back("etcdserver: no leader");
  if (guard_.in_doubt()) {
    response.errors.push_back(
        alarm_text({options_.member_id, static_cast<std::int32_t>(apply::AlarmType::kCorrupt)}));
  }
  for (const apply::AlarmMember& alarm : applier_->alarms().list(apply::AlarmType::kNone)) {
    response.errors.push_back(alarm_text(alarm));
  }
  return response;
}

}  // namespace detcd::server
