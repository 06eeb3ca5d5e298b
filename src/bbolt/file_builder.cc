#include "bbolt/file_builder.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/codec.h"

namespace detcd::bbolt {
namespace {

constexpr std::size_t kHeaderBytes = 16;   // Of a page.
constexpr std::size_t kElementBytes = 16;  // Of an item or a child, without its key and value.
constexpr std::size_t kInlineMax = kPageBytes / 4;

constexpr std::uint16_t kBranch = 0x01;
constexpr std::uint16_t kLeaf = 0x02;
constexpr std::uint16_t kMeta = 0x04;
constexpr std::uint16_t kFreelist = 0x10;
constexpr std::uint32_t kIsBucket = 0x01;

constexpr std::uint32_t kMagic = 0xED0CDAED;
constexpr std::uint32_t kVersion = 2;
constexpr PageId kFreelistPage = 2;
constexpr PageId kFirstPage = 3;

std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char byte : bytes) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 0x100000001b3ULL;
  }
  return hash;
}

void put_header(Writer& out, PageId page, std::uint16_t flags, std::size_t count) {
  out.u64(page);
  out.u16(flags);
  out.u16(static_cast<std::uint16_t>(count));
}

std::string padded(std::string page) {
  page.resize(kPageBytes, '\0');
  return page;
}

// The transaction number decides which of the two counts: the higher one, page number = number % 2.
std::string meta_page(PageId page, const Layout& layout) {
  Writer content;
  content.u32(kMagic);
  content.u32(kVersion);
  content.u32(kPageBytes);
  content.u32(0);
  content.u64(layout.root);
  content.u64(0);
  content.u64(kFreelistPage);
  content.u64(layout.pages);
  content.u64(2 + page);
  Writer out;
  put_header(out, page, kMeta, 0);
  out.u32(0);
  out.raw(content.view());
  out.u64(fnv1a(content.view()));
  return padded(out.take());
}

// No page is free. etcd opens files without this page as well; older tools want it.
std::string freelist_page() {
  Writer out;
  put_header(out, kFreelistPage, kFreelist, 0);
  out.u32(0);
  return padded(out.take());
}

std::size_t bytes_of(const detail::Item& item) {
  return kElementBytes + item.key.size() + item.value_bytes;
}

void put_items(std::string& out, const std::vector<detail::Item>& items) {
  Writer elements;
  std::size_t place = items.size() * kElementBytes;
  for (const detail::Item& item : items) {
    elements.u32(item.flags);
    elements.u32(static_cast<std::uint32_t>(place));
    elements.u32(static_cast<std::uint32_t>(item.key.size()));
    elements.u32(static_cast<std::uint32_t>(item.value_bytes));
    place += item.key.size() + item.value_bytes - kElementBytes;
  }
  out += elements.view();
  for (const detail::Item& item : items) {
    out += item.key;
    out += item.value;
  }
}

std::string bucket_value(PageId root) {
  Writer out;
  out.u64(root);
  out.u64(0);
  return out.take();
}

}  // namespace

