#include "server/choices.h"

namespace detcd::server {
namespace {

using runtime::Site;

constexpr Site kSingleEntries{"rare: appends hold one entry each"};
constexpr Site kSnapshotFirst{"rare: a snapshot is sent though the log would do"};
constexpr Site kShortestTimeout{"rare: an election timeout is the shortest"};
constexpr Site kProposalAlone{"rare: a proposal goes alone"};
constexpr Site kAskAgain{"rare: reads are asked for again at once"};
constexpr Site kSaveAlone{"rare: a save is written alone"};
constexpr Site kSnapshotEarly{"rare: a snapshot is taken early"};
constexpr Site kApplyOneEntry{"rare: one entry is applied in a turn"};
constexpr Site kApplyOneUnit{"rare: one unit of an entry is applied in a turn"};
constexpr Site kSweepOneUnit{"rare: a sweep stops after one unit"};
constexpr Site kWatchOneUnit{"rare: watches stop after one unit"};
constexpr Site kAnswersWait{"rare: reads wait another turn for their answers"};

}  // namespace

Choices::Choices(const runtime::Random& random, std::uint64_t member)
    : single_entries(random, kSingleEntries, member),
      snapshot_first(random, kSnapshotFirst, member),
      shortest_timeout(random, kShortestTimeout, member),
      proposal_alone(random, kProposalAlone, member),
      ask_again(random, kAskAgain, member),
      save_alone(random, kSaveAlone, member),
      snapshot_early(random, kSnapshotEarly, member),
      apply_one_entry(random, kApplyOneEntry, member),
      apply_one_unit(random, kApplyOneUnit, member),
      sweep_one_unit(random, kSweepOneUnit, member),
      watch_one_unit(random, kWatchOneUnit, member),
      answers_wait(random, kAnswersWait, member) {}

}  // namespace detcd::server
