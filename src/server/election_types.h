// What the services of locks and elections are asked and answer, between a connection and the node
// (server/elections.h).
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "apply/command.h"
#include "wire/election_codec.h"
#include "wire/kv_codec.h"

namespace detcd::server {

struct LeaderRequest {
  std::string name;
};
// A stream: the leader there is, and each that follows.
struct ObserveRequest {
  std::string name;
};
// Of Proclaim and Resign, `leader` is there.
using ElectionRequest =
    std::variant<wire::LockRequest, wire::UnlockRequest, wire::CampaignRequest,
                 wire::ProclaimRequest, LeaderRequest, ObserveRequest, wire::ResignRequest>;

struct LockAnswer {
  std::string key;
};
struct CampaignAnswer {
  wire::LeaderKey leader;
};
struct LeaderAnswer {
  apply::KeyValue kv;
};
// Of Unlock, Proclaim and Resign.
struct HeaderAnswer {};
// The end of Observe.
struct ObservedAll {};
// These services have errors of their own, and of others they tell only the text.
struct ElectionRefusal {
  std::string text;
};
struct ElectionAnswer {
  wire::Header header;  // Of the answer that the service itself was given.
  std::variant<HeaderAnswer, LockAnswer, CampaignAnswer, LeaderAnswer, ObservedAll, ElectionRefusal>
      what;
};

// What a leader counts as, for the credit that an observer has.
[[nodiscard]] inline std::int64_t observed_bytes(const apply::KeyValue& kv) {
  constexpr std::size_t kOverheadBytes = 64;
  return static_cast<std::int64_t>(kOverheadBytes + kv.key.size() + kv.value.size());
}

}  // namespace detcd::server
