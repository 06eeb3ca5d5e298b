// The messages of Lease to and from values, in both directions, as kv_codec does those of KV.
// LeaseGrant's and LeaseRevoke's answers are apply::Responses, written by kv_codec.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "apply/lease_command.h"
#include "base/bytes.h"
#include "base/result.h"
#include "wire/kv_codec.h"

namespace detcd::wire {

[[nodiscard]] Result<apply::LeaseGrantRequest> parse_lease_grant_request(std::string_view bytes);
[[nodiscard]] Result<apply::LeaseRevokeRequest> parse_lease_revoke_request(std::string_view bytes);
// The id.
[[nodiscard]] Result<std::int64_t> parse_lease_keep_alive_request(std::string_view bytes);
[[nodiscard]] Result<apply::LeaseTimeToLiveRequest> parse_lease_time_to_live_request(
    std::string_view bytes);
[[nodiscard]] Result<apply::LeaseLeasesRequest> parse_lease_leases_request(std::string_view bytes);

[[nodiscard]] std::string serialize(const apply::LeaseGrantRequest& request);
[[nodiscard]] std::string serialize(const apply::LeaseRevokeRequest& request);
[[nodiscard]] std::string serialize_lease_keep_alive_request(std::int64_t id);
[[nodiscard]] std::string serialize(const apply::LeaseTimeToLiveRequest& request);

struct LeaseKeepAliveResponse {
  Header header;
  std::int64_t id = 0;
  std::int64_t ttl = 0;  // 0: there is no such lease.
  friend bool operator==(const LeaseKeepAliveResponse&, const LeaseKeepAliveResponse&) = default;
};
[[nodiscard]] Bytes serialize(const LeaseKeepAliveResponse& response);
[[nodiscard]] Bytes serialize(const Header& header, const apply::LeaseTimeToLiveResponse& response);
[[nodiscard]] Bytes serialize(const Header& header, const apply::LeaseLeasesResponse& response);

struct LeaseTimeToLive {
  Header header;
  apply::LeaseTimeToLiveResponse response;
};
struct LeaseLeases {
  Header header;
  apply::LeaseLeasesResponse response;
};
[[nodiscard]] Result<ParsedResponse> parse_lease_grant_response(std::string_view bytes);
[[nodiscard]] Result<ParsedResponse> parse_lease_revoke_response(std::string_view bytes);
[[nodiscard]] Result<LeaseKeepAliveResponse> parse_lease_keep_alive_response(
    std::string_view bytes);
[[nodiscard]] Result<LeaseTimeToLive> parse_lease_time_to_live_response(std::string_view bytes);
[[nodiscard]] Result<LeaseLeases> parse_lease_leases_response(std::string_view bytes);

}  // namespace detcd::wire
