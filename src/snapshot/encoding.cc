#include "snapshot/encoding.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "raft/codec.h"

namespace detcd::snapshot {
namespace {

constexpr std::uint16_t kMajor = 1;
constexpr std::uint16_t kMinor = 0;
constexpr std::string_view kPackedMagic = "detcdPAK";
constexpr std::size_t kPackedHashOffset = 16;
constexpr std::size_t kPackedContentOffset = 24;
constexpr std::size_t kChunkEntryBytes = 25;

Error damaged(std::string what) {
  return {Errc::kDamaged, std::move(what)};
}

Result<void> check_version(Reader& in) {
  const std::uint16_t major = in.u16();
  const std::uint16_t minor = in.u16();
  const std::uint32_t features = in.u32();
  if (major != kMajor) {
    return Error{Errc::kIncompatible, "the snapshot has format " + std::to_string(major) + "." +
                                          std::to_string(minor) + ", this version reads 1.x"};
  }
  if (features != 0) {
    return Error{Errc::kIncompatible, "the snapshot needs features that this version doesn't have"};
  }
  return {};
}

// Of all but itself.
std::uint64_t packed_hash(std::string_view packed) {
  return hash64(packed.substr(kPackedContentOffset), hash64(packed.substr(0, kPackedHashOffset)));
}

}  // namespace

std::string encode_header(std::string_view magic, const FileHeader& header) {
  Writer out;
  out.raw(magic);
  out.u16(kMajor);
  out.u16(kMinor);
  out.u32(0);
  out.u64(header.identity.cluster_id);
  out.u64(header.identity.member_id);
  out.u64(0);
  out.u64(header.length);
  out.u64(header.hash);
  out.u64(hash64(out.view()));
  return out.take();
}

Result<FileHeader> decode_header(std::string_view magic, std::string_view bytes,
                                 const Identity& identity) {
  if (bytes.size() < kFileHeaderBytes || !bytes.starts_with(magic)) {
    return damaged("the header isn't there");
  }
  if (Reader(bytes.substr(kFileHeaderBytes - 8)).u64() !=
      hash64(bytes.substr(0, kFileHeaderBytes - 8))) {
    return damaged("the header's hash doesn't hold");
  }
  Reader in(bytes.substr(magic.size()));
  const Result<void> version = check_version(in);
  if (!version) return version.error();
  FileHeader header;
  header.identity.cluster_id = in.u64();
  header.identity.member_id = in.u64();
  if (in.u64() != 0) return Error{Errc::kIncompatible, "the snapshot is encrypted"};
  header.length = in.u64();
  header.hash = in.u64();
  if (header.identity != identity) {
    return Error{Errc::kIncompatible,
                 "the snapshot belongs to member " + std::to_string(header.identity.member_id) +
                     " of cluster " + std::to_string(header.identity.cluster_id)};
  }
  return header;
}

Manifest manifest_of(const Contents& contents) {
  Manifest manifest{.meta = contents.meta, .state_hash = contents.state_hash};
  for (const Chunk& chunk : contents.chunks) {
    manifest.chunks.push_back({{chunk.id, chunk.hash}, chunk.bytes.size(), chunk.sealed});
  }
  manifest.small_state = contents.small_state;
  return manifest;
}

void encode(Writer& out, const Manifest& manifest) {
  Writer meta;
  raft::encode(meta, manifest.meta);
  out.bytes(meta.view());
  out.u64(manifest.state_hash);
  out.varint(manifest.chunks.size());
  for (const ChunkEntry& chunk : manifest.chunks) {
    out.u64(chunk.name.id);
    out.u64(chunk.name.hash);
    out.u64(chunk.length);
    out.boolean(chunk.sealed);
  }
  out.bytes(manifest.small_state);
}

Result<Manifest> decode_manifest(Reader& in) {
  Reader meta_bytes(in.bytes());
  const Result<raft::SnapshotMeta> meta = raft::decode_snapshot_meta(meta_bytes);
  if (!meta) return meta.error();
  Manifest manifest{.meta = *meta};
  manifest.state_hash = in.u64();
  const std::uint64_t chunks = in.varint();
  if (!in.ok() || !meta_bytes.finished() || chunks > in.remaining() / kChunkEntryBytes) {
    return damaged("the manifest's fields don't fit its length");
  }
  for (std::uint64_t i = 0; i < chunks; ++i) {
    ChunkEntry chunk;
    chunk.name.id = in.u64();
    chunk.name.hash = in.u64();
    chunk.length = in.u64();
    chunk.sealed = in.boolean();
    manifest.chunks.push_back(chunk);
  }
  manifest.small_state = std::string(in.bytes());
  if (!in.ok()) return damaged("the manifest ends too early");
  return manifest;
}

std::string pack(const Contents& contents) {
  Writer content;
  encode(content, manifest_of(contents));
  std::size_t bytes = kPackedContentOffset + content.size();
  for (const Chunk& chunk : contents.chunks) bytes += chunk.bytes.size();
  Writer out;
  out.reserve(bytes);
  out.raw(kPackedMagic);
  out.u16(kMajor);
  out.u16(kMinor);
  out.u32(0);
  out.u64(0);
  out.raw(content.view());
  for (const Chunk& chunk : contents.chunks) out.raw(chunk.bytes.view());
  std::string packed = out.take();
  const std::uint64_t hash = packed_hash(packed);
  for (int i = 0; i < 8; ++i) {
    packed[kPackedHashOffset + i] = static_cast<char>(hash >> (8 * i));
  }
  return packed;
}

Result<Contents> unpack(const Bytes& packed) {
  Reader in(packed.view());
  if (in.raw(kPackedMagic.size()) != kPackedMagic) return damaged("not a packed snapshot");
  const Result<void> version = check_version(in);
  if (!version) return version.error();
  const std::uint64_t hash = in.u64();
  if (!in.ok() || packed_hash(packed.view()) != hash) {
    return damaged("the packed snapshot's hash doesn't hold");
  }
  Result<Manifest> manifest = decode_manifest(in);
  if (!manifest) return manifest.error();
  Contents contents{.meta = manifest->meta, .state_hash = manifest->state_hash};
  contents.small_state = std::move(manifest->small_state);
  for (const ChunkEntry& entry : manifest->chunks) {
    if (entry.length > in.remaining()) return damaged("the packed snapshot ends inside a chunk");
    Bytes bytes = packed.slice(packed.size() - in.remaining(), entry.length);
    static_cast<void>(in.raw(entry.length));
    if (hash64(bytes.view()) != entry.name.hash) {
      return damaged("the hash of chunk " + std::to_string(entry.name.id) + " doesn't hold");
    }
    contents.chunks.push_back({entry.name.id, entry.name.hash, entry.sealed, std::move(bytes)});
  }
  if (!in.finished()) return damaged("the packed snapshot is longer than its chunks");
  return contents;
}

}  // namespace detcd::snapshot
