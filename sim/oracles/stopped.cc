#include "sim/oracles/stopped.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/hash.h"
#include "runtime/task_group.h"
#include "server/storage.h"
#include "sim/machine/machine.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kOracle = "stopped disk";

runtime::Task<void> open_into(runtime::World world, telemetry::Log log, server::NodeOptions options,
                              std::optional<Result<server::Storage>>& opened) {
  Result<server::Storage> storage = co_await server::open_storage(world, log, std::move(options));
  opened.emplace(std::move(storage));
}

class Silent final : public telemetry::Sink {
 public:
  void write(const telemetry::Record&) override {}
};

class Judge {
 public:
  Judge(const StoppedMember& stopped, const History& history)
      : stopped_(stopped), history_(history) {}

  std::optional<Violation> judge(const Result<server::Storage>& storage) {
    if (!storage) {
      // A disk that lost what it had acknowledged may leave anything, and the member says so.
      if (stopped_.honest) fail("can't be opened: " + storage.error().message);
      return violation_;
    }
    if (storage->identity.member_id != stopped_.options.member_id) {
      fail("says that it is another member's");
    }
    check_pieces(*storage);
    if (stopped_.honest) check_promises(*storage);
    return violation_;
  }

 private:
  void fail(const std::string& what) {
    if (violation_) return;
    violation_ = Violation{std::string(kOracle), "what a stopped member left on its disk " + what +
                                                     ": n" + std::to_string(stopped_.node)};
  }

  // The snapshot, and the entries that go on from it without a gap.
  void check_pieces(const server::Storage& storage) {
    raft::Index last = base_of(storage);
    raft::Term term;
    for (const raft::Entry& entry : storage.recovered.entries) {
      if (entry.index != last.next()) fail("has a gap before index " + text(entry.index));
      if (entry.term < term) fail("has an older term at index " + text(entry.index));
      last = entry.index;
      term = entry.term;
    }
    if (term > storage.recovered.hard_state.term) fail("has entries of a later term than its own");
    if (!storage.snapshot) return;
    const auto applied = history_.log.find(storage.snapshot->meta.index.value());
    if (applied == history_.log.end()) return;
    if (applied->second.state_hash != storage.snapshot->state_hash ||
        applied->second.term != storage.snapshot->meta.term.value()) {
      fail("has another snapshot than what was applied up to index " +
           text(storage.snapshot->meta.index));
    }
  }

  void check_promises(const server::Storage& storage) {
    const Promised& promised = stopped_.promised;
    if (storage.recovered.health == wal::Recovered::Health::kDamaged) {
      fail("is taken for damaged, though the disk kept all that was synced");
    }
    const raft::Index last = storage.recovered.entries.empty()
                                 ? base_of(storage)
                                 : storage.recovered.entries.back().index;
    if (last < promised.synced) {
      fail("ends at index " + text(last) + ", though index " + text(promised.synced) +
           " was reported synced");
    }
    const raft::HardState& state = storage.recovered.hard_state;
    if (state.term < promised.answered) fail("is of an older term than the member had answered in");
    if (promised.vote && state.term == promised.voted_in && state.vote != promised.vote) {
      fail("lacks the vote of term " + std::to_string(promised.voted_in.value()));
    }
    if (promised.match <= std::max(base_of(storage), state.commit)) return;
    const auto entry =
        std::ranges::find(storage.recovered.entries, promised.match, &raft::Entry::index);
    const bool there = entry != storage.recovered.entries.end() && entry->term == promised.entry;
    // What a later leader replaced was never committed.
    if (!there && state.term == promised.answered) {
      fail("lacks index " + text(promised.match) + ", which was acknowledged");
    }
  }

  [[nodiscard]] static raft::Index base_of(const server::Storage& storage) {
    raft::Index base;
    if (storage.recovered.snapshot) base = storage.recovered.snapshot->index;
    if (storage.snapshot) base = std::max(base, storage.snapshot->meta.index);
    return base;
  }
  [[nodiscard]] static std::string text(raft::Index index) { return std::to_string(index.value()); }

  const StoppedMember& stopped_;
  const History& history_;
  std::optional<Violation> violation_;
};

}  // namespace

std::optional<Violation> judge_stopped(StoppedMember stopped, const History& history) {
  Kernel kernel(stopped.node);
  SimNetwork network(kernel, {});
  MachineOptions options;
  options.node = NodeNumber(stopped.node);
  options.host = "n" + std::to_string(stopped.node);
  Machine machine(kernel, network, options);
  machine.disk().replace_image(std::move(stopped.image));
  std::optional<Result<server::Storage>> opened;
  Silent silent;
  machine.tasks().spawn(open_into(machine.world(), telemetry::Log(silent, telemetry::Level::kError),
                                  stopped.options, opened));
  kernel.run_until([&opened] { return opened.has_value(); }, kNeverVirtual);
  std::optional<Violation> violation = Judge(stopped, history).judge(*opened);
  // What was opened belongs to the machine's life.
  machine.kill(Death::kCrash, [&opened] { opened.reset(); });
  return violation;
}

}  // namespace detcd::sim
