#include "auth/simple_tokens.h"

#include <gtest/gtest.h>

#include <cctype>

namespace detcd::auth {
namespace {

constexpr TimePoint kStart{1000s};

TEST(SimpleTokens, LiveForAsLongAsTheyAreUsed) {
  SimpleTokens tokens(10s);
  tokens.give("t.1", "u", kStart);
  EXPECT_EQ(tokens.use("t.1", kStart + 9s), "u");
  EXPECT_EQ(tokens.use("t.1", kStart + 18s), "u") << "its time began again";
  EXPECT_EQ(tokens.use("t.1", kStart + 28s), std::nullopt);
  EXPECT_EQ(tokens.use("t.1", kStart + 28s), std::nullopt);
  EXPECT_EQ(tokens.size(), 0U);
}

TEST(SimpleTokens, UnknownOnesAreNobodys) {
  SimpleTokens tokens(10s);
  tokens.give("t.1", "u", kStart);
  EXPECT_EQ(tokens.use("t.2", kStart), std::nullopt);
  EXPECT_EQ(tokens.use("", kStart), std::nullopt);
}

TEST(SimpleTokens, OfAUserOrAllAreTakenAway) {
  SimpleTokens tokens(10s);
  tokens.give("a.1", "u", kStart);
  tokens.give("b.2", "u", kStart);
  tokens.give("c.3", "v", kStart);
  tokens.revoke_user("u");
  EXPECT_EQ(tokens.use("a.1", kStart), std::nullopt);
  EXPECT_EQ(tokens.use("b.2", kStart), std::nullopt);
  EXPECT_EQ(tokens.use("c.3", kStart), "v");
  tokens.revoke_all();
  EXPECT_EQ(tokens.use("c.3", kStart), std::nullopt);
}

TEST(SimpleTokens, BeyondTheirBoundTheOldestGoes) {
  SimpleTokens tokens(10s, 2);
  tokens.give("a.1", "u", kStart);
  tokens.give("b.2", "u", kStart + 1s);
  EXPECT_EQ(tokens.use("a.1", kStart + 2s), "u");
  tokens.give("c.3", "u", kStart + 3s);
  EXPECT_EQ(tokens.use("b.2", kStart + 3s), std::nullopt) << "it would have ended first";
  EXPECT_EQ(tokens.use("a.1", kStart + 3s), "u");
}

TEST(SimpleTokens, NameTheirLogIndex) {
  EXPECT_EQ(SimpleTokens::index_of("abcdefghijklmnop.42"), 42U);
  EXPECT_EQ(SimpleTokens::index_of("abc"), std::nullopt);
  EXPECT_EQ(SimpleTokens::index_of("abc."), std::nullopt);
  EXPECT_EQ(SimpleTokens::index_of("abc.4x"), std::nullopt);
  EXPECT_EQ(SimpleTokens::index_of("a.b.4"), std::nullopt);
  EXPECT_EQ(SimpleTokens::index_of("abc.99999999999999999999999"), std::nullopt);
}

TEST(SimpleTokens, PrefixesAreSixteenLetters) {
  const std::string prefix =
      SimpleTokens::make_prefix([](std::uint64_t i) { return i * 0x1111111111111111ULL; });
  ASSERT_EQ(prefix.size(), 16U);
  for (const char letter : prefix) EXPECT_TRUE(std::isalpha(static_cast<unsigned char>(letter)));
  EXPECT_EQ(prefix.front(), 'a');
  EXPECT_EQ(prefix.back(), 'Z');
}

}  // namespace
}  // namespace detcd::auth
