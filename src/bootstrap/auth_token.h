// What --auth-token says: "simple", or "jwt" and its options (ETCD.md §2.9, Tokens).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace detcd::bootstrap {

struct AuthToken {
  bool is_signed = false;  // JSON Web Tokens; the rest is theirs.
  std::string sign_method;
  std::string public_key_file;   // Empty: none.
  std::string private_key_file;  // Empty: tokens are only verified.
  Duration time_to_live = 300s;
  std::vector<std::string> unknown;  // Options that are passed over.
};

// kInvalid in etcd's words.
[[nodiscard]] Result<AuthToken> parse_auth_token(std::string_view text);

}  // namespace detcd::bootstrap
