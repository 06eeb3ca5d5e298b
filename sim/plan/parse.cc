#include <charconv>

#include "sim/plan/plan.h"
#include "sim/plan/text.h"

namespace detcd::sim {
namespace {

Error invalid(std::string_view line) {
  return {Errc::kInvalid, "can't read the plan's line: " + std::string(line)};
}

// "n3" → 3, 1..64; "leader".
std::uint32_t node_of(Words& words, std::string_view text) {
  if (text == "leader") return kLeader;
  std::uint32_t number = 0;
  const bool named = text.size() > 1 && text.front() == 'n';
  if (named) {
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && number >= 1 && number <= 64) {
      return number;
    }
  }
  words.fail();
  return 1;
}
std::uint32_t node(Words& words) {
  return node_of(words, words.word());
}

Duration after(Words& words, std::string_view name) {
  words.expect(name);
  return words.duration();
}

std::uint64_t boundary(Words& words) {
  if (words.peek() != "boundary") return 0;
  words.word();
  return words.number();
}

std::vector<std::uint32_t> side(Words& words) {
  std::vector<std::uint32_t> members;
  std::string_view text = words.word();
  while (!text.empty()) {
    const std::string_view member = text.substr(0, text.find(','));
    members.push_back(node_of(words, member));
    text.remove_prefix(std::min(member.size() + 1, text.size()));
  }
  return members;
}

Fault fault(Words& words) {
  const std::string_view kind = words.word();
  if (kind == "crash") {
    Crash crash;
    crash.node = node(words);
    crash.down = after(words, "down");
    crash.boundary = boundary(words);
    return crash;
  }
  if (kind == "power-loss") {
    PowerLoss loss;
    loss.node = node(words);
    loss.down = after(words, "down");
    loss.boundary = boundary(words);
    return loss;
  }
  if (kind == "rot" || kind == "rot-snapshot") {
    Rot rot;
    rot.snapshot = kind == "rot-snapshot";
    rot.node = node(words);
    rot.down = after(words, "down");
    words.expect("where");
    rot.where = words.number();
    return rot;
  }
  if (kind == "put-back") {
    PutBack back;
    back.node = node(words);
    back.after = after(words, "after");
    back.down = after(words, "down");
    return back;
  }
  if (kind == "pause") {
    const std::uint32_t who = node(words);
    return Pause{who, after(words, "for")};
  }
  if (kind == "partition" || kind == "partition-from") {
    Partition partition;
    partition.side = side(words);
    partition.one_way = kind == "partition-from";
    partition.length = after(words, "for");
    return partition;
  }
  if (kind == "delay") {
    Delay delay;
    delay.from = node(words);
    delay.to = node(words);
    delay.extra = after(words, "by");
    delay.length = after(words, "for");
    return delay;
  }
  if (kind == "reset") {
    Reset reset;
    reset.from = node(words);
    const std::string_view to = words.word();
    reset.to = to == "clients" ? 0 : node_of(words, to);
    return reset;
  }
  if (kind == "clock") {
    ClockSkew skew;
    skew.node = node(words);
    words.expect("drift-ppm");
    skew.boot_drift_ppm = words.integer();
    skew.wall_step = after(words, "wall-step");
    return skew;
  }
  if (kind == "echo") return Echo{after(words, "for")};
  words.fail();
  return Crash{};
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

Operation operation(Words& words) {
  const std::string_view kind = words.word();
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

Entrance entrance(Words& words) {
  const std::string_view name = words.word();
  if (name != "wire" && name != "api") words.fail();
  return name == "api" ? Entrance::kApi : Entrance::kWire;
}

}  // namespace

Result<FaultEntry> parse_fault(std::string_view line) {
  Words words(line);
  FaultEntry entry;
  entry.at = after(words, "at");
  entry.fault = fault(words);
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

Result<void> parse_setting(std::string_view line, Settings& settings) {
  Words words(line);
  const std::string_view key = words.word();
  if (key == "profile")
    settings.profile = words.word();
  else if (key == "nodes")
    settings.nodes = static_cast<std::uint32_t>(words.number());
  else if (key == "clients")
    settings.clients = static_cast<std::uint32_t>(words.number());
  else if (key == "length")
    settings.length = words.duration();
  else if (key == "heartbeat")
    settings.heartbeat = words.duration();
  else if (key == "election")
    settings.election = words.duration();
  else if (key == "snapshot-count")
    settings.snapshot_count = words.number();
  else if (key == "catch-up-entries")
    settings.catch_up_entries = words.number();
  else if (key == "wal-segment-bytes")
    settings.wal_segment_bytes = words.number();
  else if (key == "append-bytes-max")
    settings.append_bytes_max = words.number();
  else if (key == "inflight-messages-max")
    settings.inflight_messages_max = words.number();
  else if (key == "chunk-bytes")
    settings.chunk_bytes = words.number();
  else if (key == "step-units")
    settings.step_units = words.number();
  else if (key == "keys")
    settings.keys = words.number();
  else if (key == "clients-enter")
    settings.clients_enter = entrance(words);
  else if (key == "pre-vote")
    settings.pre_vote = words.number() != 0;
  else if (key == "link-latency")
    settings.link_latency = words.duration();
  else if (key == "sync-latency")
    settings.sync_latency = words.duration();
  else if (key == "torn-ppm")
    settings.torn_ppm = words.number();
  else if (key == "garbage-ppm")
    settings.garbage_ppm = words.number();
  else
    words.fail();
  if (!words.finished())
    return Error{Errc::kInvalid, "can't read the setting: " + std::string(line)};
  return {};
}

}  // namespace detcd::sim
