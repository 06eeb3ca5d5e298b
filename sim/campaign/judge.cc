#include "sim/campaign/judge.h"

#include <map>
#include <utility>

#include "base/hash.h"
#include "sim/campaign/report.h"

namespace detcd::sim {
namespace {

constexpr unsigned kPatienceSeconds = 60;

std::uint64_t digest(const RunOptions& options) {
  return hash64(print(trace_of(options, RunResult{})));
}

}  // namespace

bool Judge::fails(const RunResult& result) const {
  return result.violation && result.violation->fingerprint() == fingerprint_;
}

std::optional<Failing> Judge::first_failing(std::size_t count, const MakeCandidate& candidate) {
  Children children(kPatienceSeconds);
  std::map<std::size_t, std::uint64_t> digests;
  std::optional<Failing> first;
  std::size_t next = 0;
  for (;;) {
    if (over_ && over_()) return first;
    // Only what comes before the first that is known to fail can still be the answer.
    const std::size_t end = first ? first->at : count;
    for (; next < end && children.running() < jobs_; ++next) {
      const RunOptions options = candidate(next);
      const std::uint64_t mark = digest(options);
      if (innocent_.contains(mark)) continue;
      digests[next] = mark;
      children.begin(next, options);
    }
    const std::optional<Children::Ended> ended = children.finish();
    if (!ended) return first;
    cpu_ms_ += ended->child.cpu_ms;
    if (fails(ended->child.result)) {
      first = Failing{ended->seed, ended->child.result.virtual_time};
      children.abandon_above(ended->seed);
    } else {
      innocent_.insert(digests[ended->seed]);
    }
  }
}

}  // namespace detcd::sim
