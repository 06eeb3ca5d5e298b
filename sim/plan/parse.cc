#include <charconv>
#include <optional>
#include <utility>

#include "sim/plan/plan.h"
#include "sim/plan/text.h"

namespace detcd::sim {
namespace {

Error invalid(std::string_view line) {
  return {Errc::kInvalid, "can't read the plan's line: " + std::string(line)};
}

Duration after(Words& words, std::string_view name) {
  words.expect(name);
  return words.duration();
}

apply::RangeRequest range(Words& words) {
  apply::RangeRequest range;
  range.key = words.quoted();
  for (;;) {
    const std::string_view field = words.peek();
    if (field.empty() || field == ";") return range;
    words.word();
    if (field == "end")
      range.range_end = words.quoted();
    else if (field == "limit")
      range.limit = words.integer();
    else if (field == "revision")
      range.revision = words.integer();
    else if (field == "order")
      range.sort_order = static_cast<std::int32_t>(words.integer());
    else if (field == "target")
      range.sort_target = static_cast<std::int32_t>(words.integer());
    else if (field == "serializable")
      range.serializable = true;
    else if (field == "keys-only")
      range.keys_only = true;
    else if (field == "count-only")
      range.count_only = true;
    else if (field == "min-mod")
      range.min_mod_revision = words.integer();
    else if (field == "max-mod")
      range.max_mod_revision = words.integer();
    else if (field == "min-create")
      range.min_create_revision = words.integer();
    else if (field == "max-create")
      range.max_create_revision = words.integer();
    else
      words.fail();
    if (!words.ok()) return range;
  }
}

apply::PutRequest put(Words& words) {
  apply::PutRequest put;
  put.key = words.quoted();
  for (;;) {
    const std::string_view field = words.peek();
    if (field.empty() || field == ";") return put;
    words.word();
    if (field == "value")
      put.value = words.quoted();
    else if (field == "lease")
      put.lease = words.integer();
    else if (field == "prev-kv")
      put.prev_kv = true;
    else if (field == "ignore-value")
      put.ignore_value = true;
    else if (field == "ignore-lease")
      put.ignore_lease = true;
    else
      words.fail();
    if (!words.ok()) return put;
  }
}

apply::DeleteRangeRequest erase(Words& words) {
  apply::DeleteRangeRequest erase;
  erase.key = words.quoted();
  if (words.peek() == "end") {
    words.word();
    erase.range_end = words.quoted();
  }
  if (words.peek() == "prev-kv") {
    words.word();
    erase.prev_kv = true;
  }
  return erase;
}

apply::Compare compare(Words& words) {
  apply::Compare compare;
  compare.target = static_cast<std::int32_t>(words.integer());
  compare.result = static_cast<std::int32_t>(words.integer());
  compare.key = words.quoted();
  for (;;) {
    const std::string_view field = words.peek();
    if (field.empty() || field == ";") return compare;
    words.word();
    if (field == "end")
      compare.range_end = words.quoted();
    else if (field == "number")
      compare.number = words.integer();
    else if (field == "value")
      compare.value = words.quoted();
    else
      words.fail();
    if (!words.ok()) return compare;
  }
}

constexpr int kDepthMax = 16;
apply::TxnRequest txn(Words& words, int depth);

apply::RequestOp request_op(Words& words, int depth) {
  const std::string_view kind = words.word();
  if (kind == "range") return {range(words)};
  if (kind == "put") return {put(words)};
  if (kind == "delete") return {erase(words)};
  if (kind == "txn" && depth < kDepthMax) return {txn(words, depth + 1)};
  if (kind != "nothing") words.fail();
  return {};
}

std::vector<apply::RequestOp> branch(Words& words, std::string_view until, int depth) {
  std::vector<apply::RequestOp> operations;
  while (words.ok() && words.peek() != until) {
    operations.push_back(request_op(words, depth));
    words.expect(";");
  }
  words.expect(until);
  return operations;
}

apply::TxnRequest txn(Words& words, int depth) {
  apply::TxnRequest txn;
  while (words.ok() && words.peek() == "if") {
    words.word();
    txn.compare.push_back(compare(words));
    words.expect(";");
  }
  words.expect("then");
  txn.success = branch(words, "else", depth);
  txn.failure = branch(words, "end-txn", depth);
  return txn;
}

std::string optional_end(Words& words) {
  if (words.peek() != "end") return {};
  words.word();
  return words.quoted();
}

std::optional<auth::Change> change(Words& words, std::string_view kind) {
  if (kind == "auth-enable") return auth::Enable{};
  if (kind == "auth-disable") return auth::Disable{};
  if (kind == "user-add") return auth::UserAdd{.name = words.quoted()};
  if (kind == "user-delete") return auth::UserDelete{words.quoted()};
  if (kind == "user-password") return auth::UserChangePassword{.name = words.quoted()};
  if (kind == "role-add") return auth::RoleAdd{words.quoted()};
  if (kind == "role-delete") return auth::RoleDelete{words.quoted()};
  const bool of_user = kind == "grant-role" || kind == "revoke-role";
  if (!of_user && kind != "permit" && kind != "forbid") return std::nullopt;
  const std::string first = words.quoted();
  if (kind == "grant-role") return auth::UserGrantRole{first, words.quoted()};
  if (kind == "revoke-role") return auth::UserRevokeRole{first, words.quoted()};
  auth::Permission permission;
  if (kind == "permit") permission.type = static_cast<std::int32_t>(words.integer());
  permission.key = words.quoted();
  permission.range_end = optional_end(words);
  if (kind == "permit") return auth::RoleGrantPermission{first, true, std::move(permission)};
  return auth::RoleRevokePermission{first, permission.key, permission.range_end};
}

Operation operation(Words& words) {
  const std::string_view kind = words.word();
  if (std::optional<auth::Change> asked = change(words, kind)) return *std::move(asked);
  if (kind == "range") return range(words);
  if (kind == "put") return put(words);
  if (kind == "delete") return erase(words);
  if (kind == "txn") return txn(words, 0);
  if (kind == "compact") {
    apply::CompactionRequest compact;
    compact.revision = words.integer();
    if (words.peek() == "physical") {
      words.word();
      compact.physical = true;
    }
    return compact;
  }
  if (kind == "grant") {
    apply::LeaseGrantRequest grant;
    grant.id = words.integer();
    words.expect("ttl");
    grant.ttl = words.integer();
    return grant;
  }
  if (kind == "revoke") return apply::LeaseRevokeRequest{words.integer()};
  if (kind == "keep-alive") return KeepAlive{words.integer()};
  words.fail();
  return apply::RangeRequest{};
}

// "c2" or "#17": the number after the letter.
std::uint64_t marked(Words& words, char mark) {
  const std::string_view text = words.word();
  std::uint64_t number = 0;
  if (text.size() > 1 && text.front() == mark) {
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
  }
  words.fail();
  return 0;
}

bool take_flag(watch::Create& request, std::string_view field) {
  bool* const flag = field == "prev-kv"     ? &request.prev_kv
                     : field == "no-put"    ? &request.no_put
                     : field == "no-delete" ? &request.no_delete
                     : field == "notify"    ? &request.progress_notify
                     : field == "fragment"  ? &request.fragment
                                            : nullptr;
  if (flag != nullptr) *flag = true;
  return flag != nullptr;
}

}  // namespace

Result<WatchEntry> parse_watch(std::string_view line) {
  Words words(line);
  WatchEntry entry;
  entry.at = after(words, "at");
  entry.client = static_cast<std::uint32_t>(marked(words, 'c'));
  entry.id = marked(words, '#');
  words.expect("watch");
  entry.request.key = words.quoted();
  while (words.ok() && !words.finished()) {
    const std::string_view field = words.word();
    if (take_flag(entry.request, field)) continue;
    if (field == "end") {
      entry.request.range_end = words.quoted();
    } else if (field == "revision") {
      entry.request.start_revision = words.integer();
    } else if (field == "for") {
      entry.length = words.duration();
    } else if (field == "ask-every") {
      entry.ask_every = words.duration();
    } else if (field == "slow") {
      entry.slow = words.duration();
    } else {
      words.fail();
    }
  }
  if (!words.finished()) return invalid(line);
  return entry;
}

Result<OperationEntry> parse_operation(std::string_view line) {
  Words words(line);
  OperationEntry entry;
  entry.at = after(words, "at");
  entry.client = static_cast<std::uint32_t>(marked(words, 'c'));
  entry.id = marked(words, '#');
  entry.operation = operation(words);
  if (!words.finished()) return invalid(line);
  return entry;
}

}  // namespace detcd::sim
