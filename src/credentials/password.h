// bcrypt, by the system's libcrypt: what a password is kept as and compared with (ETCD.md §2.9).
// Slow on purpose (50 ms at etcd's default cost), so that it is done on helper threads
// (runtime/helpers.h). Hashes are of the form that Go's library writes and reads.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace detcd::credentials {

// Go's bounds; the default is etcd's.
inline constexpr std::uint32_t kCostMin = 4;
inline constexpr std::uint32_t kCostMax = 31;
inline constexpr std::uint32_t kCostDefault = 10;
// bcrypt looks at no more of a password.
inline constexpr std::size_t kPasswordBytesMax = 72;

using Salt = std::array<char, 16>;

// Errors: kTooLarge (the password), kInvalid (a cost out of bounds, or a zero byte in the password,
// which libcrypt would take for its end), kInternal.
[[nodiscard]] Result<std::string> hash_password(std::string_view password, std::uint32_t cost,
                                                const Salt& salt);
// False as well for what isn't a bcrypt hash.
[[nodiscard]] bool matches(std::string_view password, std::string_view hash);

// Standard base64 with padding; kInvalid when it isn't.
[[nodiscard]] Result<std::string> decode_base64(std::string_view text);

}  // namespace detcd::credentials
