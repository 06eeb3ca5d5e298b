// A server's session under arbitrary bytes of a client, in pieces, while it answers what arrives.
#include <set>
#include <string>
#include <variant>

#include "http2/server_session.h"
#include "tests/fuzz/fuzz.h"

namespace detcd::http2 {
namespace {

constexpr std::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
// An empty SETTINGS frame, which a client's bytes have to begin with.
constexpr std::string_view kSettings("\0\0\0\4\0\0\0\0\0", 9);

class Conversation {
 public:
  explicit Conversation(std::uint8_t choice) : session_(limits(choice)), echo_((choice & 4) != 0) {}

  bool feed(std::string_view bytes) {
    now_ += 10ms;
    const bool alive = session_.feed(bytes, now_);
    take_events();
    for (std::string out = session_.take_output(kOutput); !out.empty();) {
      written_ += out.size();
      take_events();
      out = session_.take_output(kOutput);
      fuzz::require(written_ < kWrittenMax, "what little comes in makes bounded output");
    }
    return alive && !session_.closed();
  }
  void hang_up() {
    session_.connection_lost();
    take_events();
    fuzz::require(open_.empty(), "every call that began is told when the connection ends");
  }

 private:
  static constexpr std::size_t kOutput = 64 << 10;
  static constexpr std::size_t kWrittenMax = 64 << 20;

  static ServerLimits limits(std::uint8_t choice) {
    ServerLimits limits;
    limits.message_bytes_max = 64 << 10;
    limits.plain_http = (choice & 1) != 0;
    if ((choice & 2) != 0) limits.concurrent_streams_max = 3;
    return limits;
  }
  void take_events() {
    for (const ServerEvent& event : session_.take_events()) {
      if (const auto* opened = std::get_if<StreamOpened>(&event)) {
        fuzz::require(open_.insert(opened->stream.value()).second, "a stream begins once");
        if (opened->plain) session_.answer_plain(opened->stream, 200, {{"content-length", "0"}});
      } else if (const auto* message = std::get_if<MessageReceived>(&event)) {
        fuzz::require(open_.contains(message->stream.value()), "a message belongs to a call");
        fuzz::require(message->message.size() <= 64 << 10, "a message is within the limit");
        if (echo_) session_.send_message(message->stream, message->message);
      } else if (const auto* ended = std::get_if<RequestEnded>(&event)) {
        fuzz::require(open_.contains(ended->stream.value()), "an end belongs to a call");
        session_.finish(ended->stream, {});
        open_.erase(ended->stream.value());
      } else if (const auto* reset = std::get_if<StreamReset>(&event)) {
        fuzz::require(open_.erase(reset->stream.value()) == 1, "a reset belongs to a call");
      }
    }
  }

  ServerSession session_;
  bool echo_;
  TimePoint now_{};
  std::size_t written_ = 0;
  std::set<std::uint64_t> open_;
};

}  // namespace
}  // namespace detcd::http2

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  detcd::fuzz::Input input(data, size);
  const std::uint8_t choice = input.byte();
  detcd::http2::Conversation conversation(choice);
  bool alive = true;
  // Nearly all that is worth trying comes after the preface.
  if ((choice & 8) == 0) alive = conversation.feed(detcd::http2::kPreface);
  if (alive && (choice & 8) == 0) alive = conversation.feed(detcd::http2::kSettings);
  const std::size_t piece = std::size_t{1} << (choice >> 4);
  while (alive && !input.empty()) alive = conversation.feed(input.take(piece));
  conversation.hang_up();
  return 0;
}
