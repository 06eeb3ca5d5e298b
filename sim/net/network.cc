// Hosts, links, listeners and handshakes. What moves bytes is in transfer.cc.
#include "sim/net/network.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace detcd::sim {
namespace {

constexpr runtime::Site kRefuseSite{"net refuse"};
constexpr runtime::Site kHandshakeLossSite{"net handshake loss"};
constexpr runtime::Site kAcceptErrorSite{"net accept error"};
constexpr runtime::Site kMessageSite{"net message"};
// Draws derived from another one.
constexpr std::uint64_t kSpread = 101;
constexpr std::uint64_t kLoss = 102;

bool is_local(std::string_view host) {
  return host.empty() || host == "localhost" || host == "127.0.0.1" || host == "::1" ||
         host == "0.0.0.0" || host == "::";
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

SimNetwork::SimNetwork(Kernel& kernel, NetOptions options)
    : kernel_(kernel), options_(std::move(options)) {}

void SimNetwork::add_host(NodeNumber node, const std::string& name) {
  hosts_.try_emplace(node.value());
  names_.insert_or_assign(name, node);
}

void SimNetwork::remove_name(const std::string& name) {
  names_.erase(name);
}

void SimNetwork::set_link(NodeNumber from, NodeNumber to, const LinkOptions& link) {
  links_.insert_or_assign({from.value(), to.value()}, link);
}

void SimNetwork::cut(NodeNumber from, NodeNumber to) {
  cuts_.insert({from.value(), to.value()});
}

void SimNetwork::heal(NodeNumber from, NodeNumber to) {
  if (cuts_.erase({from.value(), to.value()}) != 0) resume_between(from, to);
}

void SimNetwork::cut_both(NodeNumber a, NodeNumber b) {
  cut(a, b);
  cut(b, a);
}

void SimNetwork::heal_both(NodeNumber a, NodeNumber b) {
  heal(a, b);
  heal(b, a);
}

void SimNetwork::partition(std::span<const NodeNumber> some, std::span<const NodeNumber> others) {
  for (const NodeNumber a : some) {
    for (const NodeNumber b : others) {
      if (a != b) cut_both(a, b);
    }
  }
}

void SimNetwork::heal_all() {
  const std::set<Pair> healed = std::exchange(cuts_, {});
  for (const auto& [from, to] : healed) resume_between(NodeNumber(from), NodeNumber(to));
}

bool SimNetwork::is_cut(NodeNumber from, NodeNumber to) const {
  return cuts_.contains({from.value(), to.value()});
}

const LinkOptions& SimNetwork::link(NodeNumber from, NodeNumber to) const {
  const auto found = links_.find({from.value(), to.value()});
  if (found != links_.end()) return found->second;
  return from == to ? options_.loopback : options_.link;
}

bool SimNetwork::blocked(const Connection& connection, const Pipe& pipe) const {
  return connection.black_hole || is_cut(pipe.from, pipe.to) || !hosts_.at(pipe.from.value()).on ||
         !hosts_.at(pipe.to.value()).on;
}

Duration SimNetwork::delay(const Pipe& pipe, std::uint64_t word, std::uint64_t bytes) const {
  const LinkOptions& options = link(pipe.from, pipe.to);
  const std::uint64_t transmission = bytes * options.nanoseconds_per_kib / kKiB;
  Duration total = options.latency.sample(word) + Duration(static_cast<std::int64_t>(transmission));
  const LinkTrouble& trouble = troubles_of(pipe);
  total += trouble.extra;
  if (trouble.spread > Duration::zero()) {
    total += uniform(mix64(word, kSpread), Duration::zero(), trouble.spread);
  }
  return total;
}

void SimNetwork::send_message(Connection& connection, Side from, Arrival arrived) {
  const Pipe& pipe = connection.pipe_from(from);
  const std::uint64_t ordinal = connection.messages++;
  const std::uint64_t word = kernel_.draw(kMessageSite, connection.key, ordinal);
  const LinkTrouble& trouble = troubles_of(pipe);
  if (trouble.loss_ppm > 0 && chance(mix64(word, kLoss), trouble.loss_ppm)) {
    ++counts_.lost;
    return;
  }
  arrive_at(kernel_.now() + delay(pipe, word, 0), connection, from, arrived);
}

void SimNetwork::arrive_at(VirtualTime due, const Connection& connection, Side from,
                           Arrival arrived) {
  const NodeNumber to = connection.pipe_from(from).to;
  const Label label{to, EventKind::kNetwork, mix64(connection.key, connection.messages)};
  kernel_.schedule(due, label, [this, id = connection.id, from, arrived] {
    Connection* found = find(id);
    if (found == nullptr) return;
    const Pipe& pipe = found->pipe_from(from);
    if (blocked(*found, pipe)) {
      ++counts_.cut_off;
      return;
    }
    if (troubles_of(pipe).held) {
      ++counts_.held;
      held_messages_[{pipe.from.value(), pipe.to.value()}].push_back({id, from, arrived});
      return;
    }
    (this->*arrived)(*found, from);
  });
}

Connection* SimNetwork::find(ConnectionId id) {
  const auto found = connections_.find(id.value());
  return found == connections_.end() ? nullptr : found->second.get();
}

Connection& SimNetwork::connection(ConnectionId id) {
  Connection* found = find(id);
  check(found != nullptr, "a stream of a living node has its connection");
  return *found;
}

std::vector<ConnectionId> SimNetwork::all_connections() const {
  std::vector<ConnectionId> ids;
  for (const auto& [id, connection] : connections_) ids.emplace_back(id);
  return ids;
}

bool SimNetwork::asks_for_name(const std::string& address) {
  return !address.starts_with("unix:") && !is_local(address.substr(0, address.rfind(':')));
}

Result<SimNetwork::Target> SimNetwork::resolve(NodeNumber from, const std::string& address) const {
  if (address.starts_with("unix:")) return Target{from, address};
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || !is_port(std::string_view(address).substr(colon + 1))) {
    return Error{Errc::kInvalid, address + ": isn't host:port"};
  }
  std::string host = address.substr(0, colon);
  const std::string port = address.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (is_local(host)) return Target{from, port};
  const auto found = names_.find(host);
  if (found == names_.end()) return Error{Errc::kNotFound, address + ": no such host"};
  return Target{found->second, port};
}

Result<ListenerId> SimNetwork::listen(NodeNumber node, const std::string& address) {
  check(hosts_.contains(node.value()), "who listens is a host of the network");
  const Result<Target> target = resolve(node, address);
  if (!target || target->node != node) {
    return Error{Errc::kInvalid, address + ": no such address here"};
  }
  std::string port = target->port;
  std::string shown = address;
  Host& host = hosts_.at(node.value());
  while (port == "0" || (target->port == "0" && find_listener(node, port) != nullptr)) {
    port = std::to_string(host.next_port++);
    shown = address.substr(0, address.rfind(':') + 1) + port;
  }
  if (find_listener(node, port) != nullptr) {
    return Error{Errc::kBusy, address + ": somebody listens there"};
  }
  const ListenerId id(next_listener_++);
  Listener& listener = listeners_[id.value()];
  listener.node = node;
  listener.port = port;
  listener.address = shown;
  return id;
}

SimNetwork::Listener* SimNetwork::find_listener(NodeNumber node, const std::string& port) {
  for (auto& [id, listener] : listeners_) {
    if (listener.node == node && listener.port == port) return &listener;
  }
  return nullptr;
}

void SimNetwork::close_listener(ListenerId id) {
  const auto found = listeners_.find(id.value());
  if (found == listeners_.end()) return;
  const Listener listener = std::move(found->second);
  listeners_.erase(found);
  if (listener.acceptor != nullptr) listener.acceptor->wake();
  for (const ConnectionId waiting : listener.backlog) {
    abort(waiting, Side::kServer);
    close(waiting, Side::kServer);
  }
}

std::string SimNetwork::listener_address(ListenerId id) const {
  const auto found = listeners_.find(id.value());
  return found == listeners_.end() ? std::string() : found->second.address;
}

void SimNetwork::set_acceptor(ListenerId id, Waiter* waiter) {
  Listener& listener = listeners_.at(id.value());
  check(listener.acceptor == nullptr, "at most one accept waits at a listener");
  listener.acceptor = waiter;
}

bool SimNetwork::can_accept(ListenerId id) const {
  const auto found = listeners_.find(id.value());
  return found == listeners_.end() || !found->second.backlog.empty();
}

Result<ConnectionId> SimNetwork::accept(ListenerId id) {
  const auto found = listeners_.find(id.value());
  if (found == listeners_.end()) return Error{Errc::kClosed, "the listener is closed"};
  Listener& listener = found->second;
  check(!listener.backlog.empty(), "accept is tried only when somebody waits");
  const std::uint64_t entity = mix64(listener.node.value(), hash64(listener.port));
  const std::uint64_t word = kernel_.draw(kAcceptErrorSite, entity, listener.accepts++);
  if (chance(word, options_.accept_error_ppm)) {
    return Error{Errc::kUnavailable, "no descriptor is free for a connection"};
  }
  const ConnectionId accepted = listener.backlog.front();
  listener.backlog.pop_front();
  return accepted;
}

void SimNetwork::forget_waiter(ConnectionId id, const Waiter& waiter) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  for (End& end : connection->ends) {
    if (end.reader == &waiter) end.reader = nullptr;
    if (end.writer == &waiter) end.writer = nullptr;
  }
}

