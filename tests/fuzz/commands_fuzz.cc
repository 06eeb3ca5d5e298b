// What a member reads from the log: commands, changes of membership, Raft's own values.
#include "membership/membership.h"
#include "raft/codec.h"
#include "tests/fuzz/fuzz.h"
#include "wire/command_codec.h"

namespace detcd {
namespace {

void try_input(fuzz::Input input) {
  const std::uint8_t choice = input.byte() % 4;
  const std::string_view bytes = input.rest();
  Reader in(bytes);
  if (choice == 0) {
    const Result<apply::Command> command = wire::decode_command(Bytes::adopt(std::string(bytes)));
    if (!command.ok()) return;
    const Result<apply::Command> again = wire::decode_command(wire::encode_command(*command));
    fuzz::require(again.ok(), "a command that was read can be written and read");
  } else if (choice == 1) {
    const Result<membership::Change> change = membership::decode_change(bytes);
    static_cast<void>(change);
  } else if (choice == 2) {
    const Result<membership::Membership> members = membership::Membership::decode(in);
    static_cast<void>(members);
  } else {
    const Result<raft::SnapshotMeta> meta = raft::decode_snapshot_meta(in);
    if (!meta.ok()) return;
    Writer again;
    raft::encode(again, *meta);
    fuzz::require(bytes.starts_with(again.view()), "a snapshot's mark has one form only");
  }
}

}  // namespace
}  // namespace detcd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  detcd::try_input({data, size});
  return 0;
}
