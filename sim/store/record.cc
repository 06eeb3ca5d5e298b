#include "sim/store/record.h"

#include <fmt/format.h>
#include <charconv>

#include "base/crc32c.h"
#include "sim/explore/lane.h"
#include "sim/plan/text.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kMagic = "detcd-campaign 1";
constexpr std::size_t kChecksumDigits = 8;

std::string sealed(std::string_view line) {
  return fmt::format("{:08x} {}\n", crc32c(line), line);
}

// The line without its checksum; none if that doesn't hold.
std::optional<std::string_view> unsealed(std::string_view line) {
  if (line.size() <= kChecksumDigits || line[kChecksumDigits] != ' ') return std::nullopt;
  std::uint32_t sum = 0;
  const char* const digits = line.data();
  const auto [end, error] = std::from_chars(digits, digits + kChecksumDigits, sum, 16);
  if (error != std::errc() || end != digits + kChecksumDigits) return std::nullopt;
  line.remove_prefix(kChecksumDigits + 1);
  if (crc32c(line) != sum) return std::nullopt;
  return line;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

template <class T, class F>
std::string list(const std::vector<T>& values, F&& print_one) {
  std::vector<std::string> words;
  for (const T& value : values) words.push_back(print_one(value));
  return words.empty() ? "-" : join(words);
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  if (text == "-") return words;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    words.emplace_back(word);
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return words;
}

bool parse_hex(std::string_view text, auto& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size();
}

std::uint64_t named_number(Words& words, std::string_view name) {
  words.expect(name);
  return words.number();
}

std::string_view named_word(Words& words, std::string_view name) {
  words.expect(name);
  return words.word();
}

std::optional<Outcome> parse_outcome(std::string_view name) {
  for (const Outcome outcome : {Outcome::kPass, Outcome::kFail, Outcome::kVoid}) {
    if (name_of(outcome) == name) return outcome;
  }
  return std::nullopt;
}

// "1a2b3c4d:17"
std::optional<ProbeCount> parse_probe(std::string_view word) {
  const std::size_t colon = word.find(':');
  ProbeCount probe;
  if (colon == std::string_view::npos || !parse_hex(word.substr(0, colon), probe.id)) {
    return std::nullopt;
  }
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data() + colon + 1, end, probe.times);
  if (error != std::errc() || stop != end) return std::nullopt;
  return probe;
}

bool parse_lists(Words& words, RunRecord& record) {
  for (const std::string& word : split(named_word(words, "probes"))) {
    const std::optional<ProbeCount> probe = parse_probe(word);
    if (!probe) return false;
    record.probes.push_back(*probe);
  }
  for (const std::string& word : split(named_word(words, "found"))) {
    std::uint32_t state = 0;
    if (!parse_hex(word, state)) return false;
    record.found.push_back(state);
  }
  return true;
}

std::optional<RunRecord> parse_record(std::string_view line) {
  Words words(line);
  RunRecord record;
  record.number = named_number(words, "run");
  record.seed = named_number(words, "seed");
  const std::string_view changes = named_word(words, "changes");
  const auto keys = parse_changes(changes == "-" ? "" : changes);
  const std::optional<Outcome> outcome = parse_outcome(words.word());
  if (!keys || !outcome) return std::nullopt;
  record.changes = *keys;
  record.outcome = *outcome;
  if (!parse_hex(named_word(words, "hash"), record.hash)) return std::nullopt;
  record.entries = named_number(words, "plan");
  record.events = named_number(words, "events");
  record.operations = named_number(words, "ops");
  record.acknowledged = named_number(words, "acked");
  record.faults = named_number(words, "faults");
  record.leaders = named_number(words, "leaders");
  record.recoveries = named_number(words, "recoveries");
  record.virtual_ms = named_number(words, "virtual-ms");
  record.twice = named_number(words, "twice") == 1;
  record.cpu_ms = named_number(words, "cpu-ms");
  if (!parse_lists(words, record)) return std::nullopt;
  words.expect("fingerprint");
  record.fingerprint = words.quoted();
  words.expect("message");
  record.message = words.quoted();
  if (!words.ok() || !words.finished()) return std::nullopt;
  return record;
}

}  // namespace

std::uint32_t probe_id(std::string_view name) {
  return crc32c(name);
}

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPass:
      return "pass";
    case Outcome::kFail:
      return "FAIL";
    case Outcome::kVoid:
      return "VOID";
  }
  return "FAIL";
}

bool CampaignPlan::covers(std::uint64_t number) const {
  return number >= first && (!last || number <= *last) && number % kLanes % shards + 1 == shard;
}

std::string CampaignPlan::flags() const {
  std::string text = " --profile " + profile;
  if (nodes > 0) text += fmt::format(" --nodes {}", nodes);
  if (virtual_seconds > 0) text += fmt::format(" --virtual-seconds {}", virtual_seconds);
  return text;
}

