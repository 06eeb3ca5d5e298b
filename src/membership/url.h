// The URLs that members listen on and tell each other: http, https, unix or unixs, with a host and
// a port. Parsing follows Go's net/url and etcd's types.NewURLs, errors included. No name is
// resolved.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace detcd::membership {

struct Url {
  std::string scheme;
  std::string host;  // "127.0.0.1:2379", "[::1]:2379"; of a unix URL the part before the path.
  std::string path;  // Of unix URLs only; query and fragment stay with it.

  [[nodiscard]] std::string str() const { return scheme + "://" + host + path; }
  [[nodiscard]] bool is_unix() const { return scheme == "unix" || scheme == "unixs"; }
  [[nodiscard]] bool is_secure() const { return scheme == "https" || scheme == "unixs"; }
  // Without brackets and port.
  [[nodiscard]] std::string hostname() const;
  [[nodiscard]] std::string port() const;
  friend bool operator==(const Url&, const Url&) = default;
};

using Urls = std::vector<Url>;

[[nodiscard]] Result<Url> parse_url(std::string_view text);
// A list separated by commas, sorted and without repetitions.
[[nodiscard]] Result<Urls> parse_urls(std::string_view text);
[[nodiscard]] Result<Urls> parse_urls(const std::vector<std::string>& texts);

[[nodiscard]] std::vector<std::string> strings(const Urls& urls);
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);

// An address of IPv4 or IPv6, not a name.
[[nodiscard]] bool is_ip(std::string_view host);

// Sockets bind to addresses: each host is an IP or localhost.
[[nodiscard]] Result<void> check_bind_urls(const Urls& urls);
// What others are told to dial: each URL names a host.
[[nodiscard]] Result<void> check_host_urls(const Urls& urls);

}  // namespace detcd::membership
