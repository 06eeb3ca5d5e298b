#include "lease/lessor.h"

#include <gtest/gtest.h>

namespace detcd::lease {
namespace {

// All that ends by then, in the order in which it is given out; keys are taken away as apply does.
std::vector<LeaseId> end_all(Lessor& lessor, std::uint64_t now_ms) {
  std::vector<LeaseId> ended;
  while (const std::optional<LeaseId> next = lessor.next_ended(now_ms)) {
    if (*next != 0) ended.push_back(*next);
  }
  for (const LeaseId id : ended) {
    for (const std::string& key : lessor.keys(id)) lessor.detach(key);
    lessor.revoke(id);
  }
  return ended;
}

TEST(Lessor, ALeaseEndsAfterItsTimeAndNotBefore) {
  Lessor lessor;
  lessor.grant(7, 10, {1, 500});
  EXPECT_EQ(lessor.find(7), (Lease{7, 10, 10'500}));
  EXPECT_EQ(lessor.earliest_end_ms(), 10'500U);
  EXPECT_TRUE(end_all(lessor, 10'500).empty());
  EXPECT_EQ(end_all(lessor, 10'501), std::vector<LeaseId>{7});
  EXPECT_TRUE(lessor.empty());
  EXPECT_EQ(lessor.hash(), 0U);
}

TEST(Lessor, LeasesEndInTheOrderOfTheirEnds) {
  Lessor lessor;
  lessor.grant(1, 30, {1, 0});
  lessor.grant(2, 10, {1, 0});
  lessor.grant(-3, 20, {1, 0});
  EXPECT_EQ(end_all(lessor, 20'001), (std::vector<LeaseId>{2, -3}));
  EXPECT_EQ(lessor.size(), 1U);
}

TEST(Lessor, ARenewedLeaseHasItsWholeTimeAgain) {
  Lessor lessor;
  lessor.grant(1, 10, {1, 0});
  EXPECT_EQ(lessor.renew(1, 9'000), 10);
  EXPECT_EQ(lessor.renew(2, 9'000), std::nullopt);
  EXPECT_TRUE(end_all(lessor, 19'000).empty());
  EXPECT_EQ(end_all(lessor, 19'001), std::vector<LeaseId>{1});
}

TEST(Lessor, AKeyBelongsToTheLeaseOfItsLastPut) {
  Lessor lessor;
  lessor.grant(1, 10, {1, 0});
  lessor.grant(2, 10, {1, 0});
  lessor.attach("b", 1);
  lessor.attach("a", 1);
  lessor.attach("c", 1);
  EXPECT_EQ(lessor.keys(1), (std::vector<std::string>{"a", "b", "c"}));
  lessor.attach("b", 2);
  lessor.attach("c", 0);
  lessor.attach("d", 0);
  EXPECT_EQ(lessor.keys(1), std::vector<std::string>{"a"});
  EXPECT_EQ(lessor.keys(2), std::vector<std::string>{"b"});
  EXPECT_EQ(lessor.first_key(2), "b");
  lessor.detach("a");
  EXPECT_EQ(lessor.first_key(1), std::nullopt);
  EXPECT_EQ(lessor.attached(), 1U);
}

TEST(Lessor, ATermGivesBackAnElectionTimeoutButNeverMoreThanWasGranted) {
  Lessor lessor;
  lessor.grant(1, 10, {1, 0});
  lessor.grant(2, 100, {1, 0});
  lessor.grant(3, 3, {1, 0});
  EXPECT_EQ(lessor.term(), 1U);
  lessor.begin_term(2, {2'500, 1'000, 2'000});
  EXPECT_EQ(lessor.term(), 2U);
  EXPECT_EQ(lessor.find(1)->end_ms, 11'000U);  // 7.5 s were left, and one more.
  EXPECT_EQ(lessor.find(2)->end_ms, 101'000U);
  EXPECT_EQ(lessor.find(3)->end_ms, 4'500U);  // Half a second was left: the minimum.
  // One that had ended by then lives on as well.
  lessor.begin_term(3, {20'000, 1'000, 2'000});
  EXPECT_EQ(lessor.find(1)->end_ms, 22'000U);
  EXPECT_EQ(lessor.find(3)->end_ms, 22'000U);
  EXPECT_EQ(lessor.find(2)->end_ms, 102'000U);
  EXPECT_EQ(end_all(lessor, 22'001), (std::vector<LeaseId>{1, 3}));
}

TEST(Lessor, NoLeaseHasMoreThanItWasGrantedWhenTermsFollowEachOther) {
  Lessor lessor;
  lessor.grant(1, 5, {1, 0});
  for (std::uint64_t term = 2; term < 20; ++term) lessor.begin_term(term, {100, 1'000, 2'000});
  EXPECT_EQ(lessor.find(1)->end_ms, 5'100U);
}

TEST(Lessor, ATermBeginsOnce) {
  Lessor lessor;
  lessor.begin_term(5, {0, 1'000, 2'000});
  EXPECT_EQ(lessor.term(), 0U) << "without leases nothing is remembered";
  lessor.grant(1, 5, {6, 0});
  const std::uint64_t hash = lessor.hash();
  lessor.begin_term(6, {3'000, 1'000, 2'000});
  lessor.begin_term(5, {3'000, 1'000, 2'000});
  EXPECT_EQ(lessor.find(1)->end_ms, 5'000U);
  EXPECT_EQ(lessor.hash(), hash);
}

TEST(Lessor, ManyTermsAreTakenInByAllLeasesInSteps) {
  Lessor lessor;
  for (LeaseId id = 1; id <= 100; ++id) lessor.grant(id, 3'600, {1, 0});
  std::uint64_t term = 2;
  for (; term < 2 + Lessor::kBeginningsMax; ++term) {
    lessor.begin_term(term, {term * 10'000, 1'000, 2'000});
    EXPECT_TRUE(lessor.fold(1));
  }
  const std::vector<Lease> before = lessor.list();
  lessor.begin_term(term, {0, 0, 0});  // Extends nothing.
  EXPECT_FALSE(lessor.fold(99));
  EXPECT_EQ(lessor.list(), before);
  while (!lessor.fold(7)) {
  }
  EXPECT_EQ(lessor.list(), before);
  EXPECT_TRUE(lessor.fold(1));
}

TEST(Lessor, AnImageHoldsAllButTheKeys) {
  Lessor lessor;
  for (LeaseId id = -3; id < 50; ++id) {
    if (id != 0) lessor.grant(id, 10 + id * id, {4, static_cast<std::uint64_t>(id * id)});
  }
  lessor.begin_term(5, {3'000, 1'000, 2'000});
  EXPECT_EQ(lessor.renew(9, 4'000), 91);
  Writer out;
  lessor.encode(out);
  const std::string bytes = out.take();
  Reader in(bytes);
  const Result<Lessor> restored = Lessor::decode(in);
  ASSERT_TRUE(restored);
  EXPECT_TRUE(in.finished());
  EXPECT_EQ(restored->list(), lessor.list());
  EXPECT_EQ(restored->hash(), lessor.hash());
  EXPECT_EQ(restored->term(), 5U);
  EXPECT_EQ(restored->earliest_end_ms(), lessor.earliest_end_ms());
  // Cut anywhere it is refused, and bytes that aren't leases don't crash.
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    Reader cut(std::string_view(bytes).substr(0, length));
    EXPECT_FALSE(Lessor::decode(cut) && cut.finished()) << length;
  }
}

}  // namespace
}  // namespace detcd::lease
