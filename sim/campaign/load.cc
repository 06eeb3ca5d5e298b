#include <array>
#include <charconv>
#include <utility>

#include "sim/campaign/scenario.h"
#include "sim/plan/text.h"

namespace detcd::sim {
namespace {

constexpr std::uint64_t kIdsPerClient = 1'000'000;
constexpr std::uint64_t kLoadMax = 100'000;  // Operations of one line.

enum class Load : std::uint8_t { kPuts, kReads, kSerializable, kDeletes, kTxns, kMixed };
constexpr std::array<std::string_view, 6> kLoads{"puts",    "reads", "serializable",
                                                 "deletes", "txns",  "mixed"};

std::optional<Load> load_of(std::string_view name) {
  for (std::size_t at = 0; at < kLoads.size(); ++at) {
    if (kLoads[at] == name) return static_cast<Load>(at);
  }
  return std::nullopt;
}

struct Clients {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

// "c3" or "c1..c3".
Clients clients_of(std::string_view text) {
  const auto number = [](std::string_view name) {
    std::uint32_t value = 0;
    if (name.size() < 2 || name.front() != 'c') return value;
    const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), value);
    return error == std::errc() && end == name.data() + name.size() ? value : 0;
  };
  const auto dots = text.find("..");
  if (dots == std::string_view::npos) return {number(text), number(text)};
  return {number(text.substr(0, dots)), number(text.substr(dots + 2))};
}

apply::TxnRequest txn(const std::string& key, const std::string& value) {
  apply::TxnRequest txn;
  apply::Compare exists;
  exists.target = static_cast<std::int32_t>(apply::CompareTarget::kVersion);
  exists.result = 1;  // Greater.
  exists.key = key;
  txn.compare.push_back(exists);
  apply::PutRequest put;
  put.key = key;
  put.value = value;
  apply::RangeRequest range;
  range.key = key;
  txn.success.push_back({put});
  txn.success.push_back({range});
  txn.failure.push_back({put});
  return txn;
}

// The n-th of a client's operations.
Operation operation(Load load, std::uint64_t n, const std::string& key, const std::string& value) {
  if (load == Load::kMixed) {
    constexpr std::array<Load, 6> kTurns{Load::kPuts, Load::kReads,   Load::kTxns,
                                         Load::kPuts, Load::kDeletes, Load::kSerializable};
    load = kTurns[n % kTurns.size()];
  }
  if (load == Load::kTxns) return txn(key, value);
  if (load == Load::kDeletes) {
    apply::DeleteRangeRequest erase;
    erase.key = key;
    erase.prev_kv = true;
    return erase;
  }
  if (load == Load::kPuts) {
    apply::PutRequest put;
    put.key = key;
    put.value = value;
    put.prev_kv = n % 3 == 0;
    return put;
  }
  apply::RangeRequest range;
  range.key = n % 2 == 0 ? key : "k";
  if (n % 2 != 0) range.range_end = "l";
  range.serializable = load == Load::kSerializable;
  return range;
}

}  // namespace

Result<std::vector<OperationEntry>> parse_load(std::string_view line, std::uint64_t keys) {
  Words words(line);
  const Clients clients = clients_of(words.word());
  const std::optional<Load> load = load_of(words.word());
  words.expect("every");
  const Duration every = words.duration();
  words.expect("from");
  const Duration from = words.duration();
  words.expect("to");
  const Duration to = words.duration();
  const bool meant = words.finished() && load && clients.first > 0 &&
                     clients.first <= clients.last && clients.last < 1000 &&
                     every > Duration::zero() && keys > 0;
  const std::uint64_t each =
      meant && to > from ? static_cast<std::uint64_t>((to - from) / every) : 0;
  if (each == 0 || each * (clients.last - clients.first + 1) > kLoadMax) {
    return Error{Errc::kInvalid, "can't read the load: " + std::string(line)};
  }
  std::vector<OperationEntry> entries;
  const std::uint32_t count = clients.last - clients.first + 1;
  for (std::uint64_t n = 0; n < each; ++n) {
    for (std::uint32_t client = clients.first; client <= clients.last; ++client) {
      OperationEntry entry;
      // They take turns rather than all calling at once.
      entry.at = from + every * static_cast<std::int64_t>(n) +
                 every * static_cast<std::int64_t>(client - clients.first) / count;
      entry.client = client;
      // A second load of the same client has ids of its own.
      entry.id = client * kIdsPerClient + static_cast<std::uint64_t>(from / 1ms) * 100 + n;
      const std::string key = "k" + std::to_string((n + client) % keys);
      entry.operation = operation(*load, n, key, "v" + std::to_string(entry.id));
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

}  // namespace detcd::sim
