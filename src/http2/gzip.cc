#include "http2/gzip.h"

#include <algorithm>
#include <limits>

#include <zlib.h>

#include "base/check.h"

namespace detcd::http2 {
namespace {

// 15 bits of window, and 16 says that the gzip wrapper is meant rather than zlib's.
constexpr int kGzipWindowBits = 15 + 16;
constexpr std::size_t kFirstOutputBytes = 4096;

// zlib's stream with the end that belongs to it.
class Inflater {
 public:
  Inflater() {
    check(inflateInit2(&stream_, kGzipWindowBits) == Z_OK, "zlib has memory for an inflater");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream& operator*() { return stream_; }

 private:
  z_stream stream_{};
};

Error damaged(std::string_view what) {
  return {Errc::kDamaged, std::string(what)};
}

}  // namespace

Result<std::string> gunzip(std::string_view compressed, std::size_t size_max) {
  if (compressed.empty()) return damaged("EOF");
  if (compressed.size() > std::numeric_limits<uInt>::max()) return damaged("input too long");
  Inflater inflater;
  z_stream& stream = *inflater;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::string out;
  std::size_t used = 0;
  while (true) {
    // One byte above the limit is room enough to see that the limit is passed.
    if (used == out.size()) {
      if (used > size_max) return Error{Errc::kTooLarge, "more than the limit"};
      out.resize(std::min(size_max + 1, std::max(kFirstOutputBytes, used * 2)));
    }
    const std::size_t room = std::min<std::size_t>(out.size() - used, 1u << 30);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(room);
    const int outcome = inflate(&stream, Z_NO_FLUSH);
    used += room - stream.avail_out;
    if (outcome == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      // Another member follows (RFC 1952 §2.2), as Go's reader accepts.
      check(inflateReset(&stream) == Z_OK, "an inflater that has ended can begin again");
      continue;
    }
    if (outcome == Z_BUF_ERROR || (outcome == Z_OK && stream.avail_in == 0 && used < out.size())) {
      return damaged("unexpected EOF");
    }
    if (outcome != Z_OK) return damaged(stream.msg != nullptr ? stream.msg : "gzip: invalid data");
  }
  if (used > size_max) return Error{Errc::kTooLarge, "more than the limit"};
  out.resize(used);
  return out;
}

std::string gzip(std::string_view text) {
  check(text.size() <= std::numeric_limits<uInt>::max(), "a message is shorter than 4 GiB");
  z_stream stream{};
  check(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindowBits, 8, Z_DEFAULT_STRATEGY) ==
            Z_OK,
        "zlib has memory for a deflater");
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int outcome = deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  check(outcome == Z_STREAM_END, "the bound zlib names is enough for its output");
  return out;
}

}  // namespace detcd::http2
