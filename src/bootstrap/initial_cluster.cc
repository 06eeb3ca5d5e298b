#include "bootstrap/initial_cluster.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/quote.h"
#include "bootstrap/go_value.h"

namespace detcd::bootstrap {
namespace {

Error bad(std::string what) {
  return Error{Errc::kInvalid, std::move(what)};
}

// ["a" "b"], as Go prints a slice of strings with %q.
std::string quoted(const std::vector<std::string>& texts) {
  std::vector<std::string> parts;
  for (const std::string& text : texts) parts.push_back(go_quoted(text));
  return "[" + join(parts, " ") + "]";
}

std::vector<std::string> missing_from(const std::vector<std::string>& all,
                                      const std::vector<std::string>& given,
                                      std::string_view prefix) {
  std::vector<std::string> missing;
  for (const std::string& url : all) {
    if (std::ranges::find(given, url) == given.end()) missing.push_back(std::string(prefix) + url);
  }
  return missing;
}

// What this member says of itself and what the cluster is told must be the same.
Result<void> check_advertised(const Config& config, const Urls& in_cluster) {
  const std::vector<std::string> advertised = strings(config.advertise_peer_urls);
  const std::vector<std::string> listed = strings(in_cluster);
  if (advertised == listed) return {};
  const std::vector<std::string> not_advertised =
      missing_from(listed, advertised, config.name + "=");
  if (!not_advertised.empty()) {
    return bad(fmt::format(
        "--initial-cluster has {} but missing from --initial-advertise-peer-urls={} ({})",
        join(not_advertised, ","), join(advertised, ","), url_difference(advertised, listed)));
  }
  return bad(
      fmt::format("--initial-advertise-peer-urls has {} but missing from --initial-cluster={}",
                  join(missing_from(advertised, listed, ""), ","),
                  to_string({{config.name, config.advertise_peer_urls}})));
}

}  // namespace

std::string url_difference(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  if (a.size() != b.size()) return fmt::format("len({}) != len({})", quoted(a), quoted(b));
  const auto [in_a, in_b] = std::ranges::mismatch(a, b);
  return fmt::format("resolved urls: {} != {}", go_quoted(*in_a), go_quoted(*in_b));
}

bool has_duplicate_url(const PeerMap& peers) {
  std::set<std::string> seen;
  for (const auto& [name, urls] : peers) {
    for (const Url& url : urls) {
      if (!seen.insert(url.str()).second) return true;
    }
  }
  return false;
}

Result<PeerMap> parse_initial_cluster(std::string_view text) {
  std::map<std::string, std::vector<std::string>> texts;
  for (const std::string& pair : split(text, ',')) {
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    texts[pair.substr(0, equals)].push_back(equals == std::string::npos ? ""
                                                                        : pair.substr(equals + 1));
  }
  PeerMap peers;
  for (const auto& [name, values] : texts) {
    const Result<Urls> urls = parse_urls(values);
    if (!urls) {
      return bad(fmt::format("error setting up initial cluster: {}", urls.error().message));
    }
    peers.emplace(name, *urls);
  }
  return peers;
}

std::string to_string(const PeerMap& peers) {
  std::vector<std::string> pairs;
  for (const auto& [name, urls] : peers) {
    for (const Url& url : urls) pairs.push_back(name + "=" + url.str());
  }
  std::ranges::sort(pairs);
  return join(pairs, ",");
}

Result<InitialCluster> found_cluster(const Config& config) {
  const Result<PeerMap> peers = parse_initial_cluster(config.initial_cluster);
  if (!peers) return peers.error();
  const auto own = peers->find(config.name);
  if (own == peers->end()) {
    return bad(fmt::format("couldn't find local name {} in the initial cluster configuration",
                           go_quoted(config.name)));
  }
  const Result<void> advertised = check_advertised(config, own->second);
  if (!advertised) return advertised.error();
  if (has_duplicate_url(*peers)) {
    return bad(fmt::format("initial cluster {} has duplicate url", to_string(*peers)));
  }

  InitialCluster cluster;
  std::vector<std::uint64_t> ids;
  for (const auto& [name, urls] : *peers) {
    membership::Member member;
    member.peer_urls = strings(urls);
    member.id = membership::member_id(member.peer_urls, config.initial_cluster_token);
    if (name == config.name) cluster.own_id = member.id;
    ids.push_back(member.id);
    cluster.members.push_back(std::move(member));
  }
  std::ranges::sort(cluster.members, {}, &membership::Member::id);
  std::ranges::sort(ids);
  cluster.cluster_id = membership::cluster_id(std::move(ids));
  return cluster;
}

}  // namespace detcd::bootstrap
