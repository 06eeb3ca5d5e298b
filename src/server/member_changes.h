// Changes of the members that clients of this member asked for: promotions that wait for the
// leader's word on whether the learner is ready, and changes that are in the table and wait until
// Raft's configuration has followed. It remembers; the node asks, proposes and answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "apply/member_command.h"
#include "base/result.h"
#include "base/units.h"
#include "membership/membership.h"
#include "raft/types.h"
#include "server/proposals.h"
#include "server/service.h"

namespace detcd::server {

// What members say to each other about promotions, beside Raft. Only the leader knows how far a
// learner is.
struct PromotionAsked {
  std::uint64_t ordinal = 0;  // The asker's.
  std::uint64_t learner = 0;
  friend bool operator==(const PromotionAsked&, const PromotionAsked&) = default;
};
struct PromotionAdvised {
  std::uint64_t ordinal = 0;
  std::optional<apply::ApiError> refused;  // kNotLeader: ask another one.
  friend bool operator==(const PromotionAdvised&, const PromotionAdvised&) = default;
};
using MemberNote = std::variant<PromotionAsked, PromotionAdvised>;
[[nodiscard]] std::string encode(const MemberNote& note);
[[nodiscard]] Result<MemberNote> decode_note(std::string_view bytes);

class MemberChanges {
 public:
  // `life`: of this process, so that answers to an earlier one's questions fit none of its own.
  explicit MemberChanges(std::uint64_t life) : last_ordinal_(life) {}

  // A promotion asks the leader, again every `retry`, until `deadline`.
  struct Timing {
    TimePoint now;
    TimePoint deadline;
    Duration retry{};
  };
  void ask(Call call, std::uint64_t learner, const Timing& timing);
  // What to ask the leader now.
  [[nodiscard]] std::vector<PromotionAsked> take_questions(TimePoint now);
  void ask_again_now();
  // The call that the leader's word is for: none when it isn't waited for any more.
  [[nodiscard]] std::optional<Call> take_advised(const PromotionAdvised& advised);

  struct Waiting {
    ReturnAddress origin;
    apply::MemberResponse response;
    TimePoint since;
    TimePoint deadline;
  };
  void await(Waiting waiting) { waiting_.push_back(std::move(waiting)); }
  // Those that the applied configuration has followed.
  [[nodiscard]] std::vector<Waiting> take_followed(const membership::Membership& members,
                                                   const raft::Configuration& applied);
  [[nodiscard]] std::vector<Waiting> take_all();

  struct Expired {
    ReturnAddress origin;
    TimePoint since;
  };
  [[nodiscard]] std::vector<Expired> expire(TimePoint now);
  // Without a leader there is nobody to ask again.
  [[nodiscard]] TimePoint next_deadline(bool has_leader) const;

 private:
  struct Asking {
    std::uint64_t ordinal = 0;
    Call call;
    std::uint64_t learner = 0;
    TimePoint since;
    TimePoint deadline;
    TimePoint again;
    Duration retry{};
  };
  std::uint64_t last_ordinal_;
  std::vector<Asking> asking_;
  std::vector<Waiting> waiting_;
};

}  // namespace detcd::server
