// CRC-32C (Castagnoli), the checksum of WAL records and of HashKV. Chaining holds:
// crc32c(b, crc32c(a)) == crc32c(a ‖ b). The value is the usual one with both inversions
// (crc32c("123456789") == 0xe3069283), as Go's hash/crc32 gives it.
#pragma once

#include <cstdint>
#include <string_view>

namespace detcd {

[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace detcd
