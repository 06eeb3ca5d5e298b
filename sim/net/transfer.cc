// How bytes move: segments, windows, acknowledgements, resets, and what held-up senders do.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "sim/net/network.h"

namespace detcd::sim {
namespace {

constexpr runtime::Site kSegmentSite{"net segment"};
constexpr runtime::Site kSegmentCutSite{"net segment cut"};
constexpr runtime::Site kResetSite{"net reset"};
constexpr runtime::Site kBlackHoleSite{"net black hole"};
constexpr runtime::Site kShortReadSite{"net short read"};
constexpr runtime::Site kRetransmitSite{"net retransmit"};
constexpr runtime::Site kCreditSite{"net credit"};
constexpr runtime::Site kLossSite{"net loss"};

constexpr std::uint64_t kReadBytesMax = 64 * kKiB;

std::uint64_t entity_of(const Connection& connection, Side from) {
  return mix64(connection.key, static_cast<std::uint64_t>(from));
}

}  // namespace

void SimNetwork::offer(ConnectionId id, Side side, std::string& bytes) {
  Connection& each = connection(id);
  Pipe& pipe = each.pipe_from(side);
  const std::uint64_t used = std::min(pipe.unsent_bytes, options_.send_buffer_bytes);
  const std::uint64_t room = options_.send_buffer_bytes - used;
  if (room >= bytes.size()) {
    pipe.unsent_bytes += bytes.size();
    pipe.unsent.push_back(std::exchange(bytes, {}));
  } else if (room > 0) {
    pipe.unsent.push_back(bytes.substr(0, room));
    pipe.unsent_bytes += room;
    bytes.erase(0, room);
  }
  pump(each, side);
}

void SimNetwork::shut_down(ConnectionId id, Side side) {
  Connection& each = connection(id);
  each.pipe_from(side).fin_wanted = true;
  pump(each, side);
}

void SimNetwork::pump(Connection& connection, Side from) {
  End& end = connection.end(from);
  Pipe& pipe = connection.pipe_from(from);
  if (end.state != EndState::kOpen && end.state != EndState::kClosing) return;
  const std::uint64_t window = window_of(pipe);
  while (pipe.unsent_bytes > 0 && pipe.unacknowledged < window) {
    const std::uint64_t room = window - pipe.unacknowledged;
    send_segment(connection, from, cut_segment(connection, from, room));
  }
  // The receiver tells of room that it had no reason to tell of while the window was wider.
  if (pipe.unsent_bytes > 0 && window < options_.receive_window_bytes) {
    ++counts_.windowed;
    acknowledge(connection, from);
  }
  if (pipe.unsent_bytes == 0 && pipe.fin_wanted && !pipe.fin_sent) {
    pipe.fin_sent = true;
    send_segment(connection, from, {.bytes = {}, .fin = true});
  }
  if (end.writer != nullptr && pipe.unsent_bytes < options_.send_buffer_bytes) end.writer->wake();
}

std::uint64_t SimNetwork::window_of(const Pipe& pipe) const {
  const std::uint64_t narrowed = troubles_of(pipe).window_bytes;
  const std::uint64_t usual = options_.receive_window_bytes;
  return narrowed == 0 ? usual : std::min(narrowed, usual);
}

// The next bytes to send, at most `room`; sometimes fewer, cut at a drawn place.
Segment SimNetwork::cut_segment(Connection& connection, Side from, std::uint64_t room) {
  Pipe& pipe = connection.pipe_from(from);
  std::string& first = pipe.unsent.front();
  std::uint64_t length = std::min({first.size(), room, options_.segment_bytes_max});
  if (options_.segment_cut_ppm > 0) {
    const std::uint64_t entity = entity_of(connection, from);
    const std::uint64_t word = kernel_.draw(kSegmentCutSite, entity, pipe.segments);
    if (chance(word, options_.segment_cut_ppm)) length = 1 + below(mix64(word, 1), length);
  }
  pipe.unsent_bytes -= length;
  Segment segment;
  if (length == first.size()) {
    segment.bytes = std::move(first);
    pipe.unsent.pop_front();
  } else {
    segment.bytes = first.substr(0, length);
    first.erase(0, length);
  }
  return segment;
}

void SimNetwork::send_segment(Connection& connection, Side from, Segment segment) {
  Pipe& pipe = connection.pipe_from(from);
  pipe.unacknowledged += segment.bytes.size();
  if (tap_ != nullptr) tap_->on_sent(connection, from, segment.bytes);
  pipe.flying.push_back(std::move(segment));
  schedule_arrival(connection, from, Duration::zero());
}

// When the newest flying segment gets away, seen what is wrong with its link.
VirtualTime SimNetwork::troubled(Connection& connection, Side from, const LinkTrouble& trouble) {
  Pipe& pipe = connection.pipe_from(from);
  VirtualTime leaves = kernel_.now();
  if (trouble.bytes_per_second > 0) {
    leaves = leaves_at(pipe, trouble, pipe.flying.back().bytes.size());
  }
  if (trouble.extra + trouble.spread > Duration::zero()) ++counts_.delayed;
  if (trouble.loss_ppm == 0) return leaves;
  const std::uint64_t word = kernel_.draw(kLossSite, entity_of(connection, from), pipe.segments);
  const Duration wait = wait_for_losses(trouble, word);
  if (wait <= options_.stream_timeout) return leaves + wait;
  if (!std::exchange(connection.black_hole, true)) ++counts_.gave_up;
  return leaves;
}

// One event for one flying segment, never before those that fly already.
void SimNetwork::schedule_arrival(Connection& connection, Side from, Duration extra) {
  Pipe& pipe = connection.pipe_from(from);
  const std::string& bytes = pipe.flying.back().bytes;
  const std::uint64_t word =
      kernel_.draw(kSegmentSite, entity_of(connection, from), pipe.segments++);
  VirtualTime leaves = kernel_.now() + extra;
  const LinkTrouble& trouble = troubles_of(pipe);
  if (trouble != LinkTrouble{}) leaves = std::max(leaves, troubled(connection, from, trouble));
  const VirtualTime due = leaves + delay(pipe, word, bytes.size());
  pipe.last_arrival = std::max(pipe.last_arrival, due);
  const std::uint64_t payload = mix64(mix64(connection.key, pipe.segments), hash64(bytes));
  kernel_.schedule(pipe.last_arrival, {pipe.to, EventKind::kNetwork, payload},
                   [this, id = connection.id, from] { segment_due(id, from); });
}

void SimNetwork::segment_due(ConnectionId id, Side from) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  Pipe& pipe = connection->pipe_from(from);
  if (pipe.flying.size() <= pipe.stuck) return;  // Dropped when its sender gave up.
  const std::uint64_t entity = entity_of(*connection, from);
  const LinkOptions& options = link(pipe.from, pipe.to);
  if (options.black_hole_ppm > 0 &&
      chance(kernel_.draw(kBlackHoleSite, entity, pipe.segments), options.black_hole_ppm)) {
    connection->black_hole = true;
  }
  const bool held = troubles_of(pipe).held;
  if (pipe.stuck > 0 || held || blocked(*connection, pipe)) {
    ++pipe.stuck;
    if (held) {
      ++counts_.held;
    } else {
      ++counts_.cut_off;
      watch_stall(*connection, from);
    }
    return;
  }
  Segment segment = std::move(pipe.flying.front());
  pipe.flying.pop_front();
  if (options.reset_ppm > 0 &&
      chance(kernel_.draw(kResetSite, entity, pipe.segments), options.reset_ppm)) {
    for (const Side side : {Side::kClient, Side::kServer}) {
      break_end(*connection, side, {Errc::kReset, "the connection was torn down on its way"});
    }
    if (tap_ != nullptr) tap_->on_arrived(*connection, from, segment.bytes.size(), true);
  } else {
    deliver(*connection, from, std::move(segment));
  }
  forget_if_over(*connection);
}

