// Static checks of a request, in etcd's order, before anything is proposed or read (ETCD.md
// §2.2-2.5).
#pragma once

#include <optional>

#include "apply/command.h"

namespace detcd::apply {

struct Limits {
  std::uint64_t txn_ops_max = 128;              // --max-txn-ops
  std::uint64_t request_bytes_max = 1'572'864;  // --max-request-bytes, of the encoded command
  // A watch's response is cut from this length on, for clients that take it in parts: etcd's
  // request limit and grpcOverheadBytes.
  std::uint64_t watch_part_bytes = 1'572'864 + (512 << 10);
};

[[nodiscard]] std::optional<ApiError> validate(const RangeRequest& request);
[[nodiscard]] std::optional<ApiError> validate(const PutRequest& request);
[[nodiscard]] std::optional<ApiError> validate(const DeleteRangeRequest& request);
[[nodiscard]] std::optional<ApiError> validate(const TxnRequest& request, const Limits& limits);

// Every operation of both branches is a Range (no nested Txn): such a Txn isn't proposed.
[[nodiscard]] bool is_read_only(const TxnRequest& request);
// All Ranges are serializable (true for none): a read-only Txn is then served without a quorum.
[[nodiscard]] bool is_serializable(const TxnRequest& request);

}  // namespace detcd::apply
