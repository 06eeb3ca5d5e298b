#include "server/forgotten.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace detcd::server {
namespace {

// Where a mailbox lies in memory differs between runs, and so does this order; but it only serves
// to find what is equal.
bool before(const Forget& a, const Forget& b) {
  if (a.reply != b.reply) {
    return std::less<>()(a.reply.identity(), b.reply.identity());
  }
  return a.call.value() < b.call.value();
}

}  // namespace

Forgotten::Forgotten(std::vector<Forget> calls) : calls_(std::move(calls)) {
  std::ranges::sort(calls_, before);
}

bool Forgotten::contains(CallId call, const runtime::Mailbox<Reply>::Sender& reply) const {
  return std::ranges::binary_search(calls_, Forget{call, reply}, before);
}

}  // namespace detcd::server
