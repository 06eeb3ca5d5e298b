// Base64 as JSON Web Tokens have it: with - and _, without padding (RFC 7515 §2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace detcd::credentials {

[[nodiscard]] std::string base64url(std::string_view bytes);
// None for what base64url never makes.
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

}  // namespace detcd::credentials
