// The words of watching, as etcd's Watch service has them (ETCD.md §2.7): what a client asks on a
// stream and what it is told. Values only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "mvcc/types.h"

namespace detcd::watch {

using mvcc::Revision;

// A client's stream of watches.
using StreamId = Id<struct WatchStreamTag>;

// What clients name a watch by, on their stream.
using WatchId = std::int64_t;
// Of refused watches, and of progress that holds for all watches of a stream.
inline constexpr WatchId kNoWatch = -1;

struct Create {
  std::string key;        // Empty: the smallest key.
  std::string range_end;  // Empty: one key. "\0": everything from `key` on.
  Revision start_revision = 0;
  WatchId id = 0;  // 0: the server picks.
  bool progress_notify = false;
  bool no_put = false;
  bool no_delete = false;
  bool prev_kv = false;
  bool fragment = false;
  const char* refused = nullptr;  // Why its client may not watch this, in etcd's words.
  friend bool operator==(const Create&, const Create&) = default;
};
struct Cancel {
  WatchId id = 0;
  friend bool operator==(const Cancel&, const Cancel&) = default;
};
struct AskProgress {
  friend bool operator==(AskProgress, AskProgress) = default;
};
// Something that says nothing, which is passed over.
struct Nothing {
  friend bool operator==(Nothing, Nothing) = default;
};
using Request = std::variant<Create, Cancel, AskProgress, Nothing>;

struct Event {
  bool erased = false;  // DELETE: of `kv` only key and mod_revision are set.
  mvcc::KeyValue kv;
  std::optional<mvcc::KeyValue> prev_kv;
  friend bool operator==(const Event&, const Event&) = default;
};

struct Response {
  WatchId id = 0;
  Revision revision = 0;  // Of the header.
  bool created = false;
  bool canceled = false;
  Revision compact_revision = 0;
  const char* cancel_reason = "";
  bool may_fragment = false;  // The client takes it in parts.
  std::vector<Event> events;
};

// What a response costs while the client hasn't taken it: about its size on the wire.
inline constexpr std::size_t kResponseBytes = 64;
[[nodiscard]] inline std::size_t bytes_of(const Event& event) {
  constexpr std::size_t kEventBytes = 48;
  std::size_t bytes = kEventBytes + event.kv.key.size() + event.kv.value.size();
  if (event.prev_kv) {
    bytes += kEventBytes + event.prev_kv->key.size() + event.prev_kv->value.size();
  }
  return bytes;
}

}  // namespace detcd::watch
