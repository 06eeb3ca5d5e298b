// Judges candidates of shrink() by running them in children of their own, several at a time, and
// comparing the fingerprint of their failures. The answer is that of judging one after the other,
// however many run at once.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "sim/campaign/child.h"
#include "sim/campaign/shrink.h"

namespace detcd::sim {

class Judge {
 public:
  Judge(std::string fingerprint, std::size_t jobs)
      : fingerprint_(std::move(fingerprint)), jobs_(jobs) {}
  // Asked now and then: true ends a search at once, with the best that is known by then.
  void stop_when(std::function<bool()> over) { over_ = std::move(over); }

  [[nodiscard]] std::optional<Failing> first_failing(std::size_t count,
                                                     const MakeCandidate& candidate);
  // Processor time of all children so far.
  [[nodiscard]] std::uint64_t cpu_ms() const { return cpu_ms_; }

 private:
  [[nodiscard]] bool fails(const RunResult& result) const;

  std::string fingerprint_;
  std::size_t jobs_;
  std::function<bool()> over_;
  std::set<std::uint64_t> innocent_;  // Digests of what was judged before and didn't fail.
  std::uint64_t cpu_ms_ = 0;
};

}  // namespace detcd::sim
