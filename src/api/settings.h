// What bounds a listener and its connections. Defaults are etcd's and grpc-go's where those have
// one (ETCD.md §1), and refuse nothing that etcd accepts.
#pragma once

#include <cstddef>

#include "apply/validate.h"
#include "base/units.h"
#include "http2/server_session.h"

namespace detcd::api {

struct Settings {
  http2::ServerLimits http2;
  apply::Limits requests;
  // From accept until the protocol is known; and for one HTTP/1.1 request.
  Duration handshake_max = 120s;
  // A connection from which nothing came for so long is pinged, and ended when nothing comes then.
  Duration keepalive_interval = 7200s;
  Duration keepalive_timeout = 20s;
  // How long calls may go on after shutdown has begun; etcd's request timeout.
  Duration drain_max = 7s;
  // How long a connection that was said goodbye to is kept for the client to close it.
  Duration linger_max = 3s;
  // Answers that a client hasn't taken. Above the first bound nothing is read from a client whose
  // socket is full, above the second its new calls are refused.
  std::size_t untaken_bytes_high = 16 << 20;
  std::size_t untaken_bytes_max = 512 << 20;
  std::size_t connections_max = 100'000;
};

}  // namespace detcd::api
