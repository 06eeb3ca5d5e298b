#include "sim/trace/trace.h"

#include <charconv>

#include "base/crc32c.h"
#include "sim/faults/registry.h"
#include "sim/plan/text.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kMagic = "detcd-trace ";

std::string hex16(std::uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) out[i] = kDigits[value & 15];
  return out;
}

bool parse_hex(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

Error wrong(std::size_t line, std::string_view what) {
  return {Errc::kInvalid, "trace file, line " + std::to_string(line) + ": " + std::string(what)};
}

Result<void> parse_line(std::string_view kind, std::string_view rest, Trace& trace) {
  const Error unreadable{Errc::kInvalid, "can't read \"" + std::string(kind) + "\""};
  if (kind == "set") {
    const Result<void> read = parse_setting(rest, trace.settings);
    return read ? check_mask(trace.settings.families) : read;
  }
  if (kind == "fault") {
    Result<FaultEntry> entry = parse_fault(rest);
    if (!entry) return entry.error();
    trace.plan.faults.push_back(std::move(*entry));
    return {};
  }
  if (kind == "op") {
    Result<OperationEntry> entry = parse_operation(rest);
    if (!entry) return entry.error();
    trace.plan.operations.push_back(std::move(*entry));
    return {};
  }
  if (kind == "watch") {
    Result<WatchEntry> entry = parse_watch(rest);
    if (!entry) return entry.error();
    trace.plan.watches.push_back(std::move(*entry));
    return {};
  }
  Words words(rest);
  if (kind == "version") {
    trace.version = words.word();
  } else if (kind == "commit") {
    trace.commit = words.word();
  } else if (kind == "seed") {
    trace.seed = words.number();
  } else if (kind == "override") {
    Override override;
    override.site = words.number();
    override.entity = words.number();
    override.ordinal = words.number();
    override.value = words.number();
    trace.overrides.push_back(override);
  } else if (kind == "checkpoint") {
    std::uint64_t hash = 0;
    if (!parse_hex(words.word(), hash)) return unreadable;
    trace.checkpoints.push_back(hash);
  } else if (kind == "hash") {
    if (!parse_hex(words.word(), trace.hash)) return unreadable;
  } else if (kind == "verdict") {
    trace.verdict = words.word();
  } else if (kind == "fingerprint") {
    trace.fingerprint = words.quoted();
  } else {
    return Error{Errc::kInvalid, "unknown word \"" + std::string(kind) + "\""};
  }
  if (!words.finished()) return unreadable;
  return {};
}

}  // namespace

std::string print(const Trace& trace) {
  std::string out = std::string(kMagic) + std::to_string(kTraceVersion) + "\n";
  out += "version " + trace.version + "\ncommit " + trace.commit + "\n";
  out += "seed " + std::to_string(trace.seed) + "\n";
  std::string settings = print(trace.settings);
  for (std::size_t begin = 0; begin < settings.size();) {
    const std::size_t end = settings.find('\n', begin);
    out += "set " + settings.substr(begin, end - begin + 1);
    begin = end + 1;
  }
  for (const FaultEntry& entry : trace.plan.faults) out += "fault " + print(entry) + "\n";
  for (const OperationEntry& entry : trace.plan.operations) out += "op " + print(entry) + "\n";
  for (const WatchEntry& entry : trace.plan.watches) out += "watch " + print(entry) + "\n";
  for (const Override& entry : trace.overrides) {
    out += "override " + std::to_string(entry.site) + " " + std::to_string(entry.entity) + " " +
           std::to_string(entry.ordinal) + " " + std::to_string(entry.value) + "\n";
  }
  for (const std::uint64_t hash : trace.checkpoints) out += "checkpoint " + hex16(hash) + "\n";
  out += "verdict " + trace.verdict + "\n";
  if (!trace.fingerprint.empty()) out += "fingerprint " + quote(trace.fingerprint) + "\n";
  out += "hash " + hex16(trace.hash) + "\n";
  return out + "end " + hex16(crc32c(out)) + "\n";
}

Result<Trace> parse_trace(std::string_view text, Strictness strictness) {
  if (!text.starts_with(kMagic)) {
    return Error{Errc::kInvalid, "this isn't a trace file: it doesn't begin with \"detcd-trace\""};
  }
  Trace trace;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) break;
    const std::string_view line = text.substr(begin, end - begin);
    ++number;
    const std::string_view kind = line.substr(0, line.find(' '));
    const std::string_view rest = line.substr(std::min(kind.size() + 1, line.size()));
    if (number == 1) {
      if (rest != std::to_string(kTraceVersion)) {
        return Error{Errc::kIncompatible, "trace file of format " + std::string(rest) +
                                              "; this version reads format " +
                                              std::to_string(kTraceVersion)};
      }
    } else if (kind == "end") {
      std::uint64_t sum = 0;
      const bool holds = parse_hex(rest, sum) && sum == crc32c(text.substr(0, begin));
      if (!holds && strictness == Strictness::kWhole) {
        return Error{Errc::kInvalid,
                     "the trace file was edited: its checksum doesn't hold (--edited replays it)"};
      }
      if (end + 1 != text.size()) return wrong(number + 1, "something stands after the end");
      return trace;
    } else {
      const Result<void> read = parse_line(kind, rest, trace);
      if (!read) return wrong(number, read.error().message);
    }
    begin = end + 1;
  }
  return Error{Errc::kInvalid, "the trace file is truncated: its last line is missing"};
}

}  // namespace detcd::sim
