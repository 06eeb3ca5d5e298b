#include "runtime_asio/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>

namespace detcd::runtime_asio {

namespace {

Error bad_address(std::string_view text) {
  return {Errc::kInvalid,
          "address \"" + std::string(text) + "\" is neither host:port nor unix:/path"};
}

template <class SocketAddress>
Endpoint endpoint_of(const SocketAddress& address) {
  Endpoint endpoint;
  std::memcpy(&endpoint.storage, &address, sizeof address);
  endpoint.length = sizeof address;
  return endpoint;
}

Endpoint v4(in_addr address, std::uint16_t port) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_addr = address;
  in.sin_port = htons(port);
  return endpoint_of(in);
}

Endpoint v6(const in6_addr& address, std::uint16_t port) {
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_addr = address;
  in.sin6_port = htons(port);
  return endpoint_of(in);
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  Address address;
  if (text.starts_with("unix:")) {
    address.path = text.substr(5);
    // "unix:///path" is how URLs have it.
    if (address.path.starts_with("///")) address.path.erase(0, 2);
    if (address.path.empty() || address.path.size() >= sizeof(sockaddr_un::sun_path)) {
      return bad_address(text);
    }
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad_address(text);
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad_address(text);
  }
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc{} || end != port.data() + port.size()) return bad_address(text);
  address.host = host;
  return address;
}

Result<std::vector<Endpoint>> literal_endpoints(const Address& address) {
  std::vector<Endpoint> found;
  in_addr four{};
  in6_addr six{};
  if (!address.path.empty()) {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, address.path.data(), address.path.size());
    found.push_back(endpoint_of(local));
  } else if (address.host.empty()) {
    found.push_back(v6(in6addr_any, address.port));
    found.push_back(v4(in_addr{htonl(INADDR_ANY)}, address.port));
  } else if (::inet_pton(AF_INET, address.host.c_str(), &four) == 1) {
    found.push_back(v4(four, address.port));
  } else if (::inet_pton(AF_INET6, address.host.c_str(), &six) == 1) {
    found.push_back(v6(six, address.port));
  }
  return found;
}

Result<std::vector<Endpoint>> resolve(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(address.host.c_str(), nullptr, &hints, &list);
  if (error != 0) {
    // A minimal system has no /etc/hosts; what this name means doesn't depend on it (RFC 6761
    // §6.3).
    if (address.host == "localhost") {
      return std::vector<Endpoint>{v4(in_addr{htonl(INADDR_LOOPBACK)}, address.port)};
    }
    const bool passing = error == EAI_AGAIN || error == EAI_MEMORY;
    return Error{passing ? Errc::kUnavailable : Errc::kNotFound,
                 "resolve " + address.host + ": " + ::gai_strerror(error)};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, &::freeaddrinfo);
  std::vector<Endpoint> found;
  std::vector<Endpoint> sixes;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    if (one->ai_family == AF_INET) {
      const auto& in = *reinterpret_cast<const sockaddr_in*>(one->ai_addr);
      found.push_back(v4(in.sin_addr, address.port));
    } else if (one->ai_family == AF_INET6) {
      sockaddr_in6 in = *reinterpret_cast<const sockaddr_in6*>(one->ai_addr);
      in.sin6_port = htons(address.port);
      sixes.push_back(endpoint_of(in));
    }
  }
  found.insert(found.end(), sixes.begin(), sixes.end());
  if (found.empty()) return Error{Errc::kNotFound, "resolve " + address.host + ": no address"};
  return found;
}

std::string text_of(const Endpoint& endpoint) {
  char host[INET6_ADDRSTRLEN] = {};
  if (endpoint.family() == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(&endpoint.storage);
    ::inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
    return std::string(host) + ":" + std::to_string(ntohs(in->sin_port));
  }
  if (endpoint.family() == AF_INET6) {
    const auto* in = reinterpret_cast<const sockaddr_in6*>(&endpoint.storage);
    ::inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
    return "[" + std::string(host) + "]:" + std::to_string(ntohs(in->sin6_port));
  }
  // The path of a unix socket; who connects usually has none.
  const auto* local = reinterpret_cast<const sockaddr_un*>(&endpoint.storage);
  const auto room = static_cast<std::size_t>(endpoint.length) - offsetof(sockaddr_un, sun_path);
  if (endpoint.length <= offsetof(sockaddr_un, sun_path)) return "unix:";
  return "unix:" + std::string(local->sun_path, ::strnlen(local->sun_path, room));
}

}  // namespace detcd::runtime_asio
