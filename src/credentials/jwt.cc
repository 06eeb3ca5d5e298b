#include "credentials/jwt.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "credentials/base64url.h"

namespace detcd::credentials {
namespace {

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<&EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Free<&BIO_free_all>>;
using Context = std::unique_ptr<EVP_MD_CTX, Free<&EVP_MD_CTX_free>>;
using Certificate = std::unique_ptr<X509, Free<&X509_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Free<&ECDSA_SIG_free>>;

// A year beyond which a clock doesn't count in nanoseconds; such a token doesn't end.
constexpr double kSecondsMax = 9e9;

enum class Family : std::uint8_t { kRsa, kPss, kEcdsa, kHmac, kEdDsa };

struct Method {
  std::string_view name;
  Family family;
  const EVP_MD* (*digest)();
  int curve_bits;  // Of ECDSA.
};

constexpr std::array kMethods{
    Method{"RS256", Family::kRsa, &EVP_sha256, 0},
    Method{"RS384", Family::kRsa, &EVP_sha384, 0},
    Method{"RS512", Family::kRsa, &EVP_sha512, 0},
    Method{"PS256", Family::kPss, &EVP_sha256, 0},
    Method{"PS384", Family::kPss, &EVP_sha384, 0},
    Method{"PS512", Family::kPss, &EVP_sha512, 0},
    Method{"ES256", Family::kEcdsa, &EVP_sha256, 256},
    Method{"ES384", Family::kEcdsa, &EVP_sha384, 384},
    Method{"ES512", Family::kEcdsa, &EVP_sha512, 521},
    Method{"HS256", Family::kHmac, &EVP_sha256, 0},
    Method{"HS384", Family::kHmac, &EVP_sha384, 0},
    Method{"HS512", Family::kHmac, &EVP_sha512, 0},
    Method{"EdDSA", Family::kEdDsa, nullptr, 0},
};

Error invalid(std::string what) {
  return Error{Errc::kInvalid, std::move(what)};
}

const unsigned char* data_of(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* data_of(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

Bio reading(std::string_view bytes) {
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

bool fits(const Key& key, const Method& method) {
  const int type = EVP_PKEY_get_base_id(key.get());
  switch (method.family) {
    case Family::kRsa:
    case Family::kPss:
      return type == EVP_PKEY_RSA;
    case Family::kEcdsa:
      return type == EVP_PKEY_EC && EVP_PKEY_get_bits(key.get()) == method.curve_bits;
    case Family::kEdDsa:
      return type == EVP_PKEY_ED25519;
    case Family::kHmac:
      return false;
  }
  return false;
}

Result<Key> private_key(std::string_view pem, const Method& method) {
  // An encrypted key is refused: nobody is there to ask for its password.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  Key key(PEM_read_bio_PrivateKey(reading(pem).get(), nullptr, no_password, nullptr));
  if (key == nullptr) return invalid("the private key isn't one in PEM form");
  if (!fits(key, method))
    return invalid("the private key isn't one for " + std::string(method.name));
  return key;
}

Result<Key> public_key(std::string_view pem, const Method& method) {
  Key key(PEM_read_bio_PUBKEY(reading(pem).get(), nullptr, nullptr, nullptr));
  if (key == nullptr) {
    const Certificate certificate(PEM_read_bio_X509(reading(pem).get(), nullptr, nullptr, nullptr));
    if (certificate != nullptr) key.reset(X509_get_pubkey(certificate.get()));
  }
  if (key == nullptr) return invalid("the public key isn't one in PEM form");
  if (!fits(key, method))
    return invalid("the public key isn't one for " + std::string(method.name));
  return key;
}

// JWS has both numbers of an ECDSA signature after each other (RFC 7518 §3.4), OpenSSL has DER.
std::optional<std::string> raw_of(std::string_view der, int curve_bits) {
  const int half = (curve_bits + 7) / 8;
  const unsigned char* from = data_of(der);
  const Signature signature(
      d2i_ECDSA_SIG(nullptr, &from, static_cast<long>(der.size())));  // OpenSSL's type.
  if (signature == nullptr) return std::nullopt;
  std::string raw(static_cast<std::size_t>(2 * half), '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), data_of(raw), half);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), data_of(raw) + half, half);
  return raw;
}

std::optional<std::string> der_of(std::string_view raw, int curve_bits) {
  const int half = (curve_bits + 7) / 8;
  if (raw.size() != static_cast<std::size_t>(2 * half)) return std::nullopt;
  const Signature signature(ECDSA_SIG_new());
  // Both numbers belong to the signature from here on.
  ECDSA_SIG_set0(signature.get(), BN_bin2bn(data_of(raw), half, nullptr),
                 BN_bin2bn(data_of(raw) + half, half, nullptr));
  const int size = i2d_ECDSA_SIG(signature.get(), nullptr);
  if (size <= 0) return std::nullopt;
  std::string der(static_cast<std::size_t>(size), '\0');
  unsigned char* to = data_of(der);
  i2d_ECDSA_SIG(signature.get(), &to);
  return der;
}

class SignedTokens final : public Jwt {
 public:
  SignedTokens(const Method& method, Duration time_to_live, Key key, bool may_sign,
               std::string secret)
      : method_(method),
        time_to_live_(time_to_live),
        key_(std::move(key)),
        may_sign_(may_sign),
        secret_(std::move(secret)) {}
  SignedTokens(const SignedTokens&) = delete;
  SignedTokens& operator=(const SignedTokens&) = delete;
  ~SignedTokens() override { OPENSSL_cleanse(secret_.data(), secret_.size()); }

  Result<std::string> sign(const Claims& claims, WallTime now) const override {
    if (!may_sign_) {
      return Error{Errc::kPermission, "auth: token signing attempted with verify-only key"};
    }
    const auto end =
        std::chrono::floor<std::chrono::seconds>((now + time_to_live_).time_since_epoch());
    const nlohmann::json head{{"alg", method_.name}, {"typ", "JWT"}};
    const nlohmann::json body{
        {"exp", end.count()}, {"revision", claims.revision}, {"username", claims.user}};
    // A name that isn't UTF-8 can't come from a client; it would be written as U+FFFD.
    constexpr auto kReplace = nlohmann::json::error_handler_t::replace;
    const std::string text =
        base64url(head.dump()) + "." + base64url(body.dump(-1, ' ', false, kReplace));
    const std::optional<std::string> signature = make_signature(text);
    if (!signature) return Error{Errc::kInternal, "libcrypto signs no token"};
    return text + "." + base64url(*signature);
  }

  std::optional<Claims> verify(std::string_view token, WallTime now) const override {
    const std::size_t first = token.find('.');
    const std::size_t last = token.rfind('.');
    if (first == std::string_view::npos || first == last) return std::nullopt;
    const std::optional<nlohmann::json> head = parse(token.substr(0, first));
    if (!head || !head->contains("alg") || head->at("alg") != method_.name) return std::nullopt;
    const std::optional<std::string> signature = from_base64url(token.substr(last + 1));
    if (!signature || !is_signature(token.substr(0, last), *signature)) return std::nullopt;
    const std::optional<nlohmann::json> body = parse(token.substr(first + 1, last - first - 1));
    if (!body || !is_in_force(*body, now)) return std::nullopt;
    if (!body->contains("username") || !body->at("username").is_string()) return std::nullopt;
    if (!body->contains("revision") || !body->at("revision").is_number()) return std::nullopt;
    const double revision = body->at("revision").get<double>();
    if (!(revision >= 0 && revision < 1e15)) return std::nullopt;
    return Claims{body->at("username").get<std::string>(), static_cast<std::uint64_t>(revision)};
  }

 private:
  static std::optional<nlohmann::json> parse(std::string_view part) {
    const std::optional<std::string> text = from_base64url(part);
    if (!text) return std::nullopt;
    nlohmann::json json = nlohmann::json::parse(*text, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    return json;
  }

  // As Go's library: what isn't said doesn't bound it, and what is said must be a number.
  static bool is_in_force(const nlohmann::json& claims, WallTime now) {
    const double present = std::chrono::duration<double>(now.time_since_epoch()).count();
    if (claims.contains("exp")) {
      const nlohmann::json& end = claims.at("exp");
      if (!end.is_number()) return false;
      if (end.get<double>() < kSecondsMax && present >= end.get<double>()) return false;
    }
    if (claims.contains("nbf")) {
      const nlohmann::json& begin = claims.at("nbf");
      if (!begin.is_number() || present < begin.get<double>()) return false;
    }
    return true;
  }

  [[nodiscard]] std::string hmac(std::string_view text) const {
    std::string code(EVP_MAX_MD_SIZE, '\0');
    unsigned int size = 0;
    HMAC(method_.digest(), secret_.data(), static_cast<int>(secret_.size()), data_of(text),
         text.size(), data_of(code), &size);
    code.resize(size);
    return code;
  }

  [[nodiscard]] const EVP_MD* digest() const {
    return method_.digest == nullptr ? nullptr : method_.digest();
  }
  // Go signs with a salt as long as the digest, and verifies any.
  [[nodiscard]] bool set_padding(EVP_PKEY_CTX* parameters, int salt_length) const {
    return method_.family != Family::kPss ||
           (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, salt_length) == 1);
  }

  [[nodiscard]] std::optional<std::string> make_signature(std::string_view text) const {
    if (method_.family == Family::kHmac) return hmac(text);
    const Context context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* parameters = nullptr;
    if (EVP_DigestSignInit(context.get(), &parameters, digest(), nullptr, key_.get()) != 1 ||
        !set_padding(parameters, RSA_PSS_SALTLEN_DIGEST)) {
      return std::nullopt;
    }
    std::size_t size = 0;
    if (EVP_DigestSign(context.get(), nullptr, &size, data_of(text), text.size()) != 1) {
      return std::nullopt;
    }
    std::string signature(size, '\0');
    if (EVP_DigestSign(context.get(), data_of(signature), &size, data_of(text), text.size()) != 1) {
      return std::nullopt;
    }
    signature.resize(size);
    if (method_.family == Family::kEcdsa) return raw_of(signature, method_.curve_bits);
    return signature;
  }

  [[nodiscard]] bool is_signature(std::string_view text, std::string_view signature) const {
    if (method_.family == Family::kHmac) {
      const std::string code = hmac(text);
      return code.size() == signature.size() &&
             CRYPTO_memcmp(code.data(), signature.data(), code.size()) == 0;
    }
    std::string converted(signature);
    if (method_.family == Family::kEcdsa) {
      std::optional<std::string> der = der_of(signature, method_.curve_bits);
      if (!der) return false;
      converted = *std::move(der);
    }
    const Context context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* parameters = nullptr;
    return EVP_DigestVerifyInit(context.get(), &parameters, digest(), nullptr, key_.get()) == 1 &&
           set_padding(parameters, RSA_PSS_SALTLEN_AUTO) &&
           EVP_DigestVerify(context.get(), data_of(std::as_const(converted)), converted.size(),
                            data_of(text), text.size()) == 1;
  }

  const Method& method_;
  const Duration time_to_live_;
  const Key key_;  // None of HMAC. A private one also verifies.
  const bool may_sign_;
  std::string secret_;
};

}  // namespace

Result<std::shared_ptr<const Jwt>> Jwt::make(const JwtOptions& options) {
  const Method* method = nullptr;
  for (const Method& known : kMethods) {
    if (known.name == options.sign_method) method = &known;
  }
  if (method == nullptr) return invalid("auth: invalid auth options");
  const Error no_key = invalid("auth: missing key data");
  if (method->family == Family::kHmac) {
    if (options.private_key.empty()) return no_key;
    return std::shared_ptr<const Jwt>(std::make_shared<SignedTokens>(
        *method, options.time_to_live, Key(), true, options.private_key));
  }
  Key key;
  if (!options.public_key.empty()) {
    Result<Key> read = public_key(options.public_key, *method);
    if (!read) return read.error();
    key = std::move(*read);
  }
  const bool may_sign = !options.private_key.empty();
  if (may_sign) {
    Result<Key> read = private_key(options.private_key, *method);
    if (!read) return read.error();
    if (key != nullptr && EVP_PKEY_eq(key.get(), read->get()) != 1) {
      return invalid("auth: public and private keys don't match");
    }
    key = std::move(*read);
  }
  if (key == nullptr) return no_key;
  return std::shared_ptr<const Jwt>(std::make_shared<SignedTokens>(
      *method, options.time_to_live, std::move(key), may_sign, std::string()));
}

}  // namespace detcd::credentials
