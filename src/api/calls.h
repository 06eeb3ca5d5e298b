// The gRPC calls of one HTTP/2 connection, sans-IO: the session's events in, questions to the node
// out; the node's replies in, answers on the session out. Every call that was begun is answered
// once or forgotten once: when its client goes away, its deadline passes or the connection ends,
// the node is told. A unary call is asked as soon as its message is complete, as grpc-go does.
//
// A stream in both directions is bounded both ways: the client's window is held while the node has
// not taken what it asked, and the node sends only what it has credit for, which comes back as the
// client takes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/method.h"
#include "api/settings.h"
#include "http2/server_session.h"
#include "server/service.h"

namespace detcd::api {

class Calls {
 public:
  using ReplySender = runtime::Mailbox<server::Reply>::Sender;

  // All outlive the object.
  Calls(http2::ServerSession& session, const server::Service& service, const Settings& settings,
        ReplySender reply);
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;
  ~Calls();

  // Works off what the session has to say; to be called as well when it handed out output.
  void take_events(TimePoint now);
  void take_reply(server::Reply reply);
  // Answers the calls whose deadline has passed.
  void expire(TimePoint now);
  // kNever when no call has one.
  [[nodiscard]] TimePoint next_deadline() const;
  // Calls that stay open for as long as the client likes.
  [[nodiscard]] std::size_t streaming() const { return streaming_; }
  // Bytes of answers that the client has still to take are more than `bound`. Exact only above it.
  [[nodiscard]] bool untaken_above(std::size_t bound);

 private:
  enum class Stage : std::uint8_t { kAwaitingRequest, kAsked, kStreaming };
  struct Call {
    const Method* method = nullptr;
    TimePoint deadline = kNever;
    std::uint64_t trace = 0;
    bool require_leader = false;
    std::optional<std::string> token;
    Stage stage = Stage::kAwaitingRequest;
    bool requested = false;
    Bytes request;  // Of a server stream, until the client has ended its side.
    // Of a stream in both directions.
    bool ending = false;               // Once all it asked is answered.
    bool held = false;                 // The client's window.
    std::uint32_t asked = 0;           // Requests that the node has not said it took.
    std::int64_t taken_responses = 0;  // Not yet told to the node.
    std::int64_t taken_bytes = 0;
  };
  using Open = std::map<http2::StreamId, Call, IdOrder>;

  void take(const http2::StreamOpened& event);
  void take(http2::MessageReceived& event);
  void take(const http2::RequestEnded& event);
  void take(const http2::StreamReset& event);
  void take(const http2::StreamDrained& event);
  void ask(Open::iterator call, const Bytes& message);
  void begin_stream(Open::iterator call);
  void ask_stream(Open::iterator call, const Bytes& message);
  void take_stream_reply(Open::iterator call, server::Reply reply);
  void return_credit(Open::iterator call);
  void release_window(Open::iterator call);
  void end_when_answered(Open::iterator call);
  // The node works on it, or may.
  [[nodiscard]] static bool is_at_node(const Call& call);
  [[nodiscard]] bool tell(http2::StreamId stream, const Call& call, server::Request request);
  void send(http2::StreamId stream, Bytes message);
  void finish(Open::iterator call, const http2::GrpcStatus& status);
  void forget(http2::StreamId stream);
  void close(Open::iterator call);
  // Gives the node its room back for answers that were taken or won't be.
  void release_taken();
  // Drops the streams whose answers were taken.
  void recount();

  http2::ServerSession& session_;
  const server::Service& service_;
  const Settings& settings_;
  ReplySender reply_;
  Open open_;
  std::set<std::pair<TimePoint, std::uint64_t>> deadlines_;
  std::size_t streaming_ = 0;
  TimePoint now_{};
  std::vector<std::pair<http2::StreamId, std::unique_ptr<server::Held>>> held_;  // Large answers'.
  std::vector<http2::StreamId> untaken_;  // Streams that may still hold bytes of an answer.
  std::size_t untaken_bytes_ = 0;         // At least what they hold.
  std::size_t recount_at_ = 0;            // That many streams in `untaken_`.
};

}  // namespace detcd::api
