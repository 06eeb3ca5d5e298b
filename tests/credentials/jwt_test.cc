#include "credentials/jwt.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include "credentials/base64url.h"

namespace detcd::credentials {
namespace {

const WallTime kNow{Duration(1'700'000'000s)};

std::string file(const std::string& name) {
  std::ifstream in(std::string(DETCD_TEST_DATA) + "/" + name, std::ios::binary);
  std::string contents(std::istreambuf_iterator<char>(in), {});
  EXPECT_FALSE(contents.empty()) << name;
  return contents;
}

// The keys for a method: of HS the secret, which is no pair.
JwtOptions options_for(const std::string& method, bool with_private = true) {
  JwtOptions options{.sign_method = method};
  const std::string kind = method.substr(0, 2);
  if (kind == "HS") {
    options.private_key = file("hmac.key");
    return options;
  }
  const std::string name = kind == "ES" ? "ec" + method.substr(2) : (kind == "Ed" ? "ed" : "rsa");
  options.public_key = file(name + ".pub.pem");
  if (with_private) options.private_key = file(name + ".pem");
  return options;
}

std::shared_ptr<const Jwt> make(const JwtOptions& options) {
  Result<std::shared_ptr<const Jwt>> made = Jwt::make(options);
  EXPECT_TRUE(made) << (made ? "" : made.error().message);
  return made ? *made : nullptr;
}

// A method and a token that openssl's command line signed with it, of each method.
std::vector<std::pair<std::string, std::string>> foreign_tokens() {
  std::istringstream lines(file("tokens.txt"));
  std::vector<std::pair<std::string, std::string>> tokens;
  std::string method;
  std::string token;
  while (lines >> method >> token) tokens.emplace_back(method, token);
  EXPECT_EQ(tokens.size(), 13U);
  return tokens;
}

TEST(Jwt, VerifiesWhatOthersSigned) {
  for (const auto& [method, token] : foreign_tokens()) {
    const auto jwt = make(options_for(method, false));
    ASSERT_NE(jwt, nullptr) << method;
    EXPECT_EQ(jwt->verify(token, kNow), (Claims{"alice", 7})) << method;
  }
}

TEST(Jwt, VerifiesWhatItSignedUntilItIsOver) {
  for (const auto& [method, ignored] : foreign_tokens()) {
    const auto jwt = make(options_for(method));
    ASSERT_NE(jwt, nullptr) << method;
    const Result<std::string> token = jwt->sign({"bob", 12}, kNow);
    ASSERT_TRUE(token) << method;
    EXPECT_EQ(jwt->verify(*token, kNow), (Claims{"bob", 12})) << method;
    EXPECT_EQ(jwt->verify(*token, kNow + 299s), (Claims{"bob", 12})) << method;
    EXPECT_EQ(jwt->verify(*token, kNow + 300s), std::nullopt) << method;
  }
}

TEST(Jwt, RefusesWhatWasAltered) {
  for (const auto& [method, token] : foreign_tokens()) {
    const auto jwt = make(options_for(method, false));
    ASSERT_NE(jwt, nullptr) << method;
    for (const std::size_t at : {token.find('.') + 2, token.rfind('.') + 2}) {
      std::string altered = token;
      altered[at] = altered[at] == 'A' ? 'B' : 'A';
      EXPECT_EQ(jwt->verify(altered, kNow), std::nullopt) << method << " at " << at;
    }
    EXPECT_EQ(jwt->verify(token.substr(0, token.rfind('.')), kNow), std::nullopt) << method;
    EXPECT_EQ(jwt->verify(token.substr(0, token.rfind('.') + 1), kNow), std::nullopt) << method;
  }
}

TEST(Jwt, RefusesOtherMethodsThanItsOwn) {
  const auto tokens = foreign_tokens();
  for (const auto& [method, ignored] : tokens) {
    const auto jwt = make(options_for(method, false));
    for (const auto& [other, token] : tokens) {
      if (other != method) EXPECT_EQ(jwt->verify(token, kNow), std::nullopt) << other;
    }
  }
  // The classic: a public key taken for a secret, and no signature at all.
  const auto rsa = make(options_for("RS256", false));
  const auto confused = make({.sign_method = "HS256", .private_key = file("rsa.pub.pem")});
  const Result<std::string> forged = confused->sign({"root", 1}, kNow);
  ASSERT_TRUE(forged);
  EXPECT_EQ(rsa->verify(*forged, kNow), std::nullopt);
  const std::string unsigned_token =
      base64url(R"({"alg":"none"})") + "." + base64url(R"({"username":"root","revision":1})") + ".";
  EXPECT_EQ(rsa->verify(unsigned_token, kNow), std::nullopt);
}

TEST(Jwt, RefusesTokensWithoutTheClaims) {
  const auto jwt = make(options_for("HS256"));
  for (const char* nonsense : {"", ".", "..", "a.b.c", "....", "e30.e30.e30"}) {
    EXPECT_EQ(jwt->verify(nonsense, kNow), std::nullopt) << nonsense;
  }
}

TEST(Jwt, APublicKeyAloneOnlyVerifies) {
  const auto jwt = make(options_for("ES256", false));
  const Result<std::string> token = jwt->sign({"bob", 1}, kNow);
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().message, "auth: token signing attempted with verify-only key");
}

TEST(Jwt, OptionsThatDoNotFitAreRefused) {
  const auto why = [](const JwtOptions& options) {
    const Result<std::shared_ptr<const Jwt>> made = Jwt::make(options);
    return made ? std::string("accepted") : made.error().message;
  };
  EXPECT_EQ(why({}), "auth: invalid auth options");
  EXPECT_EQ(why({.sign_method = "none"}), "auth: invalid auth options");
  EXPECT_EQ(why({.sign_method = "RS256"}), "auth: missing key data");
  EXPECT_EQ(why({.sign_method = "HS256", .public_key = file("rsa.pub.pem")}),
            "auth: missing key data");
  EXPECT_EQ(why({.sign_method = "RS256",
                 .public_key = file("rsa.pub.pem"),
                 .private_key = file("other.pem")}),
            "auth: public and private keys don't match");
  EXPECT_NE(why({.sign_method = "RS256", .private_key = file("ec256.pem")}), "accepted");
  EXPECT_NE(why({.sign_method = "ES256", .private_key = file("ec384.pem")}), "accepted");
  EXPECT_NE(why({.sign_method = "EdDSA", .private_key = file("rsa.pem")}), "accepted");
  EXPECT_NE(why({.sign_method = "RS256", .private_key = "nonsense"}), "accepted");
}

// RFC 7515, appendix C.
TEST(Base64Url, IsTheRfcs) {
  EXPECT_EQ(base64url("\x03\xec\xff\xe0\xc1"), "A-z_4ME");
  EXPECT_EQ(from_base64url("A-z_4ME"), "\x03\xec\xff\xe0\xc1");
  EXPECT_EQ(from_base64url(""), "");
  EXPECT_EQ(from_base64url("A"), std::nullopt);
  EXPECT_EQ(from_base64url("A+z/4ME"), std::nullopt);
  EXPECT_EQ(from_base64url("A-z_4ME="), std::nullopt);
}

}  // namespace
}  // namespace detcd::credentials
