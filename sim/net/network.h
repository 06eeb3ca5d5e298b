// All hosts, links, listeners and connections of a run. Streams are byte streams: a cut link holds
// bytes back (they are sent again when it heals) until the sender loses patience. Death of a node
// is seen by its peers as a kernel would show it. NodeNetwork (node_network.h) is a node's door.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/kernel/kernel.h"
#include "sim/net/connection.h"
#include "sim/net/options.h"
#include "sim/net/tap.h"
#include "sim/net/trouble.h"

namespace detcd::sim {

class SimNetwork {
 public:
  explicit SimNetwork(Kernel& kernel, NetOptions options = {});
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  [[nodiscard]] NetOptions& options() { return options_; }
  // Sees all bytes from now on; null: nobody does. It outlives the network.
  void set_tap(NetworkTap* tap) { tap_ = tap; }
  // A host answers to its names, and to localhost for itself. It begins switched on.
  void add_host(NodeNumber node, const std::string& name);
  void remove_name(const std::string& name);
  // For one direction of one pair.
  void set_link(NodeNumber from, NodeNumber to, const LinkOptions& link);

  // Nothing passes in this direction until healed.
  void cut(NodeNumber from, NodeNumber to);
  void heal(NodeNumber from, NodeNumber to);
  void cut_both(NodeNumber a, NodeNumber b);
  void heal_both(NodeNumber a, NodeNumber b);
  // Cuts both directions between each of `some` and each of `others`.
  void partition(std::span<const NodeNumber> some, std::span<const NodeNumber> others);
  void heal_all();
  [[nodiscard]] bool is_cut(NodeNumber from, NodeNumber to) const;

  // The connections between two hosts: torn down at both ends (the answer is how many), or silently
  // dead.
  std::size_t reset_connections(NodeNumber a, NodeNumber b);
  void black_hole_connections(NodeNumber a, NodeNumber b);
  // The ends at one host of its connections with another are gone, and the other isn't told: half
  // open, until it sends something.
  void forget_connections(NodeNumber at, NodeNumber peer);

  // Something is wrong until it is ended; ending it twice does nothing.
  TroubleId begin_trouble(NodeNumber from, NodeNumber to, const LinkTrouble& trouble);
  TroubleId begin_trouble(NodeNumber host, const HostTrouble& trouble);
  void end_trouble(TroubleId id);
  void end_troubles();
  [[nodiscard]] bool in_trouble() const {
    return !link_troubles_.empty() || !host_troubles_.empty();
  }
  [[nodiscard]] const TroubleCounts& counts() const { return counts_; }
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

  // The node's process died: its kernel resets what it had open.
  void crash(NodeNumber node);
  // The machine is off: silence. After power_on its peers' next segments are answered by resets.
  void lose_power(NodeNumber node);
  void power_on(NodeNumber node);
  // The machine sleeps until power_on: silence, but its connections stay.
  void suspend(NodeNumber node);

  // For NodeNetwork.
  [[nodiscard]] Result<ListenerId> listen(NodeNumber node, const std::string& address);
  void close_listener(ListenerId id);
  [[nodiscard]] bool listening(ListenerId id) const { return listeners_.contains(id.value()); }
  [[nodiscard]] std::string listener_address(ListenerId id) const;
  void set_acceptor(ListenerId id, Waiter* waiter);
  [[nodiscard]] bool can_accept(ListenerId id) const;
  [[nodiscard]] Result<ConnectionId> accept(ListenerId id);
  // How long to wait for the address of a name; then the connect begins.
  [[nodiscard]] Duration lookup_delay(NodeNumber node, const std::string& address);
  [[nodiscard]] Result<ConnectionId> begin_connect(NodeNumber node, const std::string& address);
  [[nodiscard]] Connection& connection(ConnectionId id);
  // A waiter that goes away; the connection or listener may be gone already.
  void forget_waiter(ConnectionId id, const Waiter& waiter);
  void forget_waiter(ListenerId id, const Waiter& waiter);
  // A read or write was destroyed before it ended.
  void spoil(ConnectionId id, Side side);
  [[nodiscard]] std::string take_received(ConnectionId id, Side side);
  // Takes from `bytes` what finds room; the rest stays.
  void offer(ConnectionId id, Side side, std::string& bytes);
  // The address needs a name to be looked up.
  [[nodiscard]] static bool asks_for_name(const std::string& address);
  void shut_down(ConnectionId id, Side side);
  void abort(ConnectionId id, Side side);
  void close(ConnectionId id, Side side);

 private:
  struct Listener {
    NodeNumber node;
    std::string port;  // Or "unix:/path".
    std::string address;
    std::deque<ConnectionId> backlog;
    Waiter* acceptor = nullptr;
    std::uint64_t accepts = 0;
  };
  struct Target {
    NodeNumber node;
    std::string port;
  };
  struct Host {
    bool on = true;
    std::uint64_t next_port = 32768;
    HostTrouble trouble;
  };
  using Pair = std::pair<std::uint64_t, std::uint64_t>;

