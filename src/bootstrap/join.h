// Joining a running cluster (--initial-cluster-state=existing, ETCD.md §9.2): its members are asked
// who they are, over HTTP on their peers' port, and what they say is compared with the flags. The
// judgement is pure; only `join` waits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bootstrap/config.h"
#include "bootstrap/initial_cluster.h"
#include "membership/membership.h"
#include "runtime/task.h"
#include "runtime/world.h"
#include "telemetry/log.h"

namespace detcd::bootstrap {

// What a member says of the cluster it is in.
struct RunningCluster {
  std::uint64_t cluster_id = 0;
  std::vector<membership::Member> members;  // By ascending id.
};

// A whole HTTP/1.1 answer, whose connection was closed after it.
struct HttpAnswer {
  std::uint32_t status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // Names in lower case.
  std::string body;
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};
[[nodiscard]] Result<HttpAnswer> parse_answer(std::string_view bytes);

// Of GET /members. kIncompatible when who answers speaks etcd's own peer protocol.
[[nodiscard]] Result<RunningCluster> parse_members(const HttpAnswer& answer);
// Of GET /version: the cluster's, "not_decided" as it may be.
[[nodiscard]] Result<std::string> parse_cluster_version(const HttpAnswer& answer);
// Whether a member of this version may join the cluster of that one.
[[nodiscard]] bool may_join_version(std::string_view cluster_version);

// The flags against the running cluster. Ids are the cluster's: this member is the one whose peer
// URLs are its own.
[[nodiscard]] Result<InitialCluster> match_running(const Config& config,
                                                   const RunningCluster& running);

// The whole check of a first start that joins. etcd's words for what is wrong.
runtime::Task<Result<InitialCluster>> join(runtime::World world, telemetry::Log log, Config config);

}  // namespace detcd::bootstrap
