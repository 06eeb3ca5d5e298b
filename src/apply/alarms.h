// Which alarms are active, of which members: replicated, a function of the log, in the image and in
// the state hash. What they refuse is decided where an entry is applied, so that every member
// refuses the same (ETCD.md §2.12; DESIGN §5, Alarms).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "apply/command.h"
#include "base/codec.h"
#include "base/result.h"

namespace detcd::apply {

class Alarms {
 public:
  // Clients may name any member and any type, so that the number is bounded; etcd's isn't.
  static constexpr std::size_t kActiveMax = 1024;

  // Activates, deactivates or lists. `size` is what the quota counts at this entry: an alarm is
  // cleared by itself only if there is still room then, however long the entry was on its way.
  [[nodiscard]] Answer apply(const AlarmRequest& request, std::uint64_t size);
  // kNone: of every type. In the order of members, then types.
  [[nodiscard]] std::vector<AlarmMember> list(AlarmType of) const;
  [[nodiscard]] bool empty() const { return active_.empty(); }
  [[nodiscard]] bool any(AlarmType of) const;
  [[nodiscard]] bool contains(const AlarmMember& alarm) const { return active_.contains(alarm); }
  // A NOSPACE alarm that may be cleared, now that the quota counts so much: none of a client's.
  [[nodiscard]] std::optional<AlarmRequest> to_clear(std::uint64_t size) const;
  // How often one was cleared so since this value was made; neither in images nor in the hash.
  [[nodiscard]] std::uint64_t cleared() const { return cleared_; }
  // Why the command isn't carried out.
  [[nodiscard]] std::optional<ApiError> refuse(const Command& command) const;

  void encode(Writer& out) const;
  [[nodiscard]] static Result<Alarms> decode(Reader& in);

 private:
  // The quota at which it was raised; 0: by a client. A client that activates it makes it its own.
  std::map<AlarmMember, std::uint64_t> active_;
  std::uint64_t cleared_ = 0;
};

// What a command may add to what the quota counts, as etcd reckons it: 0 for what is always let
// through.
[[nodiscard]] std::uint64_t quota_cost(const Command& command);

}  // namespace detcd::apply
