#include "transport/transport.h"

#include <algorithm>
#include <utility>

#include "raft/codec.h"
#include "runtime/timeout.h"
#include "transport/peer.h"

namespace detcd::transport {
namespace {

constexpr runtime::Site kBackoff{"transport: backoff before dialing again"};
constexpr runtime::Site kHangUp{"rare: a connection to a peer is given up after a write"};
constexpr runtime::Site kWriteAlone{"rare: a message to a peer is written alone"};

std::string encode_message(const raft::Message& message) {
  Writer out;
  raft::encode(out, message);
  return out.take();
}

}  // namespace

Transport::Peer::Peer(const runtime::World& world, raft::NodeId node)
    : id(node),
      hang_up(world.random, kHangUp, node.value()),
      write_alone(world.random, kWriteAlone, node.value()),
      filled(world.scheduler),
      tasks(world.scheduler) {}

Transport::Transport(runtime::World world, telemetry::Log log, Options options, Receiver& receiver)
    : world_(world),
      log_(log),
      options_(options),
      receiver_(receiver),
      accepted_(world.scheduler) {}

Transport::~Transport() {
  accepted_.cancel();
  peers_.clear();
}

void Transport::set_peers(
    const std::map<raft::NodeId, std::vector<std::string>, IdOrder>& addresses) {
  std::erase_if(peers_, [&](const auto& peer) { return !addresses.contains(peer.first); });
  for (const auto& [id, where] : addresses) {
    if (id == options_.self) continue;
    std::unique_ptr<Peer>& peer = peers_[id];
    if (peer == nullptr) {
      peer = std::make_unique<Peer>(world_, id);
      peer->addresses = where;
      peer->tasks.spawn(run_peer(*peer));
    } else {
      peer->addresses = where;
    }
  }
}

void Transport::send(const raft::Message& message) {
  const auto found = peers_.find(message.to);
  if (found == peers_.end()) return;
  enqueue(*found->second, frame(Kind::kMessage, encode_message(message)));
}

void Transport::send_note(raft::NodeId to, std::string note) {
  const auto found = peers_.find(to);
  if (found != peers_.end()) enqueue(*found->second, frame(Kind::kNote, note));
}

void Transport::enqueue(Peer& peer, std::string bytes) {
  if (peer.queue.size() >= options_.queue_messages_max ||
      peer.queued_bytes + bytes.size() > options_.queue_bytes_max) {
    receiver_.on_unreachable(peer.id);
    return;
  }
  peer.queued_bytes += bytes.size();
  peer.queue.push_back(std::move(bytes));
  peer.filled.wake_one();
}

void Transport::send_snapshot(const raft::Message& message, Bytes packed) {
  const auto found = peers_.find(message.to);
  if (found == peers_.end() || found->second->sending_snapshot) {
    receiver_.on_snapshot_reported(message.to, false);
    return;
  }
  Peer& peer = *found->second;
  peer.sending_snapshot = true;
  peer.tasks.spawn(deliver_snapshot(peer, message, std::move(packed)));
}

std::size_t Transport::connected() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      peers_, [](const auto& peer) { return peer.second->connected_since.has_value(); }));
}

std::optional<TimePoint> Transport::connected_since(raft::NodeId peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? std::nullopt : found->second->connected_since;
}

// ---- The dialing side ---------------------------------------------------------------------------

runtime::Task<Result<void>> Transport::write_in_time(runtime::Stream& stream, std::string bytes) {
  const TimePoint deadline = world_.clock.boot() + options_.write_timeout;
  std::optional<Result<void>> written =
      co_await runtime::with_timeout(world_.scheduler, deadline, stream.write(std::move(bytes)));
  if (!written) co_return Error{Errc::kTimedOut, "the peer doesn't take what is written"};
  co_return std::move(*written);
}

