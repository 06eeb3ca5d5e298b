// etcd's protobuf messages to and from our values. Parsing refuses what protobuf refuses (kInvalid)
// and keeps what the wire can say and proto3 hides: a range_end that is present but empty becomes
// "\0" (ETCD.md §2.2). Both directions exist for server and client.
#pragma once

#include <string>
#include <string_view>

#include "apply/command.h"
#include "base/bytes.h"
#include "base/result.h"

namespace detcd::wire {

struct Header {
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  std::int64_t revision = 0;
  std::uint64_t raft_term = 0;
  friend bool operator==(const Header&, const Header&) = default;
};

[[nodiscard]] Result<apply::RangeRequest> parse_range_request(std::string_view bytes);
[[nodiscard]] Result<apply::PutRequest> parse_put_request(std::string_view bytes);
[[nodiscard]] Result<apply::DeleteRangeRequest> parse_delete_range_request(std::string_view bytes);
[[nodiscard]] Result<apply::TxnRequest> parse_txn_request(std::string_view bytes);
[[nodiscard]] Result<apply::CompactionRequest> parse_compaction_request(std::string_view bytes);

[[nodiscard]] std::string serialize(const apply::RangeRequest& request);
[[nodiscard]] std::string serialize(const apply::PutRequest& request);
[[nodiscard]] std::string serialize(const apply::DeleteRangeRequest& request);
[[nodiscard]] std::string serialize(const apply::TxnRequest& request);
[[nodiscard]] std::string serialize(const apply::CompactionRequest& request);

// Header::revision is the outer header's; the response's own header_revision is used inside Txns.
[[nodiscard]] Bytes serialize(const Header& header, const apply::Response& response);
// How long that will be.
[[nodiscard]] std::size_t serialized_bytes(const Header& header, const apply::Response& response);

struct ParsedResponse {
  Header header;
  apply::Response response;
};
[[nodiscard]] Result<ParsedResponse> parse_range_response(std::string_view bytes);
[[nodiscard]] Result<ParsedResponse> parse_put_response(std::string_view bytes);
[[nodiscard]] Result<ParsedResponse> parse_delete_range_response(std::string_view bytes);
[[nodiscard]] Result<ParsedResponse> parse_txn_response(std::string_view bytes);
[[nodiscard]] Result<ParsedResponse> parse_compaction_response(std::string_view bytes);

}  // namespace detcd::wire
