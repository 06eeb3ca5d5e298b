#include "sim/run/cluster.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "mvcc/store.h"
#include "runtime/random.h"
#include "sim/kernel/distribution.h"
#include "sim/plan/draw.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kToken = "sim";
constexpr runtime::Site kWallSite{"wall clock offset"};

std::string host(std::uint32_t node) {
  return "n" + std::to_string(node);
}
std::string peer_url(std::uint32_t node) {
  return "http://" + host(node) + ":2380";
}

// A member's log lines go to whoever watches the run; their hash is part of it.
class NodeLog final : public telemetry::Sink {
 public:
  NodeLog(Kernel& kernel, const RunOptions& options, std::uint32_t node)
      : kernel_(kernel), options_(options), node_(node) {}
  void write(const telemetry::Record& record) override {
    // Not the caller: lines of code may move without the behaviour.
    std::uint64_t digest = hash64(record.message);
    for (const telemetry::Field& field : record.fields) digest = hash64(field.json, digest);
    kernel_.note(NodeNumber(node_), digest);
    if (options_.on_log) options_.on_log(kernel_.now(), node_, record);
  }

 private:
  Kernel& kernel_;
  const RunOptions& options_;
  std::uint32_t node_;
};

constexpr runtime::Site kKnob{"cluster: a knob of one member"};

// A quarter to four times as much; half of the members keep what the settings say.
void vary(std::uint64_t& knob, std::uint64_t least, std::uint64_t word) {
  switch (below(word, 8)) {
    case 0:
      knob /= 4;
      break;
    case 1:
      knob /= 2;
      break;
    case 2:
      knob *= 2;
      break;
    case 3:
      knob *= 4;
      break;
    default:
      break;
  }
  knob = std::max(knob, least);
}

// Members of a cluster may have different flags: what may differ is drawn for each.
Settings settings_of(std::uint32_t node, const RunOptions& options) {
  Settings settings = options.settings;
  if (!settings.members_vary) return settings;
  const Draw draw(options.seed, node);
  constexpr std::uint64_t kSegmentLeast = 4096;
  vary(settings.snapshot_count, 2, draw.word(kKnob, 0));
  vary(settings.catch_up_entries, 1, draw.word(kKnob, 1));
  vary(settings.wal_segment_bytes, kSegmentLeast, draw.word(kKnob, 2));
  settings.wal_segment_bytes = settings.wal_segment_bytes / kSegmentLeast * kSegmentLeast;
  vary(settings.append_bytes_max, 100, draw.word(kKnob, 3));
  vary(settings.inflight_messages_max, 1, draw.word(kKnob, 4));
  vary(settings.step_units, 10, draw.word(kKnob, 5));
  auto retry = static_cast<std::uint64_t>(settings.read_retry.count());
  vary(retry, 1'000'000, draw.word(kKnob, 6));
  settings.read_retry = Duration(static_cast<std::int64_t>(retry));
  if (settings.quota_bytes > 0) vary(settings.quota_bytes, 1, draw.word(kKnob, 8));
  if (below(draw.word(kKnob, 7), 8) == 0) settings.pre_vote = !settings.pre_vote;
  return settings;
}

// What a member reads at its next start: neither what it set aside nor what is half made.
bool is_in_use(std::string_view path) {
  return path.starts_with("/data/member/") && path.find(".damaged") == std::string_view::npos &&
         !path.ends_with(".spare") && !path.ends_with(".tmp");
}

