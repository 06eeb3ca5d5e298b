#include "sim/history/history.h"

#include <cctype>
#include <iterator>

#include "sim/plan/text.h"

namespace detcd::sim {
namespace {

std::string short_quote(std::string_view bytes) {
  constexpr std::size_t kShown = 24;
  return bytes.size() <= kShown
             ? quote(bytes)
             : quote(bytes.substr(0, kShown)) + "+" + std::to_string(bytes.size() - kShown);
}

std::string describe(const apply::KeyValue& kv) {
  return short_quote(kv.key.view()) + "=" + short_quote(kv.value.view()) + " create " +
         std::to_string(kv.create_revision) + " mod " + std::to_string(kv.mod_revision) +
         " version " + std::to_string(kv.version);
}

std::string words(const apply::RangeResponse& range) {
  std::string out = "range@" + std::to_string(range.header_revision) + " count " +
                    std::to_string(range.count) + (range.more ? " more" : "");
  for (const apply::KeyValue& kv : range.kvs) out += " {" + describe(kv) + "}";
  return out;
}
std::string words(const apply::PutResponse& put) {
  return "put@" + std::to_string(put.header_revision) +
         (put.prev_kv ? " prev {" + describe(*put.prev_kv) + "}" : "");
}
std::string words(const apply::DeleteRangeResponse& erase) {
  std::string out =
      "deleted@" + std::to_string(erase.header_revision) + " " + std::to_string(erase.deleted);
  for (const apply::KeyValue& kv : erase.prev_kvs) out += " {" + describe(kv) + "}";
  return out;
}
std::string words(const apply::TxnResponse& txn) {
  std::string out =
      "txn@" + std::to_string(txn.header_revision) + (txn.succeeded ? " succeeded" : " failed");
  for (const apply::ResponseOp& op : txn.responses) {
    out += " [" + std::visit([](const auto& inner) { return words(inner); }, op.response) + "]";
  }
  return out;
}
std::string words(const apply::CompactionResponse& compact) {
  return "compacted@" + std::to_string(compact.header_revision);
}
std::string words(const apply::PublishResponse&) {
  return "published";
}
std::string words(const apply::DowngradeResponse& downgrade) {
  return "downgrade@" + std::to_string(downgrade.header_revision) + " " + downgrade.version;
}
std::string words(const apply::AlarmResponse& alarm) {
  std::string out = "alarms@" + std::to_string(alarm.header_revision);
  for (const apply::AlarmMember& active : alarm.alarms) {
    out += " " + std::to_string(active.member_id) + ":" + std::to_string(active.alarm);
  }
  return out;
}
std::string words(const apply::LeaseGrantResponse& grant) {
  return "granted@" + std::to_string(grant.header_revision) + " lease " + std::to_string(grant.id) +
         " ttl " + std::to_string(grant.ttl);
}
std::string words(const apply::LeaseRevokeResponse& revoke) {
  return "revoked@" + std::to_string(revoke.header_revision);
}
std::string words(const apply::LeaseRenewResponse& renew) {
  std::string out = "kept";
  for (const std::int64_t ttl : renew.ttls) out += " ttl " + std::to_string(ttl);
  return out;
}
std::string words(const apply::LeaseTickResponse& tick) {
  return "ended " + std::to_string(tick.ended) + " leases";
}
std::string words(const apply::MemberResponse& change) {
  return std::to_string(change.members.size()) + " members";
}
std::string words(const apply::AuthResponse& auth) {
  return "auth@" + std::to_string(auth.header_revision);
}

}  // namespace

const Access& access_before(const History& history, std::uint64_t index) {
  static const Access nobody;
  const auto after = history.access.lower_bound(index);
  return after == history.access.begin() ? nobody : std::prev(after)->second;
}

std::string describe(const Operation& operation) {
  std::string line = print(OperationEntry{Duration{}, 0, 0, operation});
  line.erase(0, line.find('#') + 3);  // "at 0s c0 #0 "
  constexpr std::size_t kShown = 400;
  if (line.size() > kShown) line = line.substr(0, kShown) + "…";
  return line;
}

std::string describe(const apply::Response& response) {
  return std::visit([](const auto& known) { return words(known); }, response);
}

std::string Violation::fingerprint() const {
  std::string out = oracle + ": ";
  bool quoted = false;
  bool number = false;
  for (const char c : message) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (digit && number) continue;
    number = digit;
    out.push_back(digit ? '#' : c);
    // What follows a colon are the values that differ from run to run.
    if (c == ':') break;
  }
  return out;
}

}  // namespace detcd::sim
