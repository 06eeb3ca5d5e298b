// A node that uses its log until it ends, again and again, and checks at each start that the log
// holds all that was acknowledged, nothing that was not saved, and says truly what it is.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "tests/support/machine.h"
#include "tests/wal/logs.h"
#include "wal/wal.h"

namespace detcd::wal {

using test::CrashKind;
using test::Machine;

inline constexpr Options kCrashOptions{.segment_bytes = 8192, .recycled_max = 1};
inline constexpr std::uint64_t kSteps = 24;

// A node's use of its log: what was acknowledged, and what was under way when it ended.
class Node {
 public:
  Node(Machine& machine, std::uint64_t seed) : machine_(machine), seed_(seed) {}

  bool create() {
    auto made =
        machine_.run(Wal::create(machine_.world(), Machine::kDirectory, kIdentity, kCrashOptions));
    if (!made) return false;
    EXPECT_TRUE(made->ok()) << made->error().message;
    wal_ = std::move(**made);
    return true;
  }
  // False when the machine crashed first.
  bool open() {
    auto opened = machine_.run(
        Wal::open(machine_.world(), Machine::kDirectory, kIdentity, kCrashOptions, false));
    if (!opened) return false;
    if (!opened->ok() && opened->error().code == Errc::kNotFound) return create();
    EXPECT_TRUE(opened->ok()) << opened->error().message;
    if (!opened->ok()) return false;
    check((*opened)->recovered);
    if ((*opened)->wal == nullptr) {
      auto accepted = machine_.run(
          Wal::open(machine_.world(), Machine::kDirectory, kIdentity, kCrashOptions, true));
      if (!accepted) return false;
      EXPECT_TRUE(accepted->ok()) << accepted->error().message;
      check((*accepted)->recovered);
      wal_ = std::move((*accepted)->wal);
      if (!done(machine_.run(wal_->declare_whole()))) return false;
    } else {
      wal_ = std::move((*opened)->wal);
    }
    return true;
  }
  // Appends, cuts, truncates, trims, installs and idles, as the seed says.
  bool work(std::uint64_t steps) {
    for (std::uint64_t step = 0; step < steps && open_; ++step) {
      if (!one(keyed_draw(seed_, 1, 0, ordinal_++))) return false;
    }
    return true;
  }
  bool close() {
    next_ = acknowledged_;
    return done(machine_.run(wal_->close()));
  }
  void gone() { wal_.reset(); }
  [[nodiscard]] bool unknown_seen() const { return unknown_; }

 private:
  bool one(std::uint64_t word) {
    next_ = acknowledged_;
    if (word % 16 == 0) {
      machine_.idle(1s);
      return !machine_.crashed();
    }
    const std::uint64_t last = acknowledged_.next() - 1;
    if (word % 16 < 3 && last > 6) {
      const std::uint64_t first =
          acknowledged_.snapshot ? acknowledged_.snapshot->index.value() : 0;
      if (last - 3 <= first) return true;
      next_.trim(mark_at(last - 3), next_.hard_state);
      return done(machine_.run(wal_->trim(*next_.snapshot, next_.hard_state)));
    }
    raft::Save save = save_of(acknowledged_.next(), 1 + word / 16 % 3, 1 + word / 64 % 1500);
    const std::size_t kept = acknowledged_.entries.size();
    if (word % 16 == 4 && kept > 2) {
      save = save_of(acknowledged_.next() - 2, 1, 1 + word / 64 % 300);
      save.truncate_from = save.entries.front().index;
    } else if (word % 16 == 5) {
      save = {};
      save.snapshot = mark_at(acknowledged_.next() + 5);
    }
    save.hard_state = raft::HardState{raft::Term(ordinal_), raft::NodeId(9), raft::Index(1)};
    save.must_sync_hard_state = true;
    next_.apply(save);
    std::vector<raft::Save> saves;
    saves.push_back(std::move(save));
    return done(machine_.run(wal_->save(std::move(saves))));
  }
  bool done(const std::optional<Result<void>>& result) {
    if (!result) return false;
    EXPECT_TRUE(result->ok()) << result->error().message;
    acknowledged_ = next_;
    return result->ok();
  }
  // All that was acknowledged, or that and what was under way. A log without damage never has to be
  // taken for a damaged one; an unknown tail needs garbage or half a sector.
  void check(const Recovered& log) {
    EXPECT_NE(log.health, Recovered::Health::kDamaged) << ::testing::PrintToString(log);
    unknown_ = unknown_ || log.health == Recovered::Health::kUnknown;
    const bool all = next_.matches(log);
    EXPECT_TRUE(all || acknowledged_.matches(log)) << ::testing::PrintToString(log);
    acknowledged_ = next_ = all ? next_ : acknowledged_;
  }

  Machine& machine_;
  std::uint64_t seed_;
  std::uint64_t ordinal_ = 0;
  Model acknowledged_;
  Model next_;
  std::unique_ptr<Wal> wal_;
  bool open_ = true;
  bool unknown_ = false;
};

inline bool run_life(Node& node, bool create, std::uint64_t steps) {
  const bool began = create ? node.create() : node.open();
  return began && node.work(steps) && (steps % 2 == 0 || node.close());
}

// Counts how many boundaries a run has when nothing happens.
inline std::uint64_t boundaries_of(std::uint64_t seed) {
  Machine machine(seed);
  const std::uint64_t before = machine.disk().boundaries();
  Node node(machine, seed);
  EXPECT_TRUE(run_life(node, true, kSteps));
  const std::uint64_t count = machine.disk().boundaries() - before;
  machine.crash(CrashKind::kProcess);
  node.gone();
  return count;
}

// The first life ends at boundary `at`, the second, which recovers, at boundary `second` of its
// own.
inline bool crash_twice(std::uint64_t seed, std::uint64_t at, std::uint64_t second,
                        CrashKind kind) {
  SCOPED_TRACE("seed " + std::to_string(seed) + ", boundaries " + std::to_string(at) + " and " +
               std::to_string(second));
  Machine machine(seed);
  Node node(machine, seed);
  machine.crash_after(at, kind);
  run_life(node, true, kSteps);
  for (const std::uint64_t life : {1, 2}) {
    machine.crash(kind);
    node.gone();
    machine.restart();
    if (life == 1) machine.crash_after(second, kind);
    run_life(node, false, 6);
  }
  machine.crash(kind);
  node.gone();
  machine.restart();
  EXPECT_TRUE(node.open());
  node.gone();
  return node.unknown_seen();
}

}  // namespace detcd::wal
