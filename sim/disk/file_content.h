// The bytes of one simulated file in two layers: what the page cache shows, and what the medium
// holds beneath it. The layers differ only in sectors written since the last sync. A power loss
// decides sector by sector which layer, or which mixture, is found afterwards.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace detcd::sim {

inline constexpr std::uint64_t kSectorBytes = 512;

// What a power loss may do. Weights are relative to their sum.
struct PowerLossModel {
  // Per file: nothing unsynced survived, all of it did, or each sector has a fate of its own.
  std::uint32_t file_old = 25;
  std::uint32_t file_new = 25;
  std::uint32_t file_mixed = 50;
  // Per unsynced sector of a mixed file.
  std::uint32_t sector_old = 40;
  std::uint32_t sector_new = 25;
  std::uint32_t sector_torn = 25;  // Begins with new bytes and ends with old ones, or the reverse.
  std::uint32_t sector_garbage = 10;
  // Of names (see DiskImage): each unsynced operation survives so often,
  std::uint32_t name_kept_ppm = 500'000;
  // or, with a journal in order, a prefix of them does; and a file that grew has its new data.
  bool ordered_journal = false;
};

// A keyed draw: one word for each key.
using Draws = std::function<std::uint64_t(std::uint64_t key)>;

class FileContent {
 public:
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::uint64_t durable_size() const { return durable_size_; }
  // Fewer bytes than `length` only at the end.
  [[nodiscard]] std::string read(std::uint64_t offset, std::size_t length) const;
  void write(std::uint64_t offset, std::string_view bytes);
  void truncate(std::uint64_t size);
  // Grows to at least `size` with written zeros.
  void allocate(std::uint64_t size);

  // Everything is on the medium.
  void sync();
  // A sync that failed half way: the sectors for which `reaches` says true are on the medium.
  void sync_some(const std::function<bool(std::uint64_t sector)>& reaches);
  // Linux' answer to a failed write-back: the cache believes it is clean, the medium never got it.
  void forget_dirt();
  [[nodiscard]] bool dirty() const;
  [[nodiscard]] std::vector<std::uint64_t> dirty_sectors() const;

  // The page cache is lost; what remains becomes the content, and the medium's.
  void lose_power(const PowerLossModel& model, const Draws& draws);
  // As if power were lost with nothing unsynced surviving.
  void keep_durable_only();
  // Damage on the medium, seen by everybody from now on. Beyond the end nothing happens.
  void flip(std::uint64_t offset, unsigned char mask);

 private:
  struct Block {
    std::string shown;       // kBlockBytes.
    std::string durable;     // Empty when no sector differs.
    std::uint8_t dirty = 0;  // A bit for each sector that a sync will write.
    std::uint8_t lost = 0;   // A bit for each sector that differs but that no sync will write.
  };
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  Block& block_at(std::uint64_t number);
  void touch(Block& block, std::uint64_t number, std::uint8_t sectors);
  void resize(std::uint64_t size);
  void settle(std::uint64_t number, std::uint8_t written);
  void cut(std::uint64_t size);
  void finish_sync();
  [[nodiscard]] std::uint64_t surviving_size(const PowerLossModel& model, const Draws& draws) const;
  void spoil_zeros(const PowerLossModel& model, const Draws& draws);

  std::uint64_t size_ = 0;
  std::uint64_t durable_size_ = 0;
  std::vector<std::uint64_t> sizes_;       // Taken on since the last sync, oldest first.
  std::map<std::uint64_t, Block> blocks_;  // Blocks never written are zeros.
  std::set<std::uint64_t> unsettled_;      // Blocks with dirty or lost sectors.
  std::vector<Range> zeros_;               // Zeros written by allocate since the last sync.
};

}  // namespace detcd::sim
