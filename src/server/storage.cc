#include "server/storage.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/codec.h"
#include "base/crc32c.h"
#include "membership/membership.h"
#include "raft/codec.h"

namespace detcd::server {
namespace {

constexpr std::string_view kIdentityMagic = "DETCDID1";
constexpr std::string_view kClaim =
    "bootstrap";  // Names the log's directory, until the identity is there.
constexpr std::string_view kReadme =
    "This is the data directory of a detcd member. It isn't etcd's: etcd, etcdctl and etcdutl "
    "can't\n"
    "read it. Never change or copy parts of it; take snapshots through the server.\n";

std::string encode_identity(const wal::Identity& identity) {
  Writer out;
  out.raw(kIdentityMagic);
  out.u64(identity.cluster_id);
  out.u64(identity.member_id);
  out.u32(crc32c(out.view()));
  return out.take();
}

Result<wal::Identity> decode_identity(const std::string& path, std::string_view bytes) {
  Reader in(bytes);
  const std::string_view magic = in.raw(kIdentityMagic.size());
  wal::Identity identity;
  identity.cluster_id = in.u64();
  identity.member_id = in.u64();
  const std::size_t covered = bytes.size() - in.remaining();
  const std::uint32_t crc = in.u32();
  if (!in.ok() || magic.substr(0, 7) != kIdentityMagic.substr(0, 7)) {
    return Error{Errc::kDamaged, path + ": this isn't an identity file of detcd"};
  }
  if (magic != kIdentityMagic) {
    return Error{Errc::kIncompatible, path + ": written by a newer version of detcd"};
  }
  if (crc32c(bytes.substr(0, covered)) != crc) {
    return Error{Errc::kDamaged, path + ": checksum doesn't hold"};
  }
  return identity;
}

runtime::Task<Result<void>> write_durably(runtime::World world, std::string directory,
                                          std::string name, std::string bytes) {
  const std::string temporary = directory + "/" + name + ".tmp";
  Result<std::unique_ptr<runtime::File>> file =
      co_await world.disk.open(temporary, runtime::OpenMode::kCreate);
  if (!file) co_return file.error();
  const Result<void> cut = co_await (*file)->truncate(0);
  if (!cut) co_return cut.error();
  const Result<void> written = co_await (*file)->write(0, std::move(bytes));
  if (!written) co_return written.error();
  const Result<void> synced = co_await (*file)->sync();
  if (!synced) co_return synced.error();
  file->reset();
  const Result<void> renamed = co_await world.disk.rename(temporary, directory + "/" + name);
  if (!renamed) co_return renamed.error();
  co_return co_await world.disk.sync_directory(directory);
}

runtime::Task<Result<std::optional<std::string>>> read_whole(runtime::World world,
                                                             std::string path) {
  Result<std::unique_ptr<runtime::File>> file =
      co_await world.disk.open(path, runtime::OpenMode::kRead);
  if (!file) {
    if (file.error().code == Errc::kNotFound) co_return std::optional<std::string>();
    co_return file.error();
  }
  constexpr std::size_t kMost = 4096;
  Result<std::string> bytes = co_await (*file)->read(0, kMost);
  if (!bytes) co_return bytes.error();
  co_return std::optional<std::string>(std::move(*bytes));
}

// etcd keeps a bbolt file at member/snap/db and logs named *.wal: neither is ours to touch.
runtime::Task<Result<void>> refuse_foreign(runtime::World world, std::string data_dir) {
  const Result<std::vector<runtime::DirectoryEntry>> snap =
      co_await world.disk.list(data_dir + "/member/snap");
  if (snap) {
    for (const runtime::DirectoryEntry& entry : *snap) {
      if (entry.name == "db" || entry.name.ends_with(".snap")) {
        co_return Error{Errc::kIncompatible,
                        data_dir + " is a data directory of etcd (member/snap/" + entry.name +
                            "): detcd can't import it yet; start with an empty --data-dir"};
      }
    }
  }
  const Result<std::vector<runtime::DirectoryEntry>> proxy =
      co_await world.disk.list(data_dir + "/proxy");
  if (proxy) {
    co_return Error{Errc::kIncompatible, data_dir + " holds a v2 proxy's data (proxy/)"};
  }
  co_return Result<void>();
}

struct Paths {
  std::string member;
  std::string wal;
  std::string snap;
};

Paths paths_of(const NodeOptions& options) {
  const std::string member = options.data_dir + "/member";
  return {member, options.wal_dir.empty() ? member + "/wal" : options.wal_dir, member + "/snap"};
}

// All directories above `path`, nearest first: "/a/b" gives "/a" and "/", "a/b" gives "a" and ".".
std::vector<std::string> ancestors(std::string path) {
  std::vector<std::string> above;
  while (true) {
    const auto slash = path.find_last_not_of('/') == std::string::npos
                           ? std::string::npos
                           : path.rfind('/', path.find_last_not_of('/'));
    if (slash == std::string::npos) break;
    path.resize(slash == 0 ? 1 : slash);
    above.push_back(path);
    if (path == "/") return above;
  }
  above.emplace_back(".");
  return above;
}

runtime::Task<Result<void>> make_directories(runtime::World world, Paths paths) {
  const std::vector<std::string> wanted{paths.member, paths.wal, paths.snap};
  for (const std::string& path : wanted) {
    const Result<void> made = co_await world.disk.make_directory(path);
    if (!made) co_return made.error();
  }
  // Every name on the way down is durable before anything is acknowledged from below it.
  std::vector<std::string> parents = ancestors(paths.snap);
  for (std::string& parent : ancestors(paths.wal)) parents.push_back(std::move(parent));
  for (const std::string& path : parents) {
    const Result<void> synced = co_await world.disk.sync_directory(path);
    // Directories of others, high above, may be closed to us; their names are old.
    if (!synced && synced.error().code != Errc::kPermission) co_return synced.error();
  }
  co_return Result<void>();
}

bool is_no_log_file(const runtime::DirectoryEntry& entry) {
  return entry.is_directory || entry.name == "LOCK";
}

// src/wal/FORMAT.md: 16 hex digits, and a kind.
bool is_of_our_log(std::string_view name) {
  constexpr std::size_t kDigits = 16;
  return name.find_first_not_of("0123456789abcdef") == kDigits && name[kDigits] == '.';
}

Error foreign_log(const Paths& paths, const std::string& name) {
  return {Errc::kIncompatible, "the log's directory " + paths.wal + " holds " + name + ", but " +
                                   paths.member +
                                   " has no identity of a member: nothing was changed; say the "
                                   "--data-dir it belongs to, or an empty --wal-dir"};
}

// A directory said by --wal-dir may be anybody's. What it holds may go only if a bootstrap into
// this data directory put it there, and that is so if it was empty when this mark was made.
runtime::Task<Result<void>> claim_log_directory(runtime::World world, Paths paths) {
  const Result<std::optional<std::string>> claimed =
      co_await read_whole(world, paths.member + "/" + std::string(kClaim));
  if (!claimed) co_return claimed.error();
  if (*claimed == paths.wal) co_return Result<void>();
  const Result<std::vector<runtime::DirectoryEntry>> entries = co_await world.disk.list(paths.wal);
  if (!entries) co_return entries.error();
  for (const runtime::DirectoryEntry& entry : *entries) {
    if (!is_no_log_file(entry)) co_return foreign_log(paths, entry.name);
  }
  co_return co_await write_durably(world, paths.member, std::string(kClaim), paths.wal);
}

// What an interrupted bootstrap left: nothing in it was ever acknowledged.
runtime::Task<Result<void>> remove_files(runtime::World world, Paths paths) {
  const std::string& directory = paths.wal;
  const Result<std::vector<runtime::DirectoryEntry>> entries = co_await world.disk.list(directory);
  if (!entries) co_return entries.error();
  for (const runtime::DirectoryEntry& entry : *entries) {
    if (is_no_log_file(entry)) continue;
    if (!is_of_our_log(entry.name)) co_return foreign_log(paths, entry.name);
  }
  for (const runtime::DirectoryEntry& entry : *entries) {
    if (is_no_log_file(entry)) continue;
    const Result<void> removed = co_await world.disk.remove(directory + "/" + entry.name);
    if (!removed) co_return removed.error();
  }
  co_return co_await world.disk.sync_directory(directory);
}

wal::Options wal_options(const NodeOptions& options) {
  wal::Options wal;
  wal.segment_bytes = options.wal_segment_bytes;
  return wal;
}

runtime::Task<Result<void>> bootstrap(runtime::World world, NodeOptions options, Paths paths,
                                      Storage& storage) {
  storage.identity = {options.cluster_id, options.member_id};
  if (!options.wal_dir.empty()) {
    const Result<void> claimed = co_await claim_log_directory(world, paths);
    if (!claimed) co_return claimed.error();
  }
  const Result<void> emptied = co_await remove_files(world, paths);
  if (!emptied) co_return emptied.error();
  Result<std::unique_ptr<wal::Wal>> log =
      co_await wal::Wal::create(world, paths.wal, storage.identity, wal_options(options));
  if (!log) co_return log.error();
  storage.wal = std::move(*log);
  raft::Save first = bootstrap_save(options.initial_members);
  storage.recovered.hard_state = *first.hard_state;
  storage.recovered.entries = first.entries;
  std::vector<raft::Save> saves;
  saves.push_back(std::move(first));
  const Result<void> saved = co_await storage.wal->save(std::move(saves));
  if (!saved) co_return saved.error();
  const Result<void> readme =
      co_await write_durably(world, options.data_dir, "README", std::string(kReadme));
  if (!readme) co_return readme.error();
  storage.fresh = true;
  const Result<void> identified =
      co_await write_durably(world, paths.member, "identity", encode_identity(storage.identity));
  if (!identified || options.wal_dir.empty()) co_return identified;
  co_return co_await world.disk.remove(paths.member + "/" + std::string(kClaim));
}

std::string describe(const wal::Recovered& recovered) {
  if (!recovered.damage) return "the log is damaged";
  const wal::Damage& damage = *recovered.damage;
  return damage.file + " at offset " + std::to_string(damage.offset) + ": " + damage.what +
         "; entries from index " + std::to_string(damage.index.value()) + " on can't be read";
}

// A single member has nobody to repair from: only a tail that was never acknowledged may go.
bool may_go_on(const wal::Recovered& recovered, bool single) {
  switch (recovered.health) {
    case wal::Recovered::Health::kWhole:
      return true;
    case wal::Recovered::Health::kTorn:
      return true;
    case wal::Recovered::Health::kUnknown:
    case wal::Recovered::Health::kDamaged:
      return !single;
  }
  return false;
}

bool is_single(const Storage& storage, const NodeOptions& options) {
  raft::Configuration configuration;
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

runtime::Task<Result<void>> recover(runtime::World world, telemetry::Log log, NodeOptions options,
                                    Paths paths, Storage& storage) {
  Result<std::optional<snapshot::Contents>> snapshot = co_await storage.snapshots->load();
  if (!snapshot) co_return snapshot.error();
  storage.snapshot = std::move(*snapshot);
  const wal::Options how = wal_options(options);
  Result<wal::Wal::Opened> opened =
      co_await wal::Wal::open(world, paths.wal, storage.identity, how, false);
  if (!opened) co_return opened.error();
  storage.recovered = std::move(opened->recovered);
  storage.wal = std::move(opened->wal);
  if (storage.recovered.health == wal::Recovered::Health::kWhole) co_return Result<void>();
  const std::string what = describe(storage.recovered);
  if (!may_go_on(storage.recovered, is_single(storage, options))) {
    co_return Error{Errc::kDamaged, what +
                                        ". A single member can't repair itself: nothing was "
                                        "changed; restore a snapshot, or the file"};
  }
  log.warn("the log isn't provably whole", {{"what", what}});
  Result<wal::Wal::Opened> again =
      co_await wal::Wal::open(world, paths.wal, storage.identity, how, true);
  if (!again) co_return again.error();
  storage.recovered = std::move(again->recovered);
  storage.wal = std::move(again->wal);
  const bool empty = storage.recovered.entries.empty() && !storage.snapshot;
  if (empty && !options.initial_members.empty()) {
    // Every log of the cluster begins with these entries: they say whom to ask for the rest.
    raft::Save first = bootstrap_save(options.initial_members);
    raft::HardState& state = storage.recovered.hard_state;
    state.term = std::max(state.term, first.hard_state->term);
    state.commit = first.hard_state->commit;
    first.hard_state = state;
    storage.recovered.entries = first.entries;
    std::vector<raft::Save> saves;
    saves.push_back(std::move(first));
    const Result<void> saved = co_await storage.wal->save(std::move(saves));
    if (!saved) co_return saved.error();
  }
  // Alone, nobody else can make it whole: what was torn was never acknowledged, and is gone.
  if (is_single(storage, options)) {
    storage.recovered.health = wal::Recovered::Health::kWhole;
    co_return co_await storage.wal->declare_whole();
  }
  co_return Result<void>();
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

}  // namespace

raft::Save bootstrap_save(const std::vector<membership::Member>& members) {
  raft::Save save;
  std::vector<membership::Member> sorted = members;
  std::ranges::sort(sorted, {}, &membership::Member::id);
  raft::ConfigurationEntry change;
  raft::Index index(0);
  for (const membership::Member& member : sorted) {
    change.configuration.voters.insert(raft::NodeId(member.id));
    change.context = Bytes(membership::encode({membership::Change::Kind::kAdd, member}));
    Writer out;
    raft::encode(out, change);
    raft::Entry entry;
    entry.term = raft::Term(1);
    entry.index = ++index;
    entry.kind = raft::EntryKind::kConfiguration;
    entry.data = Bytes::adopt(out.take());
    save.entries.push_back(std::move(entry));
  }
  save.hard_state = raft::HardState{raft::Term(1), std::nullopt, index};
  save.must_sync_hard_state = true;
  return save;
}

runtime::Task<Result<Storage>> open_storage(runtime::World world, telemetry::Log log,
                                            NodeOptions options) {
  const Result<void> ours = co_await refuse_foreign(world, options.data_dir);
  if (!ours) co_return ours.error();
  const Result<void> made = co_await world.disk.make_directory(options.data_dir);
  if (!made) co_return made.error();
  Storage storage;
  Result<std::unique_ptr<runtime::DirectoryLock>> lock = co_await world.disk.lock(options.data_dir);
  if (!lock) {
    co_return Error{lock.error().code,
                    "cannot lock data directory " + options.data_dir + ": " + lock.error().message};
  }
  storage.lock = std::move(*lock);
  const Paths paths = paths_of(options);
  const std::string identity_path = paths.member + "/identity";
  const Result<std::optional<std::string>> identity = co_await read_whole(world, identity_path);
  if (!identity) co_return identity.error();
  if (*identity) {
    const Result<wal::Identity> decoded = decode_identity(identity_path, **identity);
    if (!decoded) co_return decoded.error();
    storage.identity = *decoded;
  } else {
    const Result<void> directories = co_await make_directories(world, paths);
    if (!directories) co_return directories.error();
    storage.identity = {options.cluster_id, options.member_id};
  }
  if (!options.wal_dir.empty()) {
    Result<std::unique_ptr<runtime::DirectoryLock>> log_lock = co_await world.disk.lock(paths.wal);
    if (!log_lock) {
      co_return Error{log_lock.error().code, "cannot lock the log's directory " + paths.wal + ": " +
                                                 log_lock.error().message};
    }
    storage.wal_lock = std::move(*log_lock);
  }
  const snapshot::Identity owner{storage.identity.cluster_id, storage.identity.member_id};
  Result<std::unique_ptr<snapshot::Store>> snapshots =
      co_await snapshot::Store::open(world, paths.snap, owner);
  if (!snapshots) co_return snapshots.error();
  storage.snapshots = std::move(*snapshots);
  Result<void> ready;
  if (*identity) {
    ready = co_await recover(world, log, options, paths, storage);
  } else {
    ready = co_await bootstrap(world, options, paths, storage);
  }
  if (!ready) co_return ready.error();
  const Result<void> joined = co_await drop_covered(storage);
  if (!joined) co_return joined.error();
  co_return std::move(storage);
}

}  // namespace detcd::server
