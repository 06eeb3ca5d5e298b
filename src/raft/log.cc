#include "raft/log.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "raft/codec.h"

namespace detcd::raft {

Log::Log(const Restored& restored) {
  if (restored.snapshot) reset(*restored.snapshot);
  for (const Entry& entry : restored.entries) append(entry);
  saved_ = last();
  persisted_ = last();
}

std::optional<Term> Log::term_at(Index index) const {
  if (index == base_.index) return base_.term;
  if (index < base_.index || index > last()) return std::nullopt;
  return entries_[index - first()].term;
}

const Entry& Log::at(Index index) const {
  check(index >= first() && index <= last(), "an entry is read only where the log holds one");
  return entries_[index - first()];
}

std::vector<Entry> Log::slice(Index from, std::size_t bytes_max) const {
  std::vector<Entry> entries;
  std::size_t bytes = 0;
  for (Index index = from; index <= last(); ++index) {
    const Entry& entry = at(index);
    bytes += weight_of(entry);
    if (bytes > bytes_max && !entries.empty()) break;
    entries.push_back(entry);
  }
  return entries;
}

Index Log::agreement_before(Index from, Term term) const {
  Index index = std::min(from, last());
  // The base is committed everywhere or was compacted: nothing before it can be asked.
  while (index > base_.index && at(index).term > term) index = index.previous();
  return index;
}

bool Log::is_up_to_date(Term other_term, Index other_index) const {
  return other_term > last_term() || (other_term == last_term() && other_index >= last());
}

bool Log::may_be_voter(NodeId node, Index commit) const {
  for (auto logged = configurations_.rbegin(); logged != configurations_.rend(); ++logged) {
    if (logged->configuration.is_voter(node)) return true;
    if (logged->index <= commit) return false;
  }
  return base_.in_force.configuration.is_voter(node);
}

void Log::append(Entry entry) {
  check(entry.index == last().next(), "entries are appended without a gap");
  check(entry.term >= last_term(), "terms never decrease along the log");
  if (entry.kind == EntryKind::kConfiguration) {
    Reader in(entry.data.view());
    const Result<ConfigurationEntry> change = decode_configuration_entry(in);
    check(change.ok(), "a configuration entry in the log can be read");
    configurations_.push_back({entry.index, change->configuration});
  }
  entries_.push_back(std::move(entry));
}

void Log::truncate(Index from) {
  check(from > base_.index, "compacted entries are committed and never truncated");
  if (from > last()) return;
  entries_.resize(from - first());
  while (!configurations_.empty() && configurations_.back().index >= from) {
    configurations_.pop_back();
  }
  if (from <= saved_) {
    replaced_from_ = std::min(replaced_from_.value_or(from), from);
    saved_ = from.previous();
  }
  persisted_ = std::min(persisted_, saved_);
}

void Log::compact(Index through) {
  if (through <= base_.index) return;
  const Entry& entry = at(through);
  LoggedConfiguration in_force = base_.in_force;
  auto newer = configurations_.begin();
  for (; newer != configurations_.end() && newer->index <= through; ++newer) in_force = *newer;
  configurations_.erase(configurations_.begin(), newer);
  const std::uint64_t count = through - base_.index;
  base_ = Base{through, entry.term, entry.time_ms, std::move(in_force)};
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(count));
}

void Log::reset(const SnapshotMeta& meta) {
  base_ = Base{meta.index, meta.term, meta.time_ms, {meta.index, meta.configuration}};
  entries_.clear();
  configurations_.clear();
  saved_ = meta.index;
  // What was synced before may be of another history; the save of the snapshot makes the base
  // durable.
  persisted_ = Index();
  replaced_from_.reset();
}

std::vector<Entry> Log::take_unsaved() {
  std::vector<Entry> entries;
  entries.reserve(last() - saved_);
  for (Index index = saved_.next(); index <= last(); ++index) entries.push_back(at(index));
  saved_ = last();
  return entries;
}

std::optional<Index> Log::take_replaced_from() {
  return std::exchange(replaced_from_, {});
}

void Log::persist(Index through) {
  check(through <= saved_, "the disk can't have acknowledged what wasn't saved");
  persisted_ = std::max(persisted_, through);
}

}  // namespace detcd::raft
