#include "mvcc/key_index.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace detcd::mvcc {
namespace {

constexpr std::size_t kFirstBlock = 2;
constexpr std::size_t kBlockMax = 128;
// Emptied blocks are kept in front until there are this many, or half of all.
constexpr std::size_t kEmptyBlocksMax = 64;

}  // namespace

void VersionList::push(const Version& version) {
  check(newest_.place() < version.place(), "a key's versions come in the order of their places");
  if (blocks_.empty() || blocks_.back().size() == blocks_.back().capacity()) {
    const std::size_t last = blocks_.empty() ? kFirstBlock / 2 : blocks_.back().capacity();
    Block block;
    block.reserve(std::min(2 * last, kBlockMax));
    blocks_.push_back(std::move(block));
  }
  blocks_.back().push_back(newest_);
  newest_ = version;
}

const Version* VersionList::find(Revision at) const {
  if (newest_.main <= at) return &newest_;
  const auto begin = blocks_.begin() + first_block_;
  const auto block_after =
      std::partition_point(begin, blocks_.end(), [at, begin, this](const Block& block) {
        const Version& front = &block == &*begin ? block[first_] : block.front();
        return front.main <= at;
      });
  if (block_after == begin) return nullptr;
  const Block& block = *(block_after - 1);
  const auto low = block.begin() + (block_after - 1 == begin ? first_ : 0);
  const auto after =
      std::partition_point(low, block.end(), [at](const Version& v) { return v.main <= at; });
  return &*(after - 1);
}

Version* VersionList::find_exact(Place place) {
  if (newest_.place() == place) return &newest_;
  // Versions of one revision differ in `sub` only: step back from the newest of that revision.
  const auto begin = blocks_.begin() + first_block_;
  auto block = std::partition_point(begin, blocks_.end(), [&](const Block& b) {
    const Version& front = &b == &*begin ? b[first_] : b.front();
    return front.place() <= place;
  });
  if (block == begin) return nullptr;
  --block;
  const auto low = block->begin() + (block == begin ? first_ : 0);
  const auto found =
      std::partition_point(low, block->end(), [&](const Version& v) { return v.place() < place; });
  return found != block->end() && found->place() == place ? &*found : nullptr;
}

std::size_t VersionList::size() const {
  std::size_t count = 1;
  for (std::size_t i = first_block_; i < blocks_.size(); ++i) count += blocks_[i].size();
  return count - first_;
}

const Version* VersionList::oldest() const {
  return blocks_.empty() ? nullptr : &blocks_[first_block_][first_];
}

const Version& VersionList::second() const {
  const Block& block = blocks_[first_block_];
  if (first_ + 1 < block.size()) return block[first_ + 1];
  return first_block_ + 1 < blocks_.size() ? blocks_[first_block_ + 1].front() : newest_;
}

void VersionList::pop_oldest() {
  check(!blocks_.empty(), "the newest version of a key is dropped only with the key");
  if (++first_ < blocks_[first_block_].size()) return;
  first_ = 0;
  Block().swap(blocks_[first_block_]);
  ++first_block_;
  if (first_block_ == blocks_.size()) {
    std::vector<Block>().swap(blocks_);
    first_block_ = 0;
  } else if (first_block_ >= kEmptyBlocksMax && first_block_ * 2 >= blocks_.size()) {
    blocks_.erase(blocks_.begin(), blocks_.begin() + first_block_);
    first_block_ = 0;
  }
}

KeyIndex::Probe KeyIndex::probe(std::string_view key) {
  return {hash64(key), key};
}

KeyEntry* KeyIndex::find(std::string_view key) const {
  const Probe wanted = probe(key);
  const Shard& shard = shards_[shard_of(wanted)];
  const auto found = shard.find(wanted);
  return found == shard.end() ? nullptr : found->entry;
}

KeyEntry& KeyIndex::insert(std::string_view key, const Version& first) {
  auto entry = std::make_unique<KeyEntry>(key, first);
  KeyEntry* const made = entry.get();
  const std::string_view name = made->key;
  // Keys often come in ascending order: then no search from the root is needed.
  const std::size_t before = tree_.size();
  if (tree_.empty() || std::prev(tree_.end())->first < name) {
    tree_.emplace_hint(tree_.end(), name, std::move(entry));
  } else {
    tree_.try_emplace(name, std::move(entry));
  }
  check(tree_.size() == before + 1, "a key is inserted once");
  const Probe wanted = probe(name);
  shards_[shard_of(wanted)].insert({wanted.hash, made});
  return *made;
}

void KeyIndex::erase(std::string_view key) {
  const auto found = tree_.find(key);
  check(found != tree_.end(), "only a key that is there is erased");
  const Probe wanted = probe(key);
  Shard& shard = shards_[shard_of(wanted)];
  shard.erase(shard.find(wanted));
  // The tree's key is a view into the entry: the entry must outlive the erasure.
  const std::unique_ptr<KeyEntry> entry = std::move(found->second);
  tree_.erase(found);
}

}  // namespace detcd::mvcc
