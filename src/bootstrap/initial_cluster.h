// The members a new cluster is founded with, from --initial-cluster: parsed, checked and given the
// ids that etcd would give them (ETCD.md §9.1, §2.10). Needed only while a member has no log yet.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bootstrap/config.h"
#include "bootstrap/url.h"
#include "membership/membership.h"

namespace detcd::bootstrap {

// Members' peer URLs by name.
using PeerMap = std::map<std::string, Urls>;

// "a=http://x:1,a=http://x:2,b=http://y:1".
[[nodiscard]] Result<PeerMap> parse_initial_cluster(std::string_view text);
// The same in etcd's canonical order.
[[nodiscard]] std::string to_string(const PeerMap& peers);
[[nodiscard]] bool has_duplicate_url(const PeerMap& peers);
// How two lists of URLs differ, in the words of etcd's netutil.
[[nodiscard]] std::string url_difference(const std::vector<std::string>& a,
                                         const std::vector<std::string>& b);

struct InitialCluster {
  std::uint64_t cluster_id = 0;
  std::uint64_t own_id = 0;
  std::vector<membership::Member> members;  // By ascending id; none has published itself.
};

// The whole check of a first start. URLs are compared as texts: no name is resolved.
[[nodiscard]] Result<InitialCluster> found_cluster(const Config& config);

}  // namespace detcd::bootstrap
