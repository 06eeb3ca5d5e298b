#include "server/gatekeeper.h"

#include <algorithm>
#include <array>
#include <utility>

#include "apply/gate.h"
#include "apply/reads.h"
#include "credentials/password.h"

namespace detcd::server {
namespace {

constexpr runtime::Site kSalt{"server: salt of a password"};
constexpr runtime::Site kToken{"server: letters of a token"};

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};

credentials::Salt make_salt(const runtime::Random& random, std::uint64_t member,
                            std::uint64_t ordinal) {
  credentials::Salt salt{};
  for (std::size_t i = 0; i < salt.size(); ++i) {
    salt[i] = static_cast<char>(random.draw(kSalt, member, ordinal * salt.size() + i));
  }
  return salt;
}

}  // namespace

Gatekeeper::Gatekeeper(runtime::World world, const NodeOptions& options, Doors doors, Life life)
    : world_(world),
      options_(options),
      doors_(std::move(doors)),
      life_(life),
      callers_(options.auth),
      checks_(world.scheduler) {}

std::variant<auth::Caller, apply::ApiError> Gatekeeper::caller_of(const Token& token) {
  return callers_.resolve(token, users(), {world_.clock.boot(), world_.clock.wall()});
}

// What isn't decided where a command is applied or a read begins: each kind of request has its rule
// (ETCD.md §1.1). A new one doesn't compile without.
std::optional<apply::ApiError> Gatekeeper::refuse(const Call& call) {
  enum class Rule : std::uint8_t { kElsewhere, kUser, kRoot };
  const Rule rule =
      std::visit(Overload{
                     [](const apply::RangeRequest&) { return Rule::kElsewhere; },
                     [](const RangeStreamRequest&) { return Rule::kElsewhere; },
                     [](const apply::PutRequest&) { return Rule::kElsewhere; },
                     [](const apply::DeleteRangeRequest&) { return Rule::kElsewhere; },
                     [](const apply::TxnRequest&) { return Rule::kElsewhere; },
                     [](const apply::CompactionRequest&) { return Rule::kElsewhere; },
                     [](const MemberListRequest& list) {
                       return list.of_peer ? Rule::kElsewhere : Rule::kUser;
                     },
                     [](const membership::Change&) { return Rule::kRoot; },
                     [](const StatusRequest&) { return Rule::kUser; },
                     [](const HashKvRequest&) { return Rule::kRoot; },
                     [](const HashRequest&) { return Rule::kRoot; },
                     [](const DefragmentRequest&) { return Rule::kRoot; },
                     [](const MoveLeaderRequest&) { return Rule::kRoot; },
                     [](const SnapshotRequest&) { return Rule::kRoot; },
                     [](const apply::DowngradeRequest&) { return Rule::kRoot; },
                     [](const apply::AlarmRequest& alarm) {
                       const auto action = static_cast<apply::AlarmAction>(alarm.action);
                       return action == apply::AlarmAction::kGet ? Rule::kUser : Rule::kRoot;
                     },
                     // What they say is open to everybody (ETCD.md §2.9).
                     [](const HealthRequest&) { return Rule::kElsewhere; },
                     [](const VersionRequest&) { return Rule::kElsewhere; },
                     [](const ServingRequest&) { return Rule::kElsewhere; },
                     // The stream itself says nothing; its requests are looked at one by one.
                     [](const WatchOpen&) { return Rule::kElsewhere; },
                     [](const watch::Request&) { return Rule::kElsewhere; },
                     [](const apply::LeaseGrantRequest&) { return Rule::kElsewhere; },
                     [](const apply::LeaseRevokeRequest&) { return Rule::kElsewhere; },
                     // These are looked at where they are answered: it depends on the leases' keys.
                     [](const apply::LeaseTimeToLiveRequest&) { return Rule::kElsewhere; },
                     [](const apply::LeaseLeasesRequest&) { return Rule::kElsewhere; },
                     [](const KeepAliveOpen&) { return Rule::kElsewhere; },
                     [](const KeepAliveRequest&) { return Rule::kElsewhere; },
                     // A password says who asks.
                     [](const AuthenticateRequest&) { return Rule::kElsewhere; },
                     [](const UserAddRequest&) { return Rule::kElsewhere; },
                     [](const ChangePasswordRequest&) { return Rule::kElsewhere; },
                     [](const auth::Change&) { return Rule::kElsewhere; },
                     [](const auth::Query&) { return Rule::kElsewhere; },
                     // What these ask in their caller's name is looked at one by one.
                     [](const ElectionRequest&) { return Rule::kElsewhere; },
                 },
                 call.request);
  if (rule == Rule::kElsewhere || !users().enabled()) return std::nullopt;
  const std::variant<auth::Caller, apply::ApiError> caller = caller_of(call.token);
  if (const auto* unknown = std::get_if<apply::ApiError>(&caller)) return *unknown;
  const auth::Caller& known = std::get<auth::Caller>(caller);
  const std::optional<auth::Refusal> refused =
      rule == Rule::kRoot ? users().check_root(known) : users().check_user(known);
  if (!refused) return std::nullopt;
  return apply::error_of(*refused);
}

