#include "server/elections.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "apply/validate.h"
#include "base/check.h"
#include "wire/kv_codec.h"

namespace detcd::server {
namespace {

// etcd's default of a session.
constexpr std::int64_t kSessionTtlSeconds = 60;
// What an observer is sent before it has taken anything.
constexpr std::int64_t kObserverCredit = 32 << 10;
// What etcd's log puts around a request (api/kv_service.cc).
constexpr std::size_t kEnvelopeBytes = 18;

constexpr const char* kSessionExpired = "mutex: session is expired";
constexpr const char* kNotLeader = "election: not leader";
constexpr const char* kNoLeader = "election: no leader";
constexpr const char* kLostWatcher = "lost watcher waiting for delete";

template <class T>
const T* response_of(const Reply& reply) {
  const auto* const response = std::get_if<apply::Response>(&reply.outcome);
  return response == nullptr ? nullptr : std::get_if<T>(response);
}

wire::Header header_of(const Reply& reply) {
  return {.cluster_id = reply.header.cluster_id,
          .member_id = reply.header.member_id,
          .revision = reply.header.revision,
          .raft_term = reply.header.raft_term};
}

const std::vector<watch::Response>& told_in(const Reply& reply) {
  return std::get<WatchAnswer>(reply.outcome).responses;
}
ElectionAnswer leader_at(const Reply& reply, std::int64_t revision, const watch::Event& event) {
  ElectionAnswer leader{header_of(reply), LeaderAnswer{event.kv}};
  leader.header.revision = revision;
  return leader;
}

ElectionAnswer refused(std::string text) {
  return {{}, ElectionRefusal{std::move(text)}};
}
// etcd's service hands the text of an error on, and not its code.
ElectionAnswer refused(const Reply& reply) {
  const auto* const error = std::get_if<apply::ApiError>(&reply.outcome);
  check(error != nullptr, "an answer that isn't what was asked for is an error");
  if (*error == apply::ApiError::kWatchCanceled) return refused(kLostWatcher);
  return refused(std::string(apply::text(*error)));
}
bool failed(const Reply& reply) {
  return std::holds_alternative<apply::ApiError>(reply.outcome);
}
Reply failure(apply::ApiError error) {
  return {CallId(0), {}, error, nullptr};
}
Reply success() {
  return {CallId(0), {}, Acknowledged{}, nullptr};
}

// Go's %x of a signed number.
std::string hex(std::int64_t lease) {
  if (lease >= 0) return fmt::format("{:x}", lease);
  return fmt::format("-{:x}", 0 - static_cast<std::uint64_t>(lease));
}

// The end of all keys that begin with a prefix, which ends in '/'.
std::string end_of(const std::string& prefix) {
  std::string end = prefix;
  ++end.back();
  return end;
}

apply::LeaseGrantRequest new_session() {
  return {.ttl = kSessionTtlSeconds};
}
apply::RangeRequest get(const std::string& key) {
  return {.key = key};
}
apply::DeleteRangeRequest erase(const std::string& key) {
  return {.key = key};
}
apply::RangeRequest first_created(const std::string& prefix) {
  return {.key = prefix,
          .range_end = end_of(prefix),
          .limit = 1,
          .sort_order = static_cast<std::int32_t>(apply::SortOrder::kAscend),
          .sort_target = static_cast<std::int32_t>(apply::SortTarget::kCreate)};
}
apply::RangeRequest last_created(const std::string& prefix, std::int64_t created_max) {
  return {.key = prefix,
          .range_end = end_of(prefix),
          .limit = 1,
          .sort_order = static_cast<std::int32_t>(apply::SortOrder::kDescend),
          .sort_target = static_cast<std::int32_t>(apply::SortTarget::kCreate),
          .max_create_revision = created_max};
}

// A key that was created in this revision; 0: that isn't there.
apply::Compare created_in(const std::string& key, std::int64_t revision) {
  return {.target = static_cast<std::int32_t>(apply::CompareTarget::kCreate),
          .key = key,
          .number = revision};
}

apply::TxnRequest delete_if(const std::string& key, std::int64_t created) {
  apply::TxnRequest txn;
  txn.compare.push_back(created_in(key, created));
  txn.success.push_back({apply::DeleteRangeRequest{.key = key}});
  return txn;
}
apply::TxnRequest put_if(const wire::LeaderKey& leader, const std::string& value) {
  apply::TxnRequest txn;
  txn.compare.push_back(created_in(leader.key, leader.revision));
  txn.success.push_back(
      {apply::PutRequest{.key = leader.key, .value = value, .lease = leader.lease}});
  return txn;
}

const apply::RangeResponse& range_in(const apply::TxnResponse& txn, std::size_t at) {
  return std::get<apply::RangeResponse>(txn.responses.at(at).response);
}

std::optional<apply::ApiError> invalid(const Request& request, const apply::Limits& limits) {
  if (const auto* txn = std::get_if<apply::TxnRequest>(&request)) {
    if (const std::optional<apply::ApiError> why = apply::validate(*txn, limits)) return why;
    const std::size_t bytes = wire::serialize(*txn).size() + kEnvelopeBytes;
    if (bytes > limits.request_bytes_max) return apply::ApiError::kRequestTooLarge;
  }
  if (const auto* erase = std::get_if<apply::DeleteRangeRequest>(&request)) {
    return apply::validate(*erase);
  }
  return std::nullopt;
}

}  // namespace

Elections::Elections(runtime::Scheduler& scheduler, const NodeOptions& options,
                     runtime::Mailbox<ToNode>::Sender node, Answer answer)
    : scheduler_(scheduler),
      options_(options),
      node_(std::move(node)),
      answer_(std::move(answer)),
      observers_(scheduler, kObserverCredit),
      tasks_(scheduler) {}

void Elections::begin(Call call) {
  const ReturnAddress origin{call.call, call.trace, call.reply};
  auto session = std::make_shared<Session>(
      scheduler_, node_,
      InnerClient::Caller{.token = std::move(call.token), .require_leader = call.require_leader},
      origin);
  sessions_.insert_or_assign(Name{origin.reply.identity(), origin.call.value()}, session);
  tasks_.spawn(serve(std::move(session), std::get<ElectionRequest>(std::move(call.request))));
}

bool Elections::close(const Forget& forget) {
  const auto found = sessions_.find({forget.reply.identity(), forget.call.value()});
  if (found == sessions_.end()) return false;
  found->second->client.cancel();
  const bool observing = observers_.close(forget);
  static_cast<void>(observing);
  return true;
}

void Elections::stop() {
  tasks_.cancel();
  sessions_.clear();
}

runtime::Task<void> Elections::serve(SessionPtr session, ElectionRequest request) {
  if (auto* const observed = std::get_if<ObserveRequest>(&request)) {
    co_await observe(session, std::move(observed->name));
  } else {
    ElectionAnswer answer = co_await run(session, std::move(request));
    answer_(session->origin, std::move(answer));
  }
  sessions_.erase({session->origin.reply.identity(), session->origin.call.value()});
}

runtime::Task<ElectionAnswer> Elections::run(SessionPtr session, ElectionRequest request) {
  if (auto* const asked = std::get_if<wire::LockRequest>(&request)) {
    co_return co_await lock(session, std::move(*asked));
  }
  if (auto* const asked = std::get_if<wire::UnlockRequest>(&request)) {
    co_return co_await unlock(session, std::move(*asked));
  }
  if (auto* const asked = std::get_if<wire::CampaignRequest>(&request)) {
    co_return co_await campaign(session, std::move(*asked));
  }
  if (auto* const asked = std::get_if<wire::ProclaimRequest>(&request)) {
    co_return co_await proclaim(session, std::move(*asked));
  }
  if (auto* const asked = std::get_if<wire::ResignRequest>(&request)) {
    co_return co_await resign(session, std::move(*asked));
  }
  co_return co_await leader(session, std::get<LeaderRequest>(request).name);
}

runtime::Task<Reply> Elections::ask(SessionPtr session, Request request) {
  const std::optional<apply::ApiError> why = invalid(request, options_.limits);
  if (why) co_return failure(*why);
  co_return co_await session->client.ask(std::move(request));
}

runtime::Task<Reply> Elections::complete_lease(SessionPtr session, std::int64_t& lease) {
  if (lease != 0) co_return success();
  Reply granted = co_await ask(session, new_session());
  const auto* const response = response_of<apply::LeaseGrantResponse>(granted);
  if (response != nullptr) lease = response->id;
  co_return std::move(granted);
}

// ---- Locks --------------------------------------------------------------------------------------

runtime::Task<ElectionAnswer> Elections::lock(SessionPtr session, wire::LockRequest request) {
  std::int64_t lease = request.lease;
  const Reply begun = co_await complete_lease(session, lease);
  if (failed(begun)) co_return refused(begun);
  const std::string prefix = request.name + "/";
  const std::string key = prefix + hex(lease);
  apply::TxnRequest txn;
  txn.compare.push_back(created_in(key, 0));
  txn.success.push_back({apply::PutRequest{.key = key, .lease = lease}});
  txn.success.push_back({first_created(prefix)});
  txn.failure.push_back({apply::RangeRequest{.key = key}});
  txn.failure.push_back({first_created(prefix)});
  const Reply reply = co_await ask(session, std::move(txn));
  const auto* const entered = response_of<apply::TxnResponse>(reply);
  if (entered == nullptr) co_return refused(reply);
  std::int64_t created = reply.header.revision;
  if (!entered->succeeded) created = range_in(*entered, 0).kvs.at(0).create_revision;
  const std::vector<apply::KeyValue>& owner = range_in(*entered, 1).kvs;
  if (owner.empty() || owner[0].create_revision == created) {
    co_return ElectionAnswer{header_of(reply), LockAnswer{key}};
  }
  Reply waited = co_await await_deletes(session, prefix, created - 1);
  if (!failed(waited)) {
    Reply own = co_await ask(session, get(key));
    const auto* const found = response_of<apply::RangeResponse>(own);
    if (found != nullptr && found->kvs.empty()) co_return refused(kSessionExpired);
    if (found != nullptr) co_return ElectionAnswer{header_of(own), LockAnswer{key}};
    waited = std::move(own);
  }
  session->client.begin_clean_up();
  const Reply gone = co_await ask(session, erase(key));
  static_cast<void>(gone);  // Else it ends with its lease.
  co_return refused(waited);
}

runtime::Task<ElectionAnswer> Elections::unlock(SessionPtr session, wire::UnlockRequest request) {
  const Reply gone = co_await ask(session, erase(request.key));
  if (failed(gone)) co_return refused(gone);
  co_return ElectionAnswer{header_of(gone), HeaderAnswer{}};
}

runtime::Task<Reply> Elections::await_deletes(SessionPtr session, std::string prefix,
                                              std::int64_t created) {
  for (;;) {
    Reply newest = co_await ask(session, last_created(prefix, created));
    const auto* const found = response_of<apply::RangeResponse>(newest);
    if (found == nullptr || found->kvs.empty()) co_return std::move(newest);
    Reply gone = co_await await_delete(session, found->kvs[0].key.str(), newest.header.revision);
    if (failed(gone)) co_return std::move(gone);
  }
}

runtime::Task<Reply> Elections::await_delete(SessionPtr session, std::string key,
                                             std::int64_t from) {
  InnerClient& client = session->client;
  client.watch(std::move(key), "", from);
  std::optional<Reply> ended;
  while (!ended) {
    Reply reply = co_await client.next();
    const auto* const told = std::get_if<WatchAnswer>(&reply.outcome);
    if (told == nullptr) {
      ended = std::move(reply);
      break;
    }
    for (const watch::Response& response : told->responses) {
      // Unlike etcd's, which gives up when what it would watch is compacted meanwhile.
      if (response.compact_revision != 0) {
        ended = success();
      } else if (response.canceled) {
        ended = failure(apply::ApiError::kWatchCanceled);
      }
      for (const watch::Event& event : response.events) {
        if (event.erased) ended = success();
      }
    }
  }
  client.end_watch();
  co_return *std::move(ended);
}

// ---- Elections ----------------------------------------------------------------------------------

runtime::Task<ElectionAnswer> Elections::campaign(SessionPtr session,
                                                  wire::CampaignRequest request) {
  wire::LeaderKey leader{.name = request.name, .lease = request.lease};
  const Reply begun = co_await complete_lease(session, leader.lease);
  if (failed(begun)) co_return refused(begun);
  const std::string prefix = request.name + "/";
  leader.key = prefix + hex(leader.lease);
  apply::TxnRequest txn = put_if(leader, request.value);  // Of revision 0: if it isn't there.
  txn.failure.push_back({apply::RangeRequest{.key = leader.key}});
  const Reply reply = co_await ask(session, std::move(txn));
  const auto* const entered = response_of<apply::TxnResponse>(reply);
  if (entered == nullptr) co_return refused(reply);
  leader.revision = reply.header.revision;
  if (!entered->succeeded) {
    const apply::KeyValue& own = range_in(*entered, 0).kvs.at(0);
    leader.revision = own.create_revision;
    if (own.value.view() != request.value) {
      wire::ProclaimRequest other{leader, request.value};
      ElectionAnswer said = co_await proclaim(session, std::move(other));
      if (std::holds_alternative<ElectionRefusal>(said.what)) {
        session->client.begin_clean_up();
        const Reply gone = co_await ask(session, delete_if(leader.key, leader.revision));
        static_cast<void>(gone);
        co_return said;
      }
    }
  }
  const Reply waited = co_await await_deletes(session, prefix, leader.revision - 1);
  if (!failed(waited))
    co_return ElectionAnswer{header_of(reply), CampaignAnswer{std::move(leader)}};
  if (session->client.canceled()) {
    session->client.begin_clean_up();
    const Reply gone = co_await ask(session, delete_if(leader.key, leader.revision));
    static_cast<void>(gone);
  }
  co_return refused(waited);
}

runtime::Task<ElectionAnswer> Elections::proclaim(SessionPtr session,
                                                  wire::ProclaimRequest request) {
  wire::LeaderKey leader = *std::move(request.leader);
  const Reply begun = co_await complete_lease(session, leader.lease);
  if (failed(begun)) co_return refused(begun);
  const Reply reply = co_await ask(session, put_if(leader, request.value));
  const auto* const said = response_of<apply::TxnResponse>(reply);
  if (said == nullptr) co_return refused(reply);
  if (!said->succeeded) co_return refused(kNotLeader);
  co_return ElectionAnswer{header_of(reply), HeaderAnswer{}};
}

runtime::Task<ElectionAnswer> Elections::leader(SessionPtr session, std::string name) {
  const Reply reply = co_await ask(session, first_created(name + "/"));
  const auto* const found = response_of<apply::RangeResponse>(reply);
  if (found == nullptr) co_return refused(reply);
  if (found->kvs.empty()) co_return refused(kNoLeader);
  co_return ElectionAnswer{header_of(reply), LeaderAnswer{found->kvs[0]}};
}

// Who isn't the leader any more resigns as well.
runtime::Task<ElectionAnswer> Elections::resign(SessionPtr session, wire::ResignRequest request) {
  wire::LeaderKey leader = *std::move(request.leader);
  const Reply begun = co_await complete_lease(session, leader.lease);
  if (failed(begun)) co_return refused(begun);
  const Reply reply = co_await ask(session, delete_if(leader.key, leader.revision));
  if (failed(reply)) co_return refused(reply);
  co_return ElectionAnswer{header_of(reply), HeaderAnswer{}};
}

// ---- Observers ----------------------------------------------------------------------------------

// As in etcd, whatever goes wrong ends the stream well: clients that want more ask again. Only a
// client that wants a leader hears that there is none.
runtime::Task<void> Elections::observe(SessionPtr session, std::string name) {
  const std::string prefix = name + "/";
  session->room = observers_.open(session->origin);
  for (bool open = true; open;) {
    const Reply reply = co_await ask(session, first_created(prefix));
    const auto* const found = response_of<apply::RangeResponse>(reply);
    if (found == nullptr) break;
    ElectionAnswer leader{header_of(reply), HeaderAnswer{}};
    if (!found->kvs.empty()) {
      leader.what = LeaderAnswer{found->kvs[0]};
    } else {
      open = co_await first_put(session, prefix, leader);
      if (!open) break;
    }
    std::string key = std::get<LeaderAnswer>(leader.what).kv.key.str();
    const std::int64_t from = leader.header.revision + 1;
    open = co_await tell_leader(session, std::move(leader));
    if (open) open = co_await follow(session, std::move(key), from);
  }
  observers_.end(session->origin);
  if (session->without_leader) {
    answer_(session->origin, apply::ApiError::kNoLeader);
  } else {
    answer_(session->origin, ElectionAnswer{{}, ObservedAll{}});
  }
}

// False: its client is gone.
runtime::Task<bool> Elections::tell_leader(SessionPtr session, ElectionAnswer leader) {
  co_await PieceStreams::await_credit(session->room);
  if (session->room->closed) co_return false;
  session->room->credit -= observed_bytes(std::get<LeaderAnswer>(leader.what).kv);
  answer_(session->origin, std::move(leader));
  co_return true;
}

// What the watch of a call is told next; none when it has ended.
runtime::Task<std::optional<Reply>> Elections::next_told(SessionPtr session) {
  Reply reply = co_await session->client.next();
  if (std::holds_alternative<WatchAnswer>(reply.outcome)) co_return std::move(reply);
  const auto* const why = std::get_if<apply::ApiError>(&reply.outcome);
  session->without_leader = why != nullptr && *why == apply::ApiError::kNoLeader;
  co_return std::nullopt;
}

// Until the key is deleted; false when the stream is to end.
runtime::Task<bool> Elections::follow(SessionPtr session, std::string key, std::int64_t from) {
  session->client.watch(std::move(key), "", from);
  std::optional<bool> over;
  while (!over) {
    const std::optional<Reply> reply = co_await next_told(session);
    if (!reply) over = false;
    for (std::size_t i = 0; reply && !over && i < told_in(*reply).size(); ++i) {
      const watch::Response& response = told_in(*reply)[i];
      if (response.canceled) over = response.compact_revision != 0;
      for (std::size_t j = 0; !over && j < response.events.size(); ++j) {
        const watch::Event& event = response.events[j];
        if (event.erased) {
          over = true;
          break;
        }
        const bool told =
            co_await tell_leader(session, leader_at(*reply, response.revision, event));
        if (!told) over = false;
      }
    }
  }
  session->client.end_watch();
  co_return *over;
}

// The first that is put below the prefix from the revision of `leader` on becomes the leader; false
// when the stream is to end.
runtime::Task<bool> Elections::first_put(SessionPtr session, std::string prefix,
                                         ElectionAnswer& leader) {
  session->client.watch(prefix, end_of(prefix), leader.header.revision);
  std::optional<bool> over;
  while (!over) {
    const std::optional<Reply> reply = co_await next_told(session);
    if (!reply) {
      over = false;
      break;
    }
    for (const watch::Response& response : told_in(*reply)) {
      if (response.canceled) over = false;
      for (const watch::Event& event : response.events) {
        if (event.erased || over) continue;
        leader = leader_at(*reply, event.kv.mod_revision, event);
        over = true;
      }
    }
  }
  session->client.end_watch();
  co_return *over;
}

}  // namespace detcd::server
