#include "sim/run/run.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "lease/lessor.h"
#include "sim/check/cross_check.h"
#include "sim/faults/stage.h"
#include "sim/kernel/distribution.h"
#include "sim/oracles/cluster.h"
#include "sim/oracles/linearizability.h"
#include "sim/plan/access.h"
#include "sim/profile/generate.h"
#include "sim/run/bias.h"
#include "sim/run/cluster.h"
#include "sim/run/states.h"
#include "sim/workload/client_run.h"
#include "sim/workload/watch_run.h"

namespace detcd::sim {
namespace {

// The last operation of every client: everything, linearizable, after the calm has begun.
constexpr std::uint64_t kCallsOfAClient = 1'000'000;
constexpr std::uint64_t kLastOperation = 999'999;
// A connect that began while nobody answered may be waited for so long, and an election follows.
Duration time_to_heal(const Settings& settings) {
  return 1s + 5 * settings.election;
}
constexpr runtime::Site kSpreadSite{"link base"};

class Run {
 public:
  explicit Run(const RunOptions& options)
      : options_(options),
        kernel_(options.seed),
        network_(kernel_, net_options(options.settings)),
        oracle_(history_),
        bias_(kernel_, options.settings) {
    for (const Override& override : options.overrides) {
      runtime::Site site("");
      site.key = override.site;
      kernel_.override_draw(site, override.entity, override.ordinal, override.value);
    }
    if (options.settings.link_spread > 1) spread_links();
    if (options.on_event) kernel_.set_recorder(options.on_event);
    if (options.on_draw) kernel_.set_draw_recorder(options.on_draw);
    if (options.on_happening) listen();
    if (options.watcher != nullptr) {
      network_.set_tap(options.watcher);
      options.watcher->on_begin(kernel_, history_);
    }
  }

  RunResult go() {
    cluster_ = std::make_unique<Cluster>(kernel_, network_, oracle_, options_);
    const Stage::World world{kernel_, network_, *cluster_, options_.settings, probes_};
    stage_ = std::make_unique<Stage>(world, ears());
    stage_->schedule(options_.plan.faults);
    oracle_.on_receive([this](std::uint32_t node, const raft::Message& message,
                              std::uint64_t life) { stage_->heard(node, message, life); });
    start_clients();
    bias_.begin(*cluster_);
    const VirtualTime calm{options_.settings.length};
    oracle_.set_clock([this] { return kernel_.now(); });
    history_.clock_jumps = planned("clock-jump ");
    history_.flips = planned("flip ");
    oracle_.set_bounds(Bounds::of(options_.settings), [this] { return kernel_.events_run(); });
    kernel_.run_until([this] { return broken(); }, calm);
    bias_.end();
    if (!broken() && options_.settings.core) heal_core();
    if (!broken()) {
      stage_->calm();
      calm_since_ = kernel_.now();
      settled_ = wait_for(everybody());
    }
    RunResult result = judge();
    oracle_.on_receive({});
    if (options_.watcher != nullptr) options_.watcher->on_end();
    watching_.clear();
    clients_.clear();
    stage_.reset();
    cluster_.reset();
    return result;
  }

 private:
  static LinkOptions link_options(const Settings& settings, Duration base) {
    LinkOptions link;
    link.latency.floor = base / 2;
    if (settings.link_sigma == 0) {
      link.latency.mean_extra = base / 2;
    } else {
      constexpr std::uint64_t kMost = 4000;
      link.latency.mean_extra = {};
      link.latency.median_extra = base / 2;
      link.latency.sigma_permille =
          static_cast<std::uint32_t>(std::min(settings.link_sigma, kMost));
    }
    constexpr std::uint64_t kAll = 1'000'000;
    link.latency.tail_ppm = static_cast<std::uint32_t>(std::min(settings.link_tail_ppm, kAll));
    return link;
  }
  // Each direction between two members has a base of its own.
  void spread_links() {
    const Settings& settings = options_.settings;
    for (std::uint64_t from = 1; from <= settings.nodes; ++from) {
      for (std::uint64_t to = 1; to <= settings.nodes; ++to) {
        constexpr std::uint64_t kOne = 1000;
        const std::uint64_t word = kernel_.draw(kSpreadSite, mix64(from, to), 0);
        const std::uint64_t factor =
            log_uniform(word, kOne, kOne * std::min(settings.link_spread, kOne));
        const Duration base = settings.link_latency * static_cast<std::int64_t>(factor) /
                              static_cast<std::int64_t>(kOne);
        if (from != to) {
          network_.set_link(NodeNumber(from), NodeNumber(to), link_options(settings, base));
        }
      }
    }
  }
  static NetOptions net_options(const Settings& settings) {
    NetOptions options;
    options.link = link_options(settings, settings.link_latency);
    options.receive_window_bytes = std::max<std::uint64_t>(settings.window_bytes, 1);
    options.send_buffer_bytes = options.receive_window_bytes;
    options.retransmit_timeout = settings.election / 4;
    options.stream_timeout = settings.election * 10;
    options.connect_timeout = settings.election * 5;
    options.retransmit_high = settings.election;
    return options;
  }