// A lease's keys are told to who may read them, and a lease is kept alive by who may write them.
std::optional<apply::ApiError> Gatekeeper::refuse_lease(const Token& token, auth::Access access,
                                                        std::int64_t lease) {
  const auth::Store& auth = users();
  if (!auth.enabled()) return std::nullopt;
  const std::variant<auth::Caller, apply::ApiError> caller = caller_of(token);
  if (const auto* unknown = std::get_if<apply::ApiError>(&caller)) return *unknown;
  return apply::refuse(auth, std::get<auth::Caller>(caller),
                       apply::LeaseTouch{doors_.applier().leases(), lease, access});
}

// A token that this member is about to see given out; and what follows on the same stream.
bool Gatekeeper::must_wait(const Call& call) {
  const bool of_stream = std::holds_alternative<watch::Request>(call.request) ||
                         std::holds_alternative<KeepAliveRequest>(call.request);
  if (of_stream && std::ranges::any_of(waiting_, [&](const Call& waiting) {
        return waiting.call == call.call && waiting.reply == call.reply;
      })) {
    return true;
  }
  const bool opens = std::holds_alternative<WatchOpen>(call.request) ||
                     std::holds_alternative<KeepAliveOpen>(call.request);
  if (opens || !users().enabled()) return false;
  return callers_.index_of(call.token) > doors_.applier().applied().index;
}

bool Gatekeeper::admit(Call& call) {
  if (!must_wait(call)) return !take(call);
  if (waiting_.size() >= options_.auth.waiting_max) {
    doors_.answer({call.call, call.trace, call.reply}, apply::ApiError::kTooManyRequests);
    return false;
  }
  // No clients' deadline is later; the node's own bound holds here as well.
  call.deadline = std::min(call.deadline, world_.clock.boot() + request_timeout(options_));
  waiting_.push_back(std::move(call));
  return false;
}

bool Gatekeeper::take(Call& call) {
  if (const std::optional<apply::ApiError> refused = refuse(call)) {
    doors_.answer({call.call, call.trace, call.reply}, *refused);
    return true;
  }
  if (auto* const change = std::get_if<auth::Change>(&call.request)) {
    doors_.propose(call, {{}, std::move(*change)});
    return true;
  }
  if (auto* const add = std::get_if<UserAddRequest>(&call.request)) {
    begin_user_add(call, std::move(*add));
    return true;
  }
  if (auto* const change = std::get_if<ChangePasswordRequest>(&call.request)) {
    begin_change_password(call, std::move(*change));
    return true;
  }
  return false;
}

void Gatekeeper::serve_waiting() {
  if (waiting_.empty()) return;
  const TimePoint now = world_.clock.boot();
  std::deque<Call> all = std::exchange(waiting_, {});
  for (Call& call : all) {
    const bool over = call.deadline <= now;
    if (!over && must_wait(call)) {
      waiting_.push_back(std::move(call));
    } else if (!take(call)) {
      doors_.serve(std::move(call));
    }
  }
}

void Gatekeeper::forget(const Forgotten& calls) {
  std::erase_if(waiting_,
                [&](const Call& waiting) { return calls.contains(waiting.call, waiting.reply); });
}

void Gatekeeper::stop() {
  for (const Call& waiting : waiting_) {
    doors_.answer({waiting.call, waiting.trace, waiting.reply}, apply::ApiError::kStopped);
  }
  waiting_.clear();
  checks_.cancel();
}

// ---- Reads and watches --------------------------------------------------------------------------

std::unique_ptr<apply::RangeWork> Gatekeeper::begin_range(Request request, const Token& token) {
  const std::variant<auth::Caller, apply::ApiError> caller = caller_of(token);
  if (const auto* unknown = std::get_if<apply::ApiError>(&caller)) {
    return std::make_unique<apply::RefusedRead>(*unknown);
  }
  const auth::Caller& known = std::get<auth::Caller>(caller);
  if (auto* const txn = std::get_if<apply::TxnRequest>(&request)) {
    return doors_.applier().read_txn(std::move(*txn), known);
  }
  return doors_.applier().range(std::get<apply::RangeRequest>(std::move(request)), known);
}

