// The node's door: who asks, by the token that was sent, and whether that may be asked at all; the
// calls of Auth; passwords, which are hashed and checked aside and never reach the log. What a
// command or a read touches is decided where it is applied or begins (apply/gate.h), by the caller
// that is named here.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "apply/applier.h"
#include "runtime/task_group.h"
#include "runtime/world.h"
#include "server/callers.h"
#include "server/options.h"
#include "server/proposals.h"
#include "server/reads.h"

namespace detcd::server {

class Gatekeeper {
 public:
  // What it asks the node for.
  struct Doors {
    std::function<const apply::Applier&()> applier;
    std::function<void(const ReturnAddress&, Outcome)> answer;
    std::function<void(const Call&, apply::Command)> propose;  // In the caller's name.
    // In the member's: the request is given back when the password has to be checked again.
    std::function<void(const ReturnAddress&, apply::Command, AuthenticateRequest)> propose_token;
    std::function<void(Call)> serve;
  };
  // `life`: what makes this process's draws differ from all earlier ones of the member. Tokens
  // given by entries up to `recovered_index`, in an earlier life, aren't known to this one.
  struct Life {
    std::uint64_t number = 0;
    std::uint64_t recovered_index = 0;
  };
  Gatekeeper(runtime::World world, const NodeOptions& options, Doors doors, Life life);

  // Nobody when no token was sent, or nobody asks for users.
  [[nodiscard]] std::variant<auth::Caller, apply::ApiError> caller_of(const Token& token);
  // Every call comes here first. False, and then it is taken: it was refused, or is answered from
  // here, or waits until this member has seen its token given out and then goes to `serve`.
  [[nodiscard]] bool admit(Call& call);
  // Who reads is looked up, what may be read is decided and the state is pinned, all in one step.
  [[nodiscard]] std::unique_ptr<apply::RangeWork> begin_range(Request request, const Token& token);
  [[nodiscard]] std::variant<std::unique_ptr<apply::RangeStream>, apply::ApiError> begin_stream(
      const RangeStreamRequest& request, const Token& token, std::size_t piece_bytes);
  // A lease's keys are told to who may read them, and it is kept alive by who may write them; of
  // lease 0, which has none, to any user.
  [[nodiscard]] std::optional<apply::ApiError> refuse_lease(const Token& token, auth::Access access,
                                                            std::int64_t lease);
  // Whose a watch will be; why it may not be made is said with its request.
  [[nodiscard]] std::string look_at_watch(const Token& token, watch::Create& create);
  // Reads that were confirmed. False: not of Auth.
  bool answer_read(WaitingRead& read);

  // What is about to be applied; and what came of it: true when users or roles have changed.
  void applying(const apply::Command& command);
  [[nodiscard]] bool applied(const apply::Answer& answer, std::uint64_t index);
  void begin_authenticate(const ReturnAddress& origin, AuthenticateRequest request);
  // The state was replaced by a later one.
  void replaced() { callers_.forget_all(); }
  // More was applied, or time has passed: calls that wait may go on.
  void serve_waiting();
  void forget(const Forgotten& calls);
  void stop();

 private:
  [[nodiscard]] std::optional<apply::ApiError> refuse(const Call& call);
  [[nodiscard]] bool must_wait(const Call& call);
  // Refused, or one of Auth's own that is no read.
  [[nodiscard]] bool take(Call& call);
  void answer_query(const WaitingRead& read, const auth::Query& query);
  runtime::Task<void> authenticate(ReturnAddress origin, AuthenticateRequest request);
  void propose_token(const ReturnAddress& origin, AuthenticateRequest request, std::uint64_t at);
  void begin_user_add(const Call& call, UserAddRequest request);
  void begin_change_password(const Call& call, ChangePasswordRequest request);
  runtime::Task<void> hash_password(Call call, std::string password, auth::Change change);
  [[nodiscard]] bool may_hash(const Call& call, std::string_view password);
  [[nodiscard]] const auth::Store& users() const { return doors_.applier().auth(); }

  runtime::World world_;
  const NodeOptions& options_;
  Doors doors_;
  const Life life_;
  Callers callers_;
  std::deque<Call> waiting_;              // For their tokens' log indexes, in the order of arrival.
  std::uint64_t drawn_ = 0;               // Tokens and salts.
  std::optional<auth::Change> applying_;  // A copy of the command being applied, when it is one.
  runtime::TaskGroup checks_;             // Of passwords.
};

}  // namespace detcd::server
