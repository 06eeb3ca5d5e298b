#include "backup/buckets.h"

#include <algorithm>
#include <array>

#include "auth/store.h"
#include "base/codec.h"

namespace detcd::backup {
namespace {

std::string big_endian(std::uint64_t value) {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
  return out;
}

std::string hex(std::uint64_t value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[value & 15]);
    value >>= 4;
  } while (value != 0);
  return digits;
}

std::string json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (byte < 0x20) {
      out += "\\u00";
      out += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
    } else {
      out += c;
    }
  }
  return out + '"';
}

template <class List, class Print>
std::string json_list(const List& list, const Print& print) {
  std::string out;
  for (const auto& one : list) out += (out.empty() ? "" : ",") + print(one);
  return "[" + out + "]";
}

std::string json(const std::vector<std::string>& texts) {
  return json_list(texts, [](const std::string& text) { return json(text); });
}
std::string json(const std::vector<std::uint64_t>& numbers) {
  return json_list(numbers, [](std::uint64_t number) { return std::to_string(number); });
}

std::string json(const membership::Member& member) {
  std::string out =
      R"({"id":)" + std::to_string(member.id) + R"(,"peerURLs":)" + json(member.peer_urls);
  if (member.is_learner) out += R"(,"isLearner":true)";
  if (!member.name.empty()) out += R"(,"name":)" + json(member.name);
  if (!member.client_urls.empty()) out += R"(,"clientURLs":)" + json(member.client_urls);
  return out + "}";
}

// As etcd's backend names a revision that isn't a record's.
std::string revision_key(mvcc::Revision revision) {
  return big_endian(static_cast<std::uint64_t>(revision)) + "_" + big_endian(0);
}

// ---- Protobuf, as etcd's encoder writes it: fields in order, without those that are zero.
void put_number(Writer& out, int field, std::uint64_t value) {
  if (value == 0) return;
  out.varint(static_cast<std::uint64_t>(field) << 3);
  out.varint(value);
}
// Also when it is empty.
void put_part(Writer& out, int field, std::string_view value) {
  out.varint(static_cast<std::uint64_t>(field) << 3 | 2);
  out.bytes(value);
}
void put_text(Writer& out, int field, std::string_view value) {
  if (!value.empty()) put_part(out, field, value);
}
// Enumerators of 32 bits, too, are extended to 64.
std::uint64_t number(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

std::string alarm_key(const apply::AlarmMember& alarm) {
  Writer out;
  put_number(out, 1, alarm.member_id);
  put_number(out, 2, number(alarm.alarm));
  return out.take();
}

std::vector<Item> alarms(const apply::Applier& applier) {
  std::vector<Item> items;
  for (const apply::AlarmMember& alarm : applier.alarms().list(apply::AlarmType::kNone)) {
    items.emplace_back(alarm_key(alarm), "");
  }
  return items;
}

std::vector<Item> members(const apply::Applier& applier) {
  std::vector<Item> items;
  for (const membership::Member& member : applier.members().list()) {
    items.emplace_back(hex(member.id), json(member));
  }
  return items;
}

std::vector<Item> removed_members(const apply::Applier& applier) {
  std::vector<Item> items;
  for (const std::uint64_t id : applier.members().removed()) items.emplace_back(hex(id), "removed");
  return items;
}

// "3.7.0", but never above what the schema's servers know.
std::string version_within(const std::string& version, Schema schema) {
  const std::optional<Schema> known = parse_schema(version);
  if (known && *known <= schema) return version;
  return std::string(name_of(schema));
}

std::vector<Item> cluster(const apply::Applier& applier, Schema schema) {
  if (schema < Schema::k35 || applier.cluster_version().empty()) return {};
  return {{"clusterVersion", version_within(applier.cluster_version(), schema)}};
}

// Without a flag, users and roles aren't asked for: etcd writes it when that changes.
std::vector<Item> auth(const apply::Applier& applier) {
  std::vector<Item> items = {{"authRevision", big_endian(applier.auth().revision())}};
  if (applier.auth().enabled()) items.emplace_back("authEnabled", std::string(1, '\x01'));
  return items;
}

// authpb.User. etcd gives each user options, empty ones as well.
std::vector<Item> users(const apply::Applier& applier) {
  std::vector<Item> items;
  for (const auto& [name, user] : applier.auth().users()) {
    Writer options;
    put_number(options, 1, user.no_password ? 1 : 0);
    Writer out;
    put_text(out, 1, name);
    put_text(out, 2, user.password_hash);
    for (const std::string& role : user.roles) put_part(out, 3, role);
    put_part(out, 4, options.view());
    items.emplace_back(name, out.take());
  }
  return items;
}

// authpb.Role.
std::vector<Item> roles(const apply::Applier& applier) {
  std::vector<Item> items;
  for (const auto& [name, role] : applier.auth().roles()) {
    Writer out;
    put_text(out, 1, name);
    for (const auth::Permission& permission : role.permissions) {
      Writer part;
      put_number(part, 1, number(permission.type));
      put_text(part, 2, permission.key);
      put_text(part, 3, permission.range_end);
      put_part(out, 2, part.view());
    }
    items.emplace_back(name, out.take());
  }
  return items;
}

std::vector<Item> meta(const apply::Applier& applier, const Origin& origin) {
  const apply::Position& applied = applier.applied();
  std::vector<Item> items = {{"consistent_index", big_endian(applied.index)}};
  if (applier.compact_revision() > 0) {
    const std::string compacted = revision_key(applier.compact_revision());
    items.emplace_back("finishedCompactRev", compacted);
    items.emplace_back("scheduledCompactRev", compacted);
  }
  if (origin.schema >= Schema::k35) {
    items.emplace_back("term", big_endian(applied.term));
    std::string conf_state = R"({"voters":)" + json(origin.voters);
    if (!origin.learners.empty()) conf_state += R"(,"learners":)" + json(origin.learners);
    items.emplace_back("confState", conf_state + R"(,"auto_leave":false})");
  }
  if (origin.schema >= Schema::k36) {
    items.emplace_back("storageVersion", std::string(name_of(origin.schema)));
  }
  return items;
}

}  // namespace

