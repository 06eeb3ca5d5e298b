// Tokens that are signed instead of remembered: JSON Web Tokens (RFC 7519) as etcd's
// `--auth-token jwt,…` makes and reads them, with the claims username, revision and exp (ETCD.md
// §2.9, Tokens). RS, PS, ES and HS with 256, 384 and 512 bits, and EdDSA; the algorithm of a token
// must be the configured one. Signing costs up to a millisecond and belongs on a helper thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace detcd::credentials {

struct JwtOptions {
  std::string sign_method;  // "RS256" …
  std::string public_key;   // PEM. Alone: tokens are verified, and made elsewhere.
  std::string private_key;  // PEM; of HS the secret itself.
  Duration time_to_live = 300s;
};

struct Claims {
  std::string user;
  std::uint64_t revision = 0;
  friend bool operator==(const Claims&, const Claims&) = default;
};

class Jwt {
 public:
  // kInvalid in etcd's words when the options name no method, no key, or keys that aren't a pair.
  [[nodiscard]] static Result<std::shared_ptr<const Jwt>> make(const JwtOptions& options);
  virtual ~Jwt() = default;

  // Errors: kPermission when there is no key to sign with.
  [[nodiscard]] virtual Result<std::string> sign(const Claims& claims, WallTime now) const = 0;
  // None: not ours, altered, of another method, over, or without these claims.
  [[nodiscard]] virtual std::optional<Claims> verify(std::string_view token,
                                                     WallTime now) const = 0;
};

}  // namespace detcd::credentials
