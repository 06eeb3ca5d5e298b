#include "server/promises.h"

#include <gtest/gtest.h>

namespace detcd::server {
namespace {

using transport::Introduction;
using transport::Promise;
using transport::Remembered;

const raft::NodeId kPeer(7);
constexpr std::uint64_t kLife = 11;
constexpr std::uint64_t kNextLife = 12;

raft::Message says(std::uint64_t term, raft::Body body) {
  return {kPeer, raft::NodeId(1), raft::Term(term), std::move(body)};
}
raft::AppendResponse accepted(std::uint64_t match) {
  raft::AppendResponse response;
  response.accepted = true;
  response.match = raft::Index(match);
  return response;
}

// What the peer's next process is told.
Promise remembered(const Promises& promises) {
  return remembered_of(promises.of(kPeer), kNextLife);
}

TEST(Promises, TheHighestAcknowledgementOfTheNewestTermIsKept) {
  Promises promises;
  promises.note(says(3, accepted(90)), kLife);
  promises.note(says(4, accepted(50)), kLife);
  promises.note(says(4, accepted(60)), kLife);
  promises.note(says(4, accepted(55)), kLife);
  promises.note(says(3, accepted(95)), kLife);
  EXPECT_EQ(remembered(promises), (Promise{4, false, 60}));
}

TEST(Promises, AVoteIsKeptWhoeverSaysIt) {
  const raft::Body bodies[] = {raft::VoteRequest{}, raft::VoteResponse{false, true},
                               raft::AppendRequest{}, raft::Heartbeat{}};
  for (const raft::Body& body : bodies) {
    Promises promises;
    promises.note(says(4, body), kLife);
    EXPECT_EQ(remembered(promises), (Promise{4, true, 0})) << raft::name_of(body);
  }
  Promises refused;
  refused.note(says(4, raft::VoteResponse{false, false}), kLife);
  EXPECT_EQ(remembered(refused), (Promise{4, false, 0}));
}

TEST(Promises, WhoIsPublishedHasKnownALeader) {
  const Promises promises;  // Of a process that has heard nobody.
  const Introduction told = promises.of(kPeer, true);
  EXPECT_EQ(remembered_of(told, kNextLife), (Promise{2, false, 0}));
  EXPECT_TRUE(is_broken(remembered_of(told, kNextLife), {1, false, 3}));
  EXPECT_FALSE(is_broken(remembered_of(told, kNextLife), {2, false, 3}));
  EXPECT_EQ(remembered_of(told, kNextLife, true), Promise()) << "that may have been this life";
  EXPECT_EQ(remembered_of(promises.of(kPeer, false), kNextLife), Promise());
}

TEST(Promises, WhatIsSentBeforeItIsSyncedIsNone) {
  raft::VoteRequest pre;
  pre.pre = true;
  const raft::Body bodies[] = {pre, raft::VoteResponse{true, true}, raft::ForwardProposal{},
                               raft::RecoveryQuery{}};
  for (const raft::Body& body : bodies) {
    Promises promises;
    promises.note(says(4, body), kLife);
    EXPECT_EQ(remembered(promises), Promise{}) << raft::name_of(body);
  }
}

TEST(Promises, AnAnswerThatDoesNotCountAcknowledgesNothing) {
  Promises promises;
  raft::AppendResponse recovering = accepted(90);
  recovering.counts = false;
  promises.note(says(4, recovering), kLife);
  EXPECT_EQ(remembered(promises), (Promise{4, false, 0}));
}

TEST(Promises, ALifeIsToldWhatTheLivesBeforeItPromised) {
  Promises promises;
  promises.note(says(4, accepted(60)), 11);
  EXPECT_EQ(remembered_of(promises.of(kPeer), 11), Promise{}) << "that is its own";
  EXPECT_EQ(remembered_of(promises.of(kPeer), 12), (Promise{4, false, 60}));
  promises.note(says(5, accepted(70)), 12);
  EXPECT_EQ(remembered_of(promises.of(kPeer), 12), (Promise{4, false, 60}));
  EXPECT_EQ(remembered_of(promises.of(kPeer), 13), (Promise{5, false, 70}));
}

TEST(Promises, BelongToTheLifeThatGaveThemInWhateverOrderTheyArrive) {
  Promises promises;
  promises.note(says(5, accepted(70)), 12);
  promises.note(says(4, accepted(60)), 11);  // Sent before the crash, arrived after it.
  promises.note(says(5, accepted(80)), 12);
  EXPECT_EQ(remembered_of(promises.of(kPeer), 12), (Promise{4, false, 60}));
  EXPECT_EQ(remembered_of(promises.of(kPeer), 13), (Promise{5, false, 80}));
}

TEST(Promises, OfManyLivesAreAllRemembered) {
  constexpr std::uint64_t kLives = 300;
  Promises promises;
  for (std::uint64_t life = 1; life <= kLives; ++life) {
    promises.note(says(4, accepted(1000 - life)), life);
  }
  const Introduction introduction = promises.of(kPeer);
  EXPECT_LE(introduction.remembered.size(), 8U);
  EXPECT_EQ(remembered_of(introduction, kLives), (Promise{4, false, 999}));
  EXPECT_EQ(introduction.remembered.back(), (Remembered{kLives, {4, false, 1000 - kLives}}));
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
