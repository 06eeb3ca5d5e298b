// The calls that clients took back in one turn, to be found fast: a lost connection takes back all
// of its calls at once, and they may be as many as wait for an answer.
#pragma once

#include <vector>

#include "server/service.h"

namespace detcd::server {

class Forgotten {
 public:
  explicit Forgotten(std::vector<Forget> calls);
  [[nodiscard]] bool empty() const { return calls_.empty(); }
  [[nodiscard]] bool contains(CallId call, const runtime::Mailbox<Reply>::Sender& reply) const;

 private:
  std::vector<Forget> calls_;  // Sorted: by connection, then by call.
};

}  // namespace detcd::server
