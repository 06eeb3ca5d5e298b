// What a client reads from a server it needn't trust.
#include "tests/fuzz/fuzz.h"
#include "wire/admin_codec.h"
#include "wire/kv_codec.h"
#include "wire/member_codec.h"
#include "wire/watch_codec.h"

namespace detcd {
namespace {

void try_input(fuzz::Input input) {
  const std::uint8_t choice = input.byte() % 10;
  const std::string_view bytes = input.rest();
  bool read = false;
  switch (choice) {
    case 0:
      read = wire::parse_range_response(bytes).ok();
      break;
    case 1:
      read = wire::parse_put_response(bytes).ok();
      break;
    case 2:
      read = wire::parse_delete_range_response(bytes).ok();
      break;
    case 3:
      read = wire::parse_txn_response(bytes).ok();
      break;
    case 4:
      read = wire::parse_compaction_response(bytes).ok();
      break;
    case 5:
      read = wire::parse_member_list_response(bytes).ok();
      break;
    case 6:
      read = wire::parse_status_response(bytes).ok();
      break;
    case 7:
      read = wire::parse_hash_kv_response(bytes).ok();
      break;
    case 8:
      read = wire::parse_health_check_response(bytes).ok();
      break;
    default:
      read = wire::parse_watch_response(bytes).ok();
      break;
  }
  fuzz::require(read || !bytes.empty(), "an empty message is every message's default");
}

}  // namespace
}  // namespace detcd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  detcd::try_input({data, size});
  return 0;
}
