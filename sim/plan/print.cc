#include "sim/plan/plan.h"
#include "sim/plan/text.h"

namespace detcd::sim {
namespace {

std::string number(std::string_view name, std::int64_t value) {
  return value == 0 ? "" : " " + std::string(name) + " " + std::to_string(value);
}
std::string flag(std::string_view name, bool value) {
  return value ? " " + std::string(name) : "";
}
std::string time(std::string_view name, Duration value) {
  return value == Duration{} ? "" : " " + std::string(name) + " " + print_duration(value);
}
std::string text(std::string_view name, std::string_view value) {
  return value.empty() ? "" : " " + std::string(name) + " " + quote(value);
}

std::string words(const apply::RangeRequest& range) {
  return "range " + quote(range.key) + text("end", range.range_end) + number("limit", range.limit) +
         number("revision", range.revision) + number("order", range.sort_order) +
         number("target", range.sort_target) + flag("serializable", range.serializable) +
         flag("keys-only", range.keys_only) + flag("count-only", range.count_only) +
         number("min-mod", range.min_mod_revision) + number("max-mod", range.max_mod_revision) +
         number("min-create", range.min_create_revision) +
         number("max-create", range.max_create_revision);
}
std::string words(const apply::PutRequest& put) {
  return "put " + quote(put.key) + text("value", put.value) + number("lease", put.lease) +
         flag("prev-kv", put.prev_kv) + flag("ignore-value", put.ignore_value) +
         flag("ignore-lease", put.ignore_lease);
}
std::string words(const apply::DeleteRangeRequest& erase) {
  return "delete " + quote(erase.key) + text("end", erase.range_end) +
         flag("prev-kv", erase.prev_kv);
}
std::string words(const apply::CompactionRequest& compact) {
  return "compact " + std::to_string(compact.revision) + flag("physical", compact.physical);
}
std::string words(const apply::LeaseGrantRequest& grant) {
  return "grant " + std::to_string(grant.id) + " ttl " + std::to_string(grant.ttl);
}
std::string words(const apply::LeaseRevokeRequest& revoke) {
  return "revoke " + std::to_string(revoke.id);
}
std::string words(const KeepAlive& keep) {
  return "keep-alive " + std::to_string(keep.lease);
}
std::string words(const auth::Change& change);
std::string words(const apply::TxnRequest& txn);

std::string words(const apply::RequestOp& operation) {
  if (const auto* range = std::get_if<apply::RangeRequest>(&operation.request))
    return words(*range);
  if (const auto* put = std::get_if<apply::PutRequest>(&operation.request)) return words(*put);
  if (const auto* erase = std::get_if<apply::DeleteRangeRequest>(&operation.request)) {
    return words(*erase);
  }
  if (const auto* txn = std::get_if<apply::TxnRequest>(&operation.request)) return words(*txn);
  return "nothing";
}

std::string words(const apply::Compare& compare) {
  return "if " + std::to_string(compare.target) + " " + std::to_string(compare.result) + " " +
         quote(compare.key) + text("end", compare.range_end) + number("number", compare.number) +
         text("value", compare.value);
}

std::string words(const apply::TxnRequest& txn) {
  std::string out = "txn";
  for (const apply::Compare& compare : txn.compare) out += " " + words(compare) + " ;";
  out += " then";
  for (const apply::RequestOp& operation : txn.success) out += " " + words(operation) + " ;";
  out += " else";
  for (const apply::RequestOp& operation : txn.failure) out += " " + words(operation) + " ;";
  return out + " end-txn";
}

std::string words(const auth::Enable&) {
  return "auth-enable";
}
std::string words(const auth::Disable&) {
  return "auth-disable";
}
std::string words(const auth::Authenticate& authenticate) {
  return "authenticate " + quote(authenticate.user);
}
std::string words(const auth::UserAdd& add) {
  return "user-add " + quote(add.name);
}
std::string words(const auth::UserDelete& erase) {
  return "user-delete " + quote(erase.name);
}
std::string words(const auth::UserChangePassword& change) {
  return "user-password " + quote(change.name);
}
std::string words(const auth::UserGrantRole& grant) {
  return "grant-role " + quote(grant.user) + " " + quote(grant.role);
}
std::string words(const auth::UserRevokeRole& revoke) {
  return "revoke-role " + quote(revoke.user) + " " + quote(revoke.role);
}
std::string words(const auth::RoleAdd& add) {
  return "role-add " + quote(add.name);
}
std::string words(const auth::RoleDelete& erase) {
  return "role-delete " + quote(erase.role);
}
std::string words(const auth::RoleGrantPermission& grant) {
  return "permit " + quote(grant.role) + " " + std::to_string(grant.permission.type) + " " +
         quote(grant.permission.key) + text("end", grant.permission.range_end);
}
std::string words(const auth::RoleRevokePermission& revoke) {
  return "forbid " + quote(revoke.role) + " " + quote(revoke.key) + text("end", revoke.range_end);
}
std::string words(const auth::Change& change) {
  return std::visit([](const auto& one) { return words(one); }, change);
}

}  // namespace

std::string print(const FaultEntry& entry) {
  return "at " + print_duration(entry.at) + " " + entry.fault;
}

std::string print(const OperationEntry& entry) {
  return "at " + print_duration(entry.at) + " c" + std::to_string(entry.client) + " #" +
         std::to_string(entry.id) + " " +
         std::visit([](const auto& operation) { return words(operation); }, entry.operation);
}

std::string print(const WatchEntry& entry) {
  const watch::Create& request = entry.request;
  return "at " + print_duration(entry.at) + " c" + std::to_string(entry.client) + " #" +
         std::to_string(entry.id) + " watch " + quote(request.key) +
         text("end", request.range_end) + number("revision", request.start_revision) +
         flag("prev-kv", request.prev_kv) + flag("no-put", request.no_put) +
         flag("no-delete", request.no_delete) + flag("notify", request.progress_notify) +
         flag("fragment", request.fragment) + time("for", entry.length) +
         time("ask-every", entry.ask_every) + time("slow", entry.slow);
}

}  // namespace detcd::sim
