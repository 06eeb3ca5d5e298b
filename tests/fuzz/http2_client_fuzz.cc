// A client's session under arbitrary bytes of a server, with calls under way.
#include <set>
#include <variant>

#include "http2/client_session.h"
#include "tests/fuzz/fuzz.h"

namespace detcd {
namespace {

void try_input(fuzz::Input input) {
  const std::uint8_t choice = input.byte();
  http2::ClientSession session("localhost:2379");
  std::set<std::uint64_t> open;
  for (int i = 0; i < 3; ++i) {
    const auto call = session.open("/etcdserverpb.KV/Put", {}, std::nullopt);
    if (!call) continue;
    open.insert(call->value());
    session.send_message(*call, Bytes("request"));
    if (i != 2) session.end_request(*call);
  }
  const auto turn = [&] {
    for (const http2::ClientEvent& event : session.take_events()) {
      if (const auto* answer = std::get_if<http2::AnswerMessage>(&event)) {
        fuzz::require(open.contains(answer->stream.value()), "an answer belongs to a call");
      } else if (const auto* ended = std::get_if<http2::CallEnded>(&event)) {
        fuzz::require(open.erase(ended->stream.value()) == 1, "a call ends once");
      }
    }
    std::size_t written = 0;
    for (std::string out = session.take_output(64 << 10); !out.empty();) {
      written += out.size();
      fuzz::require(written < 64 << 20, "output is bounded");
      out = session.take_output(64 << 10);
    }
  };
  turn();
  const std::size_t piece = std::size_t{1} << (choice >> 4);
  bool alive = true;
  while (alive && !input.empty()) {
    alive = session.feed(input.take(piece));
    turn();
  }
  session.connection_lost();
  turn();
  fuzz::require(open.empty(), "every call ends with its connection");
}

}  // namespace
}  // namespace detcd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  detcd::try_input({data, size});
  return 0;
}
