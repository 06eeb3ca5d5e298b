// Somebody who looks over the network's shoulder, for pictures of a run: bytes as they leave an
// end, as they reach the other one, and those that never will. A tap looks; it changes nothing.
#pragma once

#include <cstdint>
#include <string_view>

#include "sim/net/connection.h"

namespace detcd::sim {

class NetworkTap {
 public:
  virtual ~NetworkTap() = default;
  // These bytes are on their way from this end.
  virtual void on_sent(const Connection&, Side /*from*/, std::string_view /*bytes*/) {}
  // So many bytes, the oldest under way, have reached the other end; `lost`: nobody is there who
  // takes them any more.
  virtual void on_arrived(const Connection&, Side /*from*/, std::uint64_t /*bytes*/,
                          bool /*lost*/) {}
  // What is still under way from this end never arrives.
  virtual void on_given_up(const Connection&, Side /*from*/) {}
};

}  // namespace detcd::sim
