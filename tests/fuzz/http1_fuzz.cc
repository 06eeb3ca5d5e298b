// The parser of HTTP/1.1 requests: however bytes are cut, the same requests.
#include <string>
#include <vector>

#include "http1/parser.h"
#include "tests/fuzz/fuzz.h"

namespace detcd::http1 {
namespace {

// The requests before the first refusal.
std::vector<std::string> parse(std::string_view bytes, std::size_t piece) {
  std::vector<std::string> requests;
  RequestParser parser(Limits{.header_bytes_max = 4096, .body_bytes_max = 16 << 10});
  const auto take = [&] {
    while (const std::optional<Request> request = parser.next()) {
      std::string text = request->method + " " + request->target + " " + request->body;
      fuzz::require(request->body.size() <= 16 << 10, "a body is within the limit");
      requests.push_back(std::move(text));
    }
  };
  for (std::size_t at = 0; at < bytes.size() && !parser.failure(); at += piece) {
    parser.feed(bytes.substr(at, piece));
    take();
  }
  return requests;
}

}  // namespace
}  // namespace detcd::http1

namespace detcd {
namespace {

void try_input(fuzz::Input input) {
  const std::size_t piece = 1 + input.byte();
  const std::string_view bytes = input.rest();
  const std::vector<std::string> cut = http1::parse(bytes, piece);
  const std::vector<std::string> whole = http1::parse(bytes, bytes.size() + 1);
  // Of bytes that are no request the refusal may come earlier or later, and for another reason.
  fuzz::require(cut == whole, "where bytes are cut changes nothing");
}

}  // namespace
}  // namespace detcd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  detcd::try_input({data, size});
  return 0;
}
