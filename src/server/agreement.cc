#include "server/agreement.h"

#include <algorithm>

namespace detcd::server {

void Agreement::applied(const StateHash& own) {
  own_.push_back(own);
  if (own_.size() > kOwnMax) own_.pop_front();
}

std::optional<StateHash> Agreement::last() const {
  if (own_.empty()) return std::nullopt;
  return own_.back();
}

std::optional<std::uint64_t> Agreement::own(std::uint64_t index) const {
  const auto found = std::ranges::lower_bound(own_, index, {}, &StateHash::index);
  if (found == own_.end() || found->index != index) return std::nullopt;
  return found->hash;
}

void Agreement::heard(raft::NodeId from, const StateHash& said) {
  if (said.index <= forgotten_) return;
  rounds_[said.index].insert_or_assign(from, said.hash);
  if (rounds_.size() <= kRoundsMax) return;
  forgotten_ = rounds_.begin()->first;
  rounds_.erase(rounds_.begin());
}

Agreement::Verdict Agreement::judge(std::uint64_t index, raft::NodeId self,
                                    const std::vector<raft::NodeId>& voters) const {
  const std::optional<std::uint64_t> own_hash = own(index);
  const auto round = rounds_.find(index);
  std::map<std::uint64_t, std::size_t> groups;
  std::size_t said = 0;
  for (const raft::NodeId voter : voters) {
    std::optional<std::uint64_t> hash;
    if (voter == self) {
      hash = own_hash;
    } else if (round != rounds_.end()) {
      const auto heard = round->second.find(voter);
      if (heard != round->second.end()) hash = heard->second;
    }
    if (!hash) continue;
    ++groups[*hash];
    ++said;
  }
  const std::size_t quorum = voters.size() / 2 + 1;
  std::size_t largest = 0;
  for (const auto& [hash, members] : groups) {
    largest = std::max(largest, members);
    if (members < quorum) continue;
    if (!own_hash) return Verdict::kUnknown;
    if (*own_hash != hash) return Verdict::kMinority;
    return members == voters.size() ? Verdict::kAgreed : Verdict::kMajority;
  }
  const bool possible = largest + (voters.size() - said) >= quorum;
  return possible ? Verdict::kUnknown : Verdict::kNoMajority;
}

}  // namespace detcd::server
