#include "transport/frame.h"

#include <gtest/gtest.h>

namespace detcd::transport {
namespace {

Hello some_hello() {
  Hello hello;
  hello.cluster_id = 0xfeedULL;
  hello.from = 1;
  hello.to = 2;
  hello.purpose = Purpose::kSnapshot;
  hello.introduction = {.life = 3,
                        .remembered = {{4, {5, true, 77}}, {2, {5, false, 76}}},
                        .remembered_before = {6, false, 78},
                        .addresses = {"a:1", "unix:/b"}};
  return hello;
}

TEST(Frame, AHelloArrivesInPiecesOfAnySize) {
  const std::string bytes = encode(some_hello());
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    FrameReader reader(true);
    std::optional<Frame> found;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      ASSERT_FALSE(found) << "nothing is found before the last byte";
      reader.feed(std::string_view(bytes).substr(at, piece));
      Result<std::optional<Frame>> next = reader.next();
      ASSERT_TRUE(next) << next.error().message;
      found = std::move(*next);
    }
    ASSERT_TRUE(found);
    const Result<Hello> hello = decode_hello(found->payload.view());
    ASSERT_TRUE(hello);
    EXPECT_EQ(*hello, some_hello());
  }
}

TEST(Frame, SeveralFramesOfOneReadComeOneByOne) {
  FrameReader reader(false);
  reader.feed(frame(Kind::kMessage, "a") + frame(Kind::kMessage, "") +
              frame(Kind::kSnapshotTaken, "ccc"));
  EXPECT_EQ((*reader.next())->payload.view(), "a");
  EXPECT_EQ((*reader.next())->payload.view(), "");
  EXPECT_EQ((*reader.next())->kind, Kind::kSnapshotTaken);
  EXPECT_FALSE(reader.next()->has_value());
}

TEST(Frame, EveryFlippedBitIsNoticedOrLeavesTheFrameOpen) {
  const std::string bytes = frame(Kind::kMessage, "some payload");
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string broken = bytes;
    broken[bit / 8] = static_cast<char>(broken[bit / 8] ^ (1 << (bit % 8)));
    FrameReader reader(false);
    reader.feed(broken);
    const Result<std::optional<Frame>> next = reader.next();
    EXPECT_TRUE(!next || !next->has_value()) << "bit " << bit;
  }
}

TEST(Frame, AnotherProtocolIsRefusedAtItsFirstByte) {
  FrameReader reader(true);
  reader.feed("G");
  const Result<std::optional<Frame>> next = reader.next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, Errc::kDamaged);
}

TEST(Frame, ALengthOutOfBoundsIsRefusedBeforeItsBytesArrive) {
  FrameReader reader(false);
  reader.feed(std::string("\xff\xff\xff\x7f\0\0\0\0", 8));
  EXPECT_FALSE(reader.next());
}

TEST(Frame, AWelcomeRoundTrips) {
  Welcome welcome;
  welcome.verdict = Welcome::Verdict::kCluster;
  welcome.cluster_id = 9;
  welcome.member = 8;
  welcome.introduction = some_hello().introduction;
  FrameReader reader(false);
  reader.feed(encode(welcome));
  const Result<Welcome> decoded = decode_welcome((*reader.next())->payload.view());
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, welcome);
}

TEST(Frame, AnIntroductionThatOnlyNamesAnIndexRemembersNothing) {
  const std::string bytes = encode(some_hello());
  FrameReader reader(true);
  reader.feed(bytes);
  const std::string whole = (*reader.next())->payload.str();
  const Result<Hello> hello = decode_hello(std::string_view(whole).substr(0, 37));
  ASSERT_TRUE(hello) << hello.error().message;
  EXPECT_EQ(hello->from, some_hello().from);
  EXPECT_EQ(hello->introduction, Introduction{});
  EXPECT_FALSE(decode_hello(std::string_view(whole).substr(0, 40)));
}

TEST(Frame, AHelloOfALaterVersionMaySayMore) {
  const std::string bytes = encode(some_hello());
  FrameReader reader(true);
  reader.feed(bytes);
  const std::string longer = (*reader.next())->payload.str() + "more";
  EXPECT_TRUE(decode_hello(longer));
  EXPECT_FALSE(decode_hello("short"));
}

}  // namespace
}  // namespace detcd::transport
