// What passes between a watching client and the members, as it happens: what a watch is to be, each
// of its creations and responses on the wire, and the loss of its stream. The workload tells it, a
// judge hears it.
#pragma once

#include <cstdint>
#include <string>

#include "watch/types.h"
#include "wire/watch_codec.h"

namespace detcd::sim {

struct WatchNote {
  enum class Kind : std::uint8_t {
    kWanted,    // The client wants this watch from now on: `create`.
    kAsked,     // It is created on the client's stream, with `create`.
    kAnswered,  // `answer` came for it; for no watch: for all, or for one that is wanted no more.
    kLost,      // The client's stream is gone, and with it all that was on it.
    kUnwanted,  // The client canceled it.
    kHalted,    // The stream ended for good, and all its watches: `why`.
  };
  Kind kind = Kind::kWanted;
  std::uint32_t client = 0;
  std::uint64_t watch = 0;  // The plan's name; 0: none.
  watch::Create create = {};
  wire::WatchAnswer answer = {};
  std::string why = {};
};

[[nodiscard]] std::string describe(const WatchNote& note);

}  // namespace detcd::sim