void SimNetwork::deliver(Connection& connection, Side from, Segment segment) {
  const Side here = other(from);
  End& receiver = connection.end(here);
  End& sender = connection.end(from);
  if (here == Side::kClient) establish(connection);
  // What was let go takes no bytes any more: nobody would read them.
  if (receiver.state == EndState::kClosing && !segment.bytes.empty()) {
    break_end(connection, here, {Errc::kClosed, "closed"});
  }
  const bool last = segment.fin;
  const bool lost = receiver.state == EndState::kGone;
  if (tap_ != nullptr) tap_->on_arrived(connection, from, segment.bytes.size(), lost);
  if (lost) {
    if (sender.state != EndState::kGone && !last) {
      send_message(connection, here, &SimNetwork::reset_arrived);
    }
  } else {
    receiver.end_of_file = receiver.end_of_file || last;
    if (!segment.bytes.empty()) {
      receiver.received_bytes += segment.bytes.size();
      receiver.received.push_back(std::move(segment.bytes));
    }
    if (receiver.reader != nullptr) receiver.reader->wake();
    if (blocked(connection, connection.pipe_from(here))) watch_stall(connection, from);
  }
  if (last && sender.state == EndState::kClosing) sender.state = EndState::kGone;
}

std::string SimNetwork::take_received(ConnectionId id, Side side) {
  Connection& each = connection(id);
  End& end = each.end(side);
  std::uint64_t length = std::min(end.received_bytes, kReadBytesMax);
  if (options_.short_read_ppm > 0) {
    const std::uint64_t word = kernel_.draw(kShortReadSite, entity_of(each, side), end.reads++);
    if (chance(word, options_.short_read_ppm)) length = 1 + below(mix64(word, 1), length);
  }
  std::string taken;
  while (taken.size() < length) {
    std::string& first = end.received.front();
    const std::uint64_t missing = length - taken.size();
    if (first.size() > missing) {
      taken.append(first, 0, missing);
      first.erase(0, missing);
    } else {
      if (taken.empty()) {
        taken = std::move(first);
      } else {
        taken += first;
      }
      end.received.pop_front();
    }
  }
  end.received_bytes -= taken.size();
  each.pipe_from(other(side)).taken += taken.size();
  acknowledge(each, other(side));
  return taken;
}

