#include "api/errors.h"

#include <gtest/gtest.h>

namespace detcd::api {
namespace {

TEST(Errors, EtcdsErrorsHaveTheirCodeAndText) {
  EXPECT_EQ(status_of(apply::ApiError::kFutureRev),
            (http2::GrpcStatus{11, "etcdserver: mvcc: required revision is a future revision"}));
  EXPECT_EQ(status_of(apply::ApiError::kNoLeader),
            (http2::GrpcStatus{14, "etcdserver: no leader"}));
}

TEST(Errors, FailuresOfTheWorldHaveACodeEach) {
  EXPECT_EQ(status_of(Error{Errc::kTooLarge, "t"}), (http2::GrpcStatus{8, "t"}));
  EXPECT_EQ(status_of(Error{Errc::kDamaged, "t"}), (http2::GrpcStatus{15, "t"}));
  EXPECT_EQ(status_of(Error{Errc::kUnavailable, "t"}), (http2::GrpcStatus{14, "t"}));
}

TEST(Errors, QuotesAsGoDoes) {
  EXPECT_EQ(malformed_method("a/b").message, R"(malformed method name: "a/b")");
}

}  // namespace
}  // namespace detcd::api
