// Messages between members. To every peer one outgoing connection is kept (dialed again with
// backoff); messages are queued within bounds, in order, and dropped when a peer can't take them:
// Raft copes with loss. Snapshots travel on connections of their own. Everything received is
// checked: protocol, cluster, member.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "raft/message.h"
#include "runtime/task_group.h"
#include "runtime/world.h"
#include "telemetry/log.h"
#include "transport/frame.h"

namespace detcd::transport {

struct Options {
  std::uint64_t cluster_id = 0;
  raft::NodeId self;
  std::size_t queue_bytes_max = 128 << 20;  // Per peer.
  std::size_t queue_messages_max = 4096;
  Duration dial_timeout = 2s;
  Duration write_timeout = 5s;  // --raft-write-timeout
  Duration backoff_min = 10ms;
  Duration backoff_max = 1s;
  std::size_t write_bytes_max = 1 << 20;  // Coalesced into one write.
  // Accepted, strangers' included until they are found out: fewer than the 150 descriptors that are
  // kept for peers and files, and many times what the largest cluster needs.
  std::size_t connections_max = 64;
};

// What the transport tells its owner, on the owner's scheduler; calls may come from inside a task
// of the transport and must not destroy it.
class Receiver {
 public:
  virtual ~Receiver() = default;
  // `life`: of the sender's process, as it introduced itself on the connection that brought this.
  virtual void on_message(raft::Message message, std::uint64_t life) = 0;
  // `message` is the InstallSnapshot; `packed` its whole state.
  virtual void on_snapshot(raft::Message message, Bytes packed, std::uint64_t life) = 0;
  virtual void on_unreachable(raft::NodeId peer) = 0;
  virtual void on_snapshot_reported(raft::NodeId peer, bool delivered) = 0;
  // What the server of `peer` says to this one's beside Raft; lost as messages are.
  virtual void on_note(raft::NodeId /*peer*/, Bytes /*note*/) {}
  // Whether `peer` was taken out of the cluster for good: it is told so, and not listened to.
  [[nodiscard]] virtual bool is_removed(raft::NodeId /*peer*/) const { return false; }
  // The peer says it is of another cluster, or that this member was removed.
  virtual void on_refused(raft::NodeId peer, const Welcome& welcome) = 0;
  // For handshakes: this process, and what it remembers of `peer`.
  [[nodiscard]] virtual Introduction introduction(raft::NodeId peer) const = 0;
  // The peer's process, and what it remembers of this member. Comes before any message of the
  // connection.
  virtual void on_introduction(raft::NodeId peer, const Introduction& introduction) = 0;
};

// Who speaks another protocol on the peers' port: the stream, and what was read from it. The task
// ends with the transport at the latest.
using Visitors =
    std::function<runtime::Task<void>(std::unique_ptr<runtime::Stream>, std::string received)>;

class Transport {
 public:
  Transport(runtime::World world, telemetry::Log log, Options options, Receiver& receiver);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Where the peers are: host:port each, tried in turn. Connections to peers that left are closed.
  void set_peers(const std::map<raft::NodeId, std::vector<std::string>, IdOrder>& addresses);
  // Without any they are turned away.
  void receive_visitors(Visitors visitors) { visitors_ = std::move(visitors); }
  // Begins to accept peers on a bound listener.
  void serve(std::unique_ptr<runtime::Listener> listener);

  // Queues the message; one that doesn't fit is dropped and the peer reported unreachable.
  void send(const raft::Message& message);
  // Sends the state beside the InstallSnapshot `message`; ends in on_snapshot_reported. One at a
  // time per peer; another one meanwhile is refused by reporting it undelivered.
  void send_snapshot(const raft::Message& message, Bytes packed);
  // As a message of Raft is: queued, or lost.
  void send_note(raft::NodeId to, std::string note);
  // Connected peers right now.
  [[nodiscard]] std::size_t connected() const;
  // Since when the peer has been connected without a break; none when it isn't.
  [[nodiscard]] std::optional<TimePoint> connected_since(raft::NodeId peer) const;

 private:
  struct Peer;
  void enqueue(Peer& peer, std::string bytes);
  [[nodiscard]] Welcome::Verdict judge(const Hello& hello) const;
  runtime::Task<void> accept_loop(runtime::Listener& listener);
  runtime::Task<void> run_accepted(std::unique_ptr<runtime::Stream> stream);
  runtime::Task<void> run_peers_stream(std::unique_ptr<runtime::Stream> stream, FrameReader reader);
  // The member that dialed, and which life of its process.
  struct Dialer {
    raft::NodeId id;
    std::uint64_t life = 0;
  };
  runtime::Task<void> receive_messages(runtime::Stream& stream, FrameReader reader, Dialer from);
  runtime::Task<void> receive_snapshot(runtime::Stream& stream, FrameReader reader, Dialer from);
  runtime::Task<void> run_peer(Peer& peer);
  runtime::Task<void> back_off(Peer& peer, Duration& backoff);
  runtime::Task<void> feed_peer(Peer& peer, runtime::Stream& stream);
  runtime::Task<void> watch_peer(Peer& peer, runtime::Stream& stream);
  runtime::Task<Result<std::unique_ptr<runtime::Stream>>> dial(Peer& peer, Purpose purpose);
  runtime::Task<Result<std::unique_ptr<runtime::Stream>>> shake_hands(std::string address,
                                                                      raft::NodeId to,
                                                                      Purpose purpose);
  runtime::Task<void> deliver_snapshot(Peer& peer, raft::Message message, Bytes packed);
  runtime::Task<Result<void>> stream_snapshot(runtime::Stream& stream, const raft::Message& message,
                                              const Bytes& packed);
  runtime::Task<Result<void>> write_in_time(runtime::Stream& stream, std::string bytes);

  runtime::World world_;
  telemetry::Log log_;
  Options options_;
  Receiver& receiver_;
  std::map<raft::NodeId, std::unique_ptr<Peer>, IdOrder> peers_;
  std::vector<std::unique_ptr<runtime::Listener>> listeners_;
  Visitors visitors_;
  runtime::TaskGroup accepted_;
};

}  // namespace detcd::transport
