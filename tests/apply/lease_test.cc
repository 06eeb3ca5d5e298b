// Leases at apply: refusals, what puts and deletes do to keys of leases, and how leases end.

#include <gtest/gtest.h>

#include "apply/lease_ops.h"
#include "lease/lessor.h"
#include "tests/apply/support.h"

namespace detcd::apply {
namespace {

class Leases : public ::testing::Test {
 protected:
  LeaseGrantResponse grant(std::int64_t id, std::int64_t ttl) {
    return Driver::expect<LeaseGrantResponse>(
        driver_.apply({.request = LeaseGrantRequest{id, ttl}}));
  }
  Answer put(std::string key, std::int64_t lease) {
    return driver_.apply(
        {.request = PutRequest{.key = std::move(key), .value = "v", .lease = lease}});
  }
  // At the entry's time, `later_ms` after the one before.
  std::uint64_t tick(std::uint64_t later_ms) {
    driver_.pause_ms = later_ms;
    const Answer answer = driver_.apply({.request = LeaseTick{driver_.term, 1'000, 2'000}});
    driver_.pause_ms = 1;
    return Driver::expect<LeaseTickResponse>(answer).ended;
  }
  std::vector<std::string> keys(std::int64_t lease) {
    return driver_.applier().leases().keys(lease);
  }
  std::int64_t count() {
    return driver_.range({.key = std::string(1, '\0'), .range_end = std::string(1, '\0')}).count;
  }

