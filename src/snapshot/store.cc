#include "snapshot/store.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "base/units.h"
#include "raft/codec.h"
#include "snapshot/encoding.h"

namespace detcd::snapshot {
namespace {

constexpr std::string_view kManifestName = "MANIFEST";
constexpr std::string_view kTemporarySuffix = ".tmp";
constexpr std::string_view kChunkSuffix = ".chunk";
constexpr std::string_view kDamagedSuffix = ".damaged";
constexpr std::size_t kPieceBytes = kMiB;

std::string hex(std::uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = text.size(); i-- > 0; value >>= 4) text[i] = kDigits[value & 15];
  return text;
}

std::string file_name(const ChunkName& chunk) {
  return hex(chunk.id) + "-" + hex(chunk.hash) + std::string(kChunkSuffix);
}

Error in_file(const std::string& path, const Error& error) {
  return {error.code, path + ": " + error.message};
}

struct Content {
  std::string_view magic;
  std::string name;
  FileHeader header;
  Bytes bytes;
};

class DirectoryStore final : public Store {
 public:
  DirectoryStore(runtime::World world, std::string directory, Identity identity)
      : world_(world), directory_(std::move(directory)), identity_(identity) {}

  runtime::Task<Result<void>> save(Contents contents) override;
  runtime::Task<Result<std::optional<Contents>>> load() override;
  runtime::Task<Result<void>> set_aside() override;

 private:
  runtime::Task<Result<void>> write_file(Content content);
  runtime::Task<Result<Bytes>> read_file(std::string_view magic, std::string name,
                                         std::optional<std::uint64_t> hash);
  runtime::Task<Result<std::optional<Manifest>>> read_manifest();
  runtime::Task<Result<Bytes>> read_chunk(ChunkEntry entry);
  runtime::Task<Result<void>> tidy(std::set<std::string> named);
  runtime::Task<Result<void>> remove_unnamed(std::set<std::string> named);
  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }

  runtime::World world_;
  std::string directory_;
  Identity identity_;
  // Chunk files that are durable and whole as far as is known; only these aren't written again.
  std::set<ChunkName> durable_;
  std::string damaged_;  // The file that the last load failed for, without its directory.
};

// What no manifest names is left over by a crash, or of a former snapshot.
runtime::Task<Result<void>> DirectoryStore::tidy(std::set<std::string> named) {
  // The manifest may be one whose name a crash left unsynced: the former one must not come back
  // after its chunks are gone.
  const Result<void> synced = co_await world_.disk.sync_directory(directory_);
  if (!synced) co_return synced.error();
  co_return co_await remove_unnamed(std::move(named));
}

runtime::Task<Result<void>> DirectoryStore::save(Contents contents) {
  const Manifest manifest = manifest_of(contents);
  bool written_any = false;
  for (Chunk& chunk : contents.chunks) {
    const ChunkName name{chunk.id, chunk.hash};
    if (durable_.contains(name)) continue;
    if (hash64(chunk.bytes.view()) != chunk.hash) {
      co_return Error{Errc::kDamaged, file_name(name) + ": the bytes in memory aren't the chunk's"};
    }
    Content content{.magic = kChunkMagic, .name = file_name(name), .bytes = chunk.bytes};
    content.header = {identity_, chunk.bytes.size(), chunk.hash};
    const Result<void> written = co_await write_file(std::move(content));
    if (!written) co_return written.error();
    written_any = true;
  }
  if (written_any) {
    const Result<void> named = co_await world_.disk.sync_directory(directory_);
    if (!named) co_return named.error();
  }
  Writer text;
  encode(text, manifest);
  Content content{.magic = kManifestMagic, .name = std::string(kManifestName)};
  content.bytes = Bytes::adopt(text.take());
  content.header = {identity_, content.bytes.size(), hash64(content.bytes.view())};
  const Result<void> written = co_await write_file(std::move(content));
  if (!written) co_return written.error();
  const Result<void> named = co_await world_.disk.sync_directory(directory_);
  if (!named) co_return named.error();

  durable_.clear();
  std::set<std::string> names;
  for (const ChunkEntry& chunk : manifest.chunks) {
    durable_.insert(chunk.name);
    names.insert(file_name(chunk.name));
  }
  // The snapshot is durable already: what can't be removed now is removed later.
  const Result<void> removed = co_await remove_unnamed(std::move(names));
  static_cast<void>(removed);
  co_return Result<void>();
}

