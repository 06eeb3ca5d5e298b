#include "sim/disk/file_content.h"

#include <algorithm>

#include "base/hash.h"
#include "sim/kernel/distribution.h"

namespace detcd::sim {
namespace {

constexpr std::uint64_t kBlockBytes = 4096;
constexpr std::uint64_t kSectorsPerBlock = kBlockBytes / kSectorBytes;
constexpr std::size_t kSizesMax = 128;
constexpr std::size_t kVersionsMax = 4;  // Of one unsynced sector, besides the newest.
constexpr std::uint64_t kSpoiledZerosMax = 32;

// Keys of the draws of one power loss; sectors use their own number.
constexpr std::uint64_t kFileFate = ~std::uint64_t{0};
constexpr std::uint64_t kSizeFate = kFileFate - 1;
constexpr std::uint64_t kZeroFate = kFileFate - 2;

enum class Fate : std::uint8_t { kOld, kNew, kTorn, kGarbage };

Fate sector_fate(const PowerLossModel& model, std::uint64_t word) {
  const std::uint64_t total =
      std::uint64_t{model.sector_old} + model.sector_new + model.sector_torn + model.sector_garbage;
  std::uint64_t pick = below(word, total);
  if (pick < model.sector_old) return Fate::kOld;
  pick -= model.sector_old;
  if (pick < model.sector_new) return Fate::kNew;
  pick -= model.sector_new;
  return pick < model.sector_torn ? Fate::kTorn : Fate::kGarbage;
}

enum class FileFate : std::uint8_t { kOld, kNew, kMixed };

FileFate file_fate(const PowerLossModel& model, std::uint64_t word) {
  const std::uint64_t total = std::uint64_t{model.file_old} + model.file_new + model.file_mixed;
  const std::uint64_t pick = below(word, total);
  if (pick < model.file_old) return FileFate::kOld;
  return pick < std::uint64_t{model.file_old} + model.file_new ? FileFate::kNew : FileFate::kMixed;
}

std::string garbage(std::uint64_t word) {
  std::string bytes(kSectorBytes, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(mix64(word, i / 8) >> (8 * (i % 8)));
  }
  return bytes;
}

// What is found of a sector that was being written when the power went.
std::string after_power_loss(Fate fate, std::uint64_t word, std::string_view was,
                             std::string_view written) {
  switch (fate) {
    case Fate::kOld:
      return std::string(was);
    case Fate::kNew:
      return std::string(written);
    case Fate::kGarbage:
      return garbage(word);
    case Fate::kTorn:
      break;
  }
  const std::uint64_t cut = 1 + below(mix64(word, 1), kSectorBytes - 1);
  const bool new_first = mix64(word, 2) % 4 != 0;
  const std::string_view head = new_first ? written : was;
  const std::string_view tail = new_first ? was : written;
  return std::string(head.substr(0, cut)) + std::string(tail.substr(cut));
}

std::uint8_t sectors_between(std::uint64_t begin, std::uint64_t end) {
  std::uint8_t mask = 0;
  for (std::uint64_t i = begin / kSectorBytes; i * kSectorBytes < end; ++i) {
    mask = static_cast<std::uint8_t>(mask | (1U << i));
  }
  return mask;
}

}  // namespace

std::string_view name_of(Harm harm) {
  switch (harm) {
    case Harm::kRot:
      return "rot";
    case Harm::kLostWrite:
      return "a lost write";
    case Harm::kMisdirected:
      return "a misdirected write";
    case Harm::kLie:
      return "a sync that never took place";
  }
  return "harm";
}

std::string FileContent::read(std::uint64_t offset, std::size_t length) const {
  if (offset >= size_) return {};
  std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(length, size_ - offset)),
                    '\0');
  const std::uint64_t end = offset + bytes.size();
  for (auto at = blocks_.lower_bound(offset / kBlockBytes);
       at != blocks_.end() && at->first * kBlockBytes < end; ++at) {
    const std::uint64_t start = at->first * kBlockBytes;
    const std::uint64_t from = std::max(offset, start);
    const std::uint64_t to = std::min(end, start + kBlockBytes);
    std::copy_n(at->second.shown.data() + (from - start), to - from,
                bytes.data() + (from - offset));
  }
  return bytes;
}

