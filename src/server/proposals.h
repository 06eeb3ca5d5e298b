// Writes under way: from the call that asked, through the log, to its answer. Bounded in bytes;
// commands wait here while there is no leader, as etcd's proposals do, and end in a timeout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "apply/command.h"
#include "base/bytes.h"
#include "server/forgotten.h"
#include "server/options.h"
#include "server/service.h"

namespace detcd::server {

// Where an answer goes.
struct ReturnAddress {
  CallId call;
  std::uint64_t trace = 0;
  runtime::Mailbox<Reply>::Sender reply;
};

class Proposals {
 public:
  // `incarnation` makes the ids of this process differ from those of all earlier ones of the
  // member.
  Proposals(const NodeOptions& options, std::uint64_t incarnation);

  struct Pending {
    std::optional<ReturnAddress> origin;  // None: the node's own.
    TimePoint deadline;
    TimePoint since;
    std::size_t bytes = 0;
    // What is asked again if users or roles have changed since the password was checked.
    std::unique_ptr<AuthenticateRequest> again = nullptr;
  };

  // Takes the command in. kRequestTooLarge when no request within the limit becomes so long a
  // command, kTooManyRequests
  // when too much is under way; `origin` is then answered by the caller.
  std::optional<apply::ApiError> propose(apply::Command command,
                                         std::optional<ReturnAddress> origin, TimePoint now);
  // Of the command that was taken in last.
  void ask_again(AuthenticateRequest request);
  // What to hand to Raft now, in order of arrival: so many of them at most.
  static constexpr std::size_t kWhole = std::numeric_limits<std::size_t>::max();
  [[nodiscard]] std::vector<Bytes> take_batch(std::size_t most = kWhole);
  [[nodiscard]] bool has_batch() const { return !batch_.empty(); }
  // Raft had no leader for the batch taken last: it goes first next time.
  void give_back(std::vector<Bytes> commands);
  // The answer of an applied command is here: who waits for it, if it was one of ours.
  std::optional<Pending> complete(const apply::RequestId& id);
  // Their clients went away; what was proposed stays.
  void forget(const Forgotten& calls);
  // Those whose deadline has passed, oldest first. What of them wasn't handed to Raft never will
  // be.
  [[nodiscard]] std::vector<Pending> expire(TimePoint now);
  [[nodiscard]] std::vector<Pending> take_all();
  [[nodiscard]] TimePoint next_deadline() const;
  [[nodiscard]] const apply::RequestId& last_id() const { return next_; }
  [[nodiscard]] std::size_t size() const { return pending_.size(); }

 private:
  const NodeOptions& options_;
  apply::RequestId next_;
  std::map<std::uint64_t, Pending> pending_;  // By ordinal: deadlines ascend with it.
  std::vector<Bytes> batch_;
  std::vector<std::uint64_t> batch_ordinals_;  // Of each of the batch, ascending.
  std::vector<std::uint64_t> taken_ordinals_;  // Of the batch taken last.
  std::size_t pending_bytes_ = 0;
};

}  // namespace detcd::server
