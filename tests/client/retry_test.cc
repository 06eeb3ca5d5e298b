#include "client/retry.h"

#include <gtest/gtest.h>

namespace detcd::client {
namespace {

http2::GrpcStatus status(std::uint32_t code, std::string text = "") {
  return {code, std::move(text)};
}
constexpr std::uint32_t kUnavailable = 14;

TEST(Retry, ReadsAreRepeatedWhenTheServerIsUnavailable) {
  EXPECT_TRUE(is_retried(
      {.status = status(kUnavailable, "etcdserver: no leader"), .repeatable = Repeatable::kYes}));
  EXPECT_FALSE(is_retried({.status = status(2), .repeatable = Repeatable::kYes}));
  EXPECT_FALSE(is_retried({.status = status(11), .repeatable = Repeatable::kYes}));
}

TEST(Retry, WritesAreRepeatedOnlyWhenNoServerSawThem) {
  EXPECT_FALSE(is_retried({.status = status(kUnavailable), .repeatable = Repeatable::kNo}));
  EXPECT_TRUE(is_retried(
      {.status = status(kUnavailable), .processed = false, .repeatable = Repeatable::kNo}));
}

TEST(Retry, DeadlinesAndCancellationsAreFinal) {
  for (const std::uint32_t code : {1U, 4U}) {
    EXPECT_FALSE(
        is_retried({.status = status(code), .processed = false, .repeatable = Repeatable::kYes}));
  }
}

TEST(Retry, ALearnersRefusalIsRepeatedElsewhereIfThereIsAnElsewhere) {
  const http2::GrpcStatus learner = status(9, "etcdserver: rpc not supported for learner");
  EXPECT_FALSE(is_retried({.status = learner, .endpoints = 1}));
  EXPECT_TRUE(is_retried({.status = learner, .endpoints = 2}));
}

TEST(Retry, PausesAfterEachRoundOfAQuorum) {
  EXPECT_EQ(retry_pause(1, 3, 0), Duration{});
  EXPECT_GT(retry_pause(2, 3, 0), Duration{});
  EXPECT_GT(retry_pause(1, 1, 0), Duration{});
  for (std::uint64_t word = 0; word < 5000; ++word) {
    EXPECT_GE(retry_pause(2, 3, word), 22500us);
    EXPECT_LE(retry_pause(2, 3, word), 27500us);
  }
}

TEST(Retry, RefusalsHaveNoEffectAndTheUnknownMayHaveHad) {
  for (const std::uint32_t code : {3U, 5U, 6U, 7U, 8U, 9U, 11U, 12U, 16U}) {
    EXPECT_FALSE(maybe_applied(status(code))) << code;
  }
  for (const std::uint32_t code : {1U, 2U, 4U, 10U, 13U, 14U, 15U, 99U}) {
    EXPECT_TRUE(maybe_applied(status(code))) << code;
  }
}

}  // namespace
}  // namespace detcd::client
