// The whole state as bytes: equal states give equal bytes, whatever way led there.
#include <string>
#include <type_traits>

#include "base/codec.h"
#include "raft/codec.h"
#include "raft/state.h"

namespace detcd::raft {
namespace {

class Canonical {
 public:
  void put(std::uint64_t value) { out_.varint(value); }
  void put(bool value) { out_.boolean(value); }
  template <class Tag>
  void put(Ordinal<Tag> place) {
    out_.varint(place.value());
  }
  void put(NodeId node) { out_.u64(node.value()); }
  void put(TimePoint time) {
    out_.u64(static_cast<std::uint64_t>(time.time_since_epoch().count()));
  }
  void put(Duration duration) { out_.u64(static_cast<std::uint64_t>(duration.count())); }
  template <class T>
  void put(const std::optional<T>& value) {
    out_.boolean(value.has_value());
    if (value) put(*value);
  }
  template <class A, class B>
  void put(const std::pair<A, B>& pair) {
    put(pair.first);
    put(pair.second);
  }
  template <class Range>
    requires requires(const Range& r) {
      r.begin();
      r.size();
    }
  void put(const Range& range) {
    out_.varint(range.size());
    for (const auto& element : range) put(element);
  }
  void put(const Entry& entry) { encode(out_, entry); }
  void put(const HardState& state) { encode(out_, state); }
  void put(const SnapshotMeta& meta) { encode(out_, meta); }
  void put(const LoggedConfiguration& logged) {
    put(logged.index);
    encode(out_, logged.configuration);
  }
  void put(const Config& c) {
    all(c.self, c.seed, c.heartbeat_interval, c.election_timeout, c.pre_vote, c.check_quorum,
        c.lease_reads, c.append_bytes_max, c.inflight_messages_max, c.inflight_bytes_max,
        c.uncommitted_bytes_max, c.catch_up_entries);
  }
  void put(const Log& log) {
    all(log.base().index, log.base().term, log.base().time_ms, log.base().in_force);
    all(log.saved(), log.persisted(), log.replaced_from());
    put(log.last());
    for (Index index = log.first(); index <= log.last(); ++index) put(log.at(index));
  }
  void put(const PendingSave& save) { all(save.id, save.through, save.hard_state); }
  void put(const Transfer& t) { all(t.to, t.deadline, t.ordered); }
  void put(const PendingRead& read) { all(read.from, read.read_id); }
  void put(const ReadBatch& batch) { all(batch.round, batch.index, batch.reads); }
  void put(const SentRound& round) { all(round.round, round.sent); }
  void put(const Inflights::Sent& sent) { all(sent.last, std::uint64_t{sent.bytes}); }
  void put(const Progress& p) {
    all(p.match, p.next, std::uint64_t{static_cast<std::uint8_t>(p.state)}, p.recent_active,
        p.counts, p.probe_sent, p.pending_snapshot, p.commit_sent, p.match_at_heartbeat,
        p.acked_round, p.recovery_nonce, p.fence, p.inflights.sent());
  }
  void put(const Follower&) {}
  void put(const Learner&) {}
  void put(const PreCandidate& role) { put(role.votes); }
  void put(const Candidate& role) { all(role.votes, role.transfer); }
  void put(const Recovering::Fence& fence) { all(fence.index, fence.term); }
  void put(const Recovering& role) {
    all(role.nonce, role.query_deadline, role.answers, role.fence);
  }
  void put(const Leader& role) {
    all(role.progress, role.heartbeat_deadline, role.quorum_deadline, role.round, role.sent_rounds,
        role.lease_from, role.lease_void, role.reads.waiting(), role.reads.batches(),
        role.uncommitted_bytes, role.first_of_term, role.base_time_ms, role.elapsed);
  }
  void put(const Replica& r) {
    all(r.config, r.now, std::uint64_t{r.role.index()});
    std::visit([this](const auto& role) { put(role); }, r.role);
    all(r.term, r.vote, r.leader, r.log, r.commit, r.emitted, r.applied, r.installing, r.snapshot);
    all(r.last_save, r.saved_hard_state, r.unsaved_snapshot, r.pending_saves);
    all(r.election_deadline, r.attempt, r.sticky_until, r.transfer, r.forwarded_reads,
        r.acknowledged);
  }
  [[nodiscard]] std::string take() { return out_.take(); }

 private:
  template <class... Values>
  void all(const Values&... values) {
    (put(values), ...);
  }
  Writer out_;
};

}  // namespace

std::string canonical_bytes(const Replica& replica) {
  Canonical canonical;
  canonical.put(replica);
  return canonical.take();
}

}  // namespace detcd::raft
