// Whether members that applied the same entries have the same state (DESIGN §4, "State hash"): what
// each said its hash is at an index, and what follows for this member. A pure value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "raft/types.h"

namespace detcd::server {

struct StateHash {
  std::uint64_t index = 0;
  std::uint64_t hash = 0;
  friend bool operator==(const StateHash&, const StateHash&) = default;
};

class Agreement {
 public:
  // Of so many entries applied last the hash is known; and of so many indexes what others said.
  static constexpr std::size_t kOwnMax = 1'000;
  static constexpr std::size_t kRoundsMax = 8;

  // This member's state; indexes ascend.
  void applied(const StateHash& own);
  // It was replaced by another: what is known of the former doesn't count.
  void replaced() { own_.clear(); }
  [[nodiscard]] std::optional<StateHash> last() const;
  [[nodiscard]] std::optional<std::uint64_t> own(std::uint64_t index) const;

  void heard(raft::NodeId from, const StateHash& said);
  // Nobody asked for this index before, nor for so many later ones that it is forgotten: else it
  // would be answered again and again, by members that remind each other of it.
  [[nodiscard]] bool is_new(std::uint64_t index) const {
    return index > forgotten_ && !rounds_.contains(index);
  }

  enum class Verdict : std::uint8_t {
    kUnknown,    // Too few have said what they have.
    kAgreed,     // All voters have the same.
    kMajority,   // This member is of a majority, others aren't or haven't said.
    kMinority,   // A majority has the same, and this member has something else.
    kNoMajority  // Whatever those say who haven't yet: no majority has the same.
  };
  [[nodiscard]] Verdict judge(std::uint64_t index, raft::NodeId self,
                              const std::vector<raft::NodeId>& voters) const;

 private:
  std::deque<StateHash> own_;
  std::map<std::uint64_t, std::map<raft::NodeId, std::uint64_t, IdOrder>> rounds_;  // By index.
  std::uint64_t forgotten_ = 0;  // Rounds up to this index.
};

}  // namespace detcd::server
