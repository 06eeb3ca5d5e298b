#include "sim/kernel/rare.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/check.h"
#include "base/hash.h"

namespace detcd::sim {
namespace {

constexpr std::array<std::string_view, 15> kNames{
    "rare: appends hold one entry each",
    "rare: a snapshot is sent though the log would do",
    "rare: an election timeout is the shortest",
    "rare: a proposal goes alone",
    "rare: reads are asked for again at once",
    "rare: a save is written alone",
    "rare: a snapshot is taken early",
    "rare: one entry is applied in a turn",
    "rare: one unit of an entry is applied in a turn",
    "rare: a sweep stops after one unit",
    "rare: watches stop after one unit",
    "rare: reads wait another turn for their answers",
    "rare: a connection to a peer is given up after a write",
    "rare: a message to a peer is written alone",
    "rare: a segment of the log is cut early",
};

std::size_t place_of(runtime::Site site) {
  static const auto kKeys = [] {
    std::array<std::uint64_t, kNames.size()> keys{};
    std::ranges::transform(kNames, keys.begin(),
                           [](std::string_view name) { return runtime::Site(name).key; });
    return keys;
  }();
  return static_cast<std::size_t>(std::ranges::find(kKeys, site.key) - kKeys.begin());
}

bool picks(std::uint64_t which, runtime::Site site) {
  constexpr std::uint64_t kParts = 4;
  return which == 0 || mix64(which, site.key) % kParts == 0;
}

}  // namespace

std::span<const std::string_view> rare_choices() {
  return kNames;
}

RareChoices::RareChoices() : counts_(kNames.size()) {}

void RareChoices::end(const RareWindow& window) {
  const auto found = std::ranges::find(windows_, window);
  if (found != windows_.end()) windows_.erase(found);
}

std::uint64_t RareChoices::odds(runtime::Site site) const {
  std::uint64_t odds = 0;
  for (const RareWindow& window : windows_) {
    if (picks(window.which, site)) odds = std::max(odds, window.odds);
  }
  return odds;
}

void RareChoices::took(runtime::Site site) {
  const std::size_t place = place_of(site);
  check(place < counts_.size(), "a rare choice has a name that the simulator knows");
  ++counts_[place];
  ++taken_;
}

std::map<std::string_view, std::uint64_t> RareChoices::counts() const {
  std::map<std::string_view, std::uint64_t> counts;
  for (std::size_t place = 0; place < counts_.size(); ++place) {
    if (counts_[place] > 0) counts[kNames[place]] = counts_[place];
  }
  return counts;
}

}  // namespace detcd::sim