// What can't be read is as good as damaged. A failed sync or removal says nothing of the snapshot.
Error unreadable(Error error) {
  if (error.code == Errc::kIo) error.code = Errc::kDamaged;
  return error;
}

runtime::Task<Result<std::optional<Contents>>> DirectoryStore::load() {
  damaged_ = kManifestName;
  Result<std::optional<Manifest>> manifest = co_await read_manifest();
  if (!manifest) co_return unreadable(manifest.error());
  std::set<std::string> named;
  std::optional<Contents> found;
  if (*manifest) {
    found = Contents{.meta = (*manifest)->meta, .state_hash = (*manifest)->state_hash};
    found->small_state = std::move((*manifest)->small_state);
    for (const ChunkEntry& entry : (*manifest)->chunks) {
      damaged_ = file_name(entry.name);
      Result<Bytes> bytes = co_await read_chunk(entry);
      if (!bytes) co_return unreadable(bytes.error());
      durable_.insert(entry.name);
      named.insert(file_name(entry.name));
      found->chunks.push_back({entry.name.id, entry.name.hash, entry.sealed, std::move(*bytes)});
    }
  }
  damaged_.clear();
  const Result<void> tidied = co_await tidy(std::move(named));
  if (!tidied) co_return tidied.error();
  co_return std::move(found);
}

runtime::Task<Result<Bytes>> DirectoryStore::read_chunk(ChunkEntry entry) {
  const std::string name = file_name(entry.name);
  Result<Bytes> bytes = co_await read_file(kChunkMagic, name, entry.name.hash);
  if (bytes && bytes->size() != entry.length) {
    bytes =
        Error{Errc::kDamaged, path(name) + ": the chunk hasn't the length that the manifest names"};
  }
  // The next save writes it again.
  if (!bytes) durable_.erase(entry.name);
  if (!bytes && bytes.error().code == Errc::kNotFound) {
    co_return Error{Errc::kDamaged, path(name) + ": the file isn't there"};
  }
  co_return std::move(bytes);
}

// The manifest goes last: without it there is no snapshot, with it the damage is found again.
runtime::Task<Result<void>> DirectoryStore::set_aside() {
  const std::vector<std::string> names{damaged_, std::string(kManifestName)};
  for (const std::string& name : names) {
    if (name.empty()) continue;
    const Result<void> renamed =
        co_await world_.disk.rename(path(name), path(name) + std::string(kDamagedSuffix));
    if (!renamed && renamed.error().code != Errc::kNotFound) co_return renamed.error();
    const Result<void> synced = co_await world_.disk.sync_directory(directory_);
    if (!synced) co_return synced.error();
  }
  damaged_.clear();
  co_return Result<void>();
}

// Under a temporary name first; the new name isn't durable yet.
runtime::Task<Result<void>> DirectoryStore::write_file(Content content) {
  const std::string temporary = path(content.name) + std::string(kTemporarySuffix);
  Result<std::unique_ptr<runtime::File>> file =
      co_await world_.disk.open(temporary, runtime::OpenMode::kCreate);
  if (!file) co_return file.error();
  // What an abandoned save left there must not show behind the new content.
  const Result<void> emptied = co_await (*file)->truncate(0);
  if (!emptied) co_return emptied.error();
  std::string header = encode_header(content.magic, content.header);
  const Result<void> headed = co_await (*file)->write(0, std::move(header));
  if (!headed) co_return headed.error();
  for (std::size_t offset = 0; offset < content.bytes.size(); offset += kPieceBytes) {
    std::string piece(content.bytes.view().substr(offset, kPieceBytes));
    const Result<void> written =
        co_await (*file)->write(kFileHeaderBytes + offset, std::move(piece));
    if (!written) co_return written.error();
  }
  const Result<void> synced = co_await (*file)->sync();
  if (!synced) co_return synced.error();
  co_return co_await world_.disk.rename(temporary, path(content.name));
}

