#include "server/storage.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/codec.h"
#include "base/crc32c.h"
#include "membership/membership.h"
#include "raft/codec.h"
#include "server/restore.h"

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
    return Error{Errc::kDamaged, path + ": offset 0: this isn't an identity file of detcd"};
  }
  if (magic != kIdentityMagic) {
    return Error{Errc::kIncompatible, path + ": written by a newer version of detcd"};
  }
  if (crc32c(bytes.substr(0, covered)) != crc) {
    return Error{Errc::kDamaged,
                 path + ": offset " + std::to_string(covered) + ": the checksum doesn't hold"};
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
  // Who joins a running cluster gets its log from the beginning, or a snapshot, from its members.
  if (!options.joining) {
    raft::Save first = bootstrap_save(options.initial_members);
    storage.recovered.hard_state = *first.hard_state;
    storage.recovered.entries = first.entries;
    std::vector<raft::Save> saves;
    saves.push_back(std::move(first));
    const Result<void> saved = co_await storage.wal->save(std::move(saves));
    if (!saved) co_return saved.error();
  }
  const Result<void> readme =
      co_await write_durably(world, options.data_dir, "README", std::string(kReadme));
  if (!readme) co_return readme.error();
  storage.fresh = true;
  const Result<void> identified =
      co_await write_durably(world, paths.member, "identity", encode_identity(storage.identity));
  if (!identified || options.wal_dir.empty()) co_return identified;
  co_return co_await world.disk.remove(paths.member + "/" + std::string(kClaim));
}

// An interrupted bootstrap leaves no identity either, but nothing in its log that came later.
bool served_before(const wal::Recovered& log, const NodeOptions& options) {
  return log.health == wal::Recovered::Health::kDamaged || log.snapshot ||
         log.hard_state.term > raft::Term(1) || log.hard_state.vote ||
         log.entries.size() > options.initial_members.size();
}

struct Found {
  std::optional<wal::Identity> identity;  // None: the directory is new.
  std::optional<std::string> loss;        // Why the identity is only what the flags say.
};

runtime::Task<Result<Found>> find_identity(runtime::World world, NodeOptions options, Paths paths) {
  const std::string path = paths.member + "/identity";
  const wal::Identity by_flags{options.cluster_id, options.member_id};
  const Result<std::optional<std::string>> bytes = co_await read_whole(world, path);
  if (!bytes && bytes.error().code != Errc::kIo) co_return bytes.error();
  if (!bytes) co_return Found{by_flags, path + ": offset 0: " + bytes.error().message};
  if (*bytes) {
    const Result<wal::Identity> decoded = decode_identity(path, **bytes);
    if (decoded) co_return Found{*decoded, std::nullopt};
    if (decoded.error().code != Errc::kDamaged) co_return decoded.error();
    co_return Found{by_flags, decoded.error().message};
  }
  const Result<wal::Recovered> log = co_await wal::Wal::read(world, paths.wal, by_flags);
  if (!log && log.error().code == Errc::kIncompatible) co_return log.error();
  if (log && served_before(*log, options)) {
    co_return Found{by_flags, path + ": the file isn't there, though the log was in use"};
  }
  co_return Found{};
}

// The flags may name other members than the log does by now, and are ignored then. But when by
// them the directory belongs to somebody else, two directories were mixed up.
Result<void> refuse_anothers(const wal::Identity& found, const NodeOptions& options) {
  if (found.cluster_id != options.cluster_id || found.member_id == options.member_id) return {};
  const auto owner =
      std::ranges::find(options.initial_members, found.member_id, &membership::Member::id);
  if (owner == options.initial_members.end()) return {};
  return Error{Errc::kIncompatible, "the data directory " + options.data_dir +
                                        " belongs to the member " + owner->name + ", not to " +
                                        options.name + ": nothing was changed"};
}

}  // namespace

bool is_founder(const NodeOptions& options, const wal::Identity& identity) {
  return !options.joining && options.cluster_id == identity.cluster_id &&
         std::ranges::find(options.initial_members, identity.member_id, &membership::Member::id) !=
             options.initial_members.end();
}

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
  Result<Found> found = co_await find_identity(world, options, paths);
  if (!found) co_return found.error();
  if (found->identity) {
    const Result<void> own = refuse_anothers(*found->identity, options);
    if (!own) co_return own.error();
  }
  if (!found->identity) {
    const Result<void> directories = co_await make_directories(world, paths);
    if (!directories) co_return directories.error();
  }
  storage.identity = found->identity.value_or(wal::Identity{options.cluster_id, options.member_id});
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
  if (!found->identity) {
    const Result<void> bootstrapped = co_await bootstrap(world, options, paths, storage);
    if (!bootstrapped) co_return bootstrapped.error();
    co_return std::move(storage);
  }
  Restoring how{.options = options,
                .wal_directory = paths.wal,
                .wal_options = wal_options(options),
                .identity_loss = found->loss};
  const Result<void> restored = co_await restore(world, log, std::move(how), storage);
  if (!restored) co_return restored.error();
  if (found->loss) {
    // The log says by now that the member isn't whole: that must not be forgotten with the file.
    const Result<void> written =
        co_await write_durably(world, paths.member, "identity", encode_identity(storage.identity));
    if (!written) co_return written.error();
  }
  co_return std::move(storage);
}

}  // namespace detcd::server
