// The messages of the Cluster service, to and from values. Rare on the wire, so that generated code
// does it, and nothing of that shows here. Parsing refuses what protobuf refuses (kInvalid).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "membership/membership.h"
#include "wire/kv_codec.h"

namespace detcd::wire {

// The request's `linearizable`.
[[nodiscard]] Result<bool> parse_member_list_request(std::string_view bytes);
[[nodiscard]] std::string serialize_member_list_request(bool linearizable);

// What the other methods ask for. Of MemberAdd there is no id yet; peer URLs are as they were sent.
[[nodiscard]] Result<membership::Change> parse_member_request(membership::Change::Kind kind,
                                                              std::string_view bytes);
[[nodiscard]] std::string serialize_member_request(const membership::Change& change);

// The answer of all methods: MemberAdd's alone names a member, before the others.
struct MemberList {
  Header header;  // Without a revision (ETCD.md §3.2).
  std::vector<membership::Member> members;
  std::optional<membership::Member> added;
  friend bool operator==(const MemberList&, const MemberList&) = default;
};
[[nodiscard]] Bytes serialize(const MemberList& response);
// Of every method but MemberAdd, and of that.
[[nodiscard]] Result<MemberList> parse_member_list_response(std::string_view bytes);
[[nodiscard]] Result<MemberList> parse_member_add_response(std::string_view bytes);

}  // namespace detcd::wire
