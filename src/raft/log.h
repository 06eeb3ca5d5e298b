// The replicated log as one replica holds it in memory: the entries after its base, which of them a
// Save has been issued for, which are synced, and the configuration in force, which is the newest
// in the log, committed or not (dissertation §4.1).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "raft/raft.h"
#include "raft/types.h"

namespace detcd::raft {

// The configuration that a log entry put in force.
struct LoggedConfiguration {
  Index index;
  Configuration configuration;
  friend bool operator==(const LoggedConfiguration&, const LoggedConfiguration&) = default;
};

class Log {
 public:
  // The place before the first entry: what a snapshot or a compaction left.
  struct Base {
    Index index;
    Term term;
    std::uint64_t time_ms = 0;
    LoggedConfiguration in_force;
    friend bool operator==(const Base&, const Base&) = default;
  };

  Log() = default;
  explicit Log(const Restored& restored);

  [[nodiscard]] const Base& base() const { return base_; }
  [[nodiscard]] Index first() const { return base_.index.next(); }
  [[nodiscard]] Index last() const { return base_.index + entries_.size(); }
  [[nodiscard]] Term last_term() const {
    return entries_.empty() ? base_.term : entries_.back().term;
  }
  [[nodiscard]] std::uint64_t last_time_ms() const {
    return entries_.empty() ? base_.time_ms : entries_.back().time_ms;
  }
  // None before the base and after the end.
  [[nodiscard]] std::optional<Term> term_at(Index index) const;
  // `index` is in [first, last].
  [[nodiscard]] const Entry& at(Index index) const;
  // Entries from `from` on, at least one when there is one, up to `bytes_max` of them.
  [[nodiscard]] std::vector<Entry> slice(Index from, std::size_t bytes_max) const;
  // The last index ≤ `from` whose term is ≤ `term`: where logs may still agree.
  [[nodiscard]] Index agreement_before(Index from, Term term) const;
  // §3.6.1: whether a log that ends like this one is at least as up to date as ours.
  [[nodiscard]] bool is_up_to_date(Term last_term, Index last_index) const;

  [[nodiscard]] const LoggedConfiguration& in_force() const {
    return configurations_.empty() ? base_.in_force : configurations_.back();
  }

  // Whether `node` votes in the configuration in force or in one that it may still fall back to.
  [[nodiscard]] bool may_be_voter(NodeId node, Index commit) const;

  // Entries follow the last one; the data of configuration entries has been checked.
  void append(Entry entry);
  // Entries at `from` and after it are gone; `from` is after the base.
  void truncate(Index from);
  // Entries up to `through` are replaced by applied state; `through` ≤ last.
  void compact(Index through);
  // The log becomes the snapshot's; all entries are gone.
  void reset(const SnapshotMeta& meta);

  // ---- durability ------------------------------------------------------------------------------
  // Last index that is synced, as far as acknowledged.
  [[nodiscard]] Index persisted() const { return persisted_; }
  // Last index that an issued Save holds.
  [[nodiscard]] Index saved() const { return saved_; }
  [[nodiscard]] bool has_unsaved() const { return saved_ < last() || replaced_from_.has_value(); }
  // What the next Save must hold; they count as saved from now on.
  [[nodiscard]] std::vector<Entry> take_unsaved();
  [[nodiscard]] std::optional<Index> take_replaced_from();
  [[nodiscard]] std::optional<Index> replaced_from() const { return replaced_from_; }
  // The disk holds this log up to `through`.
  void persist(Index through);

  friend bool operator==(const Log&, const Log&) = default;

 private:
  Base base_;
  std::deque<Entry> entries_;
  std::vector<LoggedConfiguration> configurations_;  // Of the entries, ascending.
  Index saved_;
  Index persisted_;
  std::optional<Index> replaced_from_;  // Saved entries from here on were replaced since.
};

// What one entry weighs in flow control: its data and a share for its header.
[[nodiscard]] inline std::size_t weight_of(const Entry& entry) {
  return entry.data.size() + 32;
}

}  // namespace detcd::raft
