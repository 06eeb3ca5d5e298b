// A bbolt file (ETCD.md §10.4), made in one pass over its buckets in the order of their names and
// over their items in the order of their keys. The file comes out page after page, with no more
// memory than a branch from root to leaf takes, so that a file of any size can be streamed.
//
// Its first pages say where the root is, which is known only at the end: the same pass is made
// twice, once to measure, then to write. Both see the same items, or a check fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace detcd::bbolt {

inline constexpr std::size_t kPageBytes = 4096;

using PageId = std::uint64_t;

struct Layout {
  PageId root = 0;
  std::uint64_t pages = 0;
  [[nodiscard]] std::uint64_t bytes() const { return pages * kPageBytes; }
  friend bool operator==(const Layout&, const Layout&) = default;
};

namespace detail {

// Where pages go: written behind each other, or only counted.
struct Pages {
  bool writing = false;
  PageId next = 0;
  std::string out;
};

struct Item {
  std::string key;
  std::string value;  // Empty while measuring.
  std::size_t value_bytes = 0;
  std::uint32_t flags = 0;
};

// One B+tree, filled from left to right.
class Tree {
 public:
  explicit Tree(Pages& pages) : pages_(&pages) {}
  void add(Item item);
  // What a small bucket is kept as inside its parent's item: none when it needs pages of its own.
  [[nodiscard]] std::optional<Item> inlined() const;
  // Puts out what is left, and says where the root is.
  PageId finish();

 private:
  struct Child {
    std::string key;
    PageId page = 0;
  };
  struct Level {
    std::vector<Child> children;
    std::size_t bytes = 0;
  };

  void write_leaf();
  void add_child(std::size_t level, Child child);
  void write_branch(std::size_t level, std::size_t count);
  PageId begin_page(std::uint16_t flags, std::size_t count, std::size_t bytes);
  void end_page(PageId page);

  Pages* pages_;
  std::vector<Item> items_;  // Of the leaf under way.
  std::size_t bytes_ = 0;
  bool leaves_ = false;  // Some leaves have gone out.
  std::vector<Level> levels_;
};

}  // namespace detail

class FileBuilder {
 public:
  // Measures.
  FileBuilder();
  // Writes what was measured.
  explicit FileBuilder(const Layout& layout);
  FileBuilder(const FileBuilder&) = delete;
  FileBuilder& operator=(const FileBuilder&) = delete;

  // Names and keys ascend and aren't empty.
  void begin_bucket(std::string_view name);
  void measure(std::string_view key, std::size_t value_bytes);
  void add(std::string_view key, std::string_view value);
  void end_bucket();
  Layout finish();

  // Pages that are done, which are the file's next bytes.
  [[nodiscard]] std::string take();
  [[nodiscard]] std::size_t ready() const { return pages_.out.size(); }

 private:
  void note_order(std::string_view key);

  detail::Pages pages_;
  std::optional<Layout> layout_;  // While writing.
  detail::Tree root_;
  std::optional<detail::Tree> bucket_;
  std::string name_;  // Of the bucket.
  std::string last_;  // Key of it.
};

}  // namespace detcd::bbolt
