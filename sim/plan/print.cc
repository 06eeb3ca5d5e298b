#include "sim/plan/plan.h"
#include "sim/plan/text.h"

namespace detcd::sim {
namespace {

std::string node(std::uint32_t number) {
  return number == kLeader ? "leader" : "n" + std::to_string(number);
}
std::string boundary(std::uint64_t number) {
  return number == 0 ? "" : " boundary " + std::to_string(number);
}

std::string words(const Crash& fault) {
  return "crash " + node(fault.node) + " down " + print_duration(fault.down) +
         boundary(fault.boundary);
}
std::string words(const PowerLoss& fault) {
  return "power-loss " + node(fault.node) + " down " + print_duration(fault.down) +
         boundary(fault.boundary);
}
std::string words(const Rot& fault) {
  return (fault.snapshot ? "rot-snapshot " : "rot ") + node(fault.node) + " down " +
         print_duration(fault.down) + " where " + std::to_string(fault.where);
}
std::string words(const PutBack& fault) {
  return "put-back " + node(fault.node) + " after " + print_duration(fault.after) + " down " +
         print_duration(fault.down);
}
std::string words(const Pause& fault) {
  return "pause " + node(fault.node) + " for " + print_duration(fault.length);
}
std::string words(const Partition& fault) {
  std::string side;
  for (const std::uint32_t member : fault.side) side += (side.empty() ? "" : ",") + node(member);
  return std::string(fault.one_way ? "partition-from " : "partition ") + side + " for " +
         print_duration(fault.length);
}
std::string words(const Delay& fault) {
  return "delay " + node(fault.from) + " " + node(fault.to) + " by " + print_duration(fault.extra) +
         " for " + print_duration(fault.length);
}
std::string words(const Reset& fault) {
  return "reset " + node(fault.from) + " " + (fault.to == 0 ? "clients" : node(fault.to));
}
std::string words(const ClockSkew& fault) {
  return "clock " + node(fault.node) + " drift-ppm " + std::to_string(fault.boot_drift_ppm) +
         " wall-step " + print_duration(fault.wall_step);
}

std::string words(const Echo& fault) {
  return "echo for " + print_duration(fault.length);
}

std::string number(std::string_view name, std::int64_t value) {
  return value == 0 ? "" : " " + std::string(name) + " " + std::to_string(value);
}
std::string flag(std::string_view name, bool value) {
  return value ? " " + std::string(name) : "";
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

}  // namespace

std::string print(const FaultEntry& entry) {
  return "at " + print_duration(entry.at) + " " +
         std::visit([](const auto& fault) { return words(fault); }, entry.fault);
}

std::string print(const OperationEntry& entry) {
  return "at " + print_duration(entry.at) + " c" + std::to_string(entry.client) + " #" +
         std::to_string(entry.id) + " " +
         std::visit([](const auto& operation) { return words(operation); }, entry.operation);
}

std::string print(const Settings& settings) {
  std::string out;
  const auto line = [&out](std::string_view key, const std::string& value) {
    out += std::string(key) + " " + value + "\n";
  };
  line("profile", settings.profile);
  line("nodes", std::to_string(settings.nodes));
  line("clients", std::to_string(settings.clients));
  line("length", print_duration(settings.length));
  line("heartbeat", print_duration(settings.heartbeat));
  line("election", print_duration(settings.election));
  line("snapshot-count", std::to_string(settings.snapshot_count));
  line("catch-up-entries", std::to_string(settings.catch_up_entries));
  line("wal-segment-bytes", std::to_string(settings.wal_segment_bytes));
  line("append-bytes-max", std::to_string(settings.append_bytes_max));
  line("inflight-messages-max", std::to_string(settings.inflight_messages_max));
  line("chunk-bytes", std::to_string(settings.chunk_bytes));
  line("step-units", std::to_string(settings.step_units));
  line("keys", std::to_string(settings.keys));
  line("clients-enter", settings.clients_enter == Entrance::kApi ? "api" : "wire");
  line("pre-vote", settings.pre_vote ? "1" : "0");
  line("link-latency", print_duration(settings.link_latency));
  line("sync-latency", print_duration(settings.sync_latency));
  line("torn-ppm", std::to_string(settings.torn_ppm));
  line("garbage-ppm", std::to_string(settings.garbage_ppm));
  return out;
}

}  // namespace detcd::sim
