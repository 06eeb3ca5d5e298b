// Who differs from whom, and what follows.
#include "server/agreement.h"

#include <vector>

#include <gtest/gtest.h>

namespace detcd::server {
namespace {

using Verdict = Agreement::Verdict;

std::vector<raft::NodeId> voters(std::uint64_t count) {
  std::vector<raft::NodeId> nodes;
  for (std::uint64_t i = 1; i <= count; ++i) nodes.emplace_back(i);
  return nodes;
}

struct Said {
  std::uint64_t own = 0;              // 0: not applied yet.
  std::vector<std::uint64_t> others;  // Of members 2, 3 …; 0: nothing.
  Verdict verdict = Verdict::kUnknown;
};

class AgreementTable : public testing::TestWithParam<Said> {};

TEST_P(AgreementTable, SaysWhatFollows) {
  const Said& said = GetParam();
  Agreement agreement;
  if (said.own != 0) agreement.applied({7, said.own});
  for (std::size_t i = 0; i < said.others.size(); ++i) {
    if (said.others[i] != 0) agreement.heard(raft::NodeId(i + 2), {7, said.others[i]});
  }
  EXPECT_EQ(agreement.judge(7, raft::NodeId(1), voters(said.others.size() + 1)), said.verdict);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, AgreementTable,
    testing::Values(Said{5, {}, Verdict::kAgreed}, Said{5, {5, 5}, Verdict::kAgreed},
                    Said{5, {5, 0}, Verdict::kMajority}, Said{5, {5, 6}, Verdict::kMajority},
                    Said{5, {6, 6}, Verdict::kMinority}, Said{5, {6, 0}, Verdict::kUnknown},
                    Said{5, {6, 7}, Verdict::kNoMajority}, Said{0, {6, 6}, Verdict::kUnknown},
                    Said{5, {6}, Verdict::kNoMajority}, Said{5, {0}, Verdict::kUnknown},
                    Said{5, {6, 6, 6, 0}, Verdict::kMinority},
                    Said{5, {6, 6, 5, 0}, Verdict::kUnknown},
                    Said{5, {6, 6, 5, 7}, Verdict::kNoMajority},
                    Said{5, {6, 6, 5, 5}, Verdict::kMajority}));

TEST(Agreement, LearnersFindThemselvesButDontCount) {
  Agreement agreement;
  agreement.applied({7, 5});
  for (std::uint64_t node = 1; node <= 3; ++node) agreement.heard(raft::NodeId(node), {7, 6});
  EXPECT_EQ(agreement.judge(7, raft::NodeId(4), voters(3)), Verdict::kMinority);
  agreement.heard(raft::NodeId(9), {7, 5});
  EXPECT_EQ(agreement.judge(7, raft::NodeId(4), voters(3)), Verdict::kMinority);
}

TEST(Agreement, WhatIsOldIsForgotten) {
  Agreement agreement;
  for (std::uint64_t index = 1; index <= Agreement::kOwnMax + 5; ++index) {
    agreement.applied({index, index * 2});
    agreement.heard(raft::NodeId(2), {index, 1});
  }
  EXPECT_FALSE(agreement.own(5));
  EXPECT_EQ(agreement.own(6), 12U);
  EXPECT_EQ(agreement.last(), (StateHash{Agreement::kOwnMax + 5, 2 * (Agreement::kOwnMax + 5)}));
  EXPECT_FALSE(agreement.is_new(Agreement::kOwnMax - 10)) << "or members would never end asking";
  agreement.heard(raft::NodeId(3), {Agreement::kOwnMax - 10, 1});
  EXPECT_FALSE(agreement.is_new(Agreement::kOwnMax + 5)) << "nor does it drive out what is newer";
  EXPECT_TRUE(agreement.is_new(Agreement::kOwnMax + 6));
  EXPECT_FALSE(agreement.is_new(Agreement::kOwnMax));
}

TEST(Agreement, AStateThatWasReplacedSaysNothingOfTheFormer) {
  Agreement agreement;
  agreement.applied({7, 5});
  agreement.heard(raft::NodeId(2), {7, 6});
  agreement.heard(raft::NodeId(3), {7, 6});
  agreement.replaced();
  EXPECT_EQ(agreement.judge(7, raft::NodeId(1), voters(3)), Verdict::kUnknown);
}

}  // namespace
}  // namespace detcd::server
