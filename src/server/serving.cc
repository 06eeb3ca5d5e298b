#include "server/serving.h"

#include "base/check.h"

namespace detcd::server {

void ServingStreams::open(const ReturnAddress& origin) {
  const std::uint64_t number = ++last_number_;
  const bool added =
      numbers_.emplace(Name{origin.reply.identity(), origin.call.value()}, number).second;
  check(added, "a connection opens a stream once");
  streams_.emplace(number, origin);
}

bool ServingStreams::close(const Forget& forget) {
  const auto found = numbers_.find({forget.reply.identity(), forget.call.value()});
  if (found == numbers_.end()) return false;
  streams_.erase(found->second);
  numbers_.erase(found);
  return true;
}

}  // namespace detcd::server
