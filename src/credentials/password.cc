#include "credentials/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstring>
#include <memory>

namespace detcd::credentials {
namespace {

// Of crypt_r; more than 30 KB, and wiped when it goes.
class Scratch {
 public:
  Scratch() : data_(std::make_unique<crypt_data>()) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { OPENSSL_cleanse(data_.get(), sizeof(crypt_data)); }
  // Empty when the setting isn't one that libcrypt can use.
  [[nodiscard]] std::string crypt(std::string_view password, std::string_view setting) {
    std::string secret(password.substr(0, kPasswordBytesMax));
    const char* const made = ::crypt_rn(secret.c_str(), std::string(setting).c_str(), data_.get(),
                                        static_cast<int>(sizeof(crypt_data)));
    OPENSSL_cleanse(secret.data(), secret.size());
    return made == nullptr ? std::string() : std::string(made);
  }

 private:
  std::unique_ptr<crypt_data> data_;
};

bool has_zero(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

}  // namespace

Result<std::string> hash_password(std::string_view password, std::uint32_t cost, const Salt& salt) {
  if (password.size() > kPasswordBytesMax) {
    return Error{Errc::kTooLarge, "bcrypt: password length exceeds 72 bytes"};
  }
  if (has_zero(password)) return Error{Errc::kInvalid, "a password can't hold a zero byte"};
  if (cost < kCostMin || cost > kCostMax) {
    return Error{Errc::kInvalid, "a cost of bcrypt is between 4 and 31"};
  }
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  // "2a" is what Go writes; for passwords without zero bytes it is the same as today's "2b".
  if (::crypt_gensalt_rn("$2a$", cost, salt.data(), static_cast<int>(salt.size()), setting.data(),
                         static_cast<int>(setting.size())) == nullptr) {
    return Error{Errc::kInternal, "libcrypt makes no salt for bcrypt"};
  }
  std::string hash = Scratch().crypt(password, setting.data());
  if (!hash.starts_with("$2a$")) return Error{Errc::kInternal, "libcrypt makes no bcrypt hash"};
  return hash;
}

bool matches(std::string_view password, std::string_view hash) {
  if (has_zero(password) || has_zero(hash) || !hash.starts_with("$2")) return false;
  const std::string made = Scratch().crypt(password, hash);
  return !made.empty() && made.size() == hash.size() &&
         CRYPTO_memcmp(made.data(), hash.data(), made.size()) == 0;
}

Result<std::string> decode_base64(std::string_view text) {
  const Error bad{Errc::kInvalid, "illegal base64 data"};
  if (text.size() % 4 != 0) return bad;
  const std::size_t padding = text.size() - (text.find_last_not_of('=') + 1);
  if (text.empty()) return std::string();
  if (padding > 2 || text.substr(0, text.size() - padding).find('=') != std::string_view::npos) {
    return bad;
  }
  std::string out(text.size() / 4 * 3, '\0');
  const int decoded = ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                        reinterpret_cast<const unsigned char*>(text.data()),
                                        static_cast<int>(text.size()));
  if (decoded < 0) return bad;
  out.resize(static_cast<std::size_t>(decoded) - padding);
  return out;
}

}  // namespace detcd::credentials
