#include "server/promises.h"

#include <gtest/gtest.h>

namespace detcd::server {
namespace {

using transport::Introduction;
using transport::Promise;

const raft::NodeId kPeer(7);

raft::Message says(std::uint64_t term, raft::Body body) {
  return {kPeer, raft::NodeId(1), raft::Term(term), std::move(body)};
}
raft::AppendResponse accepted(std::uint64_t match) {
  raft::AppendResponse response;
  response.accepted = true;
  response.match = raft::Index(match);
  return response;
}

TEST(Promises, TheHighestAcknowledgementOfTheNewestTermIsKept) {
  Promises promises;
  promises.note(says(3, accepted(90)));
  promises.note(says(4, accepted(50)));
  promises.note(says(4, accepted(60)));
  promises.note(says(4, accepted(55)));
  promises.note(says(3, accepted(95)));
  EXPECT_EQ(promises.of(kPeer).remembered, (Promise{4, false, 60}));
}

TEST(Promises, AVoteIsKeptWhoeverSaysIt) {
  const raft::Body bodies[] = {raft::VoteRequest{}, raft::VoteResponse{false, true},
                               raft::AppendRequest{}, raft::Heartbeat{}};
  for (const raft::Body& body : bodies) {
    Promises promises;
    promises.note(says(4, body));
    EXPECT_EQ(promises.of(kPeer).remembered, (Promise{4, true, 0})) << raft::name_of(body);
  }
  Promises refused;
  refused.note(says(4, raft::VoteResponse{false, false}));
  EXPECT_EQ(refused.of(kPeer).remembered, (Promise{4, false, 0}));
}

TEST(Promises, WhatIsSentBeforeItIsSyncedIsNone) {
  raft::VoteRequest pre;
  pre.pre = true;
  const raft::Body bodies[] = {pre, raft::VoteResponse{true, true}, raft::ForwardProposal{},
                               raft::RecoveryQuery{}};
  for (const raft::Body& body : bodies) {
    Promises promises;
    promises.note(says(4, body));
    EXPECT_EQ(promises.of(kPeer).remembered, Promise{}) << raft::name_of(body);
  }
}

TEST(Promises, AnAnswerThatDoesNotCountAcknowledgesNothing) {
  Promises promises;
  raft::AppendResponse recovering = accepted(90);
  recovering.counts = false;
  promises.note(says(4, recovering));
  EXPECT_EQ(promises.of(kPeer).remembered, (Promise{4, false, 0}));
}

TEST(Promises, ALifeIsToldWhatTheLivesBeforeItPromised) {
  Promises promises;
  promises.begin_life(kPeer, 11);
  promises.note(says(4, accepted(60)));
  EXPECT_EQ(remembered_of(promises.of(kPeer), 11), Promise{}) << "that is its own";
  // It comes back, and its peer doesn't know that yet.
  EXPECT_EQ(remembered_of(promises.of(kPeer), 12), (Promise{4, false, 60}));
  promises.begin_life(kPeer, 12);
  promises.note(says(5, accepted(70)));
  EXPECT_EQ(remembered_of(promises.of(kPeer), 12), (Promise{4, false, 60}));
  promises.begin_life(kPeer, 13);
  EXPECT_EQ(remembered_of(promises.of(kPeer), 13), (Promise{5, false, 70}));
}

TEST(Promises, AreBrokenByAShorterLogOfTheSameTermOnly) {
  const Promise promised{4, false, 60};
  EXPECT_FALSE(is_broken(promised, {4, false, 60}));
  EXPECT_TRUE(is_broken(promised, {4, false, 59}));
  EXPECT_FALSE(is_broken(promised, {5, false, 59})) << "another leader may have replaced it";
  EXPECT_TRUE(is_broken(promised, {3, true, 99})) << "the term was synced before anything in it";
}

TEST(Promises, AreBrokenByAForgottenVote) {
  EXPECT_TRUE(is_broken({4, true, 0}, {4, false, 10}));
  EXPECT_FALSE(is_broken({4, true, 0}, {4, true, 10}));
  EXPECT_FALSE(is_broken({4, true, 0}, {5, false, 10}));
  EXPECT_FALSE(is_broken(Promise{}, Promise{1, false, 3}));
}

}  // namespace
}  // namespace detcd::server