MachineOptions machine_options(const RunOptions& options, std::uint32_t node) {
  const Settings& settings = options.settings;
  MachineOptions machine;
  machine.node = NodeNumber(node);
  machine.host = host(node);
  // Somewhere in 2023, give or take.
  machine.clock.wall = 1'700'000'000s;
  if (settings.wall_offset > Duration::zero()) {
    const std::uint64_t word = keyed_draw(options.seed, kWallSite.key, node, 0);
    const Duration wrong = uniform(mix64(word), Duration::zero(), settings.wall_offset);
    machine.clock.wall += (word & 1) != 0 ? wrong : -wrong;
  }
  machine.disk.sync = {.floor = settings.sync_latency / 2, .mean_extra = settings.sync_latency / 2};
  PowerLossModel& model = machine.disk.power_loss;
  model.sector_torn = static_cast<std::uint32_t>(settings.torn_ppm / 10'000);
  model.sector_garbage = static_cast<std::uint32_t>(settings.garbage_ppm / 10'000);
  return machine;
}

}  // namespace

struct Cluster::Seat {
  Seat(Kernel& kernel, SimNetwork& network, const RunOptions& options, std::uint32_t number)
      : node(number),
        log(kernel, options, number),
        machine(kernel, network, machine_options(options, number)) {}
  std::uint32_t node;
  NodeLog log;
  std::unique_ptr<server::Observer> observer;
  std::unique_ptr<member::Member> member;
  bool doubtful = false;
  bool swapped = false;               // It has another member's directory.
  std::uint64_t refusals = 0;         // Of such a directory.
  std::uint64_t failures_before = 0;  // Of its disk, when this life began.
  Machine machine;
};

Cluster::Cluster(Kernel& kernel, SimNetwork& network, ClusterOracle& oracle,
                 const RunOptions& options)
    : oracle_(oracle), options_(options) {
  std::vector<std::uint64_t> ids;
  for (std::uint32_t node = 1; node <= options.settings.nodes; ++node) {
    membership::Member member;
    member.peer_urls = {peer_url(node)};
    member.id = membership::member_id(member.peer_urls, kToken);
    ids.push_back(member.id);
    oracle_.know_member(member.id, node);
    members_.push_back(std::move(member));
  }
  cluster_id_ = membership::cluster_id(ids);
  for (std::uint32_t node = 1; node <= options.settings.nodes; ++node) {
    seats_.push_back(std::make_unique<Seat>(kernel, network, options, node));
  }
  for (const std::unique_ptr<Seat>& seat : seats_) seat->machine.tasks().spawn(live(*seat));
}

Cluster::~Cluster() {
  for (std::uint32_t node = 1; node <= size(); ++node) {
    if (running(node)) kill(node, Death::kCrash);
  }
}

member::Options Cluster::member_options(std::uint32_t node) const {
  const Settings settings = settings_of(node, options_);
  member::Options options;
  options.node.name = host(node);
  options.node.data_dir = "/data";
  options.node.client_urls = {"http://" + host(node) + ":2379"};
  options.node.initial_members = members_;
  options.node.cluster_id = cluster_id_;
  options.node.member_id = members_[node - 1].id;
  options.node.heartbeat_interval = settings.heartbeat;
  options.node.election_timeout = settings.election;
  options.node.pre_vote = settings.pre_vote;
  options.node.snapshot_count = settings.snapshot_count;
  options.node.catch_up_entries = settings.catch_up_entries;
  options.node.wal_segment_bytes = settings.wal_segment_bytes;
  options.node.append_bytes_max = settings.append_bytes_max;
  options.node.inflight_messages_max = settings.inflight_messages_max;
  options.node.chunk_bytes = static_cast<std::uint32_t>(settings.chunk_bytes);
  options.node.step_units = settings.step_units;
  options.node.read_retry = settings.read_retry;
  options.node.unapplied_max = settings.unapplied_max;
  options.node.pending_bytes_max = settings.pending_bytes_max;
  options.node.auth.bcrypt_cost = 4;  // The least: how long a guess takes is nobody's here.
  options.node.quota_bytes = static_cast<std::int64_t>(settings.quota_bytes);
  // A run is short: alarms come and go several times in it.
  options.node.alarm_clear_interval = 2 * settings.election;
  options.node.progress_notify_interval = settings.watch_notify;
  options.node.watches.credit_bytes = static_cast<std::int64_t>(settings.watch_credit_bytes);
  options.node.watches.batch_revisions = static_cast<std::uint32_t>(settings.watch_batch_revisions);
  options.clients.requests.watch_part_bytes = settings.watch_part_bytes;
  options.peer_addresses = {host(node) + ":2380"};
  options.client_addresses = {host(node) + ":2379"};
  return options;
}

runtime::Task<void> Cluster::live(Seat& seat) {
  const telemetry::Log log(seat.log, telemetry::Level::kInfo);
  member::Options options = member_options(seat.node);
  seat.failures_before = seat.machine.disk().counts().failures();
  const auto history = seat.machine.disk().rotted() ? ClusterOracle::DiskHistory::kRotten
                                                    : ClusterOracle::DiskHistory::kHonest;
  seat.observer = watched(oracle_.observer(seat.node, history), options_.watcher, seat.node);
  const runtime::World world = seat.machine.world();
  Result<std::unique_ptr<member::Member>> opened =
      co_await member::Member::open(world, log, std::move(options), seat.observer.get());
  if (!opened) {
    ended(seat, opened.error());
    co_return;
  }
  if (seat.swapped) {
    ended(seat, Error{Errc::kInvalid, "it took the directory of another member for its own"});
    co_return;
  }
  seat.member = std::move(*opened);
  const server::Stopped stopped = co_await seat.member->run();
  ended(seat, stopped.error.value_or(Error{Errc::kInvalid, "it ended without being asked to"}));
}

void Cluster::ended(Seat& seat, const Error& error) {
  if (seat.swapped && error.code == Errc::kIncompatible) {
    ++seat.refusals;
    return;
  }
  const bool failed = seat.machine.disk().counts().failures() > seat.failures_before;
  const bool of_disk = error.code == Errc::kIo || error.code == Errc::kNoSpace ||
                       (error.code == Errc::kDamaged && size() == 1);
  if (failed && of_disk && on_disk_failure_) {
    const Label label{NodeNumber(seat.node), EventKind::kFault, hash64(error.message)};
    Kernel& kernel = seat.machine.kernel();
    kernel.schedule(kernel.now(), label, [this, &seat, life = seat.machine.incarnation()] {
      const bool lives = seat.machine.running() && seat.machine.incarnation() == life;
      if (lives && on_disk_failure_) on_disk_failure_(seat.node);
    });
    return;
  }
  // Stopping is right where going on might be a lie.
  if (options_.settings.beyond_budget) return;
  if (!failure_) failure_ = host(seat.node) + ": " + error.message;
}

bool Cluster::any_lie_told() const {
  return std::ranges::any_of(seats_, [](const std::unique_ptr<Seat>& seat) {
    return seat->machine.disk().counts().lies > 0;
  });
}

Machine& Cluster::machine(std::uint32_t node) {
  return seats_.at(node - 1)->machine;
}
bool Cluster::running(std::uint32_t node) const {
  return seats_.at(node - 1)->machine.running();
}

void Cluster::kill(std::uint32_t node, Death death) {
  Seat& seat = *seats_.at(node - 1);
  seat.doubtful = seat.doubtful || death == Death::kPowerLoss;
  if (options_.watcher != nullptr) options_.watcher->on_death(node, death);
  seat.machine.kill(death, [&seat] {
    seat.member.reset();
    seat.observer.reset();
  });
  judge_disk(node);
}

void Cluster::judge_disk(std::uint32_t node) {
  Seat& seat = *seats_.at(node - 1);
  if (seat.swapped) return;
  StoppedMember stopped{.node = node, .options = member_options(node).node};
  stopped.image = seat.machine.disk().image();
  stopped.honest = !seat.machine.disk().rotted();
  oracle_.stopped(std::move(stopped));
}

void Cluster::start(std::uint32_t node) {
  Seat& seat = *seats_.at(node - 1);
  seat.doubtful = seat.doubtful || seat.machine.disk().torn();
  seat.machine.disk().forget_torn();
  seat.machine.start();
  if (options_.watcher != nullptr) options_.watcher->on_start(node);
  seat.machine.tasks().spawn(live(seat));
}

void Cluster::put_back(std::uint32_t node, DiskImage copy) {
  Seat& seat = *seats_.at(node - 1);
  seat.machine.disk().replace_image(std::move(copy));
  forgot(node);
}

void Cluster::forgot(std::uint32_t node) {
  seats_.at(node - 1)->doubtful = true;
  // What others know it to have, and count on.
  raft::Index owed;
  for (std::uint32_t other = 1; other <= size(); ++other) {
    const server::Node* peer = this->node(other);
    if (other == node || peer == nullptr) continue;
    owed = std::max(owed, peer->core().acknowledged(raft::NodeId(id_of(node))));
  }
  oracle_.put_back(node, std::min(owed, raft::Index(oracle_.highest_committed())));
}

void Cluster::swap_disks(std::uint32_t one, std::uint32_t other) {
  machine(one).disk().exchange(machine(other).disk());
  for (const std::uint32_t node : {one, other}) {
    Seat& seat = *seats_.at(node - 1);
    seat.swapped = !seat.swapped;
  }
}

std::uint64_t Cluster::refusals(std::uint32_t node) const {
  return seats_.at(node - 1)->refusals;
}

server::Node* Cluster::node(std::uint32_t node) const {
  const Seat& seat = *seats_.at(node - 1);
  return seat.machine.running() && seat.member != nullptr ? &seat.member->node() : nullptr;
}

const raft::Raft* Cluster::core(std::uint32_t number) const {
  const server::Node* const member = node(number);
  return member == nullptr ? nullptr : &member->core();
}

std::uint32_t Cluster::node_of(std::uint64_t member_id) const {
  for (std::uint32_t node = 1; node <= size(); ++node) {
    if (members_[node - 1].id == member_id) return node;
  }
  return 0;
}

std::optional<std::uint64_t> Cluster::life(std::uint32_t node) const {
  const server::Node* const member = this->node(node);
  if (member == nullptr) return std::nullopt;
  const transport::Receiver& process = *member;
  return process.introduction(raft::NodeId(id_of(node))).life;
}

// The header of a sealed chunk: it is read when the chunk is taken from a disk, and no more.
bool Cluster::flip_memory(std::uint32_t node, std::uint64_t where) {
  const server::Node* const member = this->node(node);
  if (member == nullptr) return false;
  const mvcc::ChunkTable& chunks = member->applier().store().chunks();
  std::vector<std::string_view> sealed;
  for (const std::uint32_t slot : chunks.order()) {
    const mvcc::Chunk& chunk = chunks.at(slot);
    if (chunk.sealed && !chunk.cold) sealed.push_back(chunk.text());
  }
  if (sealed.empty()) return false;
  // That these bytes never change is what the program believes; the memory knows nothing of it.
  const std::uint64_t bit = where % (mvcc::kChunkHeaderBytes * 8);
  const std::string_view bytes = sealed[where % sealed.size()];
  char& byte = const_cast<char*>(bytes.data())[bit / 8];  // NOLINT: see above.
  byte = static_cast<char>(byte ^ (1 << (bit % 8)));
  return true;
}

const void* Cluster::state(std::uint32_t node) const {
  const server::Node* const member = this->node(node);
  return member == nullptr ? nullptr : &member->applier();
}

void Cluster::deliver(std::uint32_t node, raft::Message message, std::uint64_t life) {
  server::Node* const member = this->node(node);
  if (member == nullptr) return;
  transport::Receiver& receiver = *member;
  receiver.on_message(std::move(message), life);
}

bool Cluster::is_doubtful(std::uint32_t number) const {
  Seat& seat = *seats_.at(number - 1);
  const SimDisk& disk = seat.machine.disk();
  if (seat.swapped || disk.torn() || disk.is_harmed(is_in_use)) return true;
  server::Node* member = node(number);
  if (member == nullptr) return seat.doubtful;
  // A peer may have told it only now.
  seat.doubtful = member->core().role() == raft::RoleName::kRecovering;
  return seat.doubtful;
}

std::vector<std::string> Cluster::endpoints() const {
  std::vector<std::string> endpoints;
  for (std::uint32_t node = 1; node <= size(); ++node) endpoints.push_back(host(node) + ":2379");
  return endpoints;
}

}  // namespace detcd::sim