void SimNetwork::forget_waiter(ListenerId id, const Waiter& waiter) {
  const auto found = listeners_.find(id.value());
  if (found != listeners_.end() && found->second.acceptor == &waiter) {
    found->second.acceptor = nullptr;
  }
}

void SimNetwork::spoil(ConnectionId id, Side side) {
  Connection* connection = find(id);
  if (connection != nullptr) connection->end(side).spoiled = true;
}

Result<ConnectionId> SimNetwork::begin_connect(NodeNumber node, const std::string& address) {
  check(hosts_.contains(node.value()), "who connects is a host of the network");
  const Result<Target> target = look_up(node, address);
  if (!target) return target.error();
  const ConnectionId id(next_connection_++);
  auto made = std::make_unique<Connection>();
  made->id = id;
  const std::uint64_t count = pair_counts_[{node.value(), target->node.value()}]++;
  made->key = mix64(mix64(node.value(), target->node.value()), count);
  made->port = target->port;
  made->pipe_from(Side::kClient).from = made->pipe_from(Side::kServer).to = node;
  made->pipe_from(Side::kClient).to = made->pipe_from(Side::kServer).from = target->node;
  made->end(Side::kServer).address = address;
  std::string name = "localhost";
  for (const auto& [known, number] : names_) {
    if (number == node) name = known;
  }
  const std::uint64_t port = hosts_.at(node.value()).next_port++;
  made->end(Side::kClient).address = name + ":" + std::to_string(port);
  made->end(Side::kClient).attached = true;
  Connection& connection = *made;
  connections_.emplace(id.value(), std::move(made));
  const Label label{node, EventKind::kNetwork, connection.key};
  connection.deadline = kernel_.schedule_after(options_.connect_timeout, label,
                                               [this, id] { connect_timed_out(id); });
  send_syn(connection);
  return id;
}

