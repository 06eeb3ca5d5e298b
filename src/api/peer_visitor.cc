#include "api/peer_visitor.h"

#include <utility>

#include "api/http_connection.h"

namespace detcd::api {

runtime::Task<void> serve_peer_visitor(std::unique_ptr<runtime::Stream> stream,
                                       std::string received, const Environment& environment,
                                       Drain& drain) {
  HttpConnection connection(*stream, environment, drain, kPeersPort);
  co_await connection.run(std::move(received));
}

}  // namespace detcd::api
