// A set of word sequences: the configurations that a search has tried. Only grows; what it holds is
// counted exactly, so that a search can be bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace detcd::sim {

class Memory {
 public:
  Memory();
  // False when an equal sequence was inserted before.
  bool insert(std::span<const std::uint64_t> words);
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_ + table_.size() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    const std::uint64_t* record = nullptr;  // Its length, then its words.
  };
  void grow();
  std::uint64_t* store(std::span<const std::uint64_t> words);

  std::vector<Slot> table_;  // Open addressing; a power of two.
  std::vector<std::unique_ptr<std::uint64_t[]>> chunks_;
  std::size_t room_ = 0;  // Words left in the last chunk.
  std::uint64_t* next_ = nullptr;
  std::uint64_t size_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace detcd::sim
