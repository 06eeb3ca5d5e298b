#include "invariants.h"

#include <algorithm>

#include "raft/codec.h"

namespace detcd::raft::testing {
namespace {

std::string bytes_of(const Entry& entry) {
  Writer out;
  encode(out, entry);
  return out.take();
}

std::string name(NodeId id) {
  return "n" + std::to_string(id.value());
}
template <class Place>
std::string text(Place place) {
  return std::to_string(place.value());
}

}  // namespace

void Invariants::observe(NodeId id, const Raft& core) {
  core.verify();
  const Status status = core.status();
  Term& term = term_[id];
  if (status.term < term) violated(name(id) + " went back to term " + text(status.term));
  term = status.term;
  check_log(id, core, status);
  check_commit(id, core, status);
  check_leader(id, core, status);
}

// Log matching: entries with the same index and term are equal, and so are those before them.
void Invariants::check_log(NodeId id, const Raft& core, const Status& status) {
  const auto seen = seen_.find(id);
  // A log that ends as before was checked before; after growth only its tail is new.
  Index from = status.first_index;
  if (seen != seen_.end()) {
    if (seen->second == std::pair(status.last_index, status.last_term)) return;
    const auto [last, last_term] = seen->second;
    if (last >= from && core.term_at(last) == last_term) from = last.next();
  }
  seen_[id] = {status.last_index, status.last_term};
  for (const Entry& entry : core.entries(from, status.last_index)) {
    const std::pair key(entry.index.value(), entry.term.value());
    const auto [known, is_new] = entries_.emplace(key, bytes_of(entry));
    if (!is_new && known->second != bytes_of(entry)) {
      violated("log matching: " + name(id) + " has another entry " + text(entry.index) +
               " of term " + text(entry.term));
    }
    const std::optional<Term> before = core.term_at(entry.index.previous());
    if (!before) continue;
    const auto [term, first] = before_.emplace(key, before->value());
    if (!first && term->second != before->value()) {
      violated("log matching: before entry " + text(entry.index) + " of term " + text(entry.term) +
               " " + name(id) + " has term " + text(*before));
    }
  }
}

// Monotone commit, and one committed entry per index for ever.
void Invariants::check_commit(NodeId id, const Raft& core, const Status& status) {
  Index& commit = commit_[id];
  if (status.commit < commit) violated(name(id) + "'s commit went back to " + text(status.commit));
  for (const Entry& entry : core.entries(commit.next(), status.commit)) {
    const std::pair value(entry.term, bytes_of(entry));
    const auto [known, is_new] = committed_.emplace(entry.index.value(), value);
    if (!is_new && known->second != value) {
      violated("commit: " + name(id) + " committed another entry at " + text(entry.index));
    }
    if (entry.kind != EntryKind::kConfiguration) continue;
    Reader in(entry.data.view());
    configurations_[entry.index.value()] = decode_configuration_entry(in)->configuration;
  }
  commit = status.commit;
}

// Election safety, and leader completeness: a leader has every entry committed in earlier terms.
void Invariants::check_leader(NodeId id, const Raft& core, const Status& status) {
  if (status.role != RoleName::kLeader) return;
  const auto [leader, is_new] = leaders_.emplace(status.term.value(), id);
  if (leader->second != id) {
    violated("election safety: " + name(id) + " and " + name(leader->second) + " lead term " +
             text(status.term));
  }
  if (!is_new) return;
  for (const auto& [index, entry] : committed_) {
    if (Index(index) < status.first_index || entry.first >= status.term) continue;
    if (core.term_at(Index(index)) != entry.first) {
      violated("leader completeness: " + name(id) + " leads term " + text(status.term) +
               " without the committed entry " + std::to_string(index));
    }
  }
}

// State-machine safety: in order, without a gap, and what everybody else applies.
void Invariants::observe_applied(NodeId id, const Entry& entry) {
  Index& applied = applied_[id];
  if (entry.index != applied.next()) {
    violated(name(id) + " applied " + text(entry.index) + " after " + text(applied));
  }
  applied = entry.index;
  const std::pair value(entry.term, bytes_of(entry));
  const auto [known, is_new] = committed_.emplace(entry.index.value(), value);
  if (!is_new && known->second != value) {
    violated("state machine: " + name(id) + " applied another entry at " + text(entry.index));
  }
}

void Invariants::observe_installed(NodeId id, Index index) {
  if (index < applied_[id]) violated(name(id) + " installed a snapshot older than its state");
  applied_[id] = index;
}

Configuration Invariants::configuration_at(Index index) const {
  const auto after = configurations_.upper_bound(index.value());
  return after == configurations_.begin() ? Configuration{} : std::prev(after)->second;
}

void Invariants::restarted(NodeId id, const Raft& core) {
  const Status status = core.status();
  commit_[id] = Index();
  term_[id] = status.term;
  applied_[id] = status.applied;
  seen_.erase(id);
}

}  // namespace detcd::raft::testing
