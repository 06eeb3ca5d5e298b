// The bytes of a snapshot (FORMAT.md): file headers and the manifest's content. Pure functions;
// every decoder checks lengths and hashes before it believes anything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.h"
#include "snapshot/store.h"

namespace detcd::snapshot {

inline constexpr std::size_t kFileHeaderBytes = 64;
inline constexpr std::string_view kManifestMagic = "detcdMAN";
inline constexpr std::string_view kChunkMagic = "detcdCHK";

struct FileHeader {
  Identity identity;
  std::uint64_t length = 0;
  std::uint64_t hash = 0;
};
[[nodiscard]] std::string encode_header(std::string_view magic, const FileHeader& header);
// kDamaged or kIncompatible; the message is a sentence without the file's name.
[[nodiscard]] Result<FileHeader> decode_header(std::string_view magic, std::string_view bytes,
                                               const Identity& identity);

struct ChunkName {
  std::uint64_t id = 0;
  std::uint64_t hash = 0;
  friend auto operator<=>(const ChunkName&, const ChunkName&) = default;
};
struct ChunkEntry {
  ChunkName name;
  std::uint64_t length = 0;
  bool sealed = false;
};
struct Manifest {
  raft::SnapshotMeta meta;
  std::uint64_t state_hash = 0;
  std::vector<ChunkEntry> chunks;
  std::string small_state;
};
[[nodiscard]] Manifest manifest_of(const Contents& contents);
void encode(Writer& out, const Manifest& manifest);
// Leaves the reader behind the manifest.
[[nodiscard]] Result<Manifest> decode_manifest(Reader& in);

}  // namespace detcd::snapshot
