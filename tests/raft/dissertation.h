// What the tests of the dissertation's claims share: a cluster that is led, and single questions to
// one server.
#pragma once

#include <utility>
#include <vector>

#include "cluster.h"

namespace detcd::raft::testing {

inline Cluster led(Number count, Config base = {}) {
  Cluster cluster = make_cluster(count, std::move(base));
  // With leases a server that starts grants nothing for an election timeout.
  cluster.pass(1s);
  cluster.elect(n(1));
  cluster.advance(100ms);
  return cluster;
}

inline Config plain() {
  Config config;
  config.pre_vote = false;
  config.check_quorum = false;
  return config;
}

// What `id` answers to this message, without the rest of the cluster seeing it.
inline std::vector<Outgoing> answers(Cluster& cluster, NodeId id, Message message) {
  Raft core = cluster.core(id);
  message.to = id;
  return core.step({cluster.now(), Receive{std::move(message)}}).messages;
}

inline bool grants(Cluster& cluster, NodeId id, Message message) {
  for (const Outgoing& answer : answers(cluster, id, std::move(message))) {
    const auto* response = std::get_if<VoteResponse>(&answer.message.body);
    if (response != nullptr) return response->granted;
  }
  return false;
}

inline Message vote_request(Number from, Number term, Number last_index, Number last_term) {
  return {n(from), n(0), Term(term), VoteRequest{false, false, Index(last_index), Term(last_term)}};
}

inline Entry entry(Number index, Number term) {
  Entry made;
  made.index = Index(index);
  made.term = Term(term);
  made.data = Bytes(std::string_view("x"));
  return made;
}

inline AppendRequest append(Number previous, Number previous_term, std::vector<Entry> entries,
                            Number commit = 0) {
  return {Index(previous), Term(previous_term), std::move(entries), Index(commit)};
}

inline const AppendResponse* response_in(const std::vector<Outgoing>& messages) {
  for (const Outgoing& outgoing : messages) {
    if (const auto* found = std::get_if<AppendResponse>(&outgoing.message.body)) return found;
  }
  return nullptr;
}

}  // namespace detcd::raft::testing
