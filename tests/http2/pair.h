// A client and a server session joined by nothing but strings, for tests: bytes move in pieces of
// any length, and everything that came out is kept as text lines or as values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "http2/client_session.h"
#include "http2/server_session.h"

namespace detcd::http2 {

// A small generator of its own, so that a seed means the same on every machine.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint64_t below(std::uint64_t bound) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return (state_ * 0x2545f4914f6cdd1dull >> 11) % bound;
  }

 private:
  std::uint64_t state_;
};

struct Pair {
  explicit Pair(ServerLimits limits = {}) : server(limits) {}

  ClientSession client{"localhost:2379"};
  ServerSession server;
  TimePoint now{};
  std::vector<ServerEvent> server_events;
  std::vector<ClientEvent> client_events;
  // Called for each server event as it is taken.
  std::function<void(const ServerEvent&)> serve;
  // How many bytes travel at once; by default all.
  std::function<std::size_t()> piece = [] { return std::size_t{1} << 20; };

  bool to_server() {
    const std::string bytes = client.take_output(piece());
    bool alive = true;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t size = std::min(std::max<std::size_t>(piece(), 1), bytes.size() - at);
      alive = server.feed(std::string_view(bytes).substr(at, size), now);
      at += size;
      take_server_events();
    }
    return alive;
  }
  bool to_client() {
    const std::string bytes = server.take_output(piece());
    take_server_events();
    bool alive = true;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t size = std::min(std::max<std::size_t>(piece(), 1), bytes.size() - at);
      alive = client.feed(std::string_view(bytes).substr(at, size));
      at += size;
      for (ClientEvent& event : client.take_events()) client_events.push_back(std::move(event));
    }
    for (ClientEvent& event : client.take_events()) client_events.push_back(std::move(event));
    return alive;
  }
  // Until neither has anything to say.
  void settle() {
    for (int rounds = 0; rounds < 1'000'000; ++rounds) {
      if (!client.wants_write() && !server.wants_write()) break;
      to_server();
      to_client();
    }
    take_server_events();
    for (ClientEvent& event : client.take_events()) client_events.push_back(std::move(event));
  }
  void take_server_events() {
    for (ServerEvent& event : server.take_events()) {
      if (serve) serve(event);
      server_events.push_back(std::move(event));
    }
  }

  template <class Event>
  std::vector<Event> seen_by_server() const {
    return pick<Event>(server_events);
  }
  template <class Event>
  std::vector<Event> seen_by_client() const {
    return pick<Event>(client_events);
  }

 private:
  template <class Event, class Events>
  static std::vector<Event> pick(const Events& events) {
    std::vector<Event> out;
    for (const auto& event : events) {
      if (const Event* found = std::get_if<Event>(&event)) out.push_back(*found);
    }
    return out;
  }
};

}  // namespace detcd::http2
