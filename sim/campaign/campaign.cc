#include "sim/campaign/campaign.h"

#include <fmt/format.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <utility>

#include "base/check.h"
#include "runtime/random.h"
#include "sim/campaign/elsewhere.h"
#include "sim/campaign/entries.h"
#include "sim/campaign/options.h"
#include "sim/campaign/report.h"
#include "sim/campaign/trace_file.h"
#include "sim/plan/draw.h"
#include "sim/store/summary.h"

namespace detcd::sim {
namespace {

constexpr runtime::Site kTwice{"campaign: twice"};
constexpr int kWaitMs = 250;
constexpr std::uint64_t kSyncEveryMs = 5000;

std::atomic<int> stopped_by = 0;  // Set by a signal.
static_assert(std::atomic<int>::is_always_lock_free);

std::uint64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

Arguments flags_of(const CampaignPlan& plan) {
  const std::vector<std::string> words = words_of(plan.flags());
  return *Arguments::parse(words, {"profile", "nodes", "virtual-seconds"}, {});
}

std::string elapsed(std::uint64_t ms) {
  const std::uint64_t s = ms / 1000;
  return s < 3600 ? fmt::format("{}:{:02}", s / 60, s % 60)
                  : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

// Once more in another process; a difference is a failure of the run.
void compare_elsewhere(const Recipe& recipe, const std::string& flags, RunResult& result) {
  std::vector<std::string> arguments{"run", "--seed", std::to_string(recipe.seed), "--hashes"};
  if (!recipe.changes.empty()) {
    arguments.insert(arguments.end(), {"--changes", print_changes(recipe.changes)});
  }
  const std::uint64_t surroundings = 1 + recipe.seed % 1000;
  arguments.insert(arguments.end(), {"--heap", std::to_string(surroundings)});
  for (std::string& word : words_of(flags)) arguments.push_back(std::move(word));
  const Result<std::string> text = run_elsewhere(own_program(), arguments, {surroundings});
  const std::optional<RunHashes> other = text ? parse_hashes(*text) : std::nullopt;
  if (other && other->hash == result.hash && other->events == result.events) return;
  result.verdict = Verdict::kFail;
  result.violation = Violation{
      "determinism",
      other ? fmt::format("the run was another one in another process: hash {:016x} after {} "
                          "events, there {:016x} after {}",
                          result.hash, result.events, other->hash, other->events)
            : "the run didn't end in another process: " + (text ? *text : text.error().message)};
}

Outcome outcome_of(const RunResult& result) {
  switch (result.verdict) {
    case Verdict::kPass:
      return Outcome::kPass;
    case Verdict::kFail:
      return Outcome::kFail;
    case Verdict::kVoid:
      return Outcome::kVoid;
  }
  return Outcome::kFail;
}

RunRecord record_of(std::uint64_t number, const Recipe& recipe, const ChildResult& child) {
  const RunResult& result = child.result;
  RunRecord record;
  record.number = number;
  record.seed = recipe.seed;
  record.changes = recipe.changes;
  record.outcome = outcome_of(result);
  record.hash = result.hash;
  record.entries = result.entries;
  record.events = result.events;
  record.operations = result.operations;
  record.acknowledged = result.acknowledged;
  record.faults = result.faults;
  record.leaders = result.leaders;
  record.recoveries = result.recoveries;
  record.virtual_ms = static_cast<std::uint64_t>(result.virtual_time / 1ms);
  record.cpu_ms = child.cpu_ms;
  for (const auto& [name, times] : result.probes) {
    if (times > 0) record.probes.push_back({probe_id(name), times});
  }
  if (result.violation) {
    record.fingerprint = result.violation->fingerprint();
    record.message = failure_text(result);
  } else {
    record.message = result.void_reason;
  }
  return record;
}

bool is_twice(std::uint64_t number, const CampaignPlan& plan) {
  return Draw(number, 0).pick(kTwice, 0, 100) < plan.twice_percent;
}

}  // namespace

void stop_on_signals() {
  struct sigaction action{};
  action.sa_handler = [](int signal) { stopped_by = signal; };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  // A file that may not grow is an error of the write, not a death.
  signal(SIGXFSZ, SIG_IGN);
}

int stop_signal() {
  return stopped_by;
}

Campaign::Campaign(CampaignStore& store, const CampaignJob& job)
    : store_(store), job_(job), flags_(flags_of(store.plan())), terminal_(isatty(2) == 1) {
  const CampaignPlan& plan = store.plan();
  for (std::uint64_t lane = 0; lane < kLanes; ++lane) {
    Seat seat{Lane(plan.guided_percent),
              plan.first + (lane + kLanes - plan.first % kLanes) % kLanes,
              false,
              {}};
    catch_up(seat);
    seats_.push_back(std::move(seat));
  }
  planned_ = planned_runs(plan);
  done_before_ = store.totals().numbers().runs;
}

bool Campaign::in_range(std::uint64_t number) const {
  return store_.plan().covers(number);
}

// Over the runs that are in the store, to the first that isn't.
void Campaign::catch_up(Seat& seat) {
  const auto& records = store_.totals().records();
  for (auto known = records.find(seat.next); known != records.end();
       known = records.find(seat.next)) {
    const RunRecord& record = known->second;
    seat.lane.take({record.seed, record.changes}, record.outcome == Outcome::kPass, record.found);
    seat.next += kLanes;
  }
}

Campaign::Seat* Campaign::idle_seat() {
  Seat* lowest = nullptr;
  for (Seat& seat : seats_) {
    if (seat.busy || !in_range(seat.next)) continue;
    if (lowest == nullptr || seat.next < lowest->next) lowest = &seat;
  }
  return lowest;
}

void Campaign::begin(Seat& seat, Children& children) {
  seat.busy = true;
  seat.recipe = seat.lane.next(seat.next);
  const bool twice = is_twice(seat.next, store_.plan());
  children.begin(seat.next, [&seat, twice, this] {
    Result<RunOptions> options = options_for(seat.recipe, flags_);
    check(options.ok(), "a campaign's flags were looked at before it began");
    options->states = true;
    RunResult result = run(*options);
    if (twice) compare_elsewhere(seat.recipe, store_.plan().flags(), result);
    return result;
  });
}

Result<Campaign::End> Campaign::go() {
  began_ms_ = synced_ms_ = now_ms();
  const std::uint64_t deadline = job_.minutes ? began_ms_ + *job_.minutes * 60'000 : 0;
  Children children(kRunPatienceSeconds);
  while (stop_signal() == 0) {
    const bool over = deadline != 0 && now_ms() >= deadline;
    Seat* seat = over ? nullptr : idle_seat();
    while (seat != nullptr && children.running() < job_.jobs) {
      begin(*seat, children);
      seat = idle_seat();
    }
    if (children.running() == 0) break;
    const std::optional<Children::Ended> ended = children.finish_within(kWaitMs);
    if (ended) {
      const Result<void> taken = take(*ended);
      if (!taken) return taken.error();
    }
    const Result<void> kept = now_and_then();
    if (!kept) return kept.error();
    show_progress(children.running());
  }
  if (terminal_) fmt::print(stderr, "\r\033[K");
  const Result<void> synced = store_.sync();
  if (!synced) return synced.error();
  return stop_signal() == 0 ? End::kDone : End::kStopped;
}

Result<void> Campaign::take(const Children::Ended& ended) {
  Seat& seat = seats_[ended.seed % kLanes];
  RunRecord record = record_of(ended.seed, seat.recipe, ended.child);
  record.twice = is_twice(ended.seed, store_.plan());
  record.found =
      seat.lane.take(seat.recipe, record.outcome == Outcome::kPass, ended.child.result.states);
  const bool failed = record.outcome == Outcome::kFail;
  const auto known = store_.totals().failures().find(record.fingerprint);
  const bool is_new = known == store_.totals().failures().end();
  // The trace first: what the results name is there.
  if (failed && (is_new || is_better(record, known->second.best))) {
    const Result<void> kept = keep_failure(record, ended.child.result);
    if (!kept) return kept;
  }
  const Result<void> appended = store_.append(record);
  if (!appended) return appended;
  seat.busy = false;
  seat.next += kLanes;
  catch_up(seat);
  if (failed && is_new) {
    if (terminal_) fmt::print(stderr, "\r\033[K");
    fmt::print("new: {}\n  reproduce: {}\n", record.message, record.reproduce(store_.plan()));
    std::fflush(stdout);
  }
  return {};
}

Result<void> Campaign::keep_failure(const RunRecord& record, const RunResult& result) const {
  const Result<RunOptions> options = options_for(Recipe{record.seed, record.changes}, flags_);
  if (!options) return options.error();
  return replace_file(store_.failure_path(record.fingerprint),
                      pack(print(trace_of(*options, result))));
}

// A power failure costs a few seconds of work at most.
Result<void> Campaign::now_and_then() {
  if (now_ms() - synced_ms_ < kSyncEveryMs) return {};
  synced_ms_ = now_ms();
  return store_.sync();
}

void Campaign::show_progress(std::size_t running) {
  if (!terminal_ || now_ms() - shown_ms_ < static_cast<std::uint64_t>(kWaitMs)) return;
  shown_ms_ = now_ms();
  const Totals& totals = store_.totals();
  const std::uint64_t spent = std::max<std::uint64_t>(now_ms() - began_ms_, 1);
  const std::uint64_t runs = totals.numbers().runs;
  const std::uint64_t tenths = (runs - done_before_) * 10'000 / spent;
  fmt::print(stderr,
             "\r\033[K{}{} runs, {}.{}/s on {} processes, {} states, {} probes, {} failed in {} "
             "ways, {}{}",
             runs, planned_ ? fmt::format("/{}", *planned_) : "", tenths / 10, tenths % 10, running,
             totals.states(), totals.probes(), totals.numbers().failed, totals.failures().size(),
             elapsed(spent), job_.minutes ? " of " + elapsed(*job_.minutes * 60'000) : "");
}

}  // namespace detcd::sim
