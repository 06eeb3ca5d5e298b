// A client that enters where connections do: request values in, answer values out, no bytes. What
// the network would do to it doesn't happen; a member that dies takes the call with it, as a lost
// connection would. So runs are faster, and what they test is the members.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "runtime/mailbox.h"
#include "runtime/world.h"
#include "server/service.h"
#include "sim/history/history.h"

namespace detcd::sim {

class SeamClient {
 public:
  // A member's door; none while it is down.
  using Reach = std::function<std::optional<server::Service>(std::uint32_t node)>;
  // It begins at `favourite` and goes on to the next of `nodes` members when one isn't there. All
  // outlive the client.
  struct Where {
    Reach reach;
    std::uint32_t nodes = 1;
    std::uint32_t favourite = 1;
  };
  SeamClient(runtime::World world, Where where);

  // One attempt, at the first member that is there; the answer is written into `call`.
  runtime::Task<void> perform(CallRecord& call, std::uint64_t trace, TimePoint deadline);

 private:
  runtime::Task<std::optional<server::Service>> reach(TimePoint deadline);
  runtime::Task<std::optional<server::Reply>> wait(server::Service member, server::CallId id,
                                                   TimePoint deadline);

  runtime::World world_;
  Where where_;
  std::uint32_t turn_;
  std::uint64_t calls_ = 0;
  runtime::Mailbox<server::Reply> replies_;
};

// Refusals that are a function of the state: the model must refuse with the same words. All others
// (timeouts, lost connections, a server that stops) leave the effect open.
[[nodiscard]] bool is_definite(std::string_view refusal);

}  // namespace detcd::sim