void SimNetwork::send_syn(Connection& connection) {
  if (connection.end(Side::kClient).state != EndState::kConnecting) return;
  const std::uint64_t ordinal = connection.messages++;
  const std::uint64_t word = kernel_.draw(kHandshakeLossSite, connection.key, ordinal);
  if (!chance(word, options_.connect_loss_ppm)) {
    send_message(connection, Side::kClient, &SimNetwork::syn_arrived);
  }
  const Label label{connection.pipe_from(Side::kClient).from, EventKind::kNetwork, connection.key};
  connection.retry =
      kernel_.schedule_after(options_.handshake_retry, label, [this, id = connection.id] {
        Connection* found = find(id);
        if (found != nullptr) send_syn(*found);
      });
}

void SimNetwork::syn_arrived(Connection& connection, Side from) {
  const Side here = other(from);
  End& server = connection.end(here);
  if (server.state == EndState::kGone) {
    send_message(connection, here, &SimNetwork::reset_arrived);
    return;
  }
  if (server.state == EndState::kConnecting) {
    const NodeNumber host = connection.pipe_from(from).to;
    const Connects connects = hosts_.at(host.value()).trouble.connects;
    Listener* listener = find_listener(host, connection.port);
    if (connects == Connects::kLost) {
      ++counts_.unanswered;
      return;
    }
    if (connects == Connects::kRefused && listener != nullptr) {
      ++counts_.refused;
      listener = nullptr;
    }
    const std::uint64_t word = kernel_.draw(kRefuseSite, connection.key, 0);
    if (listener == nullptr || chance(word, options_.refuse_ppm)) {
      send_message(connection, here, &SimNetwork::syn_refused);
      return;
    }
    if (listener->backlog.size() >= options_.backlog_max) return;  // As if it were lost.
    server.state = EndState::kOpen;
    server.attached = true;
    listener->backlog.push_back(connection.id);
    if (listener->acceptor != nullptr) listener->acceptor->wake();
  }
  send_message(connection, here, &SimNetwork::syn_answered);
}

