#include "server/convert.h"

#include <string_view>
#include <utility>

namespace detcd::server {

apply::Image image_of(const snapshot::Contents& contents) {
  apply::Image image;
  image.position = {contents.meta.index.value(), contents.meta.term.value(), contents.meta.time_ms};
  image.state_hash = contents.state_hash;
  for (const snapshot::Chunk& chunk : contents.chunks) {
    image.chunks.push_back({mvcc::ChunkId(chunk.id), chunk.hash, chunk.sealed, chunk.bytes});
  }
  image.small_state = contents.small_state;
  return image;
}

snapshot::Contents contents_of(const apply::Image& image, raft::SnapshotMeta meta) {
  snapshot::Contents contents;
  contents.meta = std::move(meta);
  contents.state_hash = image.state_hash;
  for (const apply::ChunkImage& chunk : image.chunks) {
    contents.chunks.push_back({chunk.id.value(), chunk.hash, chunk.sealed, chunk.bytes});
  }
  contents.small_state = image.small_state;
  return contents;
}

std::vector<std::string> addresses_of(const std::vector<std::string>& urls) {
  std::vector<std::string> addresses;
  for (const std::string_view url : urls) {
    const auto separator = url.find("://");
    if (separator == std::string_view::npos) continue;
    const std::string_view scheme = url.substr(0, separator);
    std::string_view rest = url.substr(separator + 3);
    if (scheme == "unix" || scheme == "unixs") {
      addresses.push_back("unix:" + std::string(rest));
      continue;
    }
    rest = rest.substr(0, rest.find('/'));
    addresses.emplace_back(rest);
  }
  return addresses;
}

}  // namespace detcd::server
