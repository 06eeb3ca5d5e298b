#include "base/crc32c.h"

#include <isa-l/crc.h>

namespace detcd {

std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed) {
  // ISA-L takes an int length and leaves both inversions to the caller.
  constexpr std::size_t kStep = 1U << 30;
  std::uint32_t crc = ~seed;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kStep);
    // The library's parameter isn't const, yet it only reads.
    auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(part.data()));
    crc = crc32_iscsi(data, static_cast<int>(part.size()), crc);
    bytes.remove_prefix(part.size());
  }
  return ~crc;
}

}  // namespace detcd
