// gzip for gRPC messages. Inflating is bounded by the caller, so that a few bytes can't become
// many; deflating is a function of its input alone: no time stamp, no file name.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace detcd::http2 {

// The whole text, which may consist of several gzip members. kTooLarge when it would exceed
// `size_max`, kDamaged when the input isn't gzip, is cut short or fails its checksum.
[[nodiscard]] Result<std::string> gunzip(std::string_view compressed, std::size_t size_max);

[[nodiscard]] std::string gzip(std::string_view text);

}  // namespace detcd::http2
