// A campaign under way: runs in children, one per core, what they gave into the store, failures as
// traces. Which plan a run has depends only on the runs of its lane before it (explore/lane.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sim/campaign/arguments.h"
#include "sim/campaign/child.h"
#include "sim/campaign/store_files.h"
#include "sim/explore/lane.h"

namespace detcd::sim {

struct CampaignJob {
  std::size_t jobs = 1;
  std::optional<std::uint64_t> minutes;  // Of wall time; then no further run begins.
};

class Campaign {
 public:
  // The store outlives the campaign.
  Campaign(CampaignStore& store, const CampaignJob& job);

  enum class End : std::uint8_t { kDone, kStopped };
  // Until all runs are done, the time is over, or a signal says to stop. An error: the store can't
  // be written; what is in it stays.
  [[nodiscard]] Result<End> go();

 private:
  struct Seat {  // A lane and where it stands.
    Lane lane;
    std::uint64_t next = 0;
    bool busy = false;
    Recipe recipe;  // Of the run under way.
  };
  void catch_up(Seat& seat);
  [[nodiscard]] Seat* idle_seat();
  [[nodiscard]] bool in_range(std::uint64_t number) const;
  void begin(Seat& seat, Children& children);
  [[nodiscard]] Result<void> take(const Children::Ended& ended);
  [[nodiscard]] Result<void> keep_failure(const RunRecord& record, const RunResult& result) const;
  [[nodiscard]] Result<void> now_and_then();
  void show_progress(std::size_t running);

  CampaignStore& store_;
  CampaignJob job_;
  Arguments flags_;
  std::vector<Seat> seats_;  // By lane; those of other shards never run.
  std::uint64_t began_ms_ = 0;
  std::uint64_t done_before_ = 0;
  std::uint64_t synced_ms_ = 0;
  std::uint64_t shown_ms_ = 0;
  bool terminal_ = false;
  std::optional<std::uint64_t> planned_;
};

// Ctrl-C, and what a job scheduler sends, end a campaign in good order.
void stop_on_signals();
// The signal that asked to stop; 0: none.
[[nodiscard]] int stop_signal();

}  // namespace detcd::sim
