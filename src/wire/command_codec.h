// A replicated command as the bytes of a log entry, and back. The format is ours and versioned: the
// first byte is the command format's version (1); an unknown version or kind is kIncompatible and
// stops the node, never skipped (DESIGN §4).
#pragma once

#include <string>

#include "apply/command.h"
#include "base/bytes.h"
#include "base/result.h"

namespace detcd::wire {

[[nodiscard]] Bytes encode_command(const apply::Command& command);
[[nodiscard]] Result<apply::Command> decode_command(const Bytes& data);

}  // namespace detcd::wire
