// The messages of etcd's Lock and Election services (ETCD.md §1.2, v3lockpb and v3electionpb) to
// and from values. Parsing refuses what protobuf refuses (kInvalid). Both directions exist, for
// server and client.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "apply/command.h"
#include "base/bytes.h"
#include "base/result.h"
#include "wire/kv_codec.h"

namespace detcd::wire {

struct LockRequest {
  std::string name;
  std::int64_t lease = 0;
  friend bool operator==(const LockRequest&, const LockRequest&) = default;
};
struct UnlockRequest {
  std::string key;
  friend bool operator==(const UnlockRequest&, const UnlockRequest&) = default;
};
struct CampaignRequest {
  std::string name;
  std::int64_t lease = 0;
  std::string value;
  friend bool operator==(const CampaignRequest&, const CampaignRequest&) = default;
};
// What a winner shows when it speaks as the leader.
struct LeaderKey {
  std::string name;
  std::string key;
  std::int64_t revision = 0;  // In which the key was created.
  std::int64_t lease = 0;
  friend bool operator==(const LeaderKey&, const LeaderKey&) = default;
};
struct ProclaimRequest {
  std::optional<LeaderKey> leader;
  std::string value;
  friend bool operator==(const ProclaimRequest&, const ProclaimRequest&) = default;
};
struct ResignRequest {
  std::optional<LeaderKey> leader;
  friend bool operator==(const ResignRequest&, const ResignRequest&) = default;
};

[[nodiscard]] Result<LockRequest> parse_lock_request(std::string_view bytes);
[[nodiscard]] Result<UnlockRequest> parse_unlock_request(std::string_view bytes);
[[nodiscard]] Result<CampaignRequest> parse_campaign_request(std::string_view bytes);
[[nodiscard]] Result<ProclaimRequest> parse_proclaim_request(std::string_view bytes);
// Of Leader and Observe: the election's name.
[[nodiscard]] Result<std::string> parse_leader_request(std::string_view bytes);
[[nodiscard]] Result<ResignRequest> parse_resign_request(std::string_view bytes);

[[nodiscard]] std::string serialize(const LockRequest& request);
[[nodiscard]] std::string serialize(const UnlockRequest& request);
[[nodiscard]] std::string serialize(const CampaignRequest& request);
[[nodiscard]] std::string serialize(const ProclaimRequest& request);
[[nodiscard]] std::string serialize_leader_request(std::string_view name);
[[nodiscard]] std::string serialize(const ResignRequest& request);

// Of Unlock, Proclaim and Resign.
[[nodiscard]] Bytes serialize_header_only(const Header& header);
[[nodiscard]] Bytes serialize_lock_response(const Header& header, std::string_view key);
[[nodiscard]] Bytes serialize(const Header& header, const LeaderKey& leader);
[[nodiscard]] Bytes serialize_leader_response(const Header& header, const apply::KeyValue& kv);

// Of all these answers: the header, and what there is beside.
struct ElectionResponse {
  Header header;
  std::string key;                    // Of Lock.
  std::optional<LeaderKey> leader;    // Of Campaign.
  std::optional<apply::KeyValue> kv;  // Of Leader and Observe.
};
[[nodiscard]] Result<ElectionResponse> parse_lock_response(std::string_view bytes);
[[nodiscard]] Result<ElectionResponse> parse_campaign_response(std::string_view bytes);
[[nodiscard]] Result<ElectionResponse> parse_leader_response(std::string_view bytes);

}  // namespace detcd::wire
