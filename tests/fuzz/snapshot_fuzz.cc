// A snapshot that came from another member, and the files of one: nothing is believed unchecked.
#include "snapshot/encoding.h"
#include "tests/fuzz/fuzz.h"

namespace detcd {
namespace {

void try_input(fuzz::Input input) {
  const std::uint8_t choice = input.byte() % 3;
  const std::string_view bytes = input.rest();
  if (choice == 0) {
    const Result<snapshot::Contents> contents = snapshot::unpack(Bytes::adopt(std::string(bytes)));
    if (!contents.ok()) return;
    const Bytes again = Bytes::adopt(snapshot::pack(*contents));
    fuzz::require(snapshot::unpack(again).ok(), "what was unpacked can be packed");
  } else if (choice == 1) {
    Reader in(bytes);
    const Result<snapshot::Manifest> manifest = snapshot::decode_manifest(in);
    if (!manifest.ok()) return;
    Writer again;
    snapshot::encode(again, *manifest);
    fuzz::require(bytes.starts_with(again.view()), "a manifest has one form only");
  } else {
    const snapshot::Identity identity{.cluster_id = 7, .member_id = 9};
    for (const std::string_view magic : {snapshot::kManifestMagic, snapshot::kChunkMagic}) {
      const bool read = snapshot::decode_header(magic, bytes, identity).ok();
      fuzz::require(!read || bytes.size() >= snapshot::kFileHeaderBytes, "a header has its length");
    }
  }
}

}  // namespace
}  // namespace detcd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  detcd::try_input({data, size});
  return 0;
}
