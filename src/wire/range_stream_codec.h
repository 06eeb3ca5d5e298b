// etcd's RangeStreamResponse, one message of a stream (ETCD.md §2.2).
#pragma once

#include <string_view>

#include "apply/command.h"
#include "base/bytes.h"
#include "base/result.h"
#include "wire/kv_codec.h"

namespace detcd::wire {

// Only the last message of a stream has a header.
[[nodiscard]] Bytes serialize_range_piece(const Header* header, const apply::RangeResponse& rows);
// What is inside, as an answer of Range would be.
[[nodiscard]] Result<ParsedResponse> parse_range_piece(std::string_view bytes);

}  // namespace detcd::wire
