#include "credentials/password.h"

#include <gtest/gtest.h>

namespace detcd::credentials {
namespace {

Salt salt(char first) {
  Salt made{};
  for (std::size_t i = 0; i < made.size(); ++i)
    made[i] = static_cast<char>(first + static_cast<char>(i));
  return made;
}

TEST(Password, MatchesItsOwnHashAndNoOther) {
  const Result<std::string> hash = hash_password("secret", 4, salt('a'));
  ASSERT_TRUE(hash);
  EXPECT_TRUE(hash->starts_with("$2a$04$"));
  EXPECT_EQ(hash->size(), 60U);
  EXPECT_TRUE(matches("secret", *hash));
  EXPECT_FALSE(matches("secret ", *hash));
  EXPECT_FALSE(matches("", *hash));
  const Result<std::string> other = hash_password("secret", 4, salt('b'));
  EXPECT_NE(*other, *hash) << "salted";
}

// Written by Go's golang.org/x/crypto/bcrypt: its own test's example.
TEST(Password, MatchesHashesThatGoWrote) {
  constexpr const char* kHash = "$2a$10$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga";
  EXPECT_TRUE(matches("allmine", kHash));
  EXPECT_FALSE(matches("allmine!", kHash));
}

TEST(Password, AnEmptyOneIsOne) {
  const Result<std::string> hash = hash_password("", 4, salt('a'));
  ASSERT_TRUE(hash);
  EXPECT_TRUE(matches("", *hash));
  EXPECT_FALSE(matches("x", *hash));
}

TEST(Password, IsBounded) {
  EXPECT_TRUE(hash_password(std::string(72, 'x'), 4, salt('a')));
  const Result<std::string> longer = hash_password(std::string(73, 'x'), 4, salt('a'));
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().message, "bcrypt: password length exceeds 72 bytes");
  EXPECT_FALSE(hash_password("x", 3, salt('a')));
  EXPECT_FALSE(hash_password("x", 32, salt('a')));
  EXPECT_FALSE(hash_password(std::string("a\0b", 3), 4, salt('a')));
}

TEST(Password, NothingMatchesWhatIsNoHash) {
  EXPECT_FALSE(matches("", ""));
  EXPECT_FALSE(matches("x", "x"));
  EXPECT_FALSE(matches("x", "$2a$04$short"));
  EXPECT_FALSE(matches("x", "$6$salt$hash"));
}

TEST(Base64, IsDecodedOrRefused) {
  EXPECT_EQ(*decode_base64("aGVsbG8="), "hello");
  EXPECT_EQ(*decode_base64("aGVsbA=="), "hell");
  EXPECT_EQ(*decode_base64(""), "");
  EXPECT_FALSE(decode_base64("aGVsbG8"));
  EXPECT_FALSE(decode_base64("a==="));
  EXPECT_FALSE(decode_base64("aGV$bG8="));
  EXPECT_FALSE(decode_base64("aG=sbG8="));
}

}  // namespace
}  // namespace detcd::credentials
