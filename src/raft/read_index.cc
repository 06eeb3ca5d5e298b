#include "raft/read_index.h"

#include <algorithm>
#include <utility>

#include "raft/quorum.h"
#include "raft/step.h"

namespace detcd::raft {

void ReadIndex::start_round(std::uint64_t round, Index commit) {
  batches_.push_back({round, commit, std::exchange(waiting_, {})});
}

std::vector<ReadBatch> ReadIndex::confirm(std::uint64_t round) {
  std::vector<ReadBatch> confirmed;
  while (!batches_.empty() && batches_.front().round <= round) {
    confirmed.push_back(std::move(batches_.front()));
    batches_.pop_front();
  }
  return confirmed;
}

std::vector<PendingRead> ReadIndex::abandon() {
  std::vector<PendingRead> reads;
  for (const ReadBatch& batch : batches_) {
    reads.insert(reads.end(), batch.reads.begin(), batch.reads.end());
  }
  batches_.clear();
  reads.insert(reads.end(), waiting_.begin(), waiting_.end());
  waiting_.clear();
  return reads;
}

void Step::on(const Read& read) {
  if (s_.is<Leader>()) return ask_read({s_.config.self, read.read_id});
  if (!s_.leader) return emit(ReadFailed{read.read_id});
  s_.forwarded_reads[read.read_id] = s_.now + s_.config.election_timeout;
  send(*s_.leader, ForwardRead{read.read_id});
}

void Step::receive(const Message& message, const ForwardRead& forward) {
  if (s_.is<Leader>()) ask_read({message.from, forward.read_id});
}

void Step::receive(const Message&, const ReadAnswer& answer) {
  // Whatever term it is of: the index was committed after the read began.
  if (s_.forwarded_reads.erase(answer.read_id) > 0) {
    out_.reads.push_back({answer.read_id, answer.index, answer.time_ms});
  }
}

// §6.4. Before an entry of its term is committed, the leader's commit index may be behind.
void Step::ask_read(PendingRead read) {
  const bool alone =
      quorum_holds(s_.configuration(), [this](NodeId node) { return node == s_.config.self; });
  if (committed_in_term() && (alone || lease_holds())) return answer_read(read, s_.commit);
  Leader& self = *leader();
  self.reads.add(read);
  // Reads that come during a round share the next one.
  if (!self.reads.round_under_way()) start_read_round();
}

// The waiting reads join the newest round if it begins in this step; otherwise one begins.
void Step::start_read_round() {
  Leader& self = *leader();
  if (!self.reads.has_waiting() || !committed_in_term()) return;
  if (!round_begun_) broadcast_heartbeat();
  self.reads.start_round(self.round, s_.commit);
  confirm_reads();
}

void Step::confirm_reads() {
  Leader& self = *leader();
  const std::uint64_t round = quorum_value(s_.configuration(), [&](NodeId node) {
    if (node == s_.config.self) return self.round;
    const Progress* progress = progress_of(node);
    return progress != nullptr && progress->counts ? progress->acked_round : 0;
  });
  while (!self.sent_rounds.empty() && self.sent_rounds.front().round <= round) {
    self.lease_from = self.sent_rounds.front().sent;
    self.sent_rounds.pop_front();
  }
  for (const ReadBatch& batch : self.reads.confirm(round)) {
    for (const PendingRead& read : batch.reads) answer_read(read, batch.index);
  }
  if (!self.reads.round_under_way()) start_read_round();
}

void Step::answer_read(const PendingRead& read, Index index) {
  if (read.from == s_.config.self) {
    out_.reads.push_back({read.read_id, index, leader()->time_ms(s_.log)});
  } else {
    send(read.from, ReadAnswer{read.read_id, index, leader()->time_ms(s_.log)});
  }
}

// §6.4.1: a quorum that answered a heartbeat sent at `lease_from` elects nobody else for an
// election timeout. A tenth of it is kept for clocks that don't run alike.
bool Step::lease_holds() {
  const Leader& self = *leader();
  if (!s_.config.lease_reads || !s_.config.check_quorum) return false;
  if (!self.lease_from || self.lease_void) return false;
  const Duration timeout = s_.config.election_timeout;
  return s_.now < *self.lease_from + (timeout - timeout / 10);
}

void Step::abandon_reads() {
  for (const PendingRead& read : leader()->reads.abandon()) {
    if (read.from == s_.config.self) emit(ReadFailed{read.read_id});
  }
}

// Reads that a leader was asked for: lost with the leader, or given up when it doesn't answer.
void Step::fail_forwarded_reads(bool all) {
  for (auto read = s_.forwarded_reads.begin(); read != s_.forwarded_reads.end();) {
    if (!all && s_.now < read->second) {
      ++read;
      continue;
    }
    emit(ReadFailed{read->first});
    read = s_.forwarded_reads.erase(read);
  }
}

}  // namespace detcd::raft
