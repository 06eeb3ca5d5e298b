#include "sim/campaign/reduce.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace detcd::sim {
namespace {

Kept without(const Kept& kept, std::size_t from, std::size_t to) {
  Kept rest;
  rest.reserve(kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (i < from || i >= to) rest.push_back(kept[i]);
  }
  return rest;
}

// One pass over all chunks of this size; whether any could go.
bool take_chunks_out(Kept& kept, std::size_t chunk, const Probe& probe) {
  bool shrank = false;
  for (std::size_t from = 0; from < kept.size();) {
    const std::size_t chunks = (kept.size() - from + chunk - 1) / chunk;
    const auto candidate = [&](std::size_t n) {
      const std::size_t begin = from + n * chunk;
      return without(kept, begin, std::min(begin + chunk, kept.size()));
    };
    const std::optional<std::size_t> gone = probe(chunks, candidate);
    if (!gone) break;
    kept = candidate(*gone);
    // The chunks before it had to stay; what follows moved up to its place.
    from += *gone * chunk;
    shrank = true;
  }
  return shrank;
}

}  // namespace

Kept reduce(std::size_t units, const Probe& probe) {
  Kept kept(units);
  std::iota(kept.begin(), kept.end(), std::size_t{0});
  for (std::size_t chunk = units; chunk > 0 && !kept.empty();) {
    chunk = std::min(chunk, kept.size());
    const bool shrank = take_chunks_out(kept, chunk, probe);
    // Units that stayed beside one that then went are tried again.
    if (!shrank || chunk > 1) chunk /= 2;
  }
  return kept;
}

Kept reduce_pairs(Kept kept, const Probe& probe) {
  while (kept.size() >= 2) {
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      for (std::size_t j = i + 1; j < kept.size(); ++j) pairs.emplace_back(i, j);
    }
    const auto candidate = [&](std::size_t n) {
      const auto [i, j] = pairs[n];
      return without(without(kept, j, j + 1), i, i + 1);
    };
    const std::optional<std::size_t> gone = probe(pairs.size(), candidate);
    if (!gone) break;
    kept = candidate(*gone);
  }
  return kept;
}

}  // namespace detcd::sim
