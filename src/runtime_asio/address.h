// Addresses as text and as the system's: "host:port" (a literal IPv4, [IPv6], a name, or nothing
// for all interfaces) or "unix:/path".
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace detcd::runtime_asio {

// An address as it was written: either a path or a host and a port.
struct Address {
  std::string host;
  std::uint16_t port = 0;
  std::string path;  // Of a unix socket.
};

// Where a socket can be bound or connected.
struct Endpoint {
  sockaddr_storage storage{};
  socklen_t length = 0;
  [[nodiscard]] int family() const { return storage.ss_family; }
  [[nodiscard]] const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage); }
};

[[nodiscard]] Result<Address> parse_address(std::string_view text);

// Without asking anybody: a path, a literal, or all interfaces (IPv6 first, which takes IPv4 as
// well). Empty for a name.
[[nodiscard]] Result<std::vector<Endpoint>> literal_endpoints(const Address& address);

// Asks the system's resolver, which may take seconds. IPv4 comes first, as Go's servers have it.
[[nodiscard]] Result<std::vector<Endpoint>> resolve(const Address& address);

[[nodiscard]] std::string text_of(const Endpoint& endpoint);

}  // namespace detcd::runtime_asio
