// The messages of etcdserverpb.Watch to and from values. Parsing refuses what protobuf refuses
// (kInvalid).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "watch/types.h"
#include "wire/kv_codec.h"

namespace detcd::wire {

[[nodiscard]] Result<watch::Request> parse_watch_request(std::string_view bytes);
[[nodiscard]] std::string serialize(const watch::Request& request);

// The response's own revision is the header's. A response that may be sent in parts is cut as etcd
// does: before a part has `part_bytes_max`, unless it is but one event.
[[nodiscard]] std::vector<Bytes> serialize(const Header& header, const watch::Response& response,
                                           std::size_t part_bytes_max);

struct WatchAnswer {
  Header header;
  watch::WatchId id = 0;
  bool created = false;
  bool canceled = false;
  std::int64_t compact_revision = 0;
  std::string cancel_reason;
  bool fragment = false;  // More of the same revisions follows.
  std::vector<watch::Event> events;
};
[[nodiscard]] Result<WatchAnswer> parse_watch_response(std::string_view bytes);

}  // namespace detcd::wire
