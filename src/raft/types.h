// The values Raft speaks: entries, hard state, configurations, snapshots' metadata. All are
// regular: copyable, comparable, with a canonical encoding (raft/codec.h) that the WAL and the wire
// share.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/units.h"

namespace detcd::raft {

using NodeId = Id<struct NodeIdTag>;  // etcd's member id.
using Term = Ordinal<struct TermTag>;
using Index = Ordinal<struct IndexTag>;    // The first entry has index 1; 0 is "before the log".
using SaveId = Ordinal<struct SaveIdTag>;  // Monotone over the life of one process.
using NodeSet = std::set<NodeId, IdOrder>;

// What the members are (dissertation §4). Outside joint consensus `voters_outgoing` is empty. The
// sets `voters` and `learners` are disjoint; `learners_next` are voters of the outgoing set that
// become learners when the joint configuration is left.
struct Configuration {
  NodeSet voters;
  NodeSet voters_outgoing;
  NodeSet learners;
  NodeSet learners_next;
  bool auto_leave = false;
  [[nodiscard]] bool joint() const { return !voters_outgoing.empty(); }
  [[nodiscard]] bool contains(NodeId node) const {
    return voters.contains(node) || voters_outgoing.contains(node) || learners.contains(node);
  }
  [[nodiscard]] bool is_voter(NodeId node) const {
    return voters.contains(node) || voters_outgoing.contains(node);
  }
  friend bool operator==(const Configuration&, const Configuration&) = default;
};

enum class EntryKind : std::uint8_t {
  kCommand = 0,  // `data` is the application's; empty data is a leader's first entry of its term.
  kConfiguration = 1,  // `data` is an encoded ConfigurationEntry.
};

struct Entry {
  Term term;
  Index index;
  EntryKind kind = EntryKind::kCommand;
  // Replicated logical time in milliseconds, never decreasing along the log (DESIGN §5): stamped by
  // the leader, max(time of the entry before, base + elapsed since its election).
  std::uint64_t time_ms = 0;
  Bytes data;
  friend bool operator==(const Entry&, const Entry&) = default;
};

// What a kConfiguration entry carries: the whole configuration it puts in force, and the bytes that
// the proposer attached for its state machine (which member, which URLs).
struct ConfigurationEntry {
  Configuration configuration;
  Bytes context;
  friend bool operator==(const ConfigurationEntry&, const ConfigurationEntry&) = default;
};

struct HardState {
  Term term;
  std::optional<NodeId> vote;  // In `term`.
  Index commit;                // A hint: durable eventually, never ahead of the durable log.
  friend bool operator==(const HardState&, const HardState&) = default;
};

// A prefix of the log that was replaced by applied state: all entries up to `index`.
struct SnapshotMeta {
  Index index;
  Term term;
  std::uint64_t time_ms = 0;    // Of the entry at `index`.
  Configuration configuration;  // The newest in the log up to `index`.
  friend bool operator==(const SnapshotMeta&, const SnapshotMeta&) = default;
};

// One unit of durability. Apply in this order: snapshot (the log is then empty and begins after
// it), truncation, entries, hard state. Entries are contiguous; entries at or after `truncate_from`
// that were saved before are gone. Answered by Persisted{id} once all of it is synced.
struct Save {
  SaveId id;
  std::optional<SnapshotMeta> snapshot;  // Received state that the shell has already made durable.
  std::optional<Index> truncate_from;    // The first index that is replaced.
  std::vector<Entry> entries;
  std::optional<HardState> hard_state;  // Present when it changed.
  // Nothing that an answer may depend on: only the commit index moved. It need not be synced alone.
  [[nodiscard]] bool lazy() const {
    return !snapshot && !truncate_from && entries.empty() && !must_sync_hard_state;
  }
  bool must_sync_hard_state = false;  // Term or vote changed.
};

}  // namespace detcd::raft
