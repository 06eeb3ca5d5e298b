#include "auth/simple_tokens.h"

#include <charconv>
#include <iterator>

namespace detcd::auth {
namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

}  // namespace

char SimpleTokens::letter(std::uint64_t drawn) {
  const auto wide = static_cast<unsigned __int128>(drawn) * kAlphabet.size();
  return kAlphabet[static_cast<std::size_t>(wide >> 64)];
}

void SimpleTokens::give(std::string_view token, std::string_view user, TimePoint now) {
  end_old_ones(now);
  const auto former = tokens_.find(token);
  if (former != tokens_.end()) erase(former);
  if (tokens_.size() >= tokens_max_) erase(tokens_.find(ends_.begin()->second));
  const TimePoint end = now + time_to_live_;
  tokens_.emplace(token, Token{std::string(user), end});
  ends_.emplace(end, token);
}

std::optional<std::string> SimpleTokens::use(std::string_view token, TimePoint now) {
  end_old_ones(now);
  const auto found = tokens_.find(token);
  if (found == tokens_.end()) return std::nullopt;
  ends_.erase({found->second.end, found->first});
  found->second.end = now + time_to_live_;
  ends_.emplace(found->second.end, found->first);
  return found->second.user;
}

void SimpleTokens::revoke_user(std::string_view user) {
  for (auto token = tokens_.begin(); token != tokens_.end();) {
    const auto next = std::next(token);
    if (token->second.user == user) erase(token);
    token = next;
  }
}

void SimpleTokens::revoke_all() {
  tokens_.clear();
  ends_.clear();
}

std::optional<std::uint64_t> SimpleTokens::index_of(std::string_view token) {
  const std::size_t dot = token.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view digits = token.substr(dot + 1);
  std::uint64_t index = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return index;
}

void SimpleTokens::erase(Tokens::iterator token) {
  ends_.erase({token->second.end, token->first});
  tokens_.erase(token);
}

void SimpleTokens::end_old_ones(TimePoint now) {
  while (!ends_.empty() && ends_.begin()->first <= now) {
    tokens_.erase(ends_.begin()->second);
    ends_.erase(ends_.begin());
  }
}

}  // namespace detcd::auth
