// What peers said while their disks held it, over the lives of their processes. A peer that comes
// back with less than that was given an older copy of its directory, or its disk lied: it has to
// become Recovering, and only the others can tell it so. A plain value.
//
// Of a leader's own log nothing is remembered, only that it led: it sends before it has synced. And
// nothing is written down: whoever restarts has forgotten the promises of others, but for one. The
// members' table says who has published itself, so that an emptied directory isn't taken for a new
// one (etcd refuses such a member: ETCD.md §9.1).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "raft/message.h"
#include "raft/raft.h"
#include "transport/frame.h"

namespace detcd::server {

// What a replica that was just restored still knows of its promises.
[[nodiscard]] transport::Promise promise_of(const raft::Status& restored);
// Whether a member that comes back as `own` forgot what it promised. Within a term nothing that was
// acknowledged is ever replaced, and a later term is synced before anything is: so a later term
// explains a shorter log, and nothing else does.
[[nodiscard]] bool is_broken(const transport::Promise& promised, const transport::Promise& own);

class Promises {
 public:
  // Only what is sent after it was synced counts. `life`: of the sender's process.
  void note(const raft::Message& message, std::uint64_t life);
  // `published`: the members' table says that the peer has.
  [[nodiscard]] transport::Introduction of(raft::NodeId peer, bool published = false) const;

 private:
  // A promise belongs to the life that gave it, whenever it arrives: what was sent before a crash
  // may come after the introduction of the life that follows. Of the newest lives each is known by
  // itself, of older ones only all together.
  struct Known {
    std::vector<transport::Remembered> lives;
    transport::Promise before;
  };
  std::map<raft::NodeId, Known, IdOrder> known_;
};

// What `introduction` tells the process of this life about the other ones. `publishes`: this one
// may have published the member itself.
[[nodiscard]] transport::Promise remembered_of(const transport::Introduction& introduction,
                                               std::uint64_t own_life, bool publishes = false);

}  // namespace detcd::server
