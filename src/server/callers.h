// Who the callers of a member are, by the tokens they send (ETCD.md §2.9): simple ones, which a
// member remembers since it has seen them given out, or signed ones.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "apply/api_error.h"
#include "auth/simple_tokens.h"
#include "auth/store.h"
#include "credentials/jwt.h"
#include "server/options.h"
#include "server/service.h"

namespace detcd::server {

struct Moment {
  TimePoint boot{};
  WallTime wall{};
};

class Callers {
 public:
  explicit Callers(const AuthOptions& options)
      : simple_(options.token_time_to_live), jwt_(options.jwt) {}

  // Nobody when no token was sent, or nobody asks for users.
  [[nodiscard]] std::variant<auth::Caller, apply::ApiError> resolve(const Token& token,
                                                                    const auth::Store& auth,
                                                                    const Moment& now);
  // The log index that must be applied before a simple token can be known; 0 when none has to be.
  [[nodiscard]] std::uint64_t index_of(const Token& token) const;

  // A change was applied, with this answer.
  void note(const auth::Change& change, const auth::Answer& answer, TimePoint now);
  // The state was replaced by a later one: what became of users is not known.
  void forget_all();
  // Null: simple tokens.
  [[nodiscard]] const std::shared_ptr<const credentials::Jwt>& jwt() const { return jwt_; }

 private:
  auth::SimpleTokens simple_;
  std::shared_ptr<const credentials::Jwt> jwt_;
  // Signatures that were verified lately: what a token says doesn't change, only whether it is
  // over.
  struct Verified {
    credentials::Claims claims;
    WallTime until{};
  };
  std::map<std::string, Verified, std::less<>> verified_;
};

// What a watch is refused with, etcd's words (ETCD.md §2.7).
[[nodiscard]] const char* watch_refusal(apply::ApiError error);

}  // namespace detcd::server
