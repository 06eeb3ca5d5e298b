// The accepting side of the transport: handshakes, messages and snapshots of others.
#include <utility>

#include "base/codec.h"
#include "raft/codec.h"
#include "runtime/timeout.h"
#include "transport/peer.h"
#include "transport/transport.h"

namespace detcd::transport {
namespace {

// The first frame of a stream, within the time that is left.
runtime::Task<Result<Frame>> first_frame(runtime::Stream& stream, FrameReader& reader) {
  for (;;) {
    Result<std::optional<Frame>> next = reader.next();
    if (!next) co_return next.error();
    if (next->has_value()) co_return std::move(**next);
    const Result<std::string_view> bytes = co_await stream.read();
    if (!bytes) co_return bytes.error();
    if (bytes->empty()) co_return Error{Errc::kReset, "the peer hung up"};
    reader.feed(*bytes);
  }
}

runtime::Task<Result<std::string>> first_bytes(runtime::Stream& stream) {
  const Result<std::string_view> bytes = co_await stream.read();
  if (!bytes) co_return bytes.error();
  if (bytes->empty()) co_return Error{Errc::kReset, "the peer hung up"};
  co_return std::string(*bytes);
}

}  // namespace

Welcome::Verdict Transport::judge(const Hello& hello) const {
  if (hello.version_newest < kVersionLeast || hello.version_least > kVersionNewest) {
    return Welcome::Verdict::kVersion;
  }
  if (hello.cluster_id != options_.cluster_id) return Welcome::Verdict::kCluster;
  if (hello.to != options_.self.value() || hello.from == options_.self.value()) {
    return Welcome::Verdict::kMember;
  }
  if (receiver_.is_removed(raft::NodeId(hello.from))) return Welcome::Verdict::kRemoved;
  return Welcome::Verdict::kAccepted;
}

void Transport::serve(std::unique_ptr<runtime::Listener> listener) {
  runtime::Listener& served = *listener;
  listeners_.push_back(std::move(listener));
  accepted_.spawn(accept_loop(served));
}

runtime::Task<void> Transport::accept_loop(runtime::Listener& listener) {
  for (;;) {
    Result<std::unique_ptr<runtime::Stream>> stream = co_await listener.accept();
    if (!stream) {
      if (stream.error().code == Errc::kClosed) co_return;
      log_.warn("failed to accept a peer", {{"error", stream.error().message}});
      co_await runtime::sleep_for(world_.scheduler, options_.backoff_max);
      continue;
    }
    if (accepted_.size() > options_.connections_max) continue;
    accepted_.spawn(run_accepted(std::move(*stream)));
  }
}

runtime::Task<void> Transport::run_accepted(std::unique_ptr<runtime::Stream> stream) {
  const TimePoint deadline = world_.clock.boot() + options_.dial_timeout;
  std::optional<Result<std::string>> first =
      co_await runtime::with_timeout(world_.scheduler, deadline, first_bytes(*stream));
  if (!first || !*first) {
    log_.warn("rejected connection on peer endpoint",
              {{"remote-addr", stream->peer()},
               {"error", first ? first->error().message : "no hello in time"}});
    stream->abort();
    co_return;
  }
  if (visitors_ && !begins_hello(**first)) {
    co_await visitors_(std::move(stream), *std::move(*first));
    co_return;
  }
  FrameReader reader(true);
  reader.feed(**first);
  co_await run_peers_stream(std::move(stream), std::move(reader));
}

runtime::Task<void> Transport::run_peers_stream(std::unique_ptr<runtime::Stream> stream,
                                                FrameReader reader) {
  const TimePoint deadline = world_.clock.boot() + options_.dial_timeout;
  std::optional<Result<Frame>> first =
      co_await runtime::with_timeout(world_.scheduler, deadline, first_frame(*stream, reader));
  if (!first || !*first || (*first)->kind != Kind::kHello) {
    const std::string why = !first    ? "no hello in time"
                            : !*first ? first->error().message
                                      : "no hello";
    log_.warn("rejected connection on peer endpoint",
              {{"remote-addr", stream->peer()}, {"error", why}});
    stream->abort();
    co_return;
  }
  const Result<Hello> hello = decode_hello((*first)->payload.view());
  if (!hello) {
    stream->abort();
    co_return;
  }
  Welcome welcome;
  welcome.verdict = judge(*hello);
  welcome.cluster_id = options_.cluster_id;
  welcome.member = options_.self.value();
  const raft::NodeId from(hello->from);
  welcome.introduction = receiver_.introduction(from);
  const Result<void> said = co_await write_in_time(*stream, encode(welcome));
  if (!said) co_return;
  if (welcome.verdict != Welcome::Verdict::kAccepted) {
    log_.warn("request from a peer refused",
              {{"remote-peer-id", telemetry::hex(hello->from)},
               {"remote-peer-cluster-id", telemetry::hex(hello->cluster_id)},
               {"reason", name_of(welcome.verdict)}});
    const Result<void> closed = co_await stream->shutdown();
    static_cast<void>(closed);
    co_return;
  }
  receiver_.on_introduction(from, hello->introduction);
  const Dialer dialer{from, hello->introduction.life};
  if (hello->purpose == Purpose::kSnapshot) {
    co_await receive_snapshot(*stream, std::move(reader), dialer);
  } else {
    co_await receive_messages(*stream, std::move(reader), dialer);
  }
}

runtime::Task<void> Transport::receive_messages(runtime::Stream& stream, FrameReader reader,
                                                Dialer from) {
  for (;;) {
    for (;;) {
      const Result<std::optional<Frame>> next = reader.next();
      if (!next) {
        log_.warn("closing a peer's stream", {{"remote-peer-id", telemetry::hex(from.id.value())},
                                              {"error", next.error().message}});
        stream.abort();
        co_return;
      }
      if (!next->has_value()) break;
      if (receiver_.is_removed(from.id)) {
        log_.warn("closing the stream of a removed member",
                  {{"remote-peer-id", telemetry::hex(from.id.value())}});
        stream.abort();
        co_return;
      }
      if ((*next)->kind == Kind::kNote) {
        receiver_.on_note(from.id, std::move((*next)->payload));
        continue;
      }
      if ((*next)->kind != Kind::kMessage) co_return;
      Result<raft::Message> message = raft::decode_message((*next)->payload);
      if (!message || message->from != from.id || message->to != options_.self) {
        log_.warn("closing a peer's stream: malformed message",
                  {{"remote-peer-id", telemetry::hex(from.id.value())}});
        stream.abort();
        co_return;
      }
      receiver_.on_message(std::move(*message), from.life);
    }
    const Result<std::string_view> bytes = co_await stream.read();
    if (!bytes || bytes->empty()) co_return;
    reader.feed(*bytes);
  }
}

runtime::Task<void> Transport::receive_snapshot(runtime::Stream& stream, FrameReader reader,
                                                Dialer from) {
  std::optional<raft::Message> message;
  std::uint64_t size = 0;
  std::string packed;
  for (;;) {
    for (;;) {
      const Result<std::optional<Frame>> next = reader.next();
      if (!next) co_return;
      if (!next->has_value()) break;
      if ((*next)->kind == Kind::kSnapshotBegin && !message) {
        Reader in((*next)->payload.view());
        size = in.u64();
        if (!in.ok()) co_return;
        Result<raft::Message> decoded = raft::decode_message((*next)->payload.slice(8));
        if (!decoded || decoded->from != from.id || decoded->to != options_.self ||
            !std::holds_alternative<raft::InstallSnapshot>(decoded->body)) {
          co_return;
        }
        message = std::move(*decoded);
      } else if ((*next)->kind == Kind::kSnapshotPiece && message) {
        packed += (*next)->payload.view();
        if (packed.size() > size) co_return;
      } else {
        co_return;
      }
    }
    if (message && packed.size() == size) break;
    const TimePoint deadline = world_.clock.boot() + options_.write_timeout * 6;
    std::optional<Result<std::string_view>> bytes =
        co_await runtime::with_timeout(world_.scheduler, deadline, stream.read());
    if (!bytes || !*bytes || (*bytes)->empty()) co_return;
    reader.feed(**bytes);
  }
  receiver_.on_snapshot(std::move(*message), Bytes::adopt(std::move(packed)), from.life);
  const Result<void> told = co_await write_in_time(stream, frame(Kind::kSnapshotTaken, ""));
  if (told) {
    const Result<void> closed = co_await stream.shutdown();
    static_cast<void>(closed);
  }
}

}  // namespace detcd::transport