  [[nodiscard]] std::uint64_t planned(std::string_view words) const {
    return static_cast<std::uint64_t>(std::ranges::count_if(
        options_.plan.faults,
        [&](const FaultEntry& entry) { return entry.fault.starts_with(words); }));
  }
  void listen();
  [[nodiscard]] StageEars ears();
  void tell_call(const CallRecord& call) const;
  void start_clients();
  void start_watches(std::uint32_t client, Machine& home);
  void told(const WatchNote& note);
  [[nodiscard]] std::optional<server::Service> door_of(std::uint32_t node) const;
  [[nodiscard]] bool broken() {
    if (++looked_at_ % 256 == 0) look_at_usage();
    if (options_.settings.beyond_budget) return oracle_.violation() && is_lie(*oracle_.violation());
    return oracle_.violation() || cluster_->failure() || stuck_;
  }
  // Beyond the budget members may stop, forget and refuse; but nobody may be told what isn't so.
  [[nodiscard]] static bool is_lie(const Violation& violation);
  [[nodiscard]] std::vector<std::uint32_t> everybody() const;
  // The first phase of liveness: a majority heals alone, and must recover alone.
  void heal_core();
  // In bounded time each of them serves and has applied everything, and every call has ended.
  [[nodiscard]] bool wait_for(const std::vector<std::uint32_t>& members);
  void look_at_usage();
  [[nodiscard]] RunResult judge();
  [[nodiscard]] std::optional<Violation> judge_what_is_left(const Model& model);
  // Each client's last call, if it began well after all faults had ended, is answered.
  [[nodiscard]] std::optional<Violation> judge_last_calls() const;
  void search_too(RunResult& result) const;
  [[nodiscard]] std::string unsettled(const std::vector<std::uint32_t>& members) const;
  [[nodiscard]] std::optional<Violation> first_violation() const;