  Driver driver_;
};

TEST_F(Leases, AreGrantedOnce) {
  EXPECT_EQ(grant(7, 10), (LeaseGrantResponse{1, 7, 10}));
  EXPECT_EQ(driver_.apply({.request = LeaseGrantRequest{7, 10}}), Answer(ApiError::kLeaseExist));
  EXPECT_EQ(driver_.apply({.request = LeaseGrantRequest{7, 9'000'000'001}}),
            Answer(ApiError::kLeaseTtlTooLarge));
  EXPECT_EQ(driver_.apply({.request = LeaseGrantRequest{8, 9'000'000'001}}),
            Answer(ApiError::kLeaseTtlTooLarge));
  EXPECT_EQ(grant(8, 9'000'000'000).ttl, 9'000'000'000);
  EXPECT_EQ(driver_.apply({.request = LeaseRevokeRequest{9}}), Answer(ApiError::kLeaseNotFound));
}

TEST_F(Leases, APutNamesALeaseThatExists) {
  EXPECT_EQ(put("k", 7), Answer(ApiError::kLeaseNotFound));
  grant(7, 10);
  EXPECT_TRUE(std::holds_alternative<Response>(put("k", 7)));
  EXPECT_EQ(driver_.range({.key = "k"}).kvs.at(0).lease, 7);
  const TxnRequest txn{
      .success = {{PutRequest{.key = "a", .lease = 7}}, {PutRequest{.key = "b", .lease = 8}}}};
  EXPECT_EQ(driver_.apply({.request = txn}), Answer(ApiError::kLeaseNotFound));
  EXPECT_EQ(keys(7), std::vector<std::string>{"k"}) << "a Txn that is refused attaches nothing";
}

TEST_F(Leases, AKeyMovesWithEveryPut) {
  grant(1, 10);
  grant(2, 10);
  put("k", 1);
  put("k", 2);
  EXPECT_TRUE(keys(1).empty());
  EXPECT_EQ(keys(2), std::vector<std::string>{"k"});
  driver_.apply({.request = PutRequest{.key = "k", .value = "w", .ignore_lease = true}});
  EXPECT_EQ(keys(2), std::vector<std::string>{"k"});
  put("k", 0);
  EXPECT_TRUE(keys(2).empty());
  put("k", 1);
  driver_.erase({.key = "k"});
  EXPECT_TRUE(keys(1).empty());
  driver_.txn({.success = {{PutRequest{.key = "x", .lease = 1}},
                           {TxnRequest{.success = {{PutRequest{.key = "y", .lease = 2}}}}}}});
  EXPECT_EQ(keys(1), std::vector<std::string>{"x"});
  EXPECT_EQ(keys(2), std::vector<std::string>{"y"});
}

TEST_F(Leases, ARevocationDeletesItsKeysInOneRevision) {
  grant(1, 10);
  put("b", 1);
  put("a", 1);
  put("c", 0);
  const Revision before = driver_.applier().revision();
  EXPECT_EQ(Driver::expect<LeaseRevokeResponse>(driver_.apply({.request = LeaseRevokeRequest{1}}))
                .header_revision,
            before + 1);
  EXPECT_EQ(driver_.applier().revision(), before + 1);
  EXPECT_EQ(count(), 1);
  EXPECT_TRUE(driver_.applier().leases().empty());
  grant(2, 10);
  EXPECT_EQ(Driver::expect<LeaseRevokeResponse>(driver_.apply({.request = LeaseRevokeRequest{2}}))
                .header_revision,
            before + 1)
      << "without keys there is no revision";
}

TEST_F(Leases, EachLeaseThatEndsIsARevision) {
  grant(1, 3);
  grant(2, 2);
  grant(3, 2);
  grant(4, 100);
  put("b", 1);
  put("a", 2);
  put("z", 2);
  put("keep", 4);
  const Revision before = driver_.applier().revision();
  EXPECT_EQ(tick(1'000), 0U);
  driver_.budget = 1;
  EXPECT_EQ(tick(3'000), 3U);
  EXPECT_EQ(driver_.applier().revision(), before + 2) << "lease 3 had no key";
  EXPECT_EQ(driver_.range({.key = "a", .revision = before}).count, 1);
  EXPECT_EQ(driver_.range({.key = "a", .revision = before + 1}).count, 0);
  EXPECT_EQ(driver_.range({.key = "z", .revision = before + 1}).count, 0);
  EXPECT_EQ(driver_.range({.key = "b", .revision = before + 1}).count, 1) << "it ended later";
  EXPECT_EQ(count(), 1);
}

TEST_F(Leases, NothingOfATickIsSeenBeforeItIsDone) {
  for (std::int64_t id = 1; id <= 20; ++id) {
    grant(id, 2);
    put("k" + std::to_string(id), id);
  }
  const Revision before = driver_.applier().revision();
  Position position = driver_.next_position();
  position.time_ms += 10'000;
  Applier& applier = driver_.applier();
  applier.begin(position, {.request = LeaseTick{1, 1'000, 2'000}});
  std::size_t steps = 0;
  while (!std::holds_alternative<mvcc::Done>(applier.advance({.units = 20}))) {
    ++steps;
    EXPECT_EQ(applier.revision(), before);
    EXPECT_EQ(applier.leases().size(), 20U);
    EXPECT_EQ(count(), 20);
  }
  EXPECT_GT(steps, 5U);
  EXPECT_EQ(applier.revision(), before + 20);
  EXPECT_EQ(count(), 0);
}

TEST_F(Leases, ATickEndsABoundedNumberOfThem) {
  for (std::int64_t id = 1; id <= 600; ++id) grant(id, 2);
  EXPECT_EQ(tick(3'000), kEndedPerTickMax);
  EXPECT_EQ(tick(1), kEndedPerTickMax);
  EXPECT_EQ(tick(1), 600 - 2 * kEndedPerTickMax);
  EXPECT_EQ(tick(1), 0U);
}

TEST_F(Leases, ATermsFirstTickExtendsAndEndsNothing) {
  grant(1, 5);
  grant(2, 5);
  driver_.term = 2;
  EXPECT_EQ(tick(60'000), 0U) << "whatever the new leader's clock made of the time without one";
  EXPECT_EQ(tick(1'900), 0U);
  EXPECT_EQ(tick(200), 2U);
}

TEST_F(Leases, ATickOfAFormerLeaderDoesNothing) {
  grant(1, 2);
  driver_.pause_ms = 60'000;
  driver_.term = 2;
  const Answer answer = driver_.apply({.request = LeaseTick{1, 1'000, 2'000}});
  EXPECT_EQ(Driver::expect<LeaseTickResponse>(answer).ended, 0U);
  EXPECT_EQ(driver_.applier().leases().find(1)->end_ms, 2'001U);
}

TEST_F(Leases, ARenewalAnswersEachOfItsIds) {
  grant(1, 5);
  grant(2, 7);
  driver_.pause_ms = 4'000;
  const Answer answer = driver_.apply({.request = LeaseRenewRequest{{2, 9, 1, 2}}});
  EXPECT_EQ(Driver::expect<LeaseRenewResponse>(answer).ttls,
            (std::vector<std::int64_t>{7, 0, 5, 7}));
  driver_.pause_ms = 1;
  EXPECT_EQ(tick(5'000), 0U);
  EXPECT_EQ(tick(1), 1U);
}

TEST_F(Leases, AnImageBringsLeasesAndTheirKeysBack) {
  grant(1, 5);
  grant(2, 50);
  put("a", 1);
  put("b", 2);
  put("c", 2);
  driver_.erase({.key = "c"});
  const Image image = driver_.applier().capture();
  Result<std::unique_ptr<Applier>> restored = Applier::restore(Driver::kCluster, image);
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  const lease::Lessor& lessor = (*restored)->leases();
  EXPECT_EQ(lessor.list(), driver_.applier().leases().list());
  EXPECT_EQ(lessor.keys(1), std::vector<std::string>{"a"});
  EXPECT_EQ(lessor.keys(2), std::vector<std::string>{"b"});
  Driver other(*std::move(restored));
  for (Driver* driver : {&driver_, &other}) {
    driver->pause_ms = 6'000;
    driver->apply({.request = LeaseTick{1, 1'000, 2'000}});
  }
  EXPECT_EQ(other.applier().state_hash(), driver_.applier().state_hash());
  EXPECT_EQ(other.applier().revision(), driver_.applier().revision());
}

TEST_F(Leases, AStateWithoutLeasesIsWrittenAsBeforeThereWereAny) {
  driver_.put("k", "v");
  const std::string without = driver_.applier().capture().small_state;
  EXPECT_EQ(without[0], 1);
  grant(1, 5);
  EXPECT_EQ(driver_.applier().capture().small_state[0], 3);
  driver_.apply({.request = LeaseRevokeRequest{1}});
  EXPECT_EQ(driver_.applier().capture().small_state[0], 1);
}

}  // namespace
}  // namespace detcd::apply
