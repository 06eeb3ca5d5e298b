// Which watchers look at a key: a balanced tree of ranges, each with the watchers of that range
// that are to be told. One lookup visits the ranges that hold the key and a path to each of them,
// however many there are. The order of what it finds depends on the calls alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace detcd::watch {

struct Watcher;

struct Range {
  enum class Kind : std::uint8_t {
    kKey,    // `begin` alone.
    kUntil,  // From `begin` on, before `end`.
    kOpen,   // All from `begin` on.
  };
  std::string begin;
  std::string end;
  Kind kind = Kind::kKey;
  std::int8_t height = 1;
  std::uint32_t users = 0;  // Watchers of this range, linked or not.
  Watcher* first = nullptr;
  Watcher* last = nullptr;
  std::unique_ptr<Range> left;
  std::unique_ptr<Range> right;
  const Range* farthest = nullptr;  // Of the subtree, the one that ends last.

  [[nodiscard]] bool holds(std::string_view key) const {
    if (kind == Kind::kKey) return key == begin;
    return key >= begin && (kind == Kind::kOpen || key < end);
  }
};

class RangeIndex {
 public:
  // The key may be anything, `range_end` as in a request; the range isn't empty.
  Range& acquire(std::string_view key, std::string_view range_end);
  void release(Range& range);

  // Linked watchers are found by `ranges_of`.
  static void link(Watcher& watcher);
  static void unlink(Watcher& watcher);

  // Adds the ranges that hold the key and have a linked watcher.
  void find(std::string_view key, std::vector<Range*>& found) const;
  [[nodiscard]] std::size_t ranges() const { return ranges_; }
  // For tests: the tree is ordered and balanced, and knows its ends.
  void verify() const;

 private:
  std::unique_ptr<Range> root_;
  std::size_t ranges_ = 0;
};

}  // namespace detcd::watch
