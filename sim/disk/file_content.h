// The bytes of one simulated file in three layers: what the page cache shows, what of it the device
// may have taken before a sync, and what the medium holds. They differ only in sectors written
// since the last sync, and in harmed ones. A power loss decides sector by sector which version, or
// which mixture, is found afterwards. Every sector knows the write that it comes from.
#pragma once

#include <array>
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

// How a medium came to hold something else than what a sync acknowledged.
enum class Harm : std::uint8_t {
  kRot,          // Bits flipped.
  kLostWrite,    // The device acknowledged and kept what was there before.
  kMisdirected,  // Bytes that belong elsewhere.
  kLie,          // A sync was acknowledged that never took place.
};
[[nodiscard]] std::string_view name_of(Harm harm);

struct HarmedSector {
  std::uint64_t sector = 0;
  Harm harm = Harm::kRot;
  std::uint64_t write = 0;  // Whose bytes ought to be there; 0: nobody wrote them.
  bool latent = false;      // The page cache still shows what ought to be there.
  friend bool operator==(const HarmedSector&, const HarmedSector&) = default;
};

// An unsynced sector after a power loss, when it isn't what was written last.
struct LostSector {
  std::uint64_t sector = 0;
  std::uint64_t write = 0;  // That is lost.
  enum class Found : std::uint8_t { kOlder, kTorn, kGarbage } found = Found::kOlder;
  friend bool operator==(const LostSector&, const LostSector&) = default;
};

class FileContent {
 public:
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::uint64_t durable_size() const { return durable_size_; }
  // Fewer bytes than `length` only at the end.
  [[nodiscard]] std::string read(std::uint64_t offset, std::size_t length) const;
  // `by` names the write for those who ask later whose bytes a sector holds, or lost.
  void write(std::uint64_t offset, std::string_view bytes, std::uint64_t by = 0);
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

  // A sync that the device acknowledges though it loses these sectors: it keeps what it had.
  void sync_losing(const std::vector<std::uint64_t>& sectors);
  // A sync that is acknowledged and does nothing at all.
  void pretend_sync();
  // Other bytes get to a sector of the medium; the page cache shows the right ones until it is
  // lost. Beyond the end nothing happens.
  void misdirect(std::uint64_t sector, std::string_view bytes);
  // Harm that nobody has seen is undone. True when there was some.
  bool heal_latent();

  // Which write a sector's bytes come from, as shown and as a sync acknowledged them.
  [[nodiscard]] std::uint64_t shown_by(std::uint64_t sector) const;
  [[nodiscard]] std::uint64_t durable_by(std::uint64_t sector) const;
  // What differs from what was acknowledged as synced, by sector.
  [[nodiscard]] std::vector<HarmedSector> harmed() const;
  // What the latest power loss took of what nobody had synced.
  [[nodiscard]] const std::vector<LostSector>& lost() const { return lost_; }

 private:
  struct Block {
    std::string shown;       // kBlockBytes.
    std::string durable;     // Empty when no sector differs.
    std::uint8_t dirty = 0;  // A bit for each sector that a sync will write.
    std::uint8_t lost = 0;   // A bit for each sector that differs but that no sync will write.
    std::array<std::uint64_t, 8> shown_by{};  // By sector: the write.
    std::array<std::uint64_t, 8> durable_by{};
  };
  // What the cache showed of a sector since the last sync and before now.
  struct Version {
    std::string bytes;
    std::uint64_t by = 0;
  };
  struct Harmed {
    Harm harm = Harm::kRot;
    std::uint64_t write = 0;
    bool latent = false;
    std::string medium;  // What is there, while latent; empty of a lie: as power loss decides.
  };
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  Block& block_at(std::uint64_t number);
  void touch(Block& block, std::uint64_t number, std::uint8_t sectors);
  void remember(const Block& block, std::uint64_t number, std::uint8_t sectors);
  void harm(std::uint64_t sector, Harmed harmed);
  void show_harm();
  void lose_block(std::uint64_t number, const PowerLossModel& model, const Draws& draws,
                  std::uint64_t survived);
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
  std::map<std::uint64_t, std::vector<Version>> earlier_;  // By dirty sector, oldest first.
  std::map<std::uint64_t, Harmed> harmed_;                 // By sector.
  std::vector<LostSector> lost_;
};

}  // namespace detcd::sim
