#include "server/restore.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "raft/codec.h"

namespace detcd::server {
namespace {

using Health = wal::Recovered::Health;

std::string describe(const wal::Recovered& recovered) {
  if (!recovered.damage) return "the log is damaged";
  const wal::Damage& damage = *recovered.damage;
  return damage.file + " at offset " + std::to_string(damage.offset) + ": " + damage.what +
         "; entries from index " + std::to_string(damage.index.value()) + " on can't be read";
}

// What is wrong, in words for people.
struct Loss {
  std::string_view says;
  std::string what;
};
struct Losses {
  std::vector<Loss> named;
  bool base = false;  // The state that the log goes on from is among them.
};

bool is_single(const Storage& storage, const NodeOptions& options) {
  raft::Configuration configuration;
  if (storage.recovered.snapshot) configuration = storage.recovered.snapshot->configuration;
  if (storage.snapshot) configuration = storage.snapshot->meta.configuration;
  for (const raft::Entry& entry : storage.recovered.entries) {
    if (entry.kind != raft::EntryKind::kConfiguration) continue;
    Reader in(entry.data.view());
    const Result<raft::ConfigurationEntry> decoded = raft::decode_configuration_entry(in);
    if (decoded) configuration = decoded->configuration;
  }
  // Nothing readable is left: only the flags still say who the members were.
  if (configuration.voters.empty()) return options.initial_members.size() <= 1;
  return configuration.voters.size() == 1 && configuration.voters_outgoing.empty();
}

// The log goes on from a state that must be in the snapshot: its mark is written only when the
// snapshot is durable. Empty when all is there.
std::string missing_base(const Storage& storage) {
  if (!storage.recovered.snapshot) return "";
  const raft::Index mark = storage.recovered.snapshot->index;
  if (storage.snapshot && storage.snapshot->meta.index >= mark) return "";
  const std::string wanted =
      "the log goes on from a snapshot at index " + std::to_string(mark.value());
  if (!storage.snapshot) return wanted + ", which isn't there";
  return wanted + "; the one that is there ends at index " +
         std::to_string(storage.snapshot->meta.index.value());
}

// Only reads. `snapshot_loss`: what loading the snapshot said.
Losses losses_of(const Storage& storage, const Restoring& how,
                 const std::optional<Error>& snapshot_loss) {
  Losses losses;
  if (how.identity_loss) {
    losses.named.push_back({"the identity file is damaged", *how.identity_loss});
  }
  // Alone, a member may go on after a torn tail; it still has to be repaired.
  if (storage.recovered.health != Health::kWhole) {
    losses.named.push_back({"the log isn't provably whole", describe(storage.recovered)});
  }
  const std::string base = missing_base(storage);
  losses.base = !base.empty();
  if (losses.base) {
    losses.named.push_back({"the snapshot is damaged or missing",
                            snapshot_loss ? snapshot_loss->message + "; " + base : base});
  }
  return losses;
}

// A single member has nobody to repair from: only a tail that was never acknowledged may go.
bool may_go_on_alone(const Storage& storage, const Restoring& how, const Losses& losses) {
  const Health health = storage.recovered.health;
  return !losses.base && !how.identity_loss &&
         (health == Health::kWhole || health == Health::kTorn);
}

// Every log of the cluster begins with these entries: they say whom to ask for the rest. One that
// joined later isn't among them; it waits for the leader's word.
runtime::Task<Result<void>> begin_with_founders(NodeOptions options, Storage& storage) {
  raft::Save first = bootstrap_save(options.initial_members);
  raft::HardState& state = storage.recovered.hard_state;
  state.term = std::max(state.term, first.hard_state->term);
  state.commit = first.hard_state->commit;
  first.hard_state = state;
  storage.recovered.entries = first.entries;
  std::vector<raft::Save> saves;
  saves.push_back(std::move(first));
  co_return co_await storage.wal->save(std::move(saves));
}

// Opens the log for writing, whatever it lost; it says itself from then on what it is.
runtime::Task<Result<void>> open_log(runtime::World world, Restoring how, bool base_lost,
                                     Storage& storage) {
  storage.wal.reset();
  Result<wal::Wal::Opened> opened = Error{};
  if (base_lost) {
    opened =
        co_await wal::Wal::begin_anew(world, how.wal_directory, storage.identity, how.wal_options);
  } else {
    opened =
        co_await wal::Wal::open(world, how.wal_directory, storage.identity, how.wal_options, true);
  }
  if (!opened) co_return opened.error();
  storage.recovered = std::move(opened->recovered);
  storage.wal = std::move(opened->wal);
  if (how.identity_loss) {
    const Result<void> declared = co_await storage.wal->declare_loss();
    if (!declared) co_return declared.error();
    storage.recovered.health = Health::kDamaged;
  }
  const bool empty = storage.recovered.entries.empty() && !storage.snapshot;
  if (!empty || !is_founder(how.options, storage.identity)) co_return Result<void>();
  co_return co_await begin_with_founders(std::move(how.options), storage);
}

// Whether the log holds the very entry that the snapshot ends with, or was cut there.
bool holds_end_of(const raft::SnapshotMeta& meta, const wal::Recovered& log) {
  if (log.snapshot && log.snapshot->index >= meta.index) return true;
  const auto entry = std::ranges::find(log.entries, meta.index, &raft::Entry::index);
  return entry != log.entries.end() && entry->term == meta.term;
}

// Entries that the snapshot covers go. A log that ends before the snapshot, doesn't reach it, or
// has another entry at its end is replaced by it: a received snapshot became durable and the log
// hadn't heard of it yet. What such a log has behind it was never committed.
runtime::Task<Result<void>> drop_covered(Storage& storage) {
  if (!storage.snapshot) co_return Result<void>();
  const raft::SnapshotMeta& meta = storage.snapshot->meta;
  std::vector<raft::Entry>& entries = storage.recovered.entries;
  raft::HardState& state = storage.recovered.hard_state;
  state.commit = std::max(state.commit, meta.index);
  state.term = std::max(state.term, meta.term);
  raft::Index last = storage.recovered.snapshot ? storage.recovered.snapshot->index : raft::Index();
  if (!entries.empty()) last = entries.back().index;
  const bool agrees = holds_end_of(meta, storage.recovered);
  std::erase_if(entries, [&](const raft::Entry& entry) { return entry.index <= meta.index; });
  const bool reaches = entries.empty() || entries.front().index == meta.index.next();
  if (agrees && reaches && last >= meta.index) co_return Result<void>();
  entries.clear();
  raft::Save save;
  save.snapshot = meta;
  save.hard_state = state;
  save.must_sync_hard_state = true;
  std::vector<raft::Save> saves;
  saves.push_back(std::move(save));
  co_return co_await storage.wal->save(std::move(saves));
}

// The snapshot, or why it can't be read: that needn't matter.
runtime::Task<Result<std::optional<Error>>> load_snapshot(Storage& storage) {
  Result<std::optional<snapshot::Contents>> snapshot = co_await storage.snapshots->load();
  if (snapshot) {
    storage.snapshot = std::move(*snapshot);
    co_return std::optional<Error>();
  }
  if (snapshot.error().code != Errc::kDamaged) co_return snapshot.error();
  co_return std::optional<Error>(snapshot.error());
}

// Where something is wrong already, or might be, nothing is written before it is known who may.
runtime::Task<Result<void>> look_at_log(runtime::World world, Restoring how, Storage& storage) {
  if (!storage.snapshot || how.identity_loss) {
    Result<wal::Recovered> read =
        co_await wal::Wal::read(world, how.wal_directory, storage.identity);
    if (!read) co_return read.error();
    storage.recovered = std::move(*read);
    co_return Result<void>();
  }
  Result<wal::Wal::Opened> opened =
      co_await wal::Wal::open(world, how.wal_directory, storage.identity, how.wal_options, false);
  if (!opened) co_return opened.error();
  storage.recovered = std::move(opened->recovered);
  storage.wal = std::move(opened->wal);
  co_return Result<void>();
}

void tell(telemetry::Log log, const Losses& losses, const std::optional<Error>& snapshot_loss,
          bool single) {
  for (const Loss& loss : losses.named) log.warn(std::string(loss.says), {{"what", loss.what}});
  if (snapshot_loss && !losses.base) {
    log.warn("the snapshot is damaged and isn't needed: the log holds all from its beginning",
             {{"what", snapshot_loss->message}});
  }
  if (losses.named.empty() || single) return;
  log.warn("recovering: no vote and no election until the peers have made this member whole");
}

}  // namespace

runtime::Task<Result<void>> restore(runtime::World world, telemetry::Log log, Restoring how,
                                    Storage& storage) {
  const Result<std::optional<Error>> snapshot_loss = co_await load_snapshot(storage);
  if (!snapshot_loss) co_return snapshot_loss.error();
  const Result<void> looked = co_await look_at_log(world, how, storage);
  if (!looked) co_return looked.error();
  const Losses losses = losses_of(storage, how, *snapshot_loss);
  const bool single = is_single(storage, how.options);
  if (single && !may_go_on_alone(storage, how, losses)) {
    co_return Error{Errc::kDamaged, losses.named.front().what +
                                        ". A single member can't repair itself: nothing was "
                                        "changed; restore a snapshot, or the file"};
  }
  tell(log, losses, *snapshot_loss, single);
  if (!losses.named.empty() || storage.wal == nullptr) {
    const Result<void> opened = co_await open_log(world, how, losses.base, storage);
    if (!opened) co_return opened.error();
  }
  if (*snapshot_loss) {
    // The log goes on without it by now: nothing reads it again.
    const Result<void> aside = co_await storage.snapshots->set_aside();
    if (!aside) co_return aside.error();
  }
  // Alone, nobody else can make it whole: what was torn was never acknowledged, and is gone.
  if (single && storage.recovered.health != Health::kWhole) {
    storage.recovered.health = Health::kWhole;
    const Result<void> declared = co_await storage.wal->declare_whole();
    if (!declared) co_return declared.error();
  }
  co_return co_await drop_covered(storage);
}

}  // namespace detcd::server