void SimNetwork::syn_answered(Connection& connection, Side from) {
  if (connection.end(Side::kClient).state == EndState::kGone) {
    send_message(connection, other(from), &SimNetwork::reset_arrived);
    return;
  }
  establish(connection);
}

void SimNetwork::establish(Connection& connection) {
  End& client = connection.end(Side::kClient);
  if (client.state != EndState::kConnecting) return;
  client.state = EndState::kOpen;
  settle_handshake(connection);
  if (client.writer != nullptr) client.writer->wake();
}

void SimNetwork::settle_handshake(Connection& connection) {
  kernel_.cancel(connection.retry);
  kernel_.cancel(connection.deadline);
}

void SimNetwork::syn_refused(Connection& connection, Side) {
  if (connection.end(Side::kClient).state != EndState::kConnecting) return;
  connection.end(Side::kServer).state = EndState::kGone;
  break_end(connection, Side::kClient, {Errc::kRefused, "nobody listens there"});
  forget_if_over(connection);
}

void SimNetwork::connect_timed_out(ConnectionId id) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  End& server = connection->end(Side::kServer);
  if (server.state == EndState::kConnecting) server.state = EndState::kGone;
  break_end(*connection, Side::kClient, {Errc::kTimedOut, "no answer to a connect"});
  forget_if_over(*connection);
}

std::size_t SimNetwork::reset_connections(NodeNumber a, NodeNumber b) {
  std::size_t torn = 0;
  for (const ConnectionId id : all_connections()) {
    Connection& each = *find(id);
    const Pipe& pipe = each.pipe_from(Side::kClient);
    const bool between = (pipe.from == a && pipe.to == b) || (pipe.from == b && pipe.to == a);
    if (!between) continue;
    ++torn;
    for (const Side side : {Side::kClient, Side::kServer}) {
      break_end(each, side, {Errc::kReset, "the connection was torn down on its way"});
    }
    forget_if_over(each);
  }
  return torn;
}

void SimNetwork::black_hole_connections(NodeNumber a, NodeNumber b) {
  for (auto& [id, connection] : connections_) {
    const Pipe& pipe = connection->pipe_from(Side::kClient);
    const bool between = (pipe.from == a && pipe.to == b) || (pipe.from == b && pipe.to == a);
    if (between && !std::exchange(connection->black_hole, true)) ++counts_.black_holes;
  }
}

void SimNetwork::crash(NodeNumber node) {
  leave(node, true);
}

void SimNetwork::lose_power(NodeNumber node) {
  leave(node, false);
  hosts_.at(node.value()).on = false;
}

void SimNetwork::power_on(NodeNumber node) {
  Host& host = hosts_.at(node.value());
  if (std::exchange(host.on, true)) return;
  for (const ConnectionId id : all_connections()) {
    Connection& each = *find(id);
    const Pipe& pipe = each.pipe_from(Side::kClient);
    if (pipe.from != node && pipe.to != node) continue;
    for (const Side side : {Side::kClient, Side::kServer}) {
      resume_pipe(each, side, drawn_wait(each, side));
    }
  }
}

void SimNetwork::leave(NodeNumber node, bool tell_peers) {
  std::erase_if(listeners_, [&](const auto& entry) { return entry.second.node == node; });
  for (const ConnectionId id : all_connections()) {
    for (const Side side : {Side::kClient, Side::kServer}) {
      Connection* each = find(id);
      if (each != nullptr && each->pipe_from(side).from == node) leave(*each, side, tell_peers);
    }
  }
}

// The tasks that wait are about to be destroyed: nobody is woken.
void SimNetwork::leave(Connection& connection, Side side, bool tell_peers) {
  End& end = connection.end(side);
  end.reader = end.writer = nullptr;
  end.attached = false;
  const bool flushing = end.state == EndState::kClosing && tell_peers;
  // A server's end that no handshake has reached belongs to the next life as well.
  const bool unborn = side == Side::kServer && end.state == EndState::kConnecting;
  if (!unborn && !flushing && end.state != EndState::kGone) {
    break_end(connection, side, {Errc::kClosed, "the node died"});
    if (tell_peers) send_message(connection, side, &SimNetwork::reset_arrived);
  }
  forget_if_over(connection);
}

}  // namespace detcd::sim
