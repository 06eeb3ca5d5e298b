// What members read from one another: the stream of frames, its greetings, and Raft's messages.
#include "raft/codec.h"
#include "tests/fuzz/fuzz.h"
#include "transport/frame.h"

namespace detcd {
namespace {

void read_stream(std::string_view bytes, std::size_t piece, bool expect_magic) {
  transport::FrameReader reader(expect_magic);
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    reader.feed(bytes.substr(at, piece));
    for (;;) {
      Result<std::optional<transport::Frame>> next = reader.next();
      if (!next.ok()) return;
      if (!next->has_value()) break;
      const Bytes& payload = (*next)->payload;
      [[maybe_unused]] const bool hello = transport::decode_hello(payload.view()).ok();
      [[maybe_unused]] const bool welcome = transport::decode_welcome(payload.view()).ok();
      const Result<raft::Message> message = raft::decode_message(payload);
      if (!message.ok()) continue;
      Writer again;
      raft::encode(again, *message);
      fuzz::require(again.view() == payload.view(), "a message has one form only");
    }
  }
}

// What was understood is what its writer would have said.
template <class Greeting>
void check_again(const Greeting& greeting, bool with_magic,
                 Result<Greeting> (*decode)(std::string_view)) {
  transport::FrameReader reader(with_magic);
  reader.feed(transport::encode(greeting));
  const Result<std::optional<transport::Frame>> frame = reader.next();
  fuzz::require(frame.ok() && frame->has_value(), "what was encoded is a frame");
  const Result<Greeting> again = decode((*frame)->payload.view());
  fuzz::require(again.ok() && *again == greeting, "a greeting is read as it was written");
}

void try_input(fuzz::Input input) {
  const std::uint8_t choice = input.byte();
  if (choice % 4 == 0) {
    read_stream(input.rest(), std::size_t{1} << (choice >> 5), (choice & 16) != 0);
    return;
  }
  // Past the frame's checksum, which hardly any input gets right.
  const std::string_view payload = input.rest();
  if (choice % 4 == 1) {
    const Result<transport::Hello> hello = transport::decode_hello(payload);
    if (hello.ok()) check_again(*hello, true, transport::decode_hello);
  } else if (choice % 4 == 2) {
    const Result<transport::Welcome> welcome = transport::decode_welcome(payload);
    if (welcome.ok()) check_again(*welcome, false, transport::decode_welcome);
  } else {
    read_stream(transport::frame(transport::Kind::kMessage, payload), payload.size() + 64, false);
  }
}

}  // namespace
}  // namespace detcd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  detcd::try_input({data, size});
  return 0;
}
