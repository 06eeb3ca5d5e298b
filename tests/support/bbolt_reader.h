// Reads a bbolt file as naively as possible, and says what is wrong with it: nothing is shared with
// the code that writes such files. Every page must be reached once, and keys must ascend.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace detcd::test {

class BboltReader {
 public:
  using Items = std::vector<std::pair<std::string, std::string>>;

  // Throws std::runtime_error with what contradicts the format.
  explicit BboltReader(std::string_view file) : file_(file) {
    if (file.size() % kPage != 0 || file.size() < 4 * kPage) fail("the length");
    const std::uint64_t root = read_meta();
    reached_ = {0, 1, 2};
    if (u16(2 * kPage + 8) != 0x10 || u16(2 * kPage + 10) != 0) fail("the freelist");
    std::string last;
    read_page(root, last, [this](std::uint32_t flags, std::string key, std::string value) {
      if (flags != 1) fail("an item that is no bucket in the root");
      buckets_[key] = read_bucket(value);
      names_.push_back(std::move(key));
    });
    if (reached_.size() != file.size() / kPage) fail("pages that nobody reaches");
  }

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] const Items& bucket(const std::string& name) const { return buckets_.at(name); }
  [[nodiscard]] std::size_t depth() const { return depth_; }

 private:
  static constexpr std::size_t kPage = 4096;
  using Out = std::function<void(std::uint32_t flags, std::string key, std::string value)>;

  [[noreturn]] static void fail(const std::string& what) {
    throw std::runtime_error("bbolt: " + what);
  }
  template <class Number>
  [[nodiscard]] Number number(std::string_view in, std::size_t at) const {
    if (at + sizeof(Number) > in.size()) fail("a number outside");
    Number value{};
    std::memcpy(&value, in.data() + at, sizeof(Number));
    return value;
  }
  [[nodiscard]] std::uint16_t u16(std::size_t at) const { return number<std::uint16_t>(file_, at); }
  [[nodiscard]] std::uint32_t u32(std::size_t at) const { return number<std::uint32_t>(file_, at); }
  [[nodiscard]] std::uint64_t u64(std::size_t at) const { return number<std::uint64_t>(file_, at); }

  std::uint64_t read_meta() {
    for (std::size_t page : {0, 1}) {
      const std::size_t at = page * kPage;
      if (u64(at) != page || u16(at + 8) != 4) fail("a meta page's header");
      if (u32(at + 16) != 0xED0CDAED || u32(at + 20) != 2 || u32(at + 24) != kPage) fail("meta");
      if (u64(at + 64) % 2 != page) fail("the transaction of a meta page");
      if (u64(at + 56) != file_.size() / kPage || u64(at + 48) != 2) fail("meta's page numbers");
      std::uint64_t hash = 14695981039346656037ULL;
      for (const char c : file_.substr(at + 16, 56)) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
      }
      if (hash != u64(at + 72)) fail("meta's checksum");
    }
    return u64(32);
  }

  // `out(flags, key, value)` for every item of a leaf that begins at `in`.
  void read_items(std::string_view in, std::size_t count, std::string& last, const Out& out) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = 16 + 16 * i;
      const auto key_at = at + number<std::uint32_t>(in, at + 4);
      const auto key_bytes = number<std::uint32_t>(in, at + 8);
      const auto value_bytes = number<std::uint32_t>(in, at + 12);
      if (key_at + key_bytes + value_bytes > in.size()) fail("an item outside its page");
      std::string key(in.substr(key_at, key_bytes));
      if (key.empty() || key <= last) fail("keys that don't ascend");
      last = key;
      out(number<std::uint32_t>(in, at), std::move(key),
          std::string(in.substr(key_at + key_bytes, value_bytes)));
    }
  }

  void read_page(std::uint64_t page, std::string& last, const Out& out, std::size_t depth = 1) {
    const std::size_t at = page * kPage;
    if (u64(at) != page) fail("a page's own number");
    const std::size_t pages = 1 + u32(at + 12);
    if (at + pages * kPage > file_.size()) fail("a page beyond the end");
    for (std::size_t i = 0; i < pages; ++i) {
      if (!reached_.insert(page + i).second) fail("a page reached twice");
    }
    depth_ = std::max(depth_, depth);
    const std::string_view in = file_.substr(at, pages * kPage);
    const std::size_t count = u16(at + 10);
    if (u16(at + 8) == 2) return read_items(in, count, last, out);
    if (u16(at + 8) != 1 || count < 2) fail("a branch");
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t element = 16 + 16 * i;
      const std::string key(in.substr(element + number<std::uint32_t>(in, element),
                                      number<std::uint32_t>(in, element + 4)));
      bool first = true;
      read_page(
          number<std::uint64_t>(in, element + 8), last,
          [&](std::uint32_t flags, std::string item, std::string value) {
            if (std::exchange(first, false) && item != key) fail("a branch's key");
            out(flags, std::move(item), std::move(value));
          },
          depth + 1);
    }
  }

  Items read_bucket(std::string_view value) {
    Items items;
    std::string last;
    const auto keep = [&items](std::uint32_t flags, std::string key, std::string item) {
      if (flags != 0) fail("a bucket in a bucket");
      items.emplace_back(std::move(key), std::move(item));
    };
    const auto root = number<std::uint64_t>(value, 0);
    if (root != 0) {
      read_page(root, last, keep);
    } else {
      const std::string_view page = value.substr(16);
      if (number<std::uint16_t>(page, 8) != 2) fail("an inline page");
      read_items(page, number<std::uint16_t>(page, 10), last, keep);
    }
    return items;
  }

  std::string_view file_;
  std::set<std::uint64_t> reached_;
  std::map<std::string, Items> buckets_;
  std::vector<std::string> names_;
  std::size_t depth_ = 0;
};

}  // namespace detcd::test