std::variant<std::unique_ptr<apply::RangeStream>, apply::ApiError> Gatekeeper::begin_stream(
    const RangeStreamRequest& request, const Token& token, std::size_t piece_bytes) {
  const std::variant<auth::Caller, apply::ApiError> caller = caller_of(token);
  if (const auto* unknown = std::get_if<apply::ApiError>(&caller)) return *unknown;
  const std::optional<apply::ApiError> refused =
      apply::refuse(users(), std::get<auth::Caller>(caller), request.range);
  if (refused) return *refused;
  return std::make_unique<apply::RangeStream>(request.range, doors_.applier().store(), piece_bytes);
}

std::string Gatekeeper::look_at_watch(const Token& token, watch::Create& create) {
  std::variant<auth::Caller, apply::ApiError> caller = caller_of(token);
  if (const auto* unknown = std::get_if<apply::ApiError>(&caller)) {
    create.refused = watch_refusal(*unknown);
    return "";
  }
  auth::Caller& known = std::get<auth::Caller>(caller);
  // Without a key it begins with the smallest there is.
  const std::string_view smallest("\0", 1);
  const std::string_view key = create.key.empty() ? smallest : std::string_view(create.key);
  const std::optional<auth::Refusal> denied =
      users().check_access(known, auth::Access::kRead, key, create.range_end);
  if (denied) create.refused = watch_refusal(apply::error_of(*denied));
  return std::move(known.user);
}

bool Gatekeeper::answer_read(WaitingRead& read) {
  if (const auto* const query = std::get_if<auth::Query>(&read.request)) {
    answer_query(read, *query);
    return true;
  }
  if (auto* const request = std::get_if<AuthenticateRequest>(&read.request)) {
    begin_authenticate(read.origin, std::move(*request));
    return true;
  }
  return false;
}

void Gatekeeper::answer_query(const WaitingRead& read, const auth::Query& query) {
  const auth::Store& auth = users();
  const std::variant<auth::Caller, apply::ApiError> caller = caller_of(read.token);
  if (const auto* unknown = std::get_if<apply::ApiError>(&caller)) {
    doors_.answer(read.origin, *unknown);
    return;
  }
  const std::optional<auth::Refusal> refused =
      auth.check_query(std::get<auth::Caller>(caller), query);
  if (refused) {
    doors_.answer(read.origin, apply::error_of(*refused));
    return;
  }
  std::variant<auth::Answer, auth::Refusal> said = auth.ask(query);
  if (const auto* refusal = std::get_if<auth::Refusal>(&said)) {
    doors_.answer(read.origin, apply::error_of(*refusal));
    return;
  }
  doors_.answer(read.origin,
                apply::Response{apply::AuthResponse{doors_.applier().revision(),
                                                    std::get<auth::Answer>(std::move(said))}});
}

// ---- Tokens -------------------------------------------------------------------------------------

void Gatekeeper::begin_authenticate(const ReturnAddress& origin, AuthenticateRequest request) {
  if (checks_.size() >= options_.auth.checks_max) {
    doors_.answer(origin, apply::ApiError::kTooManyRequests);
    return;
  }
  checks_.spawn(authenticate(origin, std::move(request)));
}

// The state is that of a linearizable read. Users and roles may change while the password is being
// checked: then a token isn't given (auth::Authenticate), and it begins again.
runtime::Task<void> Gatekeeper::authenticate(ReturnAddress origin, AuthenticateRequest request) {
  for (;;) {
    const auth::Store& auth = users();
    const auth::User* const user = auth.find_user(request.name);
    std::optional<apply::ApiError> refused;
    if (user == nullptr) refused = apply::ApiError::kAuthFailed;
    if (user != nullptr && user->no_password) refused = apply::ApiError::kNoPasswordUser;
    if (!auth.enabled()) refused = apply::ApiError::kAuthNotEnabled;
    if (refused) {
      doors_.answer(origin, *refused);
      co_return;
    }
    const std::uint64_t revision = auth.revision();
    std::move_only_function<std::string()> work =
        [password = request.password, hash = user->password_hash, jwt = callers_.jwt(),
         claims = credentials::Claims{request.name, revision},
         now = world_.clock.wall()]() -> std::string {
      if (!credentials::matches(password, hash)) return "";
      if (jwt == nullptr) return "+";
      const Result<std::string> token = jwt->sign(claims, now);
      return token ? "+" + *token : "-";
    };
    const std::string verdict = co_await world_.helpers.run(std::move(work));
    if (verdict.empty() || verdict == "-") {
      doors_.answer(origin, verdict.empty() ? apply::ApiError::kAuthFailed
                                            : apply::ApiError::kTokensOnlyVerified);
      co_return;
    }
    if (callers_.jwt() == nullptr) {
      propose_token(origin, std::move(request), revision);
      co_return;
    }
    if (users().revision() != revision) continue;
    doors_.answer(origin, apply::Response{apply::AuthResponse{doors_.applier().revision(),
                                                              {.token = verdict.substr(1)}}});
    co_return;
  }
}

