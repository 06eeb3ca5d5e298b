// A run in a process of its own: a failed check, a crash or a hang becomes a result, not the end of
// the campaign. The child reports over a pipe; it dies with its parent.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "sim/run/run.h"

namespace detcd::sim {

struct ChildResult {
  RunResult result;
  std::uint64_t wall_ms = 0;
  std::uint64_t cpu_ms = 0;
  std::uint64_t peak_kb = 0;  // Of memory.
};

inline constexpr unsigned kRunPatienceSeconds = 600;
// What the child does at last, in its own process: with the run's result, or with the check that
// failed in the middle of it.
using LastWords = std::function<void(const RunResult&)>;

// Forks, runs, waits. More than `patience_s` of wall time is a failure ("hang").
[[nodiscard]] ChildResult run_in_child(const RunOptions& options,
                                       unsigned patience_s = kRunPatienceSeconds,
                                       const LastWords& last_words = {});

// Many at once: begin forks, finish gives the next one that has ended.
class Children {
 public:
  explicit Children(unsigned patience_s) : patience_s_(patience_s) {}
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;
  void begin(std::uint64_t seed, const RunOptions& options, const LastWords& last_words = {});
  // The same for any work that ends in a run's result.
  using Work = std::function<RunResult()>;
  void begin(std::uint64_t seed, const Work& work, const LastWords& last_words = {});
  struct Ended {
    std::uint64_t seed = 0;
    ChildResult child;
  };
  // Waits; none when no child runs.
  [[nodiscard]] std::optional<Ended> finish();
  // The same, but none also when nothing has ended in so many ms, or a signal came.
  [[nodiscard]] std::optional<Ended> finish_within(int wait_ms);
  // Ends all that were begun with a higher number; finish() won't tell of them.
  void abandon_above(std::uint64_t seed);
  [[nodiscard]] std::size_t running() const { return running_.size(); }

 private:
  struct Running {
    std::uint64_t seed = 0;
    int process = 0;
    int pipe = 0;
    std::string text;
    std::uint64_t began_ms = 0;
  };
  static void end(const Running& child);
  Ended reap(std::size_t at, bool hung);
  unsigned patience_s_;
  std::vector<Running> running_;
};

}  // namespace detcd::sim
