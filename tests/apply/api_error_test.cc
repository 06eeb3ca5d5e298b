#include "apply/api_error.h"

#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace detcd::apply {
namespace {

TEST(ApiErrors, SayWhatEtcdSays) {
  EXPECT_EQ(text(ApiError::kCompacted), "etcdserver: mvcc: required revision has been compacted");
  EXPECT_EQ(grpc_code(ApiError::kCompacted), GrpcCode::kOutOfRange);
  EXPECT_EQ(text(ApiError::kDeadlineExceeded), "etcdserver: context deadline exceeded");
  EXPECT_EQ(grpc_code(ApiError::kDeadlineExceeded), GrpcCode::kDeadlineExceeded);
  EXPECT_EQ(grpc_code(ApiError::kCanceled), GrpcCode::kCancelled);
  EXPECT_EQ(grpc_code(ApiError::kInvalidAuthToken), GrpcCode::kUnauthenticated);
  EXPECT_EQ(grpc_code(ApiError::kCorrupt), GrpcCode::kDataLoss);
}

TEST(ApiErrors, TwoReachTheWireWithoutACode) {
  EXPECT_EQ(grpc_code(ApiError::kMemberNotEnoughStarted), GrpcCode::kUnknown);
  EXPECT_EQ(grpc_code(ApiError::kTooManyRequests), GrpcCode::kUnknown);
}

// Go's client looks an error up by its text.
TEST(ApiErrors, AreSixtyThreeWithDifferentTexts) {
  std::set<std::string_view> texts;
  for (int i = 0; i <= static_cast<int>(ApiError::kDeadlineExceeded); ++i) {
    const std::string_view message = text(static_cast<ApiError>(i));
    EXPECT_TRUE(message.starts_with("etcdserver: ")) << message;
    texts.insert(message);
  }
  EXPECT_EQ(texts.size(), 63U);
}

}  // namespace
}  // namespace detcd::apply