namespace detail {

void Tree::add(Item item) {
  if (items_.empty()) bytes_ = kHeaderBytes;
  if (!items_.empty() && bytes_ + bytes_of(item) > kPageBytes) write_leaf();
  bytes_ += bytes_of(item);
  items_.push_back(std::move(item));
}

std::optional<Item> Tree::inlined() const {
  const std::size_t bytes = items_.empty() ? kHeaderBytes : bytes_;
  if (leaves_ || bytes > kInlineMax) return std::nullopt;
  Item item{.key = {}, .value = {}, .value_bytes = kHeaderBytes + bytes, .flags = kIsBucket};
  if (pages_->writing) {
    Writer page;
    put_header(page, 0, kLeaf, items_.size());
    page.u32(0);
    item.value = bucket_value(0) + page.take();
    put_items(item.value, items_);
  }
  return item;
}

PageId Tree::begin_page(std::uint16_t flags, std::size_t count, std::size_t bytes) {
  const PageId page = pages_->next;
  const std::size_t pages = (bytes + kPageBytes - 1) / kPageBytes;
  pages_->next += pages;
  if (pages_->writing) {
    Writer header;
    put_header(header, page, flags, count);
    header.u32(static_cast<std::uint32_t>(pages - 1));
    pages_->out += header.view();
  }
  return page;
}

void Tree::end_page(PageId page) {
  if (!pages_->writing) return;
  const std::size_t written = pages_->out.size() % kPageBytes;
  if (written != 0) pages_->out.resize(pages_->out.size() + kPageBytes - written, '\0');
  check(pages_->next > page, "a page takes up room");
}

void Tree::write_leaf() {
  const PageId page = begin_page(kLeaf, items_.size(), bytes_);
  if (pages_->writing) put_items(pages_->out, items_);
  end_page(page);
  std::string first = std::move(items_.front().key);
  items_.clear();
  bytes_ = kHeaderBytes;
  leaves_ = true;
  add_child(0, {std::move(first), page});
}

// Two children stay behind, so that no branch ever has only one.
void Tree::add_child(std::size_t level, Child child) {
  if (levels_.size() == level) levels_.emplace_back();
  Level& at = levels_[level];
  if (at.children.empty()) at.bytes = kHeaderBytes;
  at.bytes += kElementBytes + child.key.size();
  at.children.push_back(std::move(child));
  if (at.bytes > kPageBytes && at.children.size() >= 4) {
    write_branch(level, at.children.size() - 2);
  }
}

void Tree::write_branch(std::size_t level, std::size_t count) {
  std::vector<Child>& children = levels_[level].children;
  std::size_t bytes = kHeaderBytes;
  for (std::size_t i = 0; i < count; ++i) bytes += kElementBytes + children[i].key.size();
  const PageId page = begin_page(kBranch, count, bytes);
  if (pages_->writing) {
    Writer elements;
    std::size_t place = count * kElementBytes;
    for (std::size_t i = 0; i < count; ++i) {
      elements.u32(static_cast<std::uint32_t>(place));
      elements.u32(static_cast<std::uint32_t>(children[i].key.size()));
      elements.u64(children[i].page);
      place += children[i].key.size() - kElementBytes;
    }
    pages_->out += elements.view();
    for (std::size_t i = 0; i < count; ++i) pages_->out += children[i].key;
  }
  end_page(page);
  std::string first = std::move(children.front().key);
  children.erase(children.begin(), children.begin() + static_cast<std::ptrdiff_t>(count));
  levels_[level].bytes -= bytes - kHeaderBytes;
  add_child(level + 1, {std::move(first), page});
}

PageId Tree::finish() {
  if (!items_.empty() || !leaves_) {
    if (items_.empty()) {
      // A root without items is a page all the same.
      const PageId page = begin_page(kLeaf, 0, kHeaderBytes);
      end_page(page);
      return page;
    }
    write_leaf();
  }
  std::size_t level = 0;
  while (level + 1 < levels_.size() || levels_[level].children.size() > 1) {
    write_branch(level, levels_[level].children.size());
    ++level;
  }
  return levels_[level].children.front().page;
}

}  // namespace detail

FileBuilder::FileBuilder() : root_(pages_) {
  pages_.next = kFirstPage;
}

FileBuilder::FileBuilder(const Layout& layout) : layout_(layout), root_(pages_) {
  pages_.writing = true;
  pages_.next = kFirstPage;
  pages_.out = meta_page(0, layout) + meta_page(1, layout) + freelist_page();
}

void FileBuilder::note_order(std::string_view key) {
  check(!key.empty() && last_ < key, "keys aren't empty and ascend");
  last_ = key;
}

void FileBuilder::begin_bucket(std::string_view name) {
  check(!bucket_ && name_ < name, "buckets come one after another, in the order of their names");
  name_ = name;
  last_.clear();
  bucket_.emplace(pages_);
}

void FileBuilder::measure(std::string_view key, std::size_t value_bytes) {
  check(bucket_ && !pages_.writing, "items are measured inside a bucket, before all is written");
  note_order(key);
  bucket_->add({.key = std::string(key), .value = {}, .value_bytes = value_bytes});
}

void FileBuilder::add(std::string_view key, std::string_view value) {
  if (!pages_.writing) return measure(key, value.size());
  check(bucket_.has_value(), "items are added inside a bucket");
  note_order(key);
  bucket_->add({.key = std::string(key), .value = std::string(value), .value_bytes = value.size()});
}

void FileBuilder::end_bucket() {
  check(bucket_.has_value(), "a bucket ends once");
  std::optional<detail::Item> item = bucket_->inlined();
  if (!item) {
    const std::string value = bucket_value(bucket_->finish());
    item = detail::Item{.value = value, .value_bytes = value.size(), .flags = kIsBucket};
  }
  item->key = name_;
  root_.add(std::move(*item));
  bucket_.reset();
}

Layout FileBuilder::finish() {
  check(!bucket_, "a file ends between buckets");
  Layout layout;
  layout.root = root_.finish();
  layout.pages = pages_.next;
  check(!layout_ || layout == *layout_, "what is written is what was measured");
  return layout;
}

std::string FileBuilder::take() {
  return std::exchange(pages_.out, {});
}

}  // namespace detcd::bbolt
