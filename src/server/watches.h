// The streams of watches that clients have open at a node: who they are to the hub, which decides
// what each is told; when their notifications of progress are due; and which of them end when
// there is no leader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "auth/store.h"
#include "base/units.h"
#include "mvcc/store.h"
#include "server/proposals.h"
#include "server/service.h"
#include "watch/hub.h"

namespace detcd::server {

class Watches {
 public:
  Watches(watch::Limits limits, Duration progress_interval)
      : hub_(limits), progress_interval_(progress_interval) {}

  void open(const ReturnAddress& origin, bool require_leader);
  // Not of a stream that is open: passed over.
  void ask(const ReturnAddress& origin, watch::Request request, const mvcc::Store& store,
           TimePoint now);
  // Whose the watches of the stream are, as long as users are asked for.
  void bind(const ReturnAddress& origin, std::string user);
  // Users or roles have changed: ends what a stream's user may no longer read.
  void recheck(const auth::Store& auth, const mvcc::Store& store);
  void grant(const Credit& credit);
  // False when the call was no stream of watches.
  bool close(const Forget& forget);

  // After a compaction, before anything of it is swept; and when the store was replaced.
  void compacted(const mvcc::Store& store) { hub_.compacted(store); }
  void replaced(const mvcc::Store& store) { hub_.replaced(store); }

  // Streams that want a leader end at `deadline` if there is none by then.
  void leader_lost(TimePoint deadline) { no_leader_deadline_ = deadline; }
  void leader_found() { no_leader_deadline_ = kNever; }

  struct Sent {
    ReturnAddress to;
    WatchAnswer answer;
  };
  // One step of what there is to do. More: again.
  mvcc::Advance advance(const mvcc::Store& store, mvcc::Budget budget, std::vector<Sent>& out);
  // What the time brings; gives out whose streams end for want of a leader.
  [[nodiscard]] std::vector<ReturnAddress> expire(TimePoint now);
  [[nodiscard]] TimePoint next_deadline() const;
  // Forgets all streams; gives out whose they were.
  [[nodiscard]] std::vector<ReturnAddress> end_all();
  // Nobody watches.
  [[nodiscard]] bool idle() const { return hub_.idle(); }
  [[nodiscard]] const watch::Hub& hub() const { return hub_; }

 private:
  struct Stream {
    ReturnAddress address;
    bool require_leader = false;
    bool ticks = false;  // A watch of it asked for notifications.
    std::string user;
  };
  // By what its client's connection names it.
  struct Address {
    const void* connection = nullptr;
    std::uint64_t call = 0;
    friend bool operator==(const Address&, const Address&) = default;
  };
  struct AddressHash {
    std::size_t operator()(const Address& address) const noexcept {
      return std::hash<const void*>{}(address.connection) ^ (address.call * 0x9e3779b97f4a7c15ULL);
    }
  };
  using Streams = std::map<watch::StreamId, Stream, IdOrder>;

  [[nodiscard]] std::optional<watch::StreamId> find(const runtime::Mailbox<Reply>::Sender& reply,
                                                    CallId call) const;
  void erase(watch::StreamId id);
  [[nodiscard]] TimePoint next_tick(watch::StreamId id, TimePoint now) const;

  watch::Hub hub_;
  Duration progress_interval_;
  Streams streams_;
  std::unordered_map<Address, watch::StreamId, AddressHash> numbers_;  // Looked up only.
  std::uint64_t last_number_ = 0;
  std::set<std::pair<TimePoint, std::uint64_t>> ticks_;
  TimePoint no_leader_deadline_ = kNever;
};

}  // namespace detcd::server
