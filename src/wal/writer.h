// The log that is appended to: frames, writes and syncs batches one after the other, begins
// segments, and has tasks of its own that prepare the next segment, drop trimmed ones and witness
// the last batch when nothing follows it. Whatever fails on the way of a batch fails the log for
// good.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/random.h"
#include "runtime/sync.h"
#include "runtime/task_group.h"
#include "runtime/wait.h"
#include "wal/reader.h"
#include "wal/segment.h"
#include "wal/wal.h"

namespace detcd::wal {

class LogWriter final : public Wal {
 public:
  // What a log goes on from.
  struct Start {
    std::string directory;
    Identity identity;
    Options options;
    Scan scan;
    std::unique_ptr<runtime::File> file;      // The last segment's.
    std::unique_ptr<runtime::File> prepared;  // When scan.prepared is there.
    std::vector<Spare> spares;
  };
  LogWriter(runtime::World world, Start start);

  runtime::Task<Result<void>> save(std::vector<raft::Save> saves) override;
  runtime::Task<Result<void>> trim(raft::SnapshotMeta mark, raft::HardState hard_state) override;
  runtime::Task<Result<void>> declare_loss() override;
  runtime::Task<Result<void>> declare_whole() override;
  runtime::Task<Result<void>> close() override;
  [[nodiscard]] Numbers numbers() const override { return numbers_; }

 private:
  struct Prepared {
    Segment segment;
    std::unique_ptr<runtime::File> file;
  };
  [[nodiscard]] Error refusal() const;
  BatchWriter begin_batch(BatchKind kind, std::size_t reserve_bytes = 0);
  runtime::Task<Result<void>> write(BatchWriter batch);
  runtime::Task<Result<void>> write_and_sync(BatchWriter batch);
  runtime::Task<Result<void>> begin_segment(std::size_t batch_bytes);
  void drop_up_to(raft::Index mark);
  [[nodiscard]] std::string path(std::string_view name) const;

  runtime::Task<void> keep_segments();
  runtime::Task<Result<void>> drop_oldest();
  runtime::Task<Result<void>> prepare_segment();
  runtime::Task<void> witness_when_idle();

  runtime::World world_;
  const std::string directory_;
  const Identity identity_;
  const Options options_;

  // Where the log ends, and in which file.
  std::unique_ptr<runtime::File> file_;
  std::vector<Segment> segments_;
  std::uint64_t end_;
  Chain chain_;
  raft::Index next_index_;
  // A commit index that waits for a batch to go with.
  std::optional<raft::HardState> waiting_;
  Recovered::Health loss_;
  bool unwitnessed_;
  TimePoint last_batch_;
  runtime::RareChoice cut_early_;

  // Set for good when a batch failed; set, too, while one is under way, so that an abandoned one
  // counts.
  std::optional<Error> failed_;
  bool closed_ = false;
  Numbers numbers_;

  // The next segment and the ones that go.
  std::optional<Prepared> prepared_;
  std::optional<Error> prepare_error_;
  std::deque<Segment> dropped_;
  bool dropping_failed_ = false;
  std::vector<Spare> spares_;

  runtime::Mutex turn_;
  runtime::Signal segment_work_;
  runtime::Signal prepared_signal_;
  runtime::Signal batch_written_;
  runtime::TaskGroup tasks_;  // Last: its tasks use all of the above.
};

}  // namespace detcd::wal
