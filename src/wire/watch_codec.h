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

// Writes responses one after the other. The response's own revision is the header's. A response
// that may be sent in parts is cut as etcd does: before a part has `part_bytes_max`, unless it is
// but one event. What many watchers are told of one event is written once and copied, and their
// messages share a buffer.
class WatchWriter {
 public:
  WatchWriter(const Header& header, std::size_t part_bytes_max)
      : header_(header), part_bytes_max_(part_bytes_max) {}
  // The response stays where it is until the next one was written.
  void write(const watch::Response& response);
  // The messages, in order.
  [[nodiscard]] std::vector<Bytes> take();

 private:
  void write_one_event(const watch::Response& response);
  void cut();

  Header header_;
  std::size_t part_bytes_max_;
  std::vector<Bytes> messages_;
  // The messages after those, each up to its end.
  std::string text_;
  std::vector<std::size_t> ends_;
  // Of the last response with one event: what comes before its id, and after it.
  std::string head_;
  std::string tail_;
  const watch::Event* event_ = nullptr;
};

// One alone.
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
