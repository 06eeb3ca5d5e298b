// Tokens of 16 letters and a log index, as etcd's `--auth-token simple` has them (ETCD.md §2.9,
// Tokens): a member knows those that it has seen given out, for as long as they are used. Not
// replicated, and gone with the process: clients then ask for new ones. Time is an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/units.h"

namespace detcd::auth {

class SimpleTokens {
 public:
  explicit SimpleTokens(Duration time_to_live, std::size_t tokens_max = 1'000'000)
      : time_to_live_(time_to_live), tokens_max_(tokens_max) {}

  // Beyond the bound the token that would end first goes.
  void give(std::string_view token, std::string_view user, TimePoint now);
  // Whose it is; it lives on from here.
  [[nodiscard]] std::optional<std::string> use(std::string_view token, TimePoint now);
  void revoke_user(std::string_view user);
  void revoke_all();
  [[nodiscard]] std::size_t size() const { return tokens_.size(); }

  // The log index that is part of a token; none when it has no such form.
  [[nodiscard]] static std::optional<std::uint64_t> index_of(std::string_view token);
  // Of letters, from drawn words: `draw(i)` gives the i-th.
  template <class Draw>
  [[nodiscard]] static std::string make_prefix(Draw draw) {
    std::string prefix;
    for (std::uint64_t i = 0; i < kLetters; ++i) prefix.push_back(letter(draw(i)));
    return prefix;
  }

 private:
  static constexpr std::uint64_t kLetters = 16;
  struct Token {
    std::string user;
    TimePoint end{};
  };
  using Tokens = std::map<std::string, Token, std::less<>>;
  [[nodiscard]] static char letter(std::uint64_t drawn);
  void erase(Tokens::iterator token);
  void end_old_ones(TimePoint now);

  Duration time_to_live_;
  std::size_t tokens_max_;
  Tokens tokens_;
  std::set<std::pair<TimePoint, std::string>> ends_;
};

}  // namespace detcd::auth