std::optional<Schema> parse_schema(std::string_view text) {
  constexpr std::array<std::string_view, 4> kNames = {"3.4", "3.5", "3.6", "3.7"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (text == kNames[i]) return static_cast<Schema>(i);
    if (!text.starts_with(kNames[i]) || text.size() < 5 || text[3] != '.') continue;
    const bool number =
        std::ranges::all_of(text.substr(4), [](char c) { return c >= '0' && c <= '9'; });
    if (number) return static_cast<Schema>(i);
  }
  return std::nullopt;
}

std::string_view name_of(Schema schema) {
  switch (schema) {
    case Schema::k34:
      return "3.4.0";
    case Schema::k35:
      return "3.5.0";
    case Schema::k36:
      return "3.6.0";
    case Schema::k37:
      return "3.7.0";
  }
  return "";
}

// etcd makes all buckets when it starts, so that tools and servers expect them, empty or not.
std::vector<Bucket> buckets_of(const apply::Applier& applier, const Origin& origin) {
  std::vector<Bucket> buckets = {{"alarm", alarms(applier)},
                                 {"auth", auth(applier)},
                                 {"authRoles", roles(applier)},
                                 {"authUsers", users(applier)},
                                 {"cluster", cluster(applier, origin.schema)},
                                 {std::string(kKeyBucket), {}},
                                 {std::string(kLeaseBucket), {}},
                                 {"members", members(applier)},
                                 {"members_removed", removed_members(applier)},
                                 {"meta", meta(applier, origin)}};
  for (Bucket& bucket : buckets) std::ranges::sort(bucket.items);
  return buckets;
}

// Ids are ordered as their bytes are: the negative ones come last.
std::vector<lease::Lease> leases_of(const apply::Applier& applier) {
  std::vector<lease::Lease> leases = applier.leases().list();
  const auto positive =
      std::ranges::partition_point(leases, [](const lease::Lease& one) { return one.id < 0; });
  std::ranges::rotate(leases, positive);
  return leases;
}

Item lease_item(const lease::Lease& lease, std::optional<std::uint64_t> now_ms) {
  const std::uint64_t left_ms = lease.end_ms - std::min(lease.end_ms, now_ms.value_or(0));
  Writer out;
  put_number(out, 1, number(lease.id));
  put_number(out, 2, number(lease.ttl_seconds));
  if (now_ms) put_number(out, 3, std::max<std::uint64_t>(1, (left_ms + 999) / 1000));
  return {big_endian(number(lease.id)), out.take()};
}

}  // namespace detcd::backup