FileContent::Block& FileContent::block_at(std::uint64_t number) {
  Block& block = blocks_[number];
  if (block.shown.empty()) block.shown.assign(kBlockBytes, '\0');
  return block;
}

// The device may have taken any version on its own, and no later one.
void FileContent::remember(const Block& block, std::uint64_t number, std::uint8_t sectors) {
  const auto again = static_cast<std::uint8_t>(block.dirty & sectors);
  for (std::uint64_t i = 0; again >> i != 0; ++i) {
    if ((again >> i & 1U) == 0) continue;
    std::vector<Version>& versions = earlier_[number * kSectorsPerBlock + i];
    if (versions.size() == kVersionsMax) versions.erase(versions.begin());
    versions.push_back({block.shown.substr(i * kSectorBytes, kSectorBytes), block.shown_by[i]});
  }
}

// Before sectors change: keeps what the medium holds.
void FileContent::touch(Block& block, std::uint64_t number, std::uint8_t sectors) {
  remember(block, number, sectors);
  if (block.durable.empty()) block.durable = block.shown;
  block.dirty = static_cast<std::uint8_t>(block.dirty | sectors);
  block.lost = static_cast<std::uint8_t>(block.lost & ~sectors);
  unsettled_.insert(number);
}

void FileContent::write(std::uint64_t offset, std::string_view bytes, std::uint64_t by) {
  const std::uint64_t end = offset + bytes.size();
  if (bytes.empty()) return;
  for (std::uint64_t from = offset; from < end;) {
    const std::uint64_t number = from / kBlockBytes;
    const std::uint64_t start = number * kBlockBytes;
    const std::uint64_t to = std::min(end, start + kBlockBytes);
    Block& block = block_at(number);
    const std::uint8_t sectors = sectors_between(from - start, to - start);
    touch(block, number, sectors);
    for (std::uint64_t i = 0; i < kSectorsPerBlock; ++i) {
      if ((sectors >> i & 1U) != 0) block.shown_by[i] = by;
    }
    std::copy_n(bytes.data() + (from - offset), to - from, block.shown.data() + (from - start));
    from = to;
  }
  // Where whole sectors are new, harm is seen no more, and ends with the next sync.
  for (auto at = harmed_.lower_bound((offset + kSectorBytes - 1) / kSectorBytes);
       at != harmed_.end() && (at->first + 1) * kSectorBytes <= end; ++at) {
    Block& block = blocks_.at(at->first / kSectorsPerBlock);
    Harmed& harmed = at->second;
    if (!harmed.latent) {
      harmed.medium =
          block.durable.substr(at->first % kSectorsPerBlock * kSectorBytes, kSectorBytes);
    }
    harmed.latent = true;
  }
  if (end > size_) resize(end);
}

void FileContent::resize(std::uint64_t size) {
  size_ = size;
  if (sizes_.size() == kSizesMax) sizes_.erase(sizes_.begin());
  sizes_.push_back(size);
}

void FileContent::truncate(std::uint64_t size) {
  if (size == size_) return;
  // Bytes beyond the end are zeros, should the file grow over them again.
  for (auto at = blocks_.lower_bound(size / kBlockBytes); at != blocks_.end(); ++at) {
    const std::uint64_t start = at->first * kBlockBytes;
    const std::uint64_t from = std::max(size, start) - start;
    if (from >= kBlockBytes) continue;
    Block& block = at->second;
    touch(block, at->first, sectors_between(from, kBlockBytes));
    std::fill(block.shown.begin() + static_cast<std::ptrdiff_t>(from), block.shown.end(), '\0');
  }
  resize(size);
}

void FileContent::allocate(std::uint64_t size) {
  if (size <= size_) return;
  zeros_.push_back({size_, size});
  resize(size);
}

// The sectors of `written` are on the medium as the cache shows them.
void FileContent::settle(std::uint64_t number, std::uint8_t written) {
  Block& block = blocks_.at(number);
  for (std::uint64_t i = 0; i < kSectorsPerBlock; ++i) {
    if ((written >> i & 1U) == 0) continue;
    block.durable.replace(i * kSectorBytes, kSectorBytes, block.shown, i * kSectorBytes,
                          kSectorBytes);
    block.durable_by[i] = block.shown_by[i];
    const std::uint64_t sector = number * kSectorsPerBlock + i;
    if (!earlier_.empty()) earlier_.erase(sector);
    // What is still seen is harm that was written around.
    const auto harmed = harmed_.find(sector);
    if (harmed != harmed_.end() && harmed->second.latent) harmed_.erase(harmed);
  }
  block.dirty = static_cast<std::uint8_t>(block.dirty & ~written);
  if (block.dirty == 0 && block.lost == 0) block.durable.clear();
}

