// Who is in the cluster, replicated: a pure value changed by configuration entries and by members'
// published attributes. Ids are computed as etcd does (ETCD.md §2.10).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.h"
#include "base/result.h"

namespace detcd::membership {

struct Member {
  std::uint64_t id = 0;
  std::string name;                    // Empty until the member has published itself.
  std::vector<std::string> peer_urls;  // Sorted when it was added, as told when updated.
  std::vector<std::string> client_urls;
  bool is_learner = false;
  friend bool operator==(const Member&, const Member&) = default;
};

// First 8 bytes, big endian, of SHA1(sorted peer URLs ‖ token [‖ decimal unix seconds, with the
// token part empty, for members added at run time]).
[[nodiscard]] std::uint64_t member_id(std::vector<std::string> peer_urls, std::string_view token,
                                      std::optional<std::int64_t> added_at_unix_s = std::nullopt);
// First 8 bytes, big endian, of SHA1(ids ascending, 8 bytes big endian each).
[[nodiscard]] std::uint64_t cluster_id(std::vector<std::uint64_t> member_ids);

// One change, canonical bytes: what a command asks for, or the context of a founder's entry.
struct Change {
  enum class Kind : std::uint8_t { kAdd, kRemove, kUpdate, kPromote } kind = Kind::kAdd;
  Member member;
  friend bool operator==(const Change&, const Change&) = default;
};
[[nodiscard]] std::string encode(const Change& change);
[[nodiscard]] Result<Change> decode_change(std::string_view bytes);

// Why a change isn't made, whoever asks and however healthy the cluster is.
enum class Refusal : std::uint8_t {
  kNotFound,  // Removed ones included.
  kIdTaken,
  kUrlTaken,
  kNotLearner,
  kTooManyLearners,
  kLastVoter,
};

class Membership {
 public:
  // In etcd's order. `learners_max`: as many as there may be afterwards.
  [[nodiscard]] std::optional<Refusal> refuse(const Change& change,
                                              std::uint32_t learners_max) const;
  void apply(const Change& change);
  // False when the member isn't (or no longer) there.
  bool publish(std::uint64_t id, std::string name, std::vector<std::string> client_urls);
  [[nodiscard]] const Member* find(std::uint64_t id) const;
  // By ascending id.
  [[nodiscard]] std::vector<Member> list() const;
  [[nodiscard]] bool was_removed(std::uint64_t id) const;
  [[nodiscard]] const std::set<std::uint64_t>& removed() const { return removed_; }

  void encode(Writer& out) const;
  [[nodiscard]] static Result<Membership> decode(Reader& in);
  friend bool operator==(const Membership&, const Membership&) = default;

 private:
  // By another member than the one whose id this is.
  [[nodiscard]] bool is_url_taken(const Member& by) const;
  [[nodiscard]] std::size_t learners() const;

  std::map<std::uint64_t, Member> members_;
  std::set<std::uint64_t> removed_;  // Ids that can never come back.
};

}  // namespace detcd::membership
