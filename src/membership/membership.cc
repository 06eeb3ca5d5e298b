#include "membership/membership.h"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/evp.h>

#include "base/check.h"

namespace detcd::membership {
namespace {

// More than any cluster has; what a damaged count can't exceed.
constexpr std::uint64_t kListMax = 1U << 16;

std::uint64_t sha1_prefix(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const int done =
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha1(), nullptr);
  check(done == 1 && size >= 8, "libcrypto computes SHA-1");
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < 8; ++i) prefix = prefix << 8 | digest[i];
  return prefix;
}

void encode_list(const std::vector<std::string>& list, Writer& out) {
  out.varint(list.size());
  for (const std::string& item : list) out.bytes(item);
}

std::vector<std::string> decode_list(Reader& in) {
  std::vector<std::string> list;
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < std::min(count, kListMax) && in.ok(); ++i) {
    list.emplace_back(in.bytes());
  }
  if (list.size() != count) in.raw(in.remaining() + 1);  // Says that the input was malformed.
  return list;
}

void encode_member(const Member& member, Writer& out) {
  out.u64(member.id);
  out.bytes(member.name);
  encode_list(member.peer_urls, out);
  encode_list(member.client_urls, out);
  out.boolean(member.is_learner);
}

Member decode_member(Reader& in) {
  Member member;
  member.id = in.u64();
  member.name = in.bytes();
  member.peer_urls = decode_list(in);
  member.client_urls = decode_list(in);
  member.is_learner = in.boolean();
  return member;
}

}  // namespace

std::uint64_t member_id(std::vector<std::string> peer_urls, std::string_view token,
                        std::optional<std::int64_t> added_at_unix_s) {
  std::sort(peer_urls.begin(), peer_urls.end());
  std::string input;
  for (const std::string& url : peer_urls) input += url;
  if (added_at_unix_s) {
    input += std::to_string(*added_at_unix_s);
  } else {
    input += token;
  }
  return sha1_prefix(input);
}

std::uint64_t cluster_id(std::vector<std::uint64_t> member_ids) {
  std::sort(member_ids.begin(), member_ids.end());
  std::string input;
  for (const std::uint64_t id : member_ids) {
    for (int shift = 56; shift >= 0; shift -= 8) input.push_back(static_cast<char>(id >> shift));
  }
  return sha1_prefix(input);
}

std::string encode(const Change& change) {
  Writer out;
  out.u8(static_cast<std::uint8_t>(change.kind));
  encode_member(change.member, out);
  return out.take();
}

Result<Change> decode_change(std::string_view bytes) {
  Reader in(bytes);
  const std::uint8_t kind = in.u8();
  Change change{.member = decode_member(in)};
  if (!in.finished() || kind > static_cast<std::uint8_t>(Change::Kind::kPromote)) {
    return Error{Errc::kDamaged, "a membership change doesn't decode"};
  }
  change.kind = static_cast<Change::Kind>(kind);
  return change;
}

bool Membership::is_url_taken(const Member& by) const {
  for (const auto& [id, member] : members_) {
    if (id == by.id) continue;
    for (const std::string& url : by.peer_urls) {
      if (std::ranges::find(member.peer_urls, url) != member.peer_urls.end()) return true;
    }
  }
  return false;
}

std::size_t Membership::learners() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(members_, [](const auto& member) { return member.second.is_learner; }));
}

std::optional<Refusal> Membership::refuse(const Change& change, std::uint32_t learners_max) const {
  const Member* const known = find(change.member.id);
  if (was_removed(change.member.id)) return Refusal::kNotFound;
  if (change.kind == Change::Kind::kAdd) {
    if (known != nullptr) return Refusal::kIdTaken;
    if (is_url_taken(change.member)) return Refusal::kUrlTaken;
    const bool learner = change.member.is_learner;
    if (learner && learners() >= learners_max) return Refusal::kTooManyLearners;
    return std::nullopt;
  }
  if (known == nullptr) return Refusal::kNotFound;
  switch (change.kind) {
    case Change::Kind::kAdd:
      break;
    case Change::Kind::kUpdate:
      if (is_url_taken(change.member)) return Refusal::kUrlTaken;
      break;
    case Change::Kind::kPromote:
      if (!known->is_learner) return Refusal::kNotLearner;
      break;
    case Change::Kind::kRemove:
      // Unlike etcd, which lets a cluster end so when its strict check is off.
      if (!known->is_learner && members_.size() - learners() == 1) return Refusal::kLastVoter;
      break;
  }
  return std::nullopt;
}

void Membership::apply(const Change& change) {
  const std::uint64_t id = change.member.id;
  const auto found = members_.find(id);
  switch (change.kind) {
    case Change::Kind::kAdd: {
      // A removed id never comes back, and an id that is there isn't replaced (ETCD.md §2.11).
      if (found != members_.end() || removed_.contains(id)) return;
      Member member = change.member;
      std::sort(member.peer_urls.begin(), member.peer_urls.end());
      members_.emplace(id, std::move(member));
      return;
    }
    case Change::Kind::kRemove:
      if (found == members_.end()) return;
      members_.erase(found);
      removed_.insert(id);
      return;
    case Change::Kind::kUpdate:
      // Peer URLs only: an update neither promotes nor renames.
      if (found == members_.end()) return;
      found->second.peer_urls = change.member.peer_urls;
      return;
    case Change::Kind::kPromote:
      if (found != members_.end()) found->second.is_learner = false;
      return;
  }
}

bool Membership::publish(std::uint64_t id, std::string name, std::vector<std::string> client_urls) {
  const auto found = members_.find(id);
  if (found == members_.end()) return false;
  found->second.name = std::move(name);
  found->second.client_urls = std::move(client_urls);
  return true;
}

const Member* Membership::find(std::uint64_t id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

std::vector<Member> Membership::list() const {
  std::vector<Member> members;
  members.reserve(members_.size());
  for (const auto& [id, member] : members_) members.push_back(member);
  return members;
}

bool Membership::was_removed(std::uint64_t id) const {
  return removed_.contains(id);
}

void Membership::encode(Writer& out) const {
  out.varint(members_.size());
  for (const auto& [id, member] : members_) encode_member(member, out);
  out.varint(removed_.size());
  for (const std::uint64_t id : removed_) out.u64(id);
}

Result<Membership> Membership::decode(Reader& in) {
  const auto damaged = [](std::string_view why) {
    return Error{Errc::kDamaged, "the membership " + std::string(why)};
  };
  Membership membership;
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Member member = decode_member(in);
    const std::uint64_t id = member.id;
    const bool ascending = membership.members_.empty() || membership.members_.rbegin()->first < id;
    if (!ascending) return damaged("names a member out of order");
    membership.members_.emplace_hint(membership.members_.end(), id, std::move(member));
  }
  const std::uint64_t removed = in.varint();
  for (std::uint64_t i = 0; i < removed && in.ok(); ++i) {
    const std::uint64_t id = in.u64();
    const bool ascending = membership.removed_.empty() || *membership.removed_.rbegin() < id;
    if (!ascending || membership.members_.contains(id))
      return damaged("names a removed id wrongly");
    membership.removed_.insert(membership.removed_.end(), id);
  }
  if (!in.ok()) return damaged("is cut short");
  return membership;
}

}  // namespace detcd::membership
