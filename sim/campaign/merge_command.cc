#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "sim/campaign/arguments.h"
#include "sim/campaign/command_line.h"
#include "sim/campaign/commands.h"
#include "sim/campaign/store_command.h"

namespace detcd::sim {
namespace {

struct Part {
  std::string directory;
  StoredCampaign stored;
};

struct Merged {
  CampaignPlan plan;
  Totals totals;
  std::map<std::string, std::string> traces;  // Fingerprint → the file of the best failure.
  std::set<std::uint64_t> shards;
};

Result<void> add(const Part& part, Merged& merged) {
  const std::string differs = difference(merged.plan, part.stored.plan);
  if (!differs.empty()) {
    return Error{Errc::kInvalid, part.directory + " is of another campaign: " + differs};
  }
  for (const auto& [number, record] : part.stored.totals.records()) {
    const Result<void> added = merged.totals.add(record);
    if (!added) return Error{added.error().code, part.directory + ": " + added.error().message};
  }
  for (const auto& [fingerprint, failure] : part.stored.totals.failures()) {
    if (merged.totals.failures().at(fingerprint).best.number != failure.best.number) continue;
    merged.traces[fingerprint] =
        part.directory + "/failures/" + failure_name(fingerprint) + ".trace";
  }
  merged.shards.insert(part.stored.plan.shard);
  return {};
}

Result<Merged> merge(const std::vector<std::string>& directories) {
  Merged merged;
  for (const std::string& directory : directories) {
    Result<StoredCampaign> stored = read_store(directory);
    if (!stored) return stored.error();
    if (merged.shards.empty()) merged.plan = stored->plan;
    const Result<void> added = add({directory, std::move(*stored)}, merged);
    if (!added) return added.error();
  }
  for (std::uint64_t shard = 1; shard <= merged.plan.shards; ++shard) {
    if (!merged.shards.contains(shard)) {
      fmt::print(stderr, "shard {}/{} is missing\n", shard, merged.plan.shards);
    }
  }
  merged.plan.shard = 1;
  merged.plan.shards = 1;
  return merged;
}

// A store as one campaign would have left it, its runs in the order of their numbers.
Result<void> write(const Merged& merged, const std::string& directory, const Story& story) {
  if (std::filesystem::exists(directory + "/campaign")) {
    return Error{Errc::kExists, directory + " holds a campaign already"};
  }
  const auto store = CampaignStore::open(directory, merged.plan);
  if (!store) return store.error();
  for (const auto& [number, record] : merged.totals.records()) {
    const Result<void> added = (*store)->append(record);
    if (!added) return added;
  }
  for (const auto& [fingerprint, path] : merged.traces) {
    const Result<std::string> trace = read_file(path);
    if (!trace) return trace.error();
    const Result<void> copied = replace_file((*store)->failure_path(fingerprint), *trace);
    if (!copied) return copied;
  }
  const Result<void> synced = (*store)->sync();
  if (!synced) return synced;
  return write_summaries(**store, story);
}

}  // namespace

int merge_command(const std::vector<std::string>& arguments) {
  const Result<Arguments> flags = Arguments::parse(arguments, {"o"}, {});
  if (!flags) return usage(flags.error().message);
  if (flags->words().empty()) return usage("merge needs the directories of a campaign's shards");
  const Result<Merged> merged = merge(flags->words());
  if (!merged) return store_trouble(merged.error());
  const Story story{merged->plan, &merged->totals, rules_of(merged->plan), true, std::nullopt};
  const std::string out = flags->text("o", "");
  if (!out.empty()) {
    const Result<void> written = write(*merged, out, story);
    if (!written) return store_trouble(written.error());
  }
  fmt::print("{}", summary_text(story));
  return verdict_of(story) == "pass" ? 0 : 1;
}

}  // namespace detcd::sim
