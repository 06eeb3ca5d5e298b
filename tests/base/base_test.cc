#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/crc32c.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"

namespace detcd {
namespace {

using Place = Ordinal<struct PlaceTag>;
using Other = Ordinal<struct OtherTag>;
template <class A, class B>
concept Comparable = requires(A a, B b) { a < b; };
template <class A, class B>
concept Addable = requires(A a, B b) { a + b; };
static_assert(!Comparable<Place, Other> && !Addable<Place, Place> && sizeof(Place) == 8);
static_assert(!Comparable<Id<struct X>, Id<struct X>>);

TEST(Crc32c, MatchesTheCheckValueOfCastagnoli) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
}

TEST(Crc32c, ChainsOverConcatenation) {
  EXPECT_EQ(crc32c("6789", crc32c("12345")), crc32c("123456789"));
  EXPECT_EQ(crc32c("", 77), 77U);
}

TEST(Bytes, SlicesShareTheBuffer) {
  const Bytes whole(std::string_view("hello world"));
  const Bytes part = whole.slice(6, 5);
  EXPECT_EQ(part.view(), "world");
  EXPECT_EQ(part.view().data(), whole.view().data() + 6);
  EXPECT_EQ(whole.slice(11).size(), 0U);
}

TEST(Bytes, OutliveTheirOrigin) {
  Bytes part;
  {
    const Bytes whole = Bytes::adopt(std::string(1000, 'x'));
    part = whole.slice(10, 3);
  }
  EXPECT_EQ(part.view(), "xxx");
}

TEST(OpenBytes, HandsOutWhatStaysWhileItGrows) {
  OpenBytes open(1000);
  std::string_view("hello").copy(open.extend(5), 5);
  const Bytes hello = open.written();
  const char* const where = hello.view().data();
  std::string_view(" world").copy(open.extend(6), 6);
  EXPECT_EQ(hello.view(), "hello");
  EXPECT_EQ(open.view(), "hello world");
  EXPECT_EQ(open.written().view().data(), where);
  EXPECT_EQ(open.room(), 989U);
  Bytes kept;
  {
    OpenBytes other(64);
    std::string_view("kept").copy(other.extend(4), 4);
    kept = other.written();
  }
  EXPECT_EQ(kept.view(), "kept");
}

TEST(Codec, RoundTripsEveryKind) {
  Writer out;
  out.u8(7);
  out.u16(0xbeef);
  out.u32(0xdeadbeef);
  out.u64(~0ULL);
  out.varint(300);
  out.varint(~0ULL);
  out.boolean(true);
  out.bytes("abc");
  const std::string text = out.take();
  Reader in(text);
  EXPECT_EQ(in.u8(), 7);
  EXPECT_EQ(in.u16(), 0xbeef);
  EXPECT_EQ(in.u32(), 0xdeadbeefU);
  EXPECT_EQ(in.u64(), ~0ULL);
  EXPECT_EQ(in.varint(), 300U);
  EXPECT_EQ(in.varint(), ~0ULL);
  EXPECT_TRUE(in.boolean());
  EXPECT_EQ(in.bytes(), "abc");
  EXPECT_TRUE(in.finished());
}

TEST(Codec, EveryTruncationIsNoticed) {
  Writer out;
  out.varint(1ULL << 40);
  out.bytes("some bytes");
  out.u64(5);
  const std::string text = out.take();
  for (std::size_t length = 0; length < text.size(); ++length) {
    Reader in(std::string_view(text).substr(0, length));
    in.varint();
    in.bytes();
    in.u64();
    EXPECT_FALSE(in.ok()) << length;
  }
}

TEST(Codec, RefusesNumbersBeyond64Bits) {
  const std::string text(10, '\xff');
  Reader in(text);
  in.varint();
  EXPECT_FALSE(in.ok());
}

TEST(Codec, RefusesNumbersLongerThanTheyNeedBe) {
  for (const std::string_view text :
       {std::string_view("\x80\0", 2), std::string_view("\x85\x80\0", 3)}) {
    Reader in(text);
    in.varint();
    EXPECT_FALSE(in.ok()) << text.size();
  }
  Reader zero(std::string_view("\0", 1));
  EXPECT_EQ(zero.varint(), 0U);
  EXPECT_TRUE(zero.finished());
}

TEST(Ordinal, SubtractionGivesACount) {
  EXPECT_EQ(Place(7) - Place(3), 4U);
  EXPECT_EQ(Place(7).next(), Place(8));
  EXPECT_DEATH(static_cast<void>(Place(3) - Place(7)), "isn't negative");
}

TEST(Result, HoldsAValueOrAnError) {
  const Result<int> good(5);
  const Result<int> bad(Error{Errc::kIo, "broken"});
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 5);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Errc::kIo);
  EXPECT_DEATH(static_cast<void>(*bad), "holds one");
}

TEST(KeyedDraw, DependsOnEveryArgument) {
  const std::uint64_t base = keyed_draw(1, 2, 3, 4);
  EXPECT_EQ(base, keyed_draw(1, 2, 3, 4));
  EXPECT_NE(base, keyed_draw(2, 2, 3, 4));
  EXPECT_NE(base, keyed_draw(1, 3, 3, 4));
  EXPECT_NE(base, keyed_draw(1, 2, 4, 4));
  EXPECT_NE(base, keyed_draw(1, 2, 3, 5));
}

}  // namespace
}  // namespace detcd
