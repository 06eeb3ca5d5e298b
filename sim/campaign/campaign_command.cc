#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/hash.h"
#include "sim/campaign/campaign.h"
#include "sim/campaign/command_line.h"
#include "sim/campaign/commands.h"
#include "sim/campaign/elsewhere.h"
#include "sim/campaign/entries.h"
#include "sim/campaign/known_probes.h"
#include "sim/campaign/options.h"
#include "sim/campaign/report.h"
#include "sim/campaign/store_command.h"

namespace detcd::sim {
namespace {

constexpr std::uint64_t kGuidedPercent = 50;
constexpr std::uint64_t kTwicePercent = 5;

// "3/8"
Result<void> parse_shard(const std::string& text, CampaignPlan& plan) {
  const Error wrong{Errc::kInvalid,
                    fmt::format("--shard must be I/N, as 1/8, at most 1/{}: {}", kLanes, text)};
  const auto slash = text.find('/');
  if (slash == std::string::npos) return wrong;
  const auto number = [](std::string_view digits, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size() && !digits.empty();
  };
  const bool read = number(std::string_view(text).substr(0, slash), plan.shard) &&
                    number(std::string_view(text).substr(slash + 1), plan.shards);
  if (!read || plan.shard < 1 || plan.shard > plan.shards || plan.shards > kLanes) return wrong;
  return {};
}

Result<void> parse_numbers(const Arguments& flags, CampaignPlan& plan) {
  struct Number {
    const char* name;
    std::uint64_t* value;
    std::uint64_t most;
  };
  for (const Number& each :
       {Number{"nodes", &plan.nodes, 9},
        Number{"virtual-seconds", &plan.virtual_seconds, 1'000'000},
        Number{"guided", &plan.guided_percent, 100}, Number{"twice", &plan.twice_percent, 100}}) {
    const Result<std::uint64_t> number = flags.number(each.name, *each.value);
    if (!number) return number.error();
    if (*number > each.most) {
      return Error{Errc::kInvalid, fmt::format("--{} must be at most {}", each.name, each.most)};
    }
    *each.value = *number;
  }
  return {};
}

Result<CampaignPlan> plan_of(const Arguments& flags) {
  CampaignPlan plan;
  plan.commit = trace_of(RunOptions{}, RunResult{}).commit;
  plan.profile = flags.text("profile", "swarm");
  plan.guided_percent = kGuidedPercent;
  plan.twice_percent = kTwicePercent;
  if (flags.has("seeds") == flags.has("minutes")) {
    return Error{Errc::kInvalid, "campaign needs either --seeds A..B or --minutes M"};
  }
  if (flags.has("seeds")) {
    const Result<SeedRange> range = parse_seeds(flags.text("seeds", ""), "seeds");
    if (!range) return range.error();
    plan.first = range->first;
    plan.last = range->last;
  }
  const Result<void> shard = parse_shard(flags.text("shard", "1/1"), plan);
  if (!shard) return shard.error();
  const Result<void> numbers = parse_numbers(flags, plan);
  if (!numbers) return numbers.error();
  const Result<RunOptions> drawn = options_for(plan.first, flags);
  if (!drawn) return drawn.error();
  const Result<std::string> program = read_file(own_program());
  if (!program) return program.error();
  plan.program = hash64(*program);
  return plan;
}

std::uint64_t wall_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

int carry_out(CampaignStore& store, const CampaignJob& job) {
  const std::uint64_t before = store.totals().numbers().runs;
  if (store.was_torn()) fmt::print("the last line of the results was cut short: left out\n");
  if (before > 0) fmt::print("carrying on after {} runs\n", before);
  std::fflush(stdout);
  stop_on_signals();
  const std::uint64_t began = wall_ms();
  const Result<Campaign::End> end = Campaign(store, job).go();
  if (!end) {
    const int code = store_trouble(end.error());
    fmt::print(stderr, "{} runs are safe in {}; the same command carries on with them\n",
               store.totals().numbers().runs, store.directory());
    return code;
  }
  Story story{store.plan(), &store.totals(), rules_of(store.plan()), true, wall_ms() - began};
  const Result<void> written = write_summaries(store, story);
  fmt::print("{}", summary_text(story));
  if (!written) return store_trouble(written.error());
  if (*end == Campaign::End::kStopped) {
    fmt::print("stopped by a signal; the same command carries on\n");
    return 128 + stop_signal();
  }
  return verdict_of(story) == "pass" ? 0 : 1;
}

}  // namespace

std::vector<ProbeRule> rules_of(const CampaignPlan& plan) {
  // So many runs have drawn all that the profile may: the odds are no worse than one in ten.
  constexpr std::uint64_t kLooks = 100;
  const Result<Arguments> flags =
      Arguments::parse(words_of(plan.flags()), {"profile", "nodes", "virtual-seconds"}, {});
  std::vector<Settings> drawn;
  for (std::uint64_t seed = 1; flags && seed <= kLooks; ++seed) {
    const Result<RunOptions> options = options_for(seed, *flags);
    // The profile of somebody else's store may not be here: then nothing is asked for.
    if (!options) return probe_rules({});
    drawn.push_back(options->settings);
  }
  return probe_rules(drawn);
}

int store_trouble(const Error& error) {
  fmt::print(stderr, "detcd-sim: {}\n", error.message);
  return kStoreTrouble;
}

Result<void> write_summaries(const CampaignStore& store, const Story& story) {
  const Result<void> text = store.replace("summary.txt", summary_text(story));
  if (!text) return text;
  const Result<void> json = store.replace("summary.json", summary_json(story));
  if (!json) return json;
  return store.replace("summary.html", summary_page(story));
}

int campaign_command(const std::string&, const std::vector<std::string>& arguments) {
  const Result<Arguments> flags =
      Arguments::parse(arguments,
                       {"profile", "seeds", "minutes", "jobs", "store", "shard", "nodes",
                        "virtual-seconds", "guided", "twice"},
                       {});
  if (!flags) return usage(flags.error().message);
  if (!flags->words().empty()) return usage("campaign takes flags only");
  if (flags->text("store", "").empty()) return usage("campaign needs --store DIR");
  const Result<CampaignPlan> plan = plan_of(*flags);
  if (!plan) return usage(plan.error().message);
  CampaignJob job;
  const Result<std::uint64_t> jobs = jobs_of(*flags);
  if (!jobs) return usage(jobs.error().message);
  job.jobs = *jobs;
  const Result<std::uint64_t> minutes = flags->number("minutes", 0);
  if (!minutes) return usage(minutes.error().message);
  if (flags->has("minutes")) {
    if (*minutes < 1 || *minutes > 1'000'000) return usage("--minutes must be 1 to 1000000");
    job.minutes = *minutes;
  }
  const Result<std::unique_ptr<CampaignStore>> store =
      CampaignStore::open(flags->text("store", ""), *plan);
  if (!store) return store_trouble(store.error());
  return carry_out(**store, job);
}

}  // namespace detcd::sim
