// What one node is told at its start. Values only: where they come from (flags, a simulated plan)
// is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "apply/applier.h"
#include "apply/validate.h"
#include "backup/contents.h"
#include "credentials/jwt.h"
#include "membership/membership.h"
#include "raft/raft.h"
#include "server/compactor.h"
#include "watch/hub.h"

namespace detcd::server {

// Of answers that clients haven't taken (server/answer_room.h).
struct AnswerRoomLimits {
  std::size_t small_bytes = 64 << 10;  // Up to here an answer isn't counted.
  std::size_t connection_bytes = 16 << 20;
  std::size_t server_bytes = 128 << 20;
  // Counted for a read that goes on, whose answer nobody knows the size of.
  std::size_t unknown_bytes = 4 << 20;
};

// How clients say who they are.
struct AuthOptions {
  Duration token_time_to_live = 300s;  // --auth-token-ttl: of simple tokens, since last used.
  std::shared_ptr<const credentials::Jwt> jwt;  // None: simple tokens.
  std::uint32_t bcrypt_cost = 10;
  // Passwords being hashed or checked, and calls that wait for a token's log index. Beyond:
  // refused.
  std::size_t checks_max = 256;
  std::size_t waiting_max = 4096;
};

struct NodeOptions {
  std::string name = "default";
  std::string data_dir;                  // Made when missing, mode 0700.
  std::string wal_dir;                   // Empty: below data_dir.
  std::vector<std::string> client_urls;  // Published to the cluster.
  // The members of a new cluster, this one among them (by `name`); ignored when the data directory
  // already belongs to a cluster (ETCD.md §9.1).
  std::vector<membership::Member> initial_members;
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  // The directory is new and the cluster isn't: `initial_members` are its members now, whose ids
  // were looked up, and the log comes from them (ETCD.md §9.2).
  bool joining = false;
  std::vector<std::string> peer_urls;  // Where this member is dialed, as its flags say.
  bool strict_reconfig_check = true;
  std::uint32_t learners_max = 1;
  Duration heartbeat_interval = 100ms;
  Duration election_timeout = 1000ms;
  bool pre_vote = true;
  std::uint64_t snapshot_count = 10'000;
  std::uint64_t catch_up_entries = 5'000;
  // Zeros are written and synced before a member first serves, and up to this much is copied when
  // it comes back after a crash: small enough for a busy disk, large enough to be cut rarely.
  std::uint64_t wal_segment_bytes = 16 << 20;
  // Of one append and of the appends under way to one follower.
  std::size_t append_bytes_max = 1 << 20;
  std::size_t inflight_messages_max = 512;
  // The same on all members of a cluster, and for ever.
  std::uint32_t chunk_bytes = apply::Applier::kChunkBytes;
  // Of one step on the node's scheduler: of applying, reading and, a fifth of it, sweeping.
  std::uint64_t step_units = 10'000;
  apply::Limits limits;
  std::int64_t quota_bytes = 2'147'483'648;  // Of what Applier::sizes counts; 0 and below: none.
  // Between two alarms that clear themselves, lest a full store let every other write through.
  Duration alarm_clear_interval = 60s;
  AutoCompaction auto_compaction;
  // The etcd whose tools and servers load the snapshots that clients are sent.
  backup::Schema snapshot_storage_version = backup::Schema::k37;
  // A round of reads that isn't confirmed is asked for again; 500 ms is etcd's interval.
  Duration read_retry = 500ms;
  std::uint64_t unapplied_max = 5'000;  // committed - applied beyond which writes are refused.
  std::uint64_t pending_bytes_max = 512 << 20;  // Of commands that wait for their answer.
  AnswerRoomLimits answers;
  AuthOptions auth;
  watch::Limits watches;
  // Between two notifications of progress to a watch that asked for them; a tenth is added at most.
  Duration progress_notify_interval = 600s;
};

// Overall bound of one request: 5 s + 2 election timeouts (ETCD.md §2.13).
[[nodiscard]] inline Duration request_timeout(const NodeOptions& options) {
  return 5s + 2 * options.election_timeout;
}

// The name of etcd's API level that this server speaks, and the cluster version it proposes.
inline constexpr const char* kApiVersion = "3.7.1";
inline constexpr const char* kClusterVersion = "3.7.0";

}  // namespace detcd::server