// Tells the sender about room, when it waits for it or when there is much.
void SimNetwork::acknowledge(Connection& connection, Side from) {
  Pipe& pipe = connection.pipe_from(from);
  const bool much = pipe.taken * 2 >= window_of(pipe);
  if (pipe.taken == 0 || connection.end(from).state == EndState::kGone) return;
  if (!much && pipe.unsent_bytes == 0) return;
  const std::uint64_t bytes = std::exchange(pipe.taken, 0);
  const std::uint64_t ordinal = connection.messages++;
  const std::uint64_t word = kernel_.draw(kCreditSite, connection.key, ordinal);
  const Label label{pipe.from, EventKind::kNetwork, mix64(connection.key, bytes)};
  kernel_.schedule_after(
      delay(connection.pipe_from(other(from)), word, 0), label,
      [this, id = connection.id, from, bytes] { credit_arrived(id, from, bytes); });
}

void SimNetwork::credit_arrived(ConnectionId id, Side from, std::uint64_t bytes) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  Pipe& pipe = connection->pipe_from(from);
  const Pipe& way = connection->pipe_from(other(from));
  const bool held = troubles_of(way).held;
  if (held || blocked(*connection, way)) {
    pipe.held_credit += bytes;
    if (!held) watch_stall(*connection, from);
    return;
  }
  pipe.unacknowledged -= std::min(pipe.unacknowledged, bytes);
  pump(*connection, from);
}

// A sender that hears nothing for too long gives up.
void SimNetwork::watch_stall(Connection& connection, Side from) {
  Pipe& pipe = connection.pipe_from(from);
  if (pipe.stalled || connection.end(from).state == EndState::kGone) return;
  pipe.stalled = true;
  const std::uint64_t stall = ++pipe.stalls;
  const Label label{pipe.from, EventKind::kNetwork, mix64(connection.key, stall)};
  kernel_.schedule_after(options_.stream_timeout, label,
                         [this, id = connection.id, from, stall] { give_up(id, from, stall); });
}

void SimNetwork::give_up(ConnectionId id, Side from, std::uint64_t stall) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  Pipe& pipe = connection->pipe_from(from);
  if (!pipe.stalled || pipe.stalls != stall) return;
  break_end(*connection, from, {Errc::kTimedOut, "the peer hasn't answered for too long"});
  if (tap_ != nullptr) tap_->on_given_up(*connection, from);
  pipe.flying.clear();
  pipe.stuck = 0;
  forget_if_over(*connection);
}

void SimNetwork::resume_between(NodeNumber a, NodeNumber b) {
  for (const ConnectionId id : all_connections()) {
    Connection& each = *find(id);
    for (const Side side : {Side::kClient, Side::kServer}) {
      const Pipe& pipe = each.pipe_from(side);
      if (pipe.from == a && pipe.to == b) resume_pipe(each, side, drawn_wait(each, side));
    }
  }
}