runtime::Task<Result<std::unique_ptr<runtime::Stream>>> Transport::shake_hands(std::string address,
                                                                               raft::NodeId to,
                                                                               Purpose purpose) {
  Result<std::unique_ptr<runtime::Stream>> stream = co_await world_.network.connect(address);
  if (!stream) co_return stream.error();
  Hello hello;
  hello.cluster_id = options_.cluster_id;
  hello.from = options_.self.value();
  hello.to = to.value();
  hello.purpose = purpose;
  hello.introduction = receiver_.introduction(to);
  const Result<void> said = co_await (*stream)->write(encode(hello));
  if (!said) co_return said.error();
  FrameReader reader(false);
  for (;;) {
    const Result<std::string_view> bytes = co_await (*stream)->read();
    if (!bytes) co_return bytes.error();
    if (bytes->empty()) co_return Error{Errc::kReset, "the peer hung up during the handshake"};
    reader.feed(*bytes);
    const Result<std::optional<Frame>> next = reader.next();
    if (!next) co_return next.error();
    if (!next->has_value()) continue;
    const Result<Welcome> welcome = decode_welcome((*next)->payload.view());
    if (!welcome) co_return welcome.error();
    if (welcome->verdict != Welcome::Verdict::kAccepted) {
      receiver_.on_refused(to, *welcome);
      co_return Error{Errc::kIncompatible, std::string(name_of(welcome->verdict))};
    }
    receiver_.on_introduction(to, welcome->introduction);
    co_return std::move(*stream);
  }
}

runtime::Task<Result<std::unique_ptr<runtime::Stream>>> Transport::dial(Peer& peer,
                                                                        Purpose purpose) {
  if (peer.addresses.empty()) co_return Error{Errc::kNotFound, "the peer has no address"};
  const std::string address = peer.addresses[peer.next_address++ % peer.addresses.size()];
  const TimePoint deadline = world_.clock.boot() + options_.dial_timeout;
  std::optional<Result<std::unique_ptr<runtime::Stream>>> stream = co_await runtime::with_timeout(
      world_.scheduler, deadline, shake_hands(address, peer.id, purpose));
  if (!stream) co_return Error{Errc::kTimedOut, address + " doesn't answer"};
  co_return std::move(*stream);
}

// Pauses longer each time, up to the bound, by a random part so that not all dial together.
runtime::Task<void> Transport::back_off(Peer& peer, Duration& backoff) {
  const std::uint64_t jitter = world_.random.below(static_cast<std::uint64_t>(backoff.count()),
                                                   kBackoff, peer.id.value(), peer.dials++);
  const Duration pause = backoff / 2 + Duration(static_cast<std::int64_t>(jitter)) / 2;
  backoff = std::min(backoff * 2, options_.backoff_max);
  co_await runtime::sleep_for(world_.scheduler, pause);
}

runtime::Task<void> Transport::run_peer(Peer& peer) {
  Duration backoff = options_.backoff_min;
  for (;;) {
    Result<std::unique_ptr<runtime::Stream>> stream = co_await dial(peer, Purpose::kMessages);
    if (!stream) {
      if (!std::exchange(peer.reported_unreachable, true)) {
        log_.warn("prober detected unhealthy status",
                  {{"remote-peer-id", telemetry::hex(peer.id.value())},
                   {"error", stream.error().message}});
      }
      receiver_.on_unreachable(peer.id);
      // What waited for this peer is stale by the time it is back.
      peer.queue.clear();
      peer.queued_bytes = 0;
      co_await back_off(peer, backoff);
      continue;
    }
    const TimePoint connected = world_.clock.boot();
    peer.reported_unreachable = false;
    peer.connected_since = connected;
    log_.info("established TCP streaming connection with remote peer",
              {{"remote-peer-id", telemetry::hex(peer.id.value())}});
    co_await feed_peer(peer, **stream);
    peer.connected_since.reset();
    log_.warn("lost TCP streaming connection with remote peer",
              {{"remote-peer-id", telemetry::hex(peer.id.value())}});
    (*stream)->abort();
    receiver_.on_unreachable(peer.id);
    // One that hangs up on us again and again, as on messages it can't read, isn't dialed without a
    // pause either.
    if (world_.clock.boot() - connected < options_.backoff_max) {
      co_await back_off(peer, backoff);
    } else {
      backoff = options_.backoff_min;
    }
  }
}

