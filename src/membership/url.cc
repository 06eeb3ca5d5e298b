#include "membership/url.h"

#include <algorithm>
#include <cctype>

#include "base/quote.h"

namespace detcd::membership {
namespace {

Error bad(std::string what) {
  return Error{Errc::kInvalid, std::move(what)};
}

Error bad_url(std::string_view text, std::string_view why) {
  return bad("parse " + go_quoted(text) + ": " + std::string(why));
}

// "scheme:", or nothing when the text has none; net/url's getScheme.
std::string_view scheme_of(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (std::isalpha(c) != 0) continue;
    if (c == ':') return text.substr(0, i);
    if (i == 0 || (std::isdigit(c) == 0 && c != '+' && c != '-' && c != '.')) return {};
  }
  return {};
}

struct Authority {
  std::size_t colon = std::string_view::npos;  // Before the port.
  bool bracketed = false;
};

Authority split_authority(std::string_view host) {
  Authority found;
  const std::size_t bracket = host.rfind(']');
  found.bracketed = host.starts_with('[') && bracket != std::string_view::npos;
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && (!found.bracketed || colon > bracket)) found.colon = colon;
  return found;
}

Result<void> check_authority(std::string_view text, std::string_view host) {
  if (host.starts_with('[') && host.find(']') == std::string_view::npos) {
    return bad_url(text, "missing ']' in host");
  }
  for (const char c : host) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) continue;
    if (std::string_view("-_.~!$&'()*+,;=:[]<>\"%").find(c) != std::string_view::npos) continue;
    if (static_cast<unsigned char>(c) >= 0x80) continue;
    return bad_url(text, "invalid character " + go_quoted({&c, 1}) + " in host name");
  }
  const Authority split = split_authority(host);
  if (split.colon == std::string_view::npos) return {};
  const std::string_view port = host.substr(split.colon + 1);
  if (!std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; })) {
    return bad_url(text, "invalid port " + go_quoted(host.substr(split.colon)) + " after host");
  }
  return {};
}

// net.SplitHostPort would accept it: one port, and no stray colon outside brackets.
bool has_port(std::string_view host) {
  const Authority split = split_authority(host);
  if (split.colon == std::string_view::npos) return false;
  return split.bracketed || host.find(':') == split.colon;
}

bool is_ipv4(std::string_view host) {
  const std::vector<std::string> parts = split(host, '.');
  return parts.size() == 4 && std::ranges::all_of(parts, [](const std::string& part) {
           const bool digits = !part.empty() && part.size() <= 3 &&
                               part.find_first_not_of("0123456789") == std::string::npos;
           return digits && (part.size() == 1 || part[0] != '0') && std::stoi(part) <= 255;
         });
}

bool is_ipv6(std::string_view host) {
  const std::size_t gap = host.find("::");
  if (host.find(':') == std::string_view::npos) return false;
  if (gap != std::string_view::npos && host.find("::", gap + 1) != std::string_view::npos)
    return false;
  std::size_t groups = 0;
  const std::vector<std::string> parts = split(host, ':');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string& part = parts[i];
    if (part.empty()) {
      // Only the gap leaves an empty part, at either end as well.
      const bool at_gap = gap != std::string_view::npos &&
                          (i == 0 ? gap == 0 : i + 1 < parts.size() || gap + 2 == host.size());
      const bool inner = i > 0 && i + 1 < parts.size();
      if (!at_gap && !inner) return false;
      continue;
    }
    if (i + 1 == parts.size() && part.find('.') != std::string::npos) {
      if (!is_ipv4(part)) return false;
      groups += 2;
      continue;
    }
    if (part.size() > 4 || part.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
      return false;
    ++groups;
  }
  return gap == std::string_view::npos ? groups == 8 : groups < 8;
}

}  // namespace

std::string Url::hostname() const {
  const Authority split = split_authority(host);
  const std::string name = host.substr(0, split.colon);
  return split.bracketed ? name.substr(1, name.size() - 2) : name;
}

std::string Url::port() const {
  const Authority split = split_authority(host);
  return split.colon == std::string_view::npos ? "" : host.substr(split.colon + 1);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t at = text.find(separator); at != std::string_view::npos;
       at = text.find(separator, begin)) {
    parts.emplace_back(text.substr(begin, at - begin));
    begin = at + 1;
  }
  parts.emplace_back(text.substr(begin));
  return parts;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

std::vector<std::string> strings(const Urls& urls) {
  std::vector<std::string> out;
  for (const Url& url : urls) out.push_back(url.str());
  return out;
}

Result<Url> parse_url(std::string_view text) {
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    return bad_url(text, "net/url: invalid control character in URL");
  }
  if (text.starts_with(':')) return bad_url(text, "missing protocol scheme");
  Url url;
  url.scheme = scheme_of(text);
  std::string_view rest = text.substr(url.scheme.empty() ? 0 : url.scheme.size() + 1);
  std::ranges::transform(url.scheme, url.scheme.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
    url.host = rest.substr(0, end);
    if (const std::size_t user = url.host.rfind('@'); user != std::string::npos) {
      url.host.erase(0, user + 1);
    }
    url.path = rest.substr(end);
    const Result<void> good = check_authority(text, url.host);
    if (!good) return good.error();
  } else if (url.scheme.empty() &&
             rest.substr(0, rest.find('/')).find(':') != std::string_view::npos) {
    return bad_url(text, "first path segment in URL cannot contain colon");
  }
  if (url.scheme == "http" || url.scheme == "https") {
    if (!has_port(url.host)) {
      return bad("URL address does not have the form \"host:port\": " + std::string(text));
    }
    if (url.path.starts_with('/')) return bad("URL must not contain a path: " + std::string(text));
  } else if (!url.is_unix()) {
    return bad("URL scheme must be http, https, unix, or unixs: " + std::string(text));
  }
  return url;
}

Result<Urls> parse_urls(const std::vector<std::string>& texts) {
  Urls urls;
  for (const std::string& text : texts) {
    const std::size_t begin = text.find_first_not_of(" \t");
    const std::size_t end = text.find_last_not_of(" \t");
    const Result<Url> url = parse_url(
        begin == std::string::npos ? "" : std::string_view(text).substr(begin, end - begin + 1));
    if (!url) return url.error();
    urls.push_back(*url);
  }
  std::ranges::sort(urls, {}, &Url::str);
  const auto repeated = std::ranges::unique(urls);
  urls.erase(repeated.begin(), repeated.end());
  return urls;
}

Result<Urls> parse_urls(std::string_view text) {
  return parse_urls(split(text, ','));
}

bool is_ip(std::string_view host) {
  if (const std::size_t zone = host.find('%'); zone != std::string_view::npos) return false;
  return is_ipv4(host) || is_ipv6(host);
}

Result<void> check_bind_urls(const Urls& urls) {
  for (const Url& url : urls) {
    if (url.is_unix() || url.hostname() == "localhost" || is_ip(url.hostname())) continue;
    return bad("expected IP in URL for binding (" + url.str() + ")");
  }
  return {};
}

Result<void> check_host_urls(const Urls& urls) {
  for (const Url& url : urls) {
    if (url.is_unix() || !url.hostname().empty()) continue;
    return bad("unexpected empty host (" + url.str() + ")");
  }
  return {};
}

}  // namespace detcd::membership
