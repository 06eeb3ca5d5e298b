// The index in memory: key → the versions the store still has of it, oldest first; a tree for walks
// in key order and a hash table, never walked, for single keys. A key's entry never moves while it
// exists, so that other structures may point at it. Iterators of the tree don't survive an
// insertion; a key string does.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_set.h>

#include "mvcc/types.h"

namespace detcd::mvcc {

// Where a record's bytes lie: a slot of the chunk table, an offset, a length.
struct Location {
  std::uint32_t slot = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  friend bool operator==(const Location&, const Location&) = default;
};

// One change of a key as the index knows it. A tombstone has version 0.
struct Version {
  Revision main = 0;
  Revision create_revision = 0;
  std::int64_t version = 0;
  std::uint64_t hash = 0;  // The record's part of the state hash.
  std::uint32_t sub = 0;
  Location location;
  [[nodiscard]] Place place() const { return {main, sub}; }
  [[nodiscard]] bool tombstone() const { return version == 0; }
};

// The versions of one key in the order of their places. The newest lies inline; older ones in
// blocks that grow to a bound, so that neither a push nor a trim of a much-written key takes long.
class VersionList {
 public:
  explicit VersionList(const Version& first) : newest_(first) {}
  void push(const Version& version);
  [[nodiscard]] const Version& newest() const { return newest_; }
  // The newest version at or before revision `at`; null when there is none.
  [[nodiscard]] const Version* find(Revision at) const;
  [[nodiscard]] Version* find_exact(Place place);
  [[nodiscard]] std::size_t size() const;
  // The oldest version, when it isn't the newest as well.
  [[nodiscard]] const Version* oldest() const;
  // Drops the oldest; there is an older one than the newest.
  void pop_oldest();
  // The one after the oldest.
  [[nodiscard]] const Version& second() const;

 private:
  using Block = std::vector<Version>;  // Never grows beyond the capacity it was made with.
  Version newest_;
  std::uint32_t first_ = 0;  // The oldest one's place in the first block.
  std::uint32_t first_block_ = 0;
  std::vector<Block> blocks_;
};

struct KeyEntry {
  std::string key;
  VersionList versions;
  KeyEntry(std::string_view name, const Version& first) : key(name), versions(first) {}
};

class KeyIndex {
 public:
  using Tree = absl::btree_map<std::string_view, std::unique_ptr<KeyEntry>>;

  [[nodiscard]] KeyEntry* find(std::string_view key) const;
  // `key` isn't there yet.
  KeyEntry& insert(std::string_view key, const Version& first);
  void erase(std::string_view key);
  [[nodiscard]] const Tree& tree() const { return tree_; }
  [[nodiscard]] std::size_t size() const { return tree_.size(); }

 private:
  // The hash beside the pointer: a table that grows touches no key.
  struct Slot {
    std::uint64_t hash = 0;
    KeyEntry* entry = nullptr;
  };
  struct Probe {
    std::uint64_t hash = 0;
    std::string_view key;
  };
  struct SlotHash {
    using is_transparent = void;
    std::size_t operator()(const Slot& slot) const { return slot.hash; }
    std::size_t operator()(const Probe& probe) const { return probe.hash; }
  };
  struct SlotEqual {
    using is_transparent = void;
    bool operator()(const Slot& a, const Slot& b) const { return a.entry == b.entry; }
    bool operator()(const Slot& a, const Probe& b) const {
      return a.hash == b.hash && a.entry->key == b.key;
    }
    bool operator()(const Probe& a, const Slot& b) const { return (*this)(b, a); }
  };
  // Many small tables instead of one: the growth of any of them is short.
  static constexpr std::size_t kShardBits = 8;
  using Shard = absl::flat_hash_set<Slot, SlotHash, SlotEqual>;
  [[nodiscard]] static Probe probe(std::string_view key);
  [[nodiscard]] static std::size_t shard_of(const Probe& probe) {
    return probe.hash >> (64 - kShardBits);
  }

  Tree tree_;
  std::array<Shard, 1U << kShardBits> shards_;
};

}  // namespace detcd::mvcc