// What follows the header, verified; `hash` is what it must have when that is known.
runtime::Task<Result<Bytes>> DirectoryStore::read_file(std::string_view magic, std::string name,
                                                       std::optional<std::uint64_t> hash) {
  const std::string where = path(name);
  Result<std::unique_ptr<runtime::File>> file =
      co_await world_.disk.open(where, runtime::OpenMode::kRead);
  if (!file) co_return file.error();
  const Result<std::uint64_t> size = co_await (*file)->size();
  if (!size) co_return size.error();
  const Result<std::string> head = co_await (*file)->read(0, kFileHeaderBytes);
  if (!head) co_return in_file(where, head.error());
  const Result<FileHeader> header = decode_header(magic, *head, identity_);
  if (!header) co_return in_file(where + ": offset 0", header.error());
  if (*size != kFileHeaderBytes + header->length) {
    co_return Error{Errc::kDamaged, where + ": " + std::to_string(*size) + " bytes, " +
                                        std::to_string(kFileHeaderBytes + header->length) +
                                        " were written"};
  }
  std::string bytes;
  bytes.reserve(header->length);
  while (bytes.size() < header->length) {
    const std::size_t step = std::min<std::uint64_t>(kPieceBytes, header->length - bytes.size());
    const Result<std::string> piece = co_await (*file)->read(kFileHeaderBytes + bytes.size(), step);
    if (!piece) co_return in_file(where, piece.error());
    if (piece->empty()) co_return Error{Errc::kDamaged, where + ": the file became shorter"};
    bytes.append(*piece);
  }
  if (hash64(bytes) != header->hash || header->hash != hash.value_or(header->hash)) {
    co_return Error{Errc::kDamaged, where + ": offset " + std::to_string(kFileHeaderBytes) +
                                        ": the hash of the content doesn't hold"};
  }
  co_return Bytes::adopt(std::move(bytes));
}

runtime::Task<Result<std::optional<Manifest>>> DirectoryStore::read_manifest() {
  const Result<Bytes> bytes =
      co_await read_file(kManifestMagic, std::string(kManifestName), std::nullopt);
  if (!bytes && bytes.error().code == Errc::kNotFound) co_return std::optional<Manifest>();
  if (!bytes) co_return bytes.error();
  Reader in(bytes->view());
  Result<Manifest> manifest = decode_manifest(in);
  if (manifest && !in.finished()) {
    manifest = Error{Errc::kDamaged, "the manifest is longer than its fields"};
  }
  if (!manifest) co_return in_file(path(std::string(kManifestName)), manifest.error());
  co_return std::optional<Manifest>(std::move(*manifest));
}

runtime::Task<Result<void>> DirectoryStore::remove_unnamed(std::set<std::string> named) {
  const Result<std::vector<runtime::DirectoryEntry>> entries =
      co_await world_.disk.list(directory_);
  if (!entries) co_return entries.error();
  for (const runtime::DirectoryEntry& entry : *entries) {
    const bool temporary = entry.name.ends_with(kTemporarySuffix);
    const bool unnamed = entry.name.ends_with(kChunkSuffix) && !named.contains(entry.name);
    if (!temporary && !unnamed) continue;
    const Result<void> removed = co_await world_.disk.remove(path(entry.name));
    if (!removed) co_return removed.error();
  }
  co_return Result<void>();
}

}  // namespace

runtime::Task<Result<std::unique_ptr<Store>>> Store::open(runtime::World world,
                                                          std::string directory,
                                                          Identity identity) {
  const Result<std::vector<runtime::DirectoryEntry>> entries = co_await world.disk.list(directory);
  if (!entries) co_return entries.error();
  std::unique_ptr<Store> store =
      std::make_unique<DirectoryStore>(world, std::move(directory), identity);
  co_return std::move(store);
}

}  // namespace detcd::snapshot
