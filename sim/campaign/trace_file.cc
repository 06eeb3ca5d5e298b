#include "sim/campaign/trace_file.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cstdio>
#include <limits>
#include <utility>

#include "base/check.h"
#include "http2/gzip.h"
#include "sim/campaign/command_line.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kGzipMagic = "\x1f\x8b";
// 15 bits of window, and 16 says that the gzip wrapper is meant rather than zlib's.
constexpr int kGzipWindowBits = 15 + 16;
constexpr int kMemoryLevel = 9;
// A plan of a million entries is smaller.
constexpr std::size_t kTextBytesMax = 1 << 30;

// Deflate ends at a bit, gzip's sum begins at a byte: between the two there may be up to seven bits
// that no sum covers and that every packer leaves 0 (RFC 1951 §3.1.1 and §2.3: what is skipped).
bool ends_in_zeros(std::string_view packed) {
  z_stream stream{};
  check(inflateInit2(&stream, kGzipWindowBits) == Z_OK, "zlib has memory for an inflater");
  std::string scratch(64 << 10, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  // Bits of data_type on return (zlib.h, at inflate): it stands in the last block, and at an end.
  constexpr int kAtTheEnd = 64 + 128;
  constexpr int kUnusedBits = 7;
  bool zeros = false;
  for (int outcome = Z_OK; outcome == Z_OK;) {
    stream.next_out = reinterpret_cast<Bytef*>(scratch.data());
    stream.avail_out = static_cast<uInt>(scratch.size());
    outcome = inflate(&stream, Z_BLOCK);
    if ((stream.data_type & kAtTheEnd) != kAtTheEnd) continue;
    const unsigned unused = static_cast<unsigned>(stream.data_type) & kUnusedBits;
    zeros = (static_cast<unsigned>(stream.next_in[-1]) >> (8 - unused)) == 0;
    break;
  }
  inflateEnd(&stream);
  return zeros;
}

}  // namespace

std::string pack(std::string_view text) {
  check(text.size() <= std::numeric_limits<uInt>::max(), "a trace is shorter than 4 GiB");
  z_stream stream{};
  check(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzipWindowBits, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) == Z_OK,
        "zlib has memory for a deflater");
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int outcome = deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  check(outcome == Z_STREAM_END, "what deflateBound allows for is enough");
  return out;
}

Result<std::string> unpack(std::string bytes) {
  if (!bytes.starts_with(kGzipMagic)) return bytes;
  Result<std::string> text = http2::gunzip(bytes, kTextBytesMax);
  if (text && ends_in_zeros(bytes)) return text;
  const std::string why = text ? "bits that say nothing are set" : text.error().message;
  if (!text && text.error().code == Errc::kTooLarge) {
    return Error{Errc::kTooLarge, "what is packed in this file is too large for a trace"};
  }
  if (why == "unexpected EOF") {
    return Error{Errc::kInvalid, "the trace file is truncated: its packed text breaks off"};
  }
  return Error{
      Errc::kInvalid,
      fmt::format("the trace file is damaged: it can't be unpacked ({}); one that is to be "
                  "edited is unpacked first, with zcat",
                  why)};
}

Result<Trace> read_trace(const std::string& path, Strictness strictness) {
  Result<std::string> bytes = read_file(path);
  if (!bytes) return bytes.error();
  const Result<std::string> text = unpack(std::move(*bytes));
  if (!text) return Error{text.error().code, path + ": " + text.error().message};
  Result<Trace> trace = parse_trace(*text, strictness);
  if (!trace) return Error{trace.error().code, path + ": " + trace.error().message};
  return trace;
}

bool write_trace(const std::string& path, const Trace& trace, TraceForm form) {
  const std::string text = print(trace);
  if (write_file(path, form == TraceForm::kPlain ? text : pack(text))) return true;
  fmt::print(stderr, "detcd-sim: can't write {}\n", path);
  return false;
}

}  // namespace detcd::sim
