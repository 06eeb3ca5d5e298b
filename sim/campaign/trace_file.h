// Trace files on disk: the text of a trace as gzip packs it, so that `zcat` shows it; plain text is
// read as well. A file that was cut short, damaged or edited is refused with the reason.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sim/trace/trace.h"

namespace detcd::sim {

[[nodiscard]] std::string pack(std::string_view text);
// Packed or plain, whatever it is. kInvalid: cut short or damaged; kTooLarge: no trace of ours.
[[nodiscard]] Result<std::string> unpack(std::string bytes);

[[nodiscard]] Result<Trace> read_trace(const std::string& path, Strictness strictness);
enum class TraceForm : std::uint8_t { kPacked, kPlain };
// Says why not on stderr.
bool write_trace(const std::string& path, const Trace& trace, TraceForm form);

}  // namespace detcd::sim