void FileContent::sync() {
  for (const std::uint64_t number : unsettled_) settle(number, blocks_.at(number).dirty);
  finish_sync();
}

void FileContent::finish_sync() {
  harmed_.erase(harmed_.lower_bound((size_ + kSectorBytes - 1) / kSectorBytes), harmed_.end());
  earlier_.clear();
  std::erase_if(unsettled_,
                [&](std::uint64_t number) { return blocks_.at(number).durable.empty(); });
  durable_size_ = size_;
  sizes_.clear();
  zeros_.clear();
  // Whole blocks beyond the end are zeros in both layers.
  for (auto at = blocks_.upper_bound(size_ / kBlockBytes); at != blocks_.end();) {
    at = at->second.durable.empty() ? blocks_.erase(at) : std::next(at);
  }
}

void FileContent::sync_some(const std::function<bool(std::uint64_t)>& reaches) {
  for (const std::uint64_t number : unsettled_) {
    std::uint8_t written = 0;
    for (std::uint64_t i = 0; i < kSectorsPerBlock; ++i) {
      const bool dirty = (blocks_.at(number).dirty >> i & 1U) != 0;
      if (dirty && reaches(number * kSectorsPerBlock + i)) {
        written = static_cast<std::uint8_t>(written | (1U << i));
      }
    }
    settle(number, written);
  }
  std::erase_if(unsettled_,
                [&](std::uint64_t number) { return blocks_.at(number).durable.empty(); });
}

void FileContent::forget_dirt() {
  for (const std::uint64_t number : unsettled_) {
    Block& block = blocks_.at(number);
    block.lost = static_cast<std::uint8_t>(block.lost | block.dirty);
    block.dirty = 0;
  }
  earlier_.clear();
  zeros_.clear();
}

bool FileContent::dirty() const {
  if (size_ != durable_size_ || !zeros_.empty()) return true;
  return std::any_of(unsettled_.begin(), unsettled_.end(),
                     [&](std::uint64_t number) { return blocks_.at(number).dirty != 0; });
}

std::vector<std::uint64_t> FileContent::dirty_sectors() const {
  std::vector<std::uint64_t> sectors;
  for (const std::uint64_t number : unsettled_) {
    for (std::uint64_t i = 0; i < kSectorsPerBlock; ++i) {
      if ((blocks_.at(number).dirty >> i & 1U) != 0) {
        sectors.push_back(number * kSectorsPerBlock + i);
      }
    }
  }
  return sectors;
}

std::uint64_t FileContent::surviving_size(const PowerLossModel& model, const Draws& draws) const {
  switch (file_fate(model, draws(kFileFate))) {
    case FileFate::kOld:
      return durable_size_;
    case FileFate::kNew:
      return size_;
    case FileFate::kMixed:
      break;
  }
  const std::uint64_t pick = below(draws(kSizeFate), sizes_.size() + 1);
  return pick == 0 ? durable_size_ : sizes_[pick - 1];
}