void Gatekeeper::propose_token(const ReturnAddress& origin, AuthenticateRequest request,
                               std::uint64_t at) {
  const std::uint64_t ordinal = ++drawn_;
  auth::Authenticate change{.user = request.name, .checked_revision = at};
  const std::uint64_t entity = options_.member_id;
  change.token_prefix = auth::SimpleTokens::make_prefix([&](std::uint64_t letter) {
    return world_.random.draw(kToken, entity ^ life_.number, (ordinal << 8) + letter);
  });
  doors_.propose_token(origin, {{}, auth::Change(std::move(change))}, std::move(request));
}

// ---- Passwords ----------------------------------------------------------------------------------

// Answers the call when it may not: nobody makes the member work for what would be refused anyway.
bool Gatekeeper::may_hash(const Call& call, std::string_view password) {
  const std::variant<auth::Caller, apply::ApiError> caller = caller_of(call.token);
  std::optional<apply::ApiError> refused;
  if (password.size() > credentials::kPasswordBytesMax) {
    refused = apply::ApiError::kPasswordTooLong;
  } else if (const auto* unknown = std::get_if<apply::ApiError>(&caller)) {
    refused = *unknown;
  } else {
    const std::optional<auth::Refusal> denied = users().check_root(std::get<auth::Caller>(caller));
    if (denied) refused = apply::error_of(*denied);
  }
  if (!refused && checks_.size() >= options_.auth.checks_max) {
    refused = apply::ApiError::kTooManyRequests;
  }
  if (!refused) return true;
  doors_.answer({call.call, call.trace, call.reply}, *refused);
  return false;
}

void Gatekeeper::begin_user_add(const Call& call, UserAddRequest request) {
  auth::UserAdd change{.name = std::move(request.name), .no_password = request.no_password};
  if (change.no_password) {
    doors_.propose(call, {{}, auth::Change(std::move(change))});
  } else if (may_hash(call, request.password)) {
    checks_.spawn(hash_password(call, std::move(request.password), std::move(change)));
  }
}

void Gatekeeper::begin_change_password(const Call& call, ChangePasswordRequest request) {
  auth::UserChangePassword change{.name = std::move(request.name)};
  if (!request.password.empty()) {
    if (!may_hash(call, request.password)) return;
    checks_.spawn(hash_password(call, std::move(request.password), std::move(change)));
    return;
  }
  // As etcd: without a password the client has hashed one itself.
  Result<std::string> hash = credentials::decode_base64(request.hashed_password);
  const auth::User* const user = users().find_user(change.name);
  if (!hash && user != nullptr && !user->no_password) {
    doors_.answer({call.call, call.trace, call.reply}, apply::ApiError::kNoPasswordUser);
    return;
  }
  if (hash) change.password_hash = *std::move(hash);
  doors_.propose(call, {{}, auth::Change(std::move(change))});
}

runtime::Task<void> Gatekeeper::hash_password(Call call, std::string password,
                                              auth::Change change) {
  const std::uint64_t ordinal = ++drawn_;
  const std::uint64_t entity = options_.member_id ^ life_.number;
  std::move_only_function<std::string()> work =
      [password = std::move(password), cost = options_.auth.bcrypt_cost,
       salt = make_salt(world_.random, entity, ordinal)]() -> std::string {
    const Result<std::string> hash = credentials::hash_password(password, cost, salt);
    return hash ? *hash : "";
  };
  std::string hash = co_await world_.helpers.run(std::move(work));
  if (hash.empty()) {
    // Only a password with a zero byte comes here.
    doors_.answer({call.call, call.trace, call.reply}, apply::ApiError::kInvalidAuthMgmt);
    co_return;
  }
  if (auto* const add = std::get_if<auth::UserAdd>(&change)) add->password_hash = std::move(hash);
  if (auto* const changed = std::get_if<auth::UserChangePassword>(&change)) {
    changed->password_hash = std::move(hash);
  }
  doors_.propose(call, {{}, std::move(change)});
}

// ---- What was applied ---------------------------------------------------------------------------

void Gatekeeper::applying(const apply::Command& command) {
  applying_.reset();
  if (const auto* change = std::get_if<auth::Change>(&command.request)) applying_ = *change;
}

bool Gatekeeper::applied(const apply::Answer& answer, std::uint64_t index) {
  if (!applying_) return false;
  const auto* const response = std::get_if<apply::Response>(&answer);
  if (response == nullptr) return false;
  const auto* const said = std::get_if<apply::AuthResponse>(response);
  if (said == nullptr) return false;
  const bool token = std::holds_alternative<auth::Authenticate>(*applying_);
  if (!token || index > life_.recovered_index) {
    callers_.note(*applying_, said->answer, world_.clock.boot());
  }
  return !token;
}

}  // namespace detcd::server