std::string print(const CampaignPlan& plan) {
  const std::string line = fmt::format(
      "{} commit {} program {:016x} profile {} nodes {} virtual-seconds {} first {} last {} "
      "guided {} twice {} shard {} of {}",
      kMagic, plan.commit, plan.program, plan.profile, plan.nodes, plan.virtual_seconds, plan.first,
      plan.last ? std::to_string(*plan.last) : "-", plan.guided_percent, plan.twice_percent,
      plan.shard, plan.shards);
  return sealed(line);
}

Result<CampaignPlan> parse_campaign(std::string_view text) {
  const Error wrong{Errc::kDamaged, "not the head of a campaign, or it was changed"};
  if (!text.ends_with('\n')) return wrong;
  const std::optional<std::string_view> line = unsealed(text.substr(0, text.size() - 1));
  if (!line) return wrong;
  if (!line->starts_with(std::string(kMagic) + " ")) {
    return Error{Errc::kIncompatible, "a campaign of another format: " + std::string(*line)};
  }
  Words words(line->substr(kMagic.size()));
  CampaignPlan plan;
  plan.commit = named_word(words, "commit");
  const bool hash = parse_hex(named_word(words, "program"), plan.program);
  plan.profile = named_word(words, "profile");
  plan.nodes = named_number(words, "nodes");
  plan.virtual_seconds = named_number(words, "virtual-seconds");
  plan.first = named_number(words, "first");
  words.expect("last");
  if (words.peek() == "-") {
    words.word();
  } else {
    plan.last = words.number();
  }
  plan.guided_percent = named_number(words, "guided");
  plan.twice_percent = named_number(words, "twice");
  plan.shard = named_number(words, "shard");
  plan.shards = named_number(words, "of");
  const bool shard = plan.shard >= 1 && plan.shard <= plan.shards && plan.shards <= kLanes;
  if (!hash || !shard || !words.ok() || !words.finished()) return wrong;
  return plan;
}

std::string difference(const CampaignPlan& a, const CampaignPlan& b) {
  const auto differ = [](std::string_view what, const auto& one, const auto& other) {
    return fmt::format("{} {} is not {}", what, one, other);
  };
  const auto end = [](const CampaignPlan& plan) { return plan.last.value_or(0); };
  if (a.commit != b.commit) return differ("commit", a.commit, b.commit);
  if (a.program != b.program) return "they come from different builds of detcd-sim";
  if (a.profile != b.profile) return differ("profile", a.profile, b.profile);
  if (a.nodes != b.nodes) return differ("nodes", a.nodes, b.nodes);
  if (a.virtual_seconds != b.virtual_seconds) {
    return differ("virtual seconds", a.virtual_seconds, b.virtual_seconds);
  }
  if (a.first != b.first) return differ("first run", a.first, b.first);
  if (end(a) != end(b)) return differ("last run (0: open)", end(a), end(b));
  if (a.guided_percent != b.guided_percent) {
    return differ("guided percent", a.guided_percent, b.guided_percent);
  }
  if (a.twice_percent != b.twice_percent) {
    return differ("percent done twice", a.twice_percent, b.twice_percent);
  }
  if (a.shards != b.shards) return differ("number of shards", a.shards, b.shards);
  return {};
}

std::string print(const RunRecord& record) {
  return sealed(fmt::format(
      "run {} seed {} changes {} {} hash {:016x} plan {} events {} ops {} acked {} faults {} "
      "leaders {} recoveries {} virtual-ms {} twice {} cpu-ms {} probes {} found {} "
      "fingerprint {} message {}",
      record.number, record.seed, record.changes.empty() ? "-" : print_changes(record.changes),
      name_of(record.outcome), record.hash, record.entries, record.events, record.operations,
      record.acknowledged, record.faults, record.leaders, record.recoveries, record.virtual_ms,
      record.twice ? 1 : 0, record.cpu_ms,
      list(record.probes,
           [](const ProbeCount& probe) { return fmt::format("{:08x}:{}", probe.id, probe.times); }),
      list(record.found, [](std::uint32_t state) { return fmt::format("{:08x}", state); }),
      quote(record.fingerprint), quote(record.message)));
}

std::string RunRecord::reproduce(const CampaignPlan& plan) const {
  std::string line = fmt::format("detcd-sim run --seed {}{}", seed, plan.flags());
  if (!changes.empty()) line += " --changes " + print_changes(changes);
  return line;
}

Result<Records> parse_records(std::string_view text) {
  Records all;
  for (std::size_t number = 1; all.whole_bytes < text.size(); ++number) {
    const std::string_view rest = text.substr(all.whole_bytes);
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) {
      all.torn = true;
      break;
    }
    const std::optional<std::string_view> line = unsealed(rest.substr(0, end));
    std::optional<RunRecord> record = line ? parse_record(*line) : std::nullopt;
    if (!record) {
      return Error{Errc::kDamaged,
                   fmt::format("line {} isn't what was written there; take it out and its run is "
                               "done again",
                               number)};
    }
    all.records.push_back(std::move(*record));
    all.whole_bytes += end + 1;
  }
  return all;
}

}  // namespace detcd::sim
