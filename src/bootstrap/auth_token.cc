#include "bootstrap/auth_token.h"

#include <map>

#include "bootstrap/go_value.h"
#include "bootstrap/url.h"

namespace detcd::bootstrap {

Result<AuthToken> parse_auth_token(std::string_view text) {
  const Error invalid{Errc::kInvalid, "auth: invalid auth options"};
  std::vector<std::string> parts = split(text, ',');
  if (parts.empty()) parts.emplace_back();
  std::map<std::string, std::string> options;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::size_t equals = parts[i].find('=');
    if (equals == std::string::npos || parts[i].find('=', equals + 1) != std::string::npos) {
      return invalid;
    }
    if (!options.emplace(parts[i].substr(0, equals), parts[i].substr(equals + 1)).second) {
      return invalid;
    }
  }
  AuthToken token;
  // Unlike etcd, whose empty value makes users that nobody can be.
  if (parts.front() == "simple" || text.empty()) return token;
  if (parts.front() != "jwt") return invalid;
  token.is_signed = true;
  for (const auto& [name, value] : options) {
    if (name == "sign-method") {
      token.sign_method = value;
    } else if (name == "pub-key") {
      token.public_key_file = value;
    } else if (name == "priv-key") {
      token.private_key_file = value;
    } else if (name == "ttl") {
      if (value.empty()) continue;
      const Result<Duration> time_to_live = parse_duration(value);
      if (!time_to_live) return invalid;
      token.time_to_live = *time_to_live;
    } else {
      token.unknown.push_back(name);
    }
  }
  return token;
}

}  // namespace detcd::bootstrap
