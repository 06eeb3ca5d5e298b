#include "server/node.h"

#include <algorithm>
#include <utility>

#include "base/codec.h"
#include "raft/codec.h"
#include "runtime/timeout.h"
#include "server/convert.h"
#include "server/successor.h"

namespace detcd::server {
namespace {

constexpr runtime::Site kElectionSeed{"server: seed of the election timeouts"};
constexpr runtime::Site kIncarnation{"server: incarnation in request ids"};
constexpr runtime::Site kLife{"server: life of the process in handshakes"};

// What the client of a snapshot is sent before it has taken anything.
constexpr std::int64_t kBackupCredit = 256 << 10;

Observer& silent_observer() {
  static Observer silent;
  return silent;
}

raft::Config raft_config(const runtime::World& world, const NodeOptions& options,
                         const wal::Identity& identity) {
  raft::Config config;
  config.self = raft::NodeId(identity.member_id);
  config.seed = world.random.draw(kElectionSeed, identity.member_id, 0);
  config.heartbeat_interval = options.heartbeat_interval;
  config.election_timeout = options.election_timeout;
  config.pre_vote = options.pre_vote;
  config.catch_up_entries = options.catch_up_entries;
  config.append_bytes_max = options.append_bytes_max;
  config.inflight_messages_max = options.inflight_messages_max;
  return config;
}

raft::Restored restored(const Storage& storage) {
  raft::Restored restored;
  restored.hard_state = storage.recovered.hard_state;
  if (storage.snapshot) {
    restored.snapshot = storage.snapshot->meta;
    restored.applied = storage.snapshot->meta.index;
  }
  restored.entries = storage.recovered.entries;
  restored.whole = storage.recovered.health == wal::Recovered::Health::kWhole;
  return restored;
}

std::uint64_t wall_time(const runtime::World& world) {
  return static_cast<std::uint64_t>(world.clock.wall().time_since_epoch().count());
}

std::uint64_t incarnation(const runtime::World& world, const wal::Identity& identity) {
  return world.random.draw(kIncarnation, identity.member_id, wall_time(world));
}

std::uint64_t last_index(const wal::Recovered& recovered) {
  return recovered.entries.empty() ? 0 : recovered.entries.back().index.value();
}

}  // namespace

runtime::Task<Result<std::unique_ptr<Node>>> Node::open(runtime::World world, telemetry::Log log,
                                                        NodeOptions options, Observer* observer) {
  Result<Storage> storage = co_await open_storage(world, log, options);
  if (!storage) co_return storage.error();
  options.cluster_id = storage->identity.cluster_id;
  options.member_id = storage->identity.member_id;
  std::shared_ptr<apply::Applier> applier;
  if (storage->snapshot) {
    Result<std::unique_ptr<apply::Applier>> image = apply::Applier::restore(
        options.cluster_id, image_of(*storage->snapshot), options.chunk_bytes);
    if (!image) co_return image.error();
    applier = std::move(*image);
  } else {
    applier = std::make_shared<apply::Applier>(options.cluster_id, options.chunk_bytes);
  }
  co_return std::make_unique<Node>(Private{}, world, log, std::move(options), observer,
                                   std::move(*storage), std::move(applier));
}

Node::Node(Private, runtime::World world, telemetry::Log log, NodeOptions options,
           Observer* observer, Storage storage, std::shared_ptr<apply::Applier> applier)
    : world_(world),
      log_(log),
      options_(std::move(options)),
      observer_(observer != nullptr ? *observer : silent_observer()),
      storage_(std::move(storage)),
      applier_(std::move(applier)),
      core_(raft_config(world, options_, storage_.identity), restored(storage_),
            world.clock.boot()),
      choices_(world.random, options_.member_id),
      work_(world.scheduler),
      mailbox_(world.scheduler),
      proposals_(options_, incarnation(world, storage_.identity)),
      reads_(options_.read_retry, incarnation(world, storage_.identity)),
      life_(world.random.draw(kLife, storage_.identity.member_id, wall_time(world))),
      gate_(world, options_, doors(), {life_, last_index(storage_.recovered)}),
      ranges_(world.scheduler, options_, gate_, range_doors(), mailbox_.sender()),
      elections_(world.scheduler, options_, mailbox_.sender(),
                 [this](const ReturnAddress& origin, Outcome outcome) {
                   answer(origin, std::move(outcome));
                 }),
      watches_(options_.watches, options_.progress_notify_interval),
      backups_(world.scheduler, kBackupCredit),
      watches_waiting_(world.scheduler),
      keep_alives_(request_timeout(options_), options_.read_retry),
      lease_ticks_(options_.election_timeout,
                   std::min(options_.heartbeat_interval, Duration(100ms)),
                   options_.election_timeout),
      saves_waiting_(world.scheduler),
      synced_waiting_(world.scheduler),
      slow_disk_(options_.heartbeat_interval),
      snapshots_(world.scheduler),
      committed_waiting_(world.scheduler),
      guard_(world, log, options_, guard_doors()),
      sweep_waiting_(world.scheduler),
      alarms_waiting_(world.scheduler),
      compactor_(options_.auto_compaction, world.clock.boot()),
      roster_(world, log, options_, core_, roster_doors(), life_),
      publishing_(world.scheduler),
      published_waiting_(world.scheduler),
      stop_waiting_(world.scheduler),
      long_reads_(world.scheduler),
      tasks_(world.scheduler) {
  if (core_.role() != raft::RoleName::kRecovering) began_with_ = promise_of(core_.status());
  if (storage_.snapshot) {
    snapshot_index_ = storage_.snapshot->meta.index.value();
    applied_configuration_ = storage_.snapshot->meta.configuration;
    storage_.snapshot.reset();  // The applier has it now.
  }
  transport::Options peers;
  peers.cluster_id = options_.cluster_id;
  peers.self = raft::NodeId(options_.member_id);
  // As etcd's: who was away when a connect began isn't waited for longer than an election's time.
  peers.dial_timeout = 1s + options_.election_timeout;
  transport_ = std::make_unique<transport::Transport>(world_, log_, peers, *this);
  roster_.learn_from_log(storage_.recovered.entries);
  if (storage_.fresh && options_.joining) roster_.learn_from_flags();
  storage_.recovered.entries.clear();
  observer_.on_recovered(storage_.recovered.health, core_);
  roster_.changed();
}

Node::~Node() = default;

Gatekeeper::Doors Node::doors() {
  return {
      .applier = [this]() -> const apply::Applier& { return *applier_; },
      .answer = [this](const ReturnAddress& origin,
                       Outcome outcome) { answer(origin, std::move(outcome)); },
      .propose =
          [this](const Call& call, apply::Command command) {
            propose(call, std::move(command));
            work_.wake_all();
          },
      .propose_token =
          [this](const ReturnAddress& origin, apply::Command command, AuthenticateRequest again) {
            const std::optional<apply::ApiError> refused =
                proposals_.propose(std::move(command), origin, world_.clock.boot());
            if (refused) return answer(origin, *refused);
            proposals_.ask_again(std::move(again));
            observer_.on_proposed(proposals_.last_id(), origin.trace);
            work_.wake_all();
          },
      .serve = [this](Call call) { serve(std::move(call)); },
  };
}

Ranges::Doors Node::range_doors() {
  return {
      .applier = [this] { return applier_; },
      .answer =
          [this](const ReturnAddress& origin, Outcome outcome, std::unique_ptr<Held> held) {
            answer(origin, std::move(outcome), std::move(held));
          },
  };
}

Roster::Doors Node::roster_doors() {
  return {
      .applier = [this]() -> const apply::Applier& { return *applier_; },
      .applied_configuration = [this]() -> const raft::Configuration& {
        return applied_configuration_;
      },
      .transport = [this]() -> transport::Transport& { return *transport_; },
      .answer = [this](const ReturnAddress& origin,
                       Outcome outcome) { answer(origin, std::move(outcome)); },
      .propose = [this](const Call& call,
                        apply::Command command) { propose(call, std::move(command)); },
      .push = [this](decltype(raft::Input::what) what) { push(std::move(what)); },
      .wake = [this] { work_.wake_all(); },
      .stop_for_good =
          [this] {
            if (!stopped_) stopped_ = Stopped{.removed = true};
            stop_waiting_.wake_all();
          },
  };
}

runtime::Task<Stopped> Node::run(std::vector<std::unique_ptr<runtime::Listener>> peer_listeners) {
  for (std::unique_ptr<runtime::Listener>& listener : peer_listeners) {
    transport_->serve(std::move(listener));
  }
  // A single member's only voter needs no vote but its own, and no timeout to ask for it.
  if (core_.status().configuration.voters == raft::NodeSet{raft::NodeId(options_.member_id)}) {
    push(raft::Campaign{});
  }
  tasks_.spawn(write_log());
  tasks_.spawn(apply_committed());
  tasks_.spawn(drive());
  tasks_.spawn(take_calls());
  tasks_.spawn(sweep());
  tasks_.spawn(clear_alarms());
  if (options_.auto_compaction.mode != AutoCompaction::Mode::kOff) tasks_.spawn(auto_compact());
  tasks_.spawn(publish());
  tasks_.spawn(serve_watches());
  tasks_.spawn(guard_.run());
  while (!stopped_ && !stopping_) {
    const bool woken = co_await stop_waiting_.wait();
    static_cast<void>(woken);
  }
  if (stopping_ && !stopped_) {
    co_await hand_over();
  }
  mailbox_.close();
  for (Proposals::Pending& pending : proposals_.take_all()) {
    if (pending.origin) answer(*pending.origin, apply::ApiError::kStopped);
  }
  for (WaitingRead& waiting : reads_.take_all()) {
    answer(waiting.origin, apply::ApiError::kStopped);
  }
  ranges_.stop();
  elections_.stop();
  gate_.stop();
  roster_.stop();
  tasks_.cancel();
  long_reads_.cancel();
  if (!stopped_) stopped_ = Stopped{.asked = true};
  if (!stopped_->error) {
    // A save that is still under way can't be followed by the witness of a clean stop.
    if (!writing_) {
      const Result<void> closed = co_await storage_.wal->close();
      if (!closed) stopped_->error = closed.error();
    }
  }
  transport_.reset();
  co_return *stopped_;
}

void Node::request_stop() {
  stopping_ = true;
  stop_waiting_.wake_all();
}

runtime::Task<void> Node::hand_over() {
  const TimePoint deadline = world_.clock.boot() + 300ms;
  const std::optional<raft::NodeId> next = successor_in(core_.status());
  if (core_.status().role == raft::RoleName::kLeader && next) {
    log_.info("leadership transfer starting", {{"transferee", telemetry::hex(next->value())}});
    push(raft::TransferLeadership{*next});
    while (core_.status().role == raft::RoleName::kLeader && world_.clock.boot() < deadline) {
      co_await runtime::sleep_for(world_.scheduler, 5ms);
    }
  }
  // What is already proposed may still be answered.
  while (proposals_.size() > 0 && world_.clock.boot() < deadline) {
    co_await runtime::sleep_for(world_.scheduler, 5ms);
  }
  while ((writing_ || !saves_.empty()) && world_.clock.boot() < deadline) {
    co_await runtime::sleep_for(world_.scheduler, 1ms);
  }
}

VersionInfo Node::version() const {
  VersionInfo info;
  if (!applier_->cluster_version().empty()) {
    info.cluster = applier_->cluster_version();
    info.storage = applier_->cluster_version();
  }
  return info;
}

void Node::fail(Error error) {
  if (stopped_) return;
  log_.error("stopping: the member can't go on", {{"error", error.message}});
  stopped_ = Stopped{.error = std::move(error)};
  stop_waiting_.wake_all();
}

void Node::push(decltype(raft::Input::what) what) {
  inputs_.push_back(std::move(what));
  work_.wake_all();
}

// ---- What the transport reports -----------------------------------------------------------------

void Node::on_message(raft::Message message, std::uint64_t life) {
  observer_.on_receive(message, life);
  promises_.note(message, life);
  // A peer that floods faster than the core steps is held back by loss, which Raft copes with.
  constexpr std::size_t kInputsMax = 100'000;
  if (inputs_.size() < kInputsMax) push(raft::Receive{std::move(message)});
}

void Node::on_snapshot(raft::Message message, Bytes packed, std::uint64_t life) {
  promises_.note(message, life);
  const raft::SnapshotMeta& meta = std::get<raft::InstallSnapshot>(message.body).meta;
  if (guard_.in_doubt() && meta.index.value() >= healing_.passed_over) {
    Result<snapshot::Contents> contents = snapshot::unpack(packed);
    if (contents && contents->meta == meta) healing_.state = *std::move(contents);
    committed_waiting_.wake_one();
    if (meta.index <= core_.commit()) return;  // Of which Raft has no use.
  }
  tasks_.spawn(store_received(std::move(message), std::move(packed)));
}

void Node::on_unreachable(raft::NodeId peer) {
  push(raft::Unreachable{peer});
}

void Node::on_snapshot_reported(raft::NodeId peer, bool delivered) {
  push(raft::SnapshotReported{peer, delivered});
}

void Node::on_refused(raft::NodeId peer, const transport::Welcome& welcome) {
  log_.warn("a peer refuses this member", {{"remote-peer-id", telemetry::hex(peer.value())},
                                           {"reason", transport::name_of(welcome.verdict)}});
  if (welcome.verdict == transport::Welcome::Verdict::kRemoved) roster_.leave_now();
}

transport::Introduction Node::introduction(raft::NodeId peer) const {
  const membership::Member* member = applier_->members().find(peer.value());
  const bool published = member != nullptr && !member->client_urls.empty();
  transport::Introduction introduction = promises_.of(peer, published);
  introduction.life = life_;
  introduction.addresses = roster_.own_addresses();
  return introduction;
}

void Node::on_introduction(raft::NodeId peer, const transport::Introduction& told) {
  roster_.learn_address(peer, told.addresses);
  const transport::Promise promised = remembered_of(told, life_, publishes_);
  if (!began_with_ || !is_broken(promised, *began_with_)) return;
  log_.warn(
      "a peer remembers more of this member than it has: an older copy of its directory, or a disk "
      "that lied",
      {{"remote-peer-id", telemetry::hex(peer.value())},
       {"remembered-term", promised.term},
       {"remembered-index", promised.index},
       {"term", began_with_->term},
       {"last-index", began_with_->index}});
  log_.warn("recovering: no vote and no election until the peers have made this member whole");
  began_with_.reset();
  forgot_ = true;
  saves_waiting_.wake_one();
  // What was about to be said may rest on what is forgotten; and nothing is decided before.
  held_.clear();
  inputs_.emplace_front(raft::Doubt{});
  work_.wake_all();
}

}  // namespace detcd::server
