// Named counters of what really happened in a run: that a fault took effect, that an interesting
// path of the product was gone. A probe that no run of many hits says that something isn't tested.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace detcd::sim {

class Probes {
 public:
  // It may be hit in this run: counts as 0 until it is.
  void declare(std::string_view name) { counts_.try_emplace(std::string(name)); }
  void hit(std::string_view name, std::uint64_t times = 1) { counts_[std::string(name)] += times; }
  [[nodiscard]] const std::map<std::string, std::uint64_t>& counts() const { return counts_; }

 private:
  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace detcd::sim
