#include "raft/codec.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/hash.h"
#include "cluster.h"

namespace detcd::raft::testing {
namespace {

std::string bytes_of(const Message& message) {
  Writer out;
  encode(out, message);
  return out.take();
}

Entry entry(Number index, Number term, std::string_view data) {
  return {Term(term), Index(index), EntryKind::kCommand, index * 10, Bytes(data)};
}

Configuration joint() {
  Configuration c;
  c.voters = {n(1), n(2), n(9)};
  c.voters_outgoing = {n(1), n(3)};
  c.learners = {n(7)};
  c.learners_next = {n(3)};
  c.auto_leave = true;
  return c;
}

std::vector<Message> one_of_each() {
  const std::vector<Body> bodies = {
      VoteRequest{true, false, Index(7), Term(3)},
      VoteResponse{false, true},
      AppendRequest{Index(4), Term(2), {entry(5, 2, "five"), entry(6, 3, "")}, Index(4)},
      AppendResponse{true, Index(6), Index(1), Index(2), Term(1), false},
      Heartbeat{Index(5), 99},
      HeartbeatResponse{99},
      InstallSnapshot{{Index(100), Term(4), 12345, joint()}},
      TimeoutNow{},
      ForwardProposal{{Bytes(std::string_view("a")), Bytes(), Bytes(std::string_view("c"))}},
      ForwardRead{1ULL << 60},
      ReadAnswer{1ULL << 60, Index(8), 77},
      RecoveryQuery{~0ULL},
      RecoveryAnswer{~0ULL, Index(9), Index(8), Index(10)}};
  std::vector<Message> messages;
  for (const Body& body : bodies) messages.push_back({n(~0ULL), n(2), Term(300), body});
  messages.push_back({n(1), n(2), Term(3), RecoveryAnswer{1, Index(9), Index(8), std::nullopt}});
  return messages;
}

TEST(RaftCodec, RoundTripsEveryMessage) {
  for (const Message& message : one_of_each()) {
    const Result<Message> back = decode_message(Bytes(bytes_of(message)));
    ASSERT_TRUE(back.ok()) << name_of(message.body);
    EXPECT_EQ(*back, message) << name_of(message.body);
    EXPECT_EQ(bytes_of(*back), bytes_of(message));
  }
  EXPECT_EQ(one_of_each().size(), std::variant_size_v<Body> + 1);
}

TEST(RaftCodec, EveryShorterOrLongerFrameIsRefused) {
  for (const Message& message : one_of_each()) {
    const std::string whole = bytes_of(message);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      EXPECT_FALSE(decode_message(Bytes(whole.substr(0, length))).ok()) << name_of(message.body);
    }
    const Result<Message> longer = decode_message(Bytes(whole + "x"));
    ASSERT_FALSE(longer.ok());
    EXPECT_EQ(longer.error().code, Errc::kDamaged);
  }
}

TEST(RaftCodec, MutatedFramesAreRefusedOrSomeOtherMessage) {
  std::size_t accepted = 0;
  for (const Message& message : one_of_each()) {
    const std::string whole = bytes_of(message);
    for (Number i = 0; i < 2000; ++i) {
      std::string mutated = whole;
      const Number draw = keyed_draw(1, 2, whole.size(), i);
      mutated[draw % mutated.size()] = static_cast<char>(draw >> 40);
      if (draw % 3 == 0) mutated[(draw >> 8) % mutated.size()] = static_cast<char>(draw >> 48);
      const Result<Message> decoded = decode_message(Bytes(mutated));
      if (!decoded) continue;
      ++accepted;
      // What is accepted is a value with bytes of its own.
      const Result<Message> again = decode_message(Bytes(bytes_of(*decoded)));
      ASSERT_TRUE(again.ok());
      EXPECT_EQ(*again, *decoded);
    }
  }
  EXPECT_GT(accepted, 0U);
}

TEST(RaftCodec, RandomBytesNeverCrash) {
  for (Number i = 0; i < 20'000; ++i) {
    std::string noise(keyed_draw(3, 1, 0, i) % 60, '\0');
    for (std::size_t at = 0; at < noise.size(); ++at) {
      noise[at] = static_cast<char>(keyed_draw(3, 2, i, at));
    }
    if (!noise.empty()) noise[0] = static_cast<char>(i % 14);
    (void)decode_message(Bytes(noise));
    Reader in(noise);
    (void)decode_snapshot_meta(in);
  }
}

TEST(RaftCodec, ACountThatLiesIsRefusedBeforeAllocating) {
  Writer out;
  out.u8(2);  // An append
  out.u64(1);
  out.u64(2);
  for (int i = 0; i < 4; ++i) out.varint(1);
  out.varint(~0ULL);
  EXPECT_FALSE(decode_message(Bytes(out.view())).ok());
}

TEST(RaftCodec, DecodedDataSharesTheFrame) {
  const Message message{n(1), n(2), Term(1),
                        AppendRequest{Index(), Term(), {entry(1, 1, "shared")}, Index()}};
  const Bytes frame(bytes_of(message));
  const Result<Message> back = decode_message(frame);
  ASSERT_TRUE(back.ok());
  const char* data = std::get<AppendRequest>(back->body).entries[0].data.view().data();
  EXPECT_GE(data, frame.view().data());
  EXPECT_LT(data, frame.view().data() + frame.size());
}

TEST(RaftCodec, RoundTripsWhatTheDiskHolds) {
  Writer out;
  encode(out, HardState{Term(5), n(3), Index(9)});
  encode(out, HardState{Term(5), std::nullopt, Index(9)});
  encode(out, ConfigurationEntry{joint(), Bytes(std::string_view("urls"))});
  encode(out, entry(3, 2, "data"));
  Reader in(out.view());
  EXPECT_EQ(*decode_hard_state(in), (HardState{Term(5), n(3), Index(9)}));
  EXPECT_EQ(*decode_hard_state(in), (HardState{Term(5), std::nullopt, Index(9)}));
  EXPECT_EQ(decode_configuration_entry(in)->configuration, joint());
  EXPECT_EQ(*decode_entry(in), entry(3, 2, "data"));
  EXPECT_TRUE(in.finished());
}

TEST(RaftCodec, MembersOutOfOrderAreRefused) {
  Writer out;
  out.varint(2);
  out.u64(2);
  out.u64(1);
  for (int i = 0; i < 3; ++i) out.varint(0);
  out.boolean(false);
  Reader in(out.view());
  EXPECT_FALSE(decode_configuration(in).ok());
}

// Random frames that decode are also safe to step.
TEST(RaftCodec, NoDecodedMessageBreaksACore) {
  Cluster cluster = make_cluster(3);
  cluster.elect(n(1));
  cluster.propose(n(1), "a");
  cluster.settle();
  for (const Message& message : one_of_each()) {
    for (Number i = 0; i < 1500; ++i) {
      std::string mutated = bytes_of(message);
      for (int times = 0; times < 3; ++times) {
        const Number draw = keyed_draw(9, times, mutated.size(), i);
        mutated[draw % mutated.size()] = static_cast<char>(draw >> 40 & 7);
      }
      const Result<Message> decoded = decode_message(Bytes(mutated));
      if (!decoded) continue;
      Message stepped = *decoded;
      for (Number id = 1; id <= 3; ++id) {
        stepped.to = n(id);
        stepped.from = n(id % 3 + 1);
        Raft core = cluster.core(n(id));
        (void)core.step({cluster.now(), Receive{stepped}});
        core.verify();
      }
    }
  }
}

// ---- the core as a value ------------------------------------------------------------------------

TEST(RaftValue, ACopyIsEqualAndThenGoesItsOwnWay) {
  Cluster cluster = make_cluster(3);
  cluster.elect(n(1));
  const Raft before = cluster.core(n(1));
  Raft copy = before;
  EXPECT_TRUE(copy == before);
  EXPECT_EQ(copy.canonical(), before.canonical());
  EXPECT_EQ(copy.hash(), before.hash());
  (void)copy.step({cluster.now(), Propose{{Bytes(std::string_view("x"))}}});
  EXPECT_FALSE(copy == before);
  EXPECT_NE(copy.canonical(), before.canonical());
  EXPECT_EQ(before.status().last_index, cluster.status(n(1)).last_index);
  copy = before;
  EXPECT_TRUE(copy == before);
}

TEST(RaftValue, SameInputsGiveTheSameStateInAnotherCluster) {
  const auto life = [] {
    Cluster cluster = make_cluster(3);
    cluster.advance(3s);
    cluster.propose(n(2), "a");
    cluster.advance(200ms);
    std::string all;
    for (Number id = 1; id <= 3; ++id) all += cluster.core(n(id)).canonical();
    return all;
  };
  EXPECT_EQ(life(), life());
}

TEST(RaftValue, EveryStepThatChangesTheStateChangesItsBytes) {
  Cluster cluster = make_cluster(3);
  std::map<std::string, Raft> seen;
  for (int i = 0; i < 60; ++i) {
    cluster.advance(50ms);
    for (Number id = 1; id <= 3; ++id) {
      const Raft& core = cluster.core(n(id));
      const auto [known, is_new] = seen.emplace(core.canonical(), core);
      EXPECT_TRUE(known->second == core);
    }
  }
  for (auto a = seen.begin(); std::next(a) != seen.end(); ++a) {
    EXPECT_FALSE(a->second == std::next(a)->second);
  }
}

}  // namespace
}  // namespace detcd::raft::testing
