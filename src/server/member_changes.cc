#include "server/member_changes.h"

#include <algorithm>
#include <utility>

#include "base/codec.h"

namespace detcd::server {
namespace {

enum class Kind : std::uint8_t { kAsked = 1, kAdvised = 2 };

bool has_followed(const apply::MemberResponse& change, const membership::Membership& members,
                  const raft::Configuration& applied) {
  const raft::NodeId id(change.id);
  switch (change.kind) {
    case membership::Change::Kind::kUpdate:
      return true;
    case membership::Change::Kind::kRemove:
      return !applied.contains(id);
    // One that was removed since is waited for in vain.
    case membership::Change::Kind::kAdd:
      return applied.contains(id) || members.find(change.id) == nullptr;
    case membership::Change::Kind::kPromote:
      return applied.voters.contains(id) || members.find(change.id) == nullptr;
  }
  return true;
}

}  // namespace

std::string encode(const MemberNote& note) {
  Writer out;
  if (const auto* asked = std::get_if<PromotionAsked>(&note)) {
    out.u8(static_cast<std::uint8_t>(Kind::kAsked));
    out.u64(asked->ordinal);
    out.u64(asked->learner);
  } else {
    const auto& advised = std::get<PromotionAdvised>(note);
    out.u8(static_cast<std::uint8_t>(Kind::kAdvised));
    out.u64(advised.ordinal);
    out.boolean(advised.refused.has_value());
    if (advised.refused) out.u8(static_cast<std::uint8_t>(*advised.refused));
  }
  return out.take();
}

Result<MemberNote> decode_note(std::string_view bytes) {
  Reader in(bytes);
  const auto kind = static_cast<Kind>(in.u8());
  const std::uint64_t ordinal = in.u64();
  MemberNote note = PromotionAsked{.ordinal = ordinal};
  bool known = kind == Kind::kAsked;
  if (kind == Kind::kAsked) {
    note = PromotionAsked{ordinal, in.u64()};
  } else if (kind == Kind::kAdvised) {
    PromotionAdvised advised{.ordinal = ordinal};
    const bool refused = in.boolean();
    const std::uint8_t error = refused ? in.u8() : 0;
    known = error <= static_cast<std::uint8_t>(apply::ApiError::kTokensOnlyVerified);
    if (refused && known) advised.refused = static_cast<apply::ApiError>(error);
    note = advised;
  }
  if (!known || !in.finished()) return Error{Errc::kDamaged, "a member's note is malformed"};
  return note;
}

void MemberChanges::ask(Call call, std::uint64_t learner, const Timing& timing) {
  asking_.push_back({.ordinal = ++last_ordinal_,
                     .call = std::move(call),
                     .learner = learner,
                     .since = timing.now,
                     .deadline = timing.deadline,
                     .again = timing.now,
                     .retry = timing.retry});
}

std::vector<PromotionAsked> MemberChanges::take_questions(TimePoint now) {
  std::vector<PromotionAsked> questions;
  for (Asking& asking : asking_) {
    if (asking.again > now) continue;
    asking.again = now + asking.retry;
    questions.push_back({asking.ordinal, asking.learner});
  }
  return questions;
}

void MemberChanges::ask_again_now() {
  for (Asking& asking : asking_) asking.again = {};
}

std::optional<Call> MemberChanges::take_advised(const PromotionAdvised& advised) {
  const auto found = std::ranges::find(asking_, advised.ordinal, &Asking::ordinal);
  if (found == asking_.end() || advised.refused == apply::ApiError::kNotLeader) return std::nullopt;
  Call call = std::move(found->call);
  asking_.erase(found);
  return call;
}

std::vector<MemberChanges::Waiting> MemberChanges::take_followed(
    const membership::Membership& members, const raft::Configuration& applied) {
  std::vector<Waiting> followed;
  std::vector<Waiting> left;
  for (Waiting& waiting : waiting_) {
    const bool done = has_followed(waiting.response, members, applied);
    (done ? followed : left).push_back(std::move(waiting));
  }
  waiting_ = std::move(left);
  return followed;
}

std::vector<MemberChanges::Waiting> MemberChanges::take_all() {
  return std::exchange(waiting_, {});
}

std::vector<MemberChanges::Expired> MemberChanges::expire(TimePoint now) {
  std::vector<Expired> expired;
  for (const Asking& asking : asking_) {
    const Call& call = asking.call;
    if (asking.deadline > now) continue;
    expired.push_back({{call.call, call.trace, call.reply}, asking.since});
  }
  for (const Waiting& waiting : waiting_) {
    if (waiting.deadline <= now) expired.push_back({waiting.origin, waiting.since});
  }
  std::erase_if(asking_, [now](const Asking& asking) { return asking.deadline <= now; });
  std::erase_if(waiting_, [now](const Waiting& waiting) { return waiting.deadline <= now; });
  return expired;
}

TimePoint MemberChanges::next_deadline(bool has_leader) const {
  TimePoint next = kNever;
  for (const Asking& asking : asking_) {
    next = std::min(next, asking.deadline);
    if (has_leader) next = std::min(next, asking.again);
  }
  for (const Waiting& waiting : waiting_) next = std::min(next, waiting.deadline);
  return next;
}

}  // namespace detcd::server
