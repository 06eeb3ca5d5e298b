#include "sim/check/memory.h"

#include <algorithm>
#include <string_view>

#include "base/hash.h"

namespace detcd::sim {
namespace {

constexpr std::size_t kChunkWords = 1 << 15;
constexpr std::size_t kSlotsAtFirst = 1 << 10;

std::uint64_t hash_of(std::span<const std::uint64_t> words) {
  return hash64({reinterpret_cast<const char*>(words.data()), words.size_bytes()});
}

}  // namespace

Memory::Memory() : table_(kSlotsAtFirst) {}

bool Memory::insert(std::span<const std::uint64_t> words) {
  const std::uint64_t hash = hash_of(words);
  const std::size_t mask = table_.size() - 1;
  std::size_t at = hash & mask;
  while (table_[at].record != nullptr) {
    const Slot& slot = table_[at];
    if (slot.hash == hash && *slot.record == words.size() &&
        std::equal(words.begin(), words.end(), slot.record + 1)) {
      return false;
    }
    at = (at + 1) & mask;
  }
  table_[at] = {hash, store(words)};
  if (++size_ * 2 > table_.size()) grow();
  return true;
}

void Memory::grow() {
  std::vector<Slot> larger(table_.size() * 2);
  const std::size_t mask = larger.size() - 1;
  for (const Slot& slot : table_) {
    if (slot.record == nullptr) continue;
    std::size_t at = slot.hash & mask;
    while (larger[at].record != nullptr) at = (at + 1) & mask;
    larger[at] = slot;
  }
  table_ = std::move(larger);
}

std::uint64_t* Memory::store(std::span<const std::uint64_t> words) {
  const std::size_t needed = words.size() + 1;
  if (needed > room_) {
    const std::size_t length = std::max(needed, kChunkWords);
    chunks_.push_back(std::make_unique_for_overwrite<std::uint64_t[]>(length));
    next_ = chunks_.back().get();
    room_ = length;
    bytes_ += length * sizeof(std::uint64_t);
  }
  std::uint64_t* record = next_;
  *record = words.size();
  std::copy(words.begin(), words.end(), record + 1);
  next_ += needed;
  room_ -= needed;
  return record;
}

}  // namespace detcd::sim