void FileContent::lose_block(std::uint64_t number, const PowerLossModel& model, const Draws& draws,
                             std::uint64_t survived) {
  const FileFate file = file_fate(model, draws(kFileFate));
  Block& block = blocks_.at(number);
  for (std::uint64_t i = 0; i < kSectorsPerBlock; ++i) {
    const std::uint64_t at = i * kSectorBytes;
    const std::uint64_t sector = number * kSectorsPerBlock + i;
    if ((block.lost >> i & 1U) != 0) {
      lost_.push_back({sector, block.shown_by[i], LostSector::Found::kOlder});
      block.shown.replace(at, kSectorBytes, block.durable, at, kSectorBytes);
      block.shown_by[i] = block.durable_by[i];
    }
    if ((block.dirty >> i & 1U) == 0) continue;
    const std::uint64_t word = draws(sector);
    Fate fate = file == FileFate::kMixed ? sector_fate(model, word)
                : file == FileFate::kNew ? Fate::kNew
                                         : Fate::kOld;
    // A journal in order writes the data before the size that reaches over them.
    const std::uint64_t begin = sector * kSectorBytes;
    if (model.ordered_journal && begin >= durable_size_ && begin < survived) fate = Fate::kNew;
    Version was{block.durable.substr(at, kSectorBytes), block.durable_by[i]};
    const auto earlier = earlier_.find(sector);
    if (earlier != earlier_.end() && file == FileFate::kMixed) {
      const std::uint64_t pick = below(mix64(word, 9), earlier->second.size() + 1);
      if (pick > 0) was = earlier->second[pick - 1];
    }
    const std::string found = after_power_loss(
        fate, mix64(word, 7), was.bytes, std::string_view(block.shown).substr(at, kSectorBytes));
    if (fate != Fate::kNew) {
      const LostSector::Found what = fate == Fate::kOld    ? LostSector::Found::kOlder
                                     : fate == Fate::kTorn ? LostSector::Found::kTorn
                                                           : LostSector::Found::kGarbage;
      lost_.push_back({sector, block.shown_by[i], what});
    }
    if (fate == Fate::kOld) block.shown_by[i] = was.by;
    const auto lie = harmed_.find(sector);
    if (lie != harmed_.end() && lie->second.harm == Harm::kLie) {
      lie->second.latent = false;
      if (found == std::string_view(block.shown).substr(at, kSectorBytes)) harmed_.erase(lie);
    }
    block.shown.replace(at, kSectorBytes, found);
  }
  block.durable.clear();
  block.durable_by = block.shown_by;
  block.dirty = block.lost = 0;
}

void FileContent::lose_power(const PowerLossModel& model, const Draws& draws) {
  lost_.clear();
  show_harm();
  const FileFate file = file_fate(model, draws(kFileFate));
  const std::uint64_t survived = surviving_size(model, draws);
  for (const std::uint64_t number : unsettled_) lose_block(number, model, draws, survived);
  unsettled_.clear();
  earlier_.clear();
  if (file == FileFate::kMixed && !model.ordered_journal) spoil_zeros(model, draws);
  cut(survived);
}

// The page cache goes: what the medium holds is seen from now on.
void FileContent::show_harm() {
  for (auto& [sector, harmed] : harmed_) {
    if (!harmed.latent || harmed.harm == Harm::kLie) continue;
    Block& block = block_at(sector / kSectorsPerBlock);
    const std::uint64_t bit = sector % kSectorsPerBlock;
    const bool unsettled = ((block.dirty | block.lost) >> bit & 1U) != 0;
    std::string& layer = unsettled ? block.durable : block.shown;
    layer.replace(bit * kSectorBytes, kSectorBytes, harmed.medium);
    harmed.medium.clear();
    harmed.latent = false;
  }
}

void FileContent::harm(std::uint64_t sector, Harmed harmed) {
  if (sector * kSectorBytes >= size_) return;
  harmed.write = durable_by(sector);
  harmed_.insert_or_assign(sector, std::move(harmed));
}

void FileContent::sync_losing(const std::vector<std::uint64_t>& sectors) {
  std::vector<std::pair<std::uint64_t, std::string>> kept;
  for (const std::uint64_t sector : sectors) {
    const Block& block = block_at(sector / kSectorsPerBlock);
    const std::string& layer = block.durable.empty() ? block.shown : block.durable;
    const auto former = harmed_.find(sector);
    const bool is_hidden = former != harmed_.end() && former->second.latent;
    kept.emplace_back(sector,
                      is_hidden && !former->second.medium.empty()
                          ? former->second.medium
                          : layer.substr(sector % kSectorsPerBlock * kSectorBytes, kSectorBytes));
  }
  sync();
  for (auto& [sector, bytes] : kept) {
    harm(sector, {.harm = Harm::kLostWrite, .latent = true, .medium = std::move(bytes)});
  }
}

void FileContent::pretend_sync() {
  for (const std::uint64_t sector : dirty_sectors()) {
    Harmed lie{.harm = Harm::kLie, .write = shown_by(sector), .latent = true};
    harmed_.insert_or_assign(sector, std::move(lie));
  }
}

