#include "sim/explore/lane.h"

#include <algorithm>
#include <iterator>

#include "runtime/random.h"
#include "sim/plan/draw.h"

namespace detcd::sim {
namespace {

constexpr runtime::Site kGuided{"lane: guided"};
constexpr runtime::Site kParent{"lane: parent"};
// Changes of changes of changes … wander off far from what a profile draws; the best start anew.
constexpr std::size_t kChangesMax = 12;
constexpr std::uint64_t kNewest = 24;

}  // namespace

Recipe Lane::next(std::uint64_t number) const {
  const Draw draw(number, 0);
  const bool guided = !parents_.empty() && draw.pick(kGuided, 0, 100) < guided_percent_;
  if (!guided) return {number, {}};
  // The newest know what is hardest to reach; of two the one that found more.
  const auto one = [&](std::uint64_t ordinal) -> const Parent& {
    const std::size_t size = parents_.size();
    const std::size_t among =
        draw.pick(kParent, 2 * ordinal, 2) == 0 ? size : std::min(size, kNewest);
    return parents_[size - 1 - draw.pick(kParent, 2 * ordinal + 1, among)];
  };
  const Parent& a = one(0);
  const Parent& b = one(1);
  Recipe recipe = (a.found >= b.found ? a : b).recipe;
  recipe.changes.push_back(number);
  return recipe;
}

std::vector<std::uint32_t> Lane::take(const Recipe& recipe, bool worth,
                                      const std::vector<std::uint32_t>& seen) {
  std::vector<std::uint32_t> found;
  std::ranges::copy_if(seen, std::back_inserter(found),
                       [this](std::uint32_t state) { return known_.insert(state).second; });
  if (worth && !found.empty() && recipe.changes.size() < kChangesMax) {
    parents_.push_back({recipe, found.size()});
  }
  return found;
}

}  // namespace detcd::sim