  const RunOptions& options_;
  History history_;
  Kernel kernel_;
  SimNetwork network_;
  ClusterOracle oracle_;
  std::unique_ptr<Cluster> cluster_;
  Probes probes_;
  std::unique_ptr<Stage> stage_;
  std::vector<std::unique_ptr<Machine>> clients_;
  std::vector<apply::Revision> seen_;  // By each client.
  std::vector<std::unique_ptr<runtime::TaskGroup>> watching_;
  Bias bias_;
  bool settled_ = false;
  VirtualTime calm_since_;
  std::uint64_t looked_at_ = 0;
  std::optional<std::string> stuck_;  // The core didn't recover: why.
};

void Run::listen() {
  oracle_.on_happening([this](std::uint32_t node, const std::string& what) {
    options_.on_happening(kernel_.now(), "n" + std::to_string(node), what);
  });
}

StageEars Run::ears() {
  StageEars ears;
  if (options_.on_happening) {
    ears.tell = [this](const std::string& who, const std::string& what) {
      options_.on_happening(kernel_.now(), who, what);
    };
  }
  if (Watcher* const watcher = options_.watcher; watcher != nullptr) {
    ears.fault = [watcher](const FaultEntry& entry, std::uint32_t leader, bool done) {
      watcher->on_fault(entry, leader, done);
    };
    ears.calm = [watcher] { watcher->on_calm(); };
  }
  return ears;
}

void Run::tell_call(const CallRecord& call) const {
  const std::string id = " #" + std::to_string(call.id) + " ";
  std::string what = "asks" + id + describe(call.operation);
  switch (call.outcome) {
    case CallRecord::Outcome::kPending:
      break;
    case CallRecord::Outcome::kAnswered: {
      const auto node = history_.members.find(call.header.member_id);
      what = "is told" + id + describe(call.response) +
             (node == history_.members.end() ? "" : " by n" + std::to_string(node->second));
      break;
    }
    case CallRecord::Outcome::kRefused:
      what = "is refused" + id + call.message;
      break;
    case CallRecord::Outcome::kUnknown:
      what = "doesn't learn" + id + call.message;
      break;
  }
  options_.on_happening(kernel_.now(), "c" + std::to_string(call.client), what);
}

void Run::told(const WatchNote& note) {
  if (options_.on_happening) {
    options_.on_happening(kernel_.now(), "c" + std::to_string(note.client), describe(note));
  }
  // A judge may end the run at what was told last.
  if (options_.watcher != nullptr) options_.watcher->on_watch(note);
  oracle_.watched(note);
}

// On the client's machine, with a connection of its own.
void Run::start_watches(std::uint32_t client, Machine& home) {
  WatchJob job;
  for (const WatchEntry& entry : options_.plan.watches) {
    if (entry.client == client) job.entries.push_back(entry);
  }
  if (job.entries.empty()) return;
  job.number = client;
  job.endpoints = cluster_->endpoints();
  std::ranges::rotate(job.endpoints, job.endpoints.begin() + client % cluster_->size());
  job.seen = &seen_[client - 1];
  job.connect_timeout = options_.settings.election * 2;
  constexpr std::uint64_t kWindowMax = 16 << 20;
  job.window_bytes = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(options_.settings.watch_window_bytes, 1, kWindowMax));
  job.slow_until = options_.settings.length;
  job.tell = [this](const WatchNote& note) { told(note); };
  watching_.push_back(std::make_unique<runtime::TaskGroup>(home.world().scheduler));
  watching_.back()->spawn(run_watches(home.world(), kernel_, std::move(job)));
}

void Run::start_clients() {
  seen_.resize(options_.settings.clients);
  for (std::uint32_t client = 1; client <= options_.settings.clients; ++client) {
    ClientJob job;
    job.number = client;
    job.endpoints = cluster_->endpoints();
    // Every client has a favourite of its own.
    std::ranges::rotate(job.endpoints, job.endpoints.begin() + (client - 1) % cluster_->size());
    // Every third client waits for what a member says of its own when it gives up.
    const bool patient = client % 3 == 0;
    job.last_timeout = options_.settings.election * 8 + 6s;
    job.timeout = patient ? job.last_timeout : options_.settings.election * 8;
    job.patience = job.timeout + options_.settings.election * 2;
    for (const OperationEntry& entry : options_.plan.operations) {
      if (entry.client == client) job.operations.push_back(entry);
    }
    apply::RangeRequest everything;
    everything.key = std::string(1, '\0');
    everything.range_end = everything.key;
    const Duration last = options_.settings.length +
                          std::max(options_.settings.election * 10,
                                   time_to_heal(options_.settings) + options_.settings.election);
    job.operations.push_back({last, client, client * kCallsOfAClient + kLastOperation, everything});
    if (options_.settings.users) job.user = user_of(client);
    if (options_.settings.clients_enter == Entrance::kApi) {
      job.at_seam = [this](std::uint32_t node) { return door_of(node); };
    }
    if (options_.on_happening) job.tell = [this](const CallRecord& call) { tell_call(call); };
    MachineOptions machine;
    machine.node = NodeNumber(kClientsFrom + client - 1);
    machine.host = "c" + std::to_string(client);
    job.seen = &seen_[client - 1];
    clients_.push_back(std::make_unique<Machine>(kernel_, network_, machine));
    Machine& home = *clients_.back();
    home.tasks().spawn(run_client(home.world(), kernel_, history_, std::move(job)));
    start_watches(client, home);
  }
}

void Run::look_at_usage() {
  for (std::uint32_t number = 1; number <= cluster_->size(); ++number) {
    const server::Node* node = cluster_->node(number);
    if (node == nullptr) continue;
    const raft::Status status = node->core().status();
    Usage usage;
    usage.disk_operations = cluster_->machine(number).disk().under_way();
    const std::uint64_t applied = node->applier().applied().index;
    if (status.last_index > status.first_index) {
      usage.log_entries = status.last_index - status.first_index;
    }
    if (status.commit.value() > applied) usage.unapplied_entries = status.commit.value() - applied;
    oracle_.looked(number, usage);
  }
}

std::optional<server::Service> Run::door_of(std::uint32_t node) const {
  server::Node* const member = cluster_->node(node);
  if (member == nullptr) return std::nullopt;
  return member->service();
}

bool Run::is_lie(const Violation& violation) {
  constexpr std::string_view kLies[] = {"linearizability", "at most once", "hash", "cross-check"};
  return std::ranges::count(kLies, violation.oracle) > 0;
}

std::vector<std::uint32_t> Run::everybody() const {
  std::vector<std::uint32_t> members;
  for (std::uint32_t node = 1; node <= cluster_->size(); ++node) members.push_back(node);
  return members;
}

bool Run::wait_for(const std::vector<std::uint32_t>& members) {
  const VirtualTime patience = kernel_.now() + options_.settings.election * 60 + 60s;
  std::uint64_t looks = 0;
  const auto over = [&] {
    if (broken()) return true;
    // Looking costs more than an event: now and then is enough.
    return ++looks % 64 == 0 && unsettled(members).empty();
  };
  return kernel_.run_until(over, patience);
}

void Run::heal_core() {
  const std::vector<std::uint32_t> core = stage_->calm_core();
  if (wait_for(core)) {
    probes_.hit(kCoreProbe);
    return;
  }
  std::string names;
  for (const std::uint32_t node : core)
    names += (names.empty() ? "n" : ", n") + std::to_string(node);
  stuck_ = "a whole and connected majority, " + names + ", didn't recover: " + unsettled(core);
}

std::string Run::unsettled(const std::vector<std::uint32_t>& members) const {
  for (const std::unique_ptr<Machine>& client : clients_) {
    if (client->tasks().size() > 0) return client->host() + " still waits for an answer";
  }
  for (const std::uint32_t number : members) {
    const std::string name = "n" + std::to_string(number);
    const server::Node* node = cluster_->node(number);
    if (node == nullptr) return name + " isn't up";
    if (node->core().role() == raft::RoleName::kRecovering) return name + " is still recovering";
    if (!node->core().leader()) return name + " knows no leader";
    if (node->applier().applied().index < oracle_.highest_committed()) {
      return name + " hasn't applied all that was committed";
    }
    // Nobody keeps them any more.
    if (!node->applier().leases().empty()) return name + " still has leases that must have ended";
  }
  // Of a core nobody can say this: who watches at a member outside of it is told no more for now.
  return members.size() == cluster_->size() ? oracle_.awaited() : std::string();
}

std::optional<Violation> Run::judge_what_is_left(const Model& model) {
  std::vector<Replica> replicas;
  for (std::uint32_t number = 1; number <= cluster_->size(); ++number) {
    const apply::Applier& applier = cluster_->node(number)->applier();
    // Something may have been committed in the very last events.
    const bool all =
        !history_.log.empty() && applier.applied().index == history_.log.rbegin()->first;
    if (all) replicas.push_back({number, &applier});
  }
  oracle_.judge({history_, model, replicas});
  return oracle_.violation();
}

std::optional<Violation> Run::judge_last_calls() const {
  const VirtualTime healed = calm_since_ + time_to_heal(options_.settings);
  constexpr int kMembersVaryBy = 4;
  const int most = options_.settings.members_vary ? kMembersVaryBy : 1;
  const Duration slowest =
      options_.settings.link_tail_ppm > 0 ? Latency{}.tail_high : Duration::zero();
  const Duration asks_again = 2 * most * options_.settings.read_retry + slowest;
  for (const auto& [id, call] : history_.calls) {
    if (id % kCallsOfAClient != kLastOperation || call.called < healed) continue;
    if (call.outcome != CallRecord::Outcome::kUnknown) continue;
    // An answer may be lost with its connection, and is asked for again, or one packet take as long
    // as any ever does: who waits for less than that proves nothing.
    if (call.ended && *call.ended - call.called <= asks_again) continue;
    return Violation{"liveness",
                     "all faults had ended, and a read that began then got no answer: "
                     "the last one of c" +
                         std::to_string(call.client) + ", " + call.message};
  }
  return std::nullopt;
}

// The exact judge knows more than the clients: it may find wrong what they can explain, but never
// right what they can't.
void Run::search_too(RunResult& result) const {
  // What the clients were told doesn't say when time passed.
  if (options_.settings.leases > 0) return;
  const CrossCheck searched = cross_check(history_);
  result.cross_checked = searched.calls;
  const bool is_illegal = searched.finding && *searched.finding == Finding::kIllegal;
  if (is_illegal && !result.violation) {
    result.violation = Violation{
        "cross-check", "the log orders the calls, but a search finds no order: " + searched.words};
  }
}

std::optional<Violation> Run::first_violation() const {
  const bool beyond = options_.settings.beyond_budget;
  if (oracle_.violation() && (!beyond || is_lie(*oracle_.violation()))) return oracle_.violation();
  if (beyond) return std::nullopt;
  if (stuck_) return Violation{"liveness", *stuck_};
  if (!cluster_->failure()) return std::nullopt;
  return Violation{"availability", "a member stopped on its own: " + *cluster_->failure()};
}

RunResult Run::judge() {
  RunResult result;
  for (std::uint32_t node = 1; settled_ && node <= cluster_->size(); ++node) {
    cluster_->judge_disk(node);
  }
  result.violation = first_violation();
  const Judgement judgement = judge_linearizability(history_);
  if (!result.violation) result.violation = judgement.violation;
  if (!result.violation && settled_) result.violation = judge_what_is_left(judgement.model);
  const bool beyond = options_.settings.beyond_budget;
  if (!result.violation && settled_ && !beyond) result.violation = judge_last_calls();
  if (!result.violation && !settled_ && !beyond) {
    result.violation = Violation{
        "liveness", "the cluster didn't recover after all faults ended: " + unsettled(everybody())};
  }
  if (beyond && result.violation && !is_lie(*result.violation)) result.violation.reset();
  // What a disk lost that had acknowledged it, nobody can know.
  if (beyond && cluster_->any_lie_told()) result.violation.reset();
  if (options_.cross_check) search_too(result);
  result.hash = kernel_.hash();
  result.checkpoints.assign(kernel_.checkpoints().begin(), kernel_.checkpoints().end());
  result.entries = options_.plan.size();
  result.events = kernel_.events_run();
  result.operations = history_.calls.size();
  result.acknowledged = judgement.acknowledged;
  result.faults = stage_->carried_out();
  result.leaders = oracle_.numbers().leaders;
  result.recoveries = oracle_.numbers().recoveries;
  for (std::uint32_t node = 1; node <= cluster_->size(); ++node) {
    for (const auto& [choice, times] : cluster_->machine(node).rare().counts()) {
      probes_.hit(choice, times);
    }
  }
  result.probes = probes_.counts();
  result.probes.insert(oracle_.probes().counts().begin(), oracle_.probes().counts().end());
  result.virtual_time = kernel_.now().time_since_epoch();
  const Minimum minimum = minimum_of(options_.settings);
  if (result.violation) {
    result.verdict = Verdict::kFail;
  } else if (result.acknowledged < minimum.acknowledged || result.leaders < minimum.leaders ||
             result.faults < minimum.faults) {
    result.verdict = Verdict::kVoid;
    result.void_reason = "fewer answers, faults or leaders than prove anything: at least " +
                         std::to_string(minimum.acknowledged) + ", " +
                         std::to_string(minimum.faults) + " and " + std::to_string(minimum.leaders);
  }
  return result;
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kFail:
      return "FAIL";
    case Verdict::kVoid:
      return "VOID";
  }
  return "FAIL";
}

RunResult run(const RunOptions& options) {
  if (!options.states) return Run(options).go();
  check(options.watcher == nullptr, "who collects states is the run's only watcher");
  States states(options.settings.nodes);
  RunOptions watched = options;
  watched.watcher = &states;
  RunResult result = Run(watched).go();
  result.states = states.seen();
  return result;
}

}  // namespace detcd::sim
