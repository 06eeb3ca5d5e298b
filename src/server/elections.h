// The services of locks and elections (ETCD.md §2.15): each call is a client of the node it was
// made at, which works with keys, leases and watches as any client could, so that these calls mix
// with those of clientv3's concurrency package. A waiter waits for the deletion of the key before
// its own only; one that is called off takes its key with it.
//
// What a holder of a lock may rely on elsewhere is the revision in which its key was created: it
// grows from holder to holder, and a store that remembers the greatest one it has seen refuses
// those who have lost the lock without knowing (fencing).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

#include "runtime/task_group.h"
#include "server/inner_client.h"
#include "server/options.h"
#include "server/pieces.h"
#include "server/proposals.h"
#include "server/service.h"

namespace detcd::server {

class Elections {
 public:
  using Answer = std::function<void(const ReturnAddress&, Outcome)>;
  Elections(runtime::Scheduler& scheduler, const NodeOptions& options,
            runtime::Mailbox<ToNode>::Sender node, Answer answer);

  void begin(Call call);
  // False when the call isn't one of these.
  bool close(const Forget& forget);
  bool grant(const Credit& credit) { return observers_.grant(credit); }
  void stop();
  [[nodiscard]] std::size_t size() const { return sessions_.size(); }

 private:
  struct Session {
    Session(runtime::Scheduler& scheduler, runtime::Mailbox<ToNode>::Sender node,
            InnerClient::Caller caller, ReturnAddress address)
        : client(scheduler, std::move(node), std::move(caller)), origin(std::move(address)) {}
    InnerClient client;
    ReturnAddress origin;
    std::shared_ptr<PieceStreams::Stream> room;  // Of Observe.
    bool without_leader = false;                 // Its watch has ended for want of a leader.
  };
  using SessionPtr = std::shared_ptr<Session>;
  // By what its client's connection names a call; the origin keeps that name in use.
  struct Name {
    const void* connection = nullptr;
    std::uint64_t call = 0;
    friend bool operator==(const Name&, const Name&) = default;
  };
  struct NameHash {
    std::size_t operator()(const Name& name) const noexcept {
      return std::hash<const void*>{}(name.connection) ^ (name.call * 0x9e3779b97f4a7c15ULL);
    }
  };

  runtime::Task<void> serve(SessionPtr session, ElectionRequest request);
  runtime::Task<ElectionAnswer> run(SessionPtr session, ElectionRequest request);
  runtime::Task<ElectionAnswer> lock(SessionPtr session, wire::LockRequest request);
  runtime::Task<ElectionAnswer> unlock(SessionPtr session, wire::UnlockRequest request);
  runtime::Task<ElectionAnswer> campaign(SessionPtr session, wire::CampaignRequest request);
  runtime::Task<ElectionAnswer> proclaim(SessionPtr session, wire::ProclaimRequest request);
  runtime::Task<ElectionAnswer> leader(SessionPtr session, std::string name);
  runtime::Task<ElectionAnswer> resign(SessionPtr session, wire::ResignRequest request);
  runtime::Task<void> observe(SessionPtr session, std::string name);
  runtime::Task<bool> tell_leader(SessionPtr session, ElectionAnswer leader);
  runtime::Task<std::optional<Reply>> next_told(SessionPtr session);
  runtime::Task<bool> follow(SessionPtr session, std::string key, std::int64_t from);
  runtime::Task<bool> first_put(SessionPtr session, std::string prefix, ElectionAnswer& leader);

  // As a connection would check it, and then the node.
  runtime::Task<Reply> ask(SessionPtr session, Request request);
  // Puts the lease of the call's session where it is zero: a new one that nobody keeps alive.
  runtime::Task<Reply> complete_lease(SessionPtr session, std::int64_t& lease);
  // Until no key below the prefix was created up to this revision, one after the other, the newest
  // first. What it answers is an error only when it failed.
  runtime::Task<Reply> await_deletes(SessionPtr session, std::string prefix, std::int64_t created);
  runtime::Task<Reply> await_delete(SessionPtr session, std::string key, std::int64_t from);

  runtime::Scheduler& scheduler_;
  const NodeOptions& options_;
  runtime::Mailbox<ToNode>::Sender node_;
  Answer answer_;
  PieceStreams observers_;
  std::unordered_map<Name, SessionPtr, NameHash> sessions_;  // Looked up only.
  runtime::TaskGroup tasks_;
};

}  // namespace detcd::server
