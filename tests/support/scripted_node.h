// A stand-in for the node behind connections: it records what it is asked and answers by a script,
// at once or when the test says so.
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/task_group.h"
#include "server/service.h"

namespace detcd::testing_support {

class ScriptedNode {
 public:
  using Script = std::function<std::optional<server::Outcome>(const server::Request&)>;

  explicit ScriptedNode(runtime::Scheduler& scheduler) : inbox_(scheduler), tasks_(scheduler) {
    tasks_.spawn(run());
  }
  [[nodiscard]] server::Service service() const { return {inbox_.sender()}; }
  // What isn't answered by the script waits for answer(); without one, whether the node serves is
  // answered at once.
  void set_script(Script script) { script_ = std::move(script); }
  void answer(std::size_t call, server::Outcome outcome,
              std::unique_ptr<server::Held> held = nullptr) {
    reply(calls.at(call), std::move(outcome), std::move(held));
  }
  void stop() { inbox_.close(); }

  std::vector<server::Call> calls;
  std::vector<server::CallId> forgotten;
  std::vector<server::Credit> credits;
  server::ResponseHeader header{.cluster_id = 11, .member_id = 12, .revision = 13, .raft_term = 2};

 private:
  runtime::Task<void> run() {
    for (;;) {
      std::optional<server::ToNode> message = co_await inbox_.receive();
      if (!message) co_return;
      take(*std::move(message));
    }
  }
  void take(server::ToNode message) {
    if (const auto* forget = std::get_if<server::Forget>(&message)) {
      forgotten.push_back(forget->call);
      return;
    }
    if (const auto* credit = std::get_if<server::Credit>(&message)) {
      credits.push_back(*credit);
      return;
    }
    calls.push_back(std::get<server::Call>(std::move(message)));
    std::optional<server::Outcome> outcome;
    if (script_) {
      outcome = script_(calls.back().request);
    } else if (std::holds_alternative<server::ServingRequest>(calls.back().request)) {
      outcome = server::ServingAnswer{true};
    }
    if (outcome) reply(calls.back(), *std::move(outcome));
  }
  void reply(const server::Call& call, server::Outcome outcome,
             std::unique_ptr<server::Held> held = nullptr) const {
    const bool sent =
        call.reply.send(server::Reply{call.call, header, std::move(outcome), std::move(held)});
    static_cast<void>(sent);
  }

  runtime::Mailbox<server::ToNode> inbox_;
  Script script_;
  runtime::TaskGroup tasks_;
};

}  // namespace detcd::testing_support
