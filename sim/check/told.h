// What a client of etcd was told, as far as it was written down: every field may be absent. A whole
// answer of the model is compared with it field by field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apply/command.h"

namespace detcd::sim {

struct ToldKeyValue {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::optional<std::int64_t> create_revision;
  std::optional<std::int64_t> mod_revision;
  std::optional<std::int64_t> version;
  std::optional<std::int64_t> lease;
};

struct Told {
  enum class Kind : std::uint8_t { kRange, kPut, kDeleteRange, kTxn, kCompact } kind = Kind::kRange;
  std::optional<std::int64_t> revision;          // The header's.
  std::optional<std::int64_t> count;             // kRange
  std::optional<bool> more;                      // kRange
  std::optional<std::vector<ToldKeyValue>> kvs;  // kRange; kDeleteRange: what was deleted.
  std::optional<std::int64_t> deleted;           // kDeleteRange
  // kPut: whether it was written down, and what.
  std::optional<std::optional<ToldKeyValue>> prev_kv;
  std::optional<bool> succeeded;               // kTxn
  std::optional<std::vector<Told>> responses;  // kTxn
};

// All of an answer; none for those that aren't the KV service's.
[[nodiscard]] std::optional<Told> told(const apply::Response& response);

// The first difference, as "kvs[0].version is 2, must be 1"; none when everything that was written
// down is as it must be.
[[nodiscard]] std::optional<std::string> difference(const Told& told,
                                                    const apply::Response& expected);

}  // namespace detcd::sim