  [[nodiscard]] Result<Target> resolve(NodeNumber from, const std::string& address) const;
  [[nodiscard]] Result<Target> look_up(NodeNumber from, const std::string& address);
  [[nodiscard]] const LinkOptions& link(NodeNumber from, NodeNumber to) const;
  [[nodiscard]] Duration delay(const Pipe& pipe, std::uint64_t word, std::uint64_t bytes) const;
  [[nodiscard]] bool blocked(const Connection& connection, const Pipe& pipe) const;
  [[nodiscard]] const LinkTrouble& troubles_of(const Pair& pair) const;
  [[nodiscard]] const LinkTrouble& troubles_of(const Pipe& pipe) const {
    return troubles_of(Pair(pipe.from.value(), pipe.to.value()));
  }
  void combine(const Pair& pair);
  void combine(NodeNumber host);
  void release(NodeNumber from, NodeNumber to);
  [[nodiscard]] Duration wait_for_losses(const LinkTrouble& trouble, std::uint64_t word);
  [[nodiscard]] VirtualTime leaves_at(const Pipe& pipe, const LinkTrouble& trouble,
                                      std::uint64_t bytes);
  [[nodiscard]] std::uint64_t window_of(const Pipe& pipe) const;
  [[nodiscard]] Connection* find(ConnectionId id);
  [[nodiscard]] Listener* find_listener(NodeNumber node, const std::string& port);
  // A step of the protocol at the far end of `from`.
  using Arrival = void (SimNetwork::*)(Connection&, Side from);
  // Runs after one passage through the pipe, if the connection is still there; messages other than
  // segments are lost when the pipe is blocked on arrival.
  void send_message(Connection& connection, Side from, Arrival arrived);
  void arrive_at(VirtualTime due, const Connection& connection, Side from, Arrival arrived);
  struct HeldMessage {
    ConnectionId connection;
    Side from = Side::kClient;
    Arrival arrived = nullptr;
  };

  void send_syn(Connection& connection);
  void syn_arrived(Connection& connection, Side from);
  void syn_answered(Connection& connection, Side from);
  void syn_refused(Connection& connection, Side from);
  void connect_timed_out(ConnectionId id);
  void establish(Connection& connection);
  void settle_handshake(Connection& connection);

  void pump(Connection& connection, Side from);
  void send_segment(Connection& connection, Side from, Segment segment);
  [[nodiscard]] Segment cut_segment(Connection& connection, Side from, std::uint64_t room);
  void schedule_arrival(Connection& connection, Side from, Duration extra);
  [[nodiscard]] VirtualTime troubled(Connection& connection, Side from, const LinkTrouble& trouble);
  void segment_due(ConnectionId id, Side from);
  void deliver(Connection& connection, Side from, Segment segment);
  void acknowledge(Connection& connection, Side from);
  void credit_arrived(ConnectionId id, Side from, std::uint64_t bytes);
  void reset_arrived(Connection& connection, Side from);
  void watch_stall(Connection& connection, Side from);
  void give_up(ConnectionId id, Side from, std::uint64_t stall);
  [[nodiscard]] Duration drawn_wait(const Connection& connection, Side from) const;
  void resume_pipe(Connection& connection, Side from, Duration wait);
  void resume_between(NodeNumber a, NodeNumber b);
  void break_end(Connection& connection, Side side, Error error);
  void forget_if_over(Connection& connection);
  void leave(NodeNumber node, bool tell_peers);
  void leave(Connection& connection, Side side, bool tell_peers);
  [[nodiscard]] std::vector<ConnectionId> all_connections() const;

  Kernel& kernel_;
  NetOptions options_;
  NetworkTap* tap_ = nullptr;
  std::map<std::string, NodeNumber> names_;
  std::map<std::uint64_t, Host> hosts_;
  std::map<Pair, LinkOptions> links_;
  std::set<Pair> cuts_;
  std::map<std::uint64_t, Listener> listeners_;
  std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::map<Pair, std::uint64_t> pair_counts_;
  TroubleId next_trouble_;
  std::map<TroubleId, std::pair<Pair, LinkTrouble>> link_troubles_;
  std::map<TroubleId, std::pair<NodeNumber, HostTrouble>> host_troubles_;
  std::map<Pair, LinkTrouble> combined_;  // Of links that have any.
  std::map<Pair, VirtualTime> busy_until_;
  std::map<Pair, std::vector<HeldMessage>> held_messages_;
  TroubleCounts counts_;
  std::uint64_t next_listener_ = 1;
  std::uint64_t next_connection_ = 1;
};

}  // namespace detcd::sim
