// The words of the store: revisions, key-value pairs as etcd defines them, and resumable work.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace detcd::mvcc {

using LeaseId = Id<struct LeaseIdTag>;

// etcd's revision: the store begins at 1, the first write is 2 (ETCD.md §2.1). Signed, as on the
// wire.
using Revision = std::int64_t;

// One change: `main` counts write transactions, `sub` the changes inside one, from 0.
struct Place {
  Revision main = 0;
  std::uint32_t sub = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};

// etcd's mvccpb.KeyValue. Key and value share the store's buffers.
struct KeyValue {
  Bytes key;
  Bytes value;
  Revision create_revision = 0;
  Revision mod_revision = 0;
  std::int64_t version = 0;
  std::int64_t lease = 0;
  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

// [key, end): `end` empty means the one key; "\0" means everything from `key` on. An end at or
// before the key is an empty range.
struct KeyRange {
  std::string key;
  std::string end;
  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

// ---- Resumable work (DESIGN §1.2) ---------------------------------------------------------------

// How much one call may do, in units of roughly 100 ns (a key visited, a record copied).
struct Budget {
  std::uint64_t units = 10'000;
};

// Identity of a chunk of records; see mvcc/store.h.
using ChunkId = Ordinal<struct ChunkIdTag>;

struct More {  // The budget is used up; call again.
  friend bool operator==(More, More) = default;
};
struct Need {  // These chunks' bytes must be in memory before the next call.
  std::vector<ChunkId> chunks;
  friend bool operator==(const Need&, const Need&) = default;
};
struct Done {
  friend bool operator==(Done, Done) = default;
};
using Advance = std::variant<More, Need, Done>;

}  // namespace detcd::mvcc