// After how long a sender finds out that its way is open again.
Duration SimNetwork::drawn_wait(const Connection& connection, Side from) const {
  if (options_.retransmit_high == Duration::zero()) return Duration::zero();
  const std::uint64_t entity = entity_of(connection, from);
  const std::uint64_t word =
      kernel_.draw(kRetransmitSite, entity, connection.pipe_from(from).segments);
  return log_uniform(word, std::max(options_.retransmit_low, 1ns), options_.retransmit_high);
}

// The way of this pipe is open again: what was held is sent again.
void SimNetwork::resume_pipe(Connection& connection, Side from, Duration wait) {
  Pipe& pipe = connection.pipe_from(from);
  Pipe& reverse = connection.pipe_from(other(from));
  if (blocked(connection, pipe)) {
    // It may be cut although nothing holds it any more.
    if (pipe.stuck > 0) watch_stall(connection, from);
    if (reverse.held_credit > 0) watch_stall(connection, other(from));
    return;
  }
  if (troubles_of(pipe).held) return;
  if (!blocked(connection, reverse)) pipe.stalled = reverse.stalled = false;
  const std::size_t again = std::exchange(pipe.stuck, 0);
  for (std::size_t i = 0; i < again && !pipe.flying.empty(); ++i) {
    schedule_arrival(connection, from, wait);
  }
  const std::uint64_t credit = std::exchange(reverse.held_credit, 0);
  if (credit == 0) return;
  kernel_.schedule_after(
      wait, {reverse.from, EventKind::kNetwork, mix64(connection.key, credit)},
      [this, id = connection.id, to = other(from), credit] { credit_arrived(id, to, credit); });
}

void SimNetwork::reset_arrived(Connection& connection, Side from) {
  const Side here = other(from);
  if (connection.end(here).state == EndState::kGone) return;
  break_end(connection, here, {Errc::kReset, "the other end tore the connection down"});
  forget_if_over(connection);
}

// From here on the end answers with its error, once what it had received is read.
void SimNetwork::break_end(Connection& connection, Side side, Error error) {
  End& end = connection.end(side);
  if (end.state == EndState::kGone) return;
  if (side == Side::kClient) settle_handshake(connection);
  end.state = EndState::kGone;
  end.error = std::move(error);
  Pipe& pipe = connection.pipe_from(side);
  pipe.unsent.clear();
  pipe.unsent_bytes = 0;
  pipe.stalled = false;
  if (end.reader != nullptr) end.reader->wake();
  if (end.writer != nullptr) end.writer->wake();
}

void SimNetwork::abort(ConnectionId id, Side side) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  End& end = connection->end(side);
  const bool tell = end.state != EndState::kGone;
  break_end(*connection, side, {Errc::kClosed, "this end was aborted"});
  end.error = Error{Errc::kClosed, "this end was aborted"};
  end.end_of_file = false;
  end.received.clear();
  end.received_bytes = 0;
  if (tell) send_message(*connection, side, &SimNetwork::reset_arrived);
}

// The owner lets go. Unread bytes can't be taken back, so the peer learns of them by a reset.
void SimNetwork::close(ConnectionId id, Side side) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  End& end = connection->end(side);
  if (end.state == EndState::kConnecting || end.received_bytes > 0) abort(id, side);
  end.attached = false;
  if (end.state == EndState::kOpen) {
    end.state = EndState::kClosing;
    // A half closed end may have nothing left to send.
    Pipe& pipe = connection->pipe_from(side);
    pipe.fin_wanted = true;
    pump(*connection, side);
    if (pipe.fin_sent && pipe.flying.empty()) end.state = EndState::kGone;
  }
  forget_if_over(*connection);
}

void SimNetwork::forget_if_over(Connection& connection) {
  for (const End& end : connection.ends) {
    if (end.attached || end.state == EndState::kOpen || end.state == EndState::kClosing) return;
  }
  const End& client = connection.end(Side::kClient);
  if (client.state == EndState::kConnecting) return;
  if (tap_ != nullptr) {
    for (const Side side : {Side::kClient, Side::kServer}) tap_->on_given_up(connection, side);
  }
  connections_.erase(connection.id.value());
}

}  // namespace detcd::sim