void FileContent::misdirect(std::uint64_t sector, std::string_view bytes) {
  std::string medium(bytes.substr(0, kSectorBytes));
  medium.resize(kSectorBytes, '\0');
  harm(sector, {.harm = Harm::kMisdirected, .latent = true, .medium = std::move(medium)});
}

bool FileContent::heal_latent() {
  return std::erase_if(harmed_, [](const auto& entry) {
           return entry.second.latent && entry.second.harm != Harm::kLie;
         }) != 0;
}

std::uint64_t FileContent::shown_by(std::uint64_t sector) const {
  const auto block = blocks_.find(sector / kSectorsPerBlock);
  return block == blocks_.end() ? 0 : block->second.shown_by.at(sector % kSectorsPerBlock);
}

std::uint64_t FileContent::durable_by(std::uint64_t sector) const {
  const auto block = blocks_.find(sector / kSectorsPerBlock);
  return block == blocks_.end() ? 0 : block->second.durable_by.at(sector % kSectorsPerBlock);
}

std::vector<HarmedSector> FileContent::harmed() const {
  std::vector<HarmedSector> sectors;
  for (const auto& [sector, harmed] : harmed_) {
    sectors.push_back({sector, harmed.harm, harmed.write, harmed.latent});
  }
  return sectors;
}

// Zeros that allocate wrote and nobody synced: some sectors may hold anything.
void FileContent::spoil_zeros(const PowerLossModel& model, const Draws& draws) {
  const std::uint64_t total =
      std::uint64_t{model.sector_old} + model.sector_new + model.sector_torn + model.sector_garbage;
  for (const Range& range : zeros_) {
    const std::uint64_t first = (range.begin + kSectorBytes - 1) / kSectorBytes;
    const std::uint64_t count =
        range.end / kSectorBytes - std::min(first, range.end / kSectorBytes);
    const std::uint64_t spoiled = std::min(count * model.sector_garbage / total, kSpoiledZerosMax);
    for (std::uint64_t i = 0; i < spoiled; ++i) {
      const std::uint64_t word = mix64(draws(kZeroFate), mix64(range.begin, i));
      const std::uint64_t sector = first + below(word, count);
      Block& block = block_at(sector / kSectorsPerBlock);
      const std::uint64_t at = sector % kSectorsPerBlock * kSectorBytes;
      const bool untouched =
          std::all_of(block.shown.begin() + static_cast<std::ptrdiff_t>(at),
                      block.shown.begin() + static_cast<std::ptrdiff_t>(at + kSectorBytes),
                      [](char byte) { return byte == '\0'; });
      if (untouched) block.shown.replace(at, kSectorBytes, garbage(mix64(word, 3)));
    }
  }
}

void FileContent::keep_durable_only() {
  PowerLossModel model;
  model.file_new = model.file_mixed = 0;
  lose_power(model, [](std::uint64_t) { return std::uint64_t{0}; });
}

// Both layers agree and end at `size`.
void FileContent::cut(std::uint64_t size) {
  blocks_.erase(blocks_.upper_bound(size / kBlockBytes), blocks_.end());
  const auto last = blocks_.find(size / kBlockBytes);
  if (last != blocks_.end()) {
    std::string& shown = last->second.shown;
    std::fill(shown.begin() + static_cast<std::ptrdiff_t>(size % kBlockBytes), shown.end(), '\0');
  }
  size_ = durable_size_ = size;
  harmed_.erase(harmed_.lower_bound((size + kSectorBytes - 1) / kSectorBytes), harmed_.end());
  sizes_.clear();
  zeros_.clear();
}

void FileContent::flip(std::uint64_t offset, unsigned char mask) {
  if (offset >= size_) return;
  Block& block = block_at(offset / kBlockBytes);
  const std::uint64_t at = offset % kBlockBytes;
  block.shown[at] = static_cast<char>(block.shown[at] ^ mask);
  if (!block.durable.empty()) block.durable[at] = static_cast<char>(block.durable[at] ^ mask);
  const std::uint64_t sector = offset / kSectorBytes;
  harmed_.insert_or_assign(sector, Harmed{.write = durable_by(sector)});
}

}  // namespace detcd::sim