// Nothing is ever read from a peer on this connection: what ends the read is its end. Without it a
// peer's death would be noticed only by the message that is lost on it.
runtime::Task<void> Transport::watch_peer(Peer& peer, runtime::Stream& stream) {
  const Result<std::string_view> ended = co_await stream.read();
  static_cast<void>(ended);
  peer.broken = true;
  peer.filled.wake_all();
}

// Writes what is queued until the connection is over.
runtime::Task<void> Transport::feed_peer(Peer& peer, runtime::Stream& stream) {
  peer.broken = false;
  runtime::TaskGroup watching(world_.scheduler);
  watching.spawn(watch_peer(peer, stream));
  for (;;) {
    while (peer.queue.empty() && !peer.broken) {
      const bool woken = co_await peer.filled.wait();
      static_cast<void>(woken);
    }
    if (peer.broken) co_return;
    std::string bytes = std::move(peer.queue.front());
    peer.queue.pop_front();
    const bool alone = peer.write_alone.taken();
    while (!alone && !peer.queue.empty() &&
           bytes.size() + peer.queue.front().size() <= options_.write_bytes_max) {
      bytes += peer.queue.front();
      peer.queue.pop_front();
    }
    peer.queued_bytes -= bytes.size();
    const Result<void> written = co_await write_in_time(stream, std::move(bytes));
    if (!written || peer.hang_up.taken()) co_return;
  }
}

runtime::Task<Result<void>> Transport::stream_snapshot(runtime::Stream& stream,
                                                       const raft::Message& message,
                                                       const Bytes& packed) {
  Writer begin;
  begin.u64(packed.size());
  begin.raw(encode_message(message));
  const Result<void> begun =
      co_await write_in_time(stream, frame(Kind::kSnapshotBegin, begin.view()));
  if (!begun) co_return begun.error();
  constexpr std::size_t kPiece = 256 << 10;
  for (std::size_t offset = 0; offset < packed.size(); offset += kPiece) {
    const std::string_view piece = packed.view().substr(offset, kPiece);
    const Result<void> sent = co_await write_in_time(stream, frame(Kind::kSnapshotPiece, piece));
    if (!sent) co_return sent.error();
  }
  FrameReader reader(false);
  for (;;) {
    const TimePoint deadline = world_.clock.boot() + options_.write_timeout * 6;
    std::optional<Result<std::string_view>> bytes =
        co_await runtime::with_timeout(world_.scheduler, deadline, stream.read());
    if (!bytes) co_return Error{Errc::kTimedOut, "the peer doesn't confirm the snapshot"};
    if (!*bytes) co_return bytes->error();
    if ((*bytes)->empty()) co_return Error{Errc::kReset, "the peer refused the snapshot"};
    reader.feed(**bytes);
    const Result<std::optional<Frame>> next = reader.next();
    if (!next) co_return next.error();
    if (next->has_value() && (*next)->kind == Kind::kSnapshotTaken) co_return Result<void>();
  }
}

runtime::Task<void> Transport::deliver_snapshot(Peer& peer, raft::Message message, Bytes packed) {
  Result<std::unique_ptr<runtime::Stream>> stream = co_await dial(peer, Purpose::kSnapshot);
  bool delivered = false;
  if (stream) {
    const Result<void> sent = co_await stream_snapshot(**stream, message, packed);
    delivered = sent.ok();
    if (!sent) {
      log_.warn("failed to send snapshot", {{"remote-peer-id", telemetry::hex(peer.id.value())},
                                            {"error", sent.error().message}});
    }
  }
  peer.sending_snapshot = false;
  receiver_.on_snapshot_reported(peer.id, delivered);
}

}  // namespace detcd::transport
