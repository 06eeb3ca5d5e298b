// The rare choices of the product (runtime::Random::rarely) on one machine: which of them its node
// takes more often at present, and how often it took each. They are known by name, so that one that
// is never taken can be reported.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/random.h"

namespace detcd::sim {

// The names of all sites, as the product calls them.
[[nodiscard]] std::span<const std::string_view> rare_choices();

// For a while the choices that `which` names are taken `odds` of a thousand times.
struct RareWindow {
  std::uint64_t which = 0;  // 0: all; otherwise a word that picks a quarter of them.
  std::uint64_t odds = 0;
  friend bool operator==(const RareWindow&, const RareWindow&) = default;
};

class RareChoices {
 public:
  RareChoices();

  // Of windows that overlap the largest odds count.
  void begin(const RareWindow& window) { windows_.push_back(window); }
  void end(const RareWindow& window);
  void end_all() { windows_.clear(); }

  [[nodiscard]] bool any() const { return !windows_.empty(); }
  // Of a thousand; 0: it isn't taken.
  [[nodiscard]] std::uint64_t odds(runtime::Site site) const;
  // A choice that rare_choices() doesn't name ends the run: nobody would count it.
  void took(runtime::Site site);
  [[nodiscard]] std::uint64_t taken() const { return taken_; }
  // By name, those that were taken.
  [[nodiscard]] std::map<std::string_view, std::uint64_t> counts() const;

 private:
  std::vector<RareWindow> windows_;
  std::uint64_t taken_ = 0;
  std::vector<std::uint64_t> counts_;  // As rare_choices().
};

}  // namespace detcd::sim
