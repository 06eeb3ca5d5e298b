#include "tests/member/cluster.h"

#include <utility>

#include "runtime/timeout.h"

namespace detcd::member {
namespace {

constexpr std::string_view kToken = "test";
constexpr std::uint32_t kClient = 100;

class Silence final : public telemetry::Sink {
 public:
  void write(const telemetry::Record&) override {}
};

std::string host(std::uint32_t node) {
  return "n" + std::to_string(node);
}

}  // namespace

struct Cluster::Seat {
  Seat(sim::Kernel& kernel, sim::SimNetwork& network, std::uint32_t number)
      : node(number),
        machine(kernel, network, {.node = sim::NodeNumber(number), .host = host(number)}) {}
  std::uint32_t node;
  Silence silence;
  std::uint64_t id = 0;
  bool known = false;  // Its directory says who it is.
  bool removed = false;
  std::unique_ptr<server::Observer> observer;
  bool wiped = false;
  std::unique_ptr<Member> member;
  sim::Machine machine;
};

Cluster::Cluster(std::uint64_t seed, std::uint32_t founders)
    : kernel_(seed),
      network_(kernel_),
      oracle_(history_),
      client_(kernel_, network_, {.node = sim::NodeNumber(kClient), .host = "client"}),
      replies_(client_.world().scheduler) {
  std::vector<std::uint64_t> ids;
  for (std::uint32_t node = 1; node <= founders; ++node) {
    membership::Member member;
    member.peer_urls = {peer_url(node)};
    member.id = membership::member_id(member.peer_urls, kToken);
    ids.push_back(member.id);
    founders_.push_back(std::move(member));
  }
  cluster_id_ = membership::cluster_id(ids);
  for (std::uint32_t node = 1; node <= founders; ++node) {
    make_seat();
    seats_.back()->known = true;
    seats_.back()->id = founders_[node - 1].id;
    oracle_.know_member(seats_.back()->id, node);
    seats_.back()->machine.tasks().spawn(live(*seats_.back()));
  }
}

Cluster::~Cluster() {
  for (std::uint32_t node = 1; node <= size(); ++node) kill(node);
}

std::string Cluster::peer_url(std::uint32_t node) {
  return "http://" + host(node) + ":2380";
}

std::uint32_t Cluster::make_seat() {
  seats_.push_back(std::make_unique<Seat>(kernel_, network_, size() + 1));
  return size();
}

Options Cluster::options_of(std::uint32_t node) const {
  Options options;
  options.node.name = host(node);
  options.node.data_dir = "/data";
  options.node.client_urls = {"http://" + host(node) + ":2379"};
  options.node.peer_urls = {peer_url(node)};
  options.node.initial_members = founders_;
  options.node.cluster_id = cluster_id_;
  options.node.member_id = seats_[node - 1]->id;
  options.node.snapshot_count = 40;
  options.node.catch_up_entries = 10;
  options.node.wal_segment_bytes = 256 << 10;
  options.node.learners_max = 2;
  options.peer_addresses = {host(node) + ":2380"};
  return options;
}

// As etcdctl prints it: all that are members when it is added. Empty when it isn't one, or not any
// more.
std::string Cluster::members_for(const std::string& url) const {
  std::string flags;
  bool listed = false;
  for (std::uint32_t one = 1; one <= size(); ++one) {
    const server::Node* const member = node(one);
    if (member == nullptr || !flags.empty()) continue;
    for (const membership::Member& known : member->applier().members().list()) {
      const std::string& one_url = known.peer_urls.front();
      const std::string name = one_url.substr(7, one_url.find(':', 7) - 7);
      listed = listed || one_url == url;
      flags += (flags.empty() ? "" : ",") + name + "=" + one_url;
    }
  }
  return listed ? flags : "";
}

// Others may come and go meanwhile: then it is told anew.
runtime::Task<bool> Cluster::join(Seat& seat, server::NodeOptions& options) {
  const runtime::World world = seat.machine.world();
  const telemetry::Log log(seat.silence, telemetry::Level::kError);
  for (int attempt = 0; attempt < 30; ++attempt) {
    bootstrap::Config config;
    config.name = host(seat.node);
    config.initial_cluster = members_for(peer_url(seat.node));
    if (config.initial_cluster.empty()) co_return false;
    Result<bootstrap::InitialCluster> found = co_await bootstrap::join(world, log, config);
    if (found) {
      options.joining = true;
      options.cluster_id = found->cluster_id;
      options.member_id = found->own_id;
      options.initial_members = std::move(found->members);
      seat.id = found->own_id;
      oracle_.know_member(seat.id, seat.node);
      co_return true;
    }
    refusal_ = found.error().message;
    co_await runtime::sleep_for(world.scheduler, 1s);
  }
  failure_ = host(seat.node) + " can't join: " + refusal_;
  co_return false;
}

runtime::Task<void> Cluster::live(Seat& seat) {
  const runtime::World world = seat.machine.world();
  const telemetry::Log log(seat.silence, telemetry::Level::kError);
  Options options = options_of(seat.node);
  if (!seat.known) {
    const bool joined = co_await join(seat, options.node);
    if (!joined) co_return;
  }
  seat.observer =
      oracle_.observer(seat.node, seat.wiped ? sim::ClusterOracle::DiskHistory::kRotten
                                             : sim::ClusterOracle::DiskHistory::kHonest);
  Result<std::unique_ptr<Member>> opened =
      co_await Member::open(world, log, std::move(options), seat.observer.get());
  if (!opened) {
    failure_ = host(seat.node) + ": " + opened.error().message;
    co_return;
  }
  seat.known = true;
  seat.member = std::move(*opened);
  const server::Stopped stopped = co_await seat.member->run();
  seat.removed = stopped.removed;
  if (!stopped.removed) failure_ = host(seat.node) + " ended by itself";
  seat.machine.kill_soon(sim::Death::kCrash, [&seat] {
    seat.member.reset();
    seat.observer.reset();
  });
}

void Cluster::start(std::uint32_t node) {
  Seat& seat = *seats_[node - 1];
  if (!seat.machine.running()) seat.machine.start();
  seat.machine.tasks().spawn(live(seat));
}

void Cluster::kill(std::uint32_t node) {
  Seat& seat = *seats_[node - 1];
  if (!seat.machine.running()) return;
  seat.machine.kill(sim::Death::kCrash, [&seat] {
    seat.member.reset();
    seat.observer.reset();
  });
}

void Cluster::wipe(std::uint32_t node) {
  seats_[node - 1]->wiped = true;
  seats_[node - 1]->machine.disk().replace_image(sim::DiskImage());
  oracle_.put_back(node, raft::Index(oracle_.highest_committed()));
}

server::Node* Cluster::node(std::uint32_t node) const {
  const Seat& seat = *seats_[node - 1];
  const bool lives = seat.machine.running() && seat.member != nullptr;
  return lives ? &seat.member->node() : nullptr;
}

std::uint32_t Cluster::leader() const {
  raft::Term newest;
  std::uint32_t found = 0;
  for (std::uint32_t one = 1; one <= size(); ++one) {
    const server::Node* const member = node(one);
    if (member == nullptr || member->core().role() != raft::RoleName::kLeader) continue;
    if (member->core().term() > newest) found = one;
    newest = std::max(newest, member->core().term());
  }
  return found;
}

std::uint64_t Cluster::id_of(std::uint32_t node) const {
  return seats_[node - 1]->id;
}
bool Cluster::was_removed(std::uint32_t node) const {
  return seats_[node - 1]->removed;
}

std::string Cluster::failure() const {
  if (!failure_.empty()) return failure_;
  return oracle_.violation() ? oracle_.violation()->oracle + ": " + oracle_.violation()->message
                             : "";
}

std::optional<server::Outcome> Cluster::ask(std::uint32_t node, server::Request request,
                                            Duration patience) {
  server::Node* const member = this->node(node);
  if (member == nullptr) return std::nullopt;
  server::Call call;
  call.call = server::CallId(++calls_);
  call.request = std::move(request);
  call.reply = replies_.sender();
  if (!member->service().node.send(std::move(call))) return std::nullopt;
  std::optional<server::Outcome> outcome;
  eventually(
      [&] {
        while (std::optional<server::Reply> reply = replies_.try_receive()) {
          if (reply->call == server::CallId(calls_)) outcome = std::move(reply->outcome);
        }
        return outcome.has_value();
      },
      patience);
  return outcome;
}

std::optional<server::Outcome> Cluster::change(std::uint32_t node, membership::Change change) {
  for (int attempt = 0;; ++attempt) {
    std::optional<server::Outcome> outcome = ask(node, change);
    const auto* error = outcome ? std::get_if<apply::ApiError>(&*outcome) : nullptr;
    const bool passes = error != nullptr && (*error == apply::ApiError::kUnhealthy ||
                                             *error == apply::ApiError::kLearnerNotReady);
    if (!passes || attempt == 20) return outcome;
    pass(1s);
  }
}

bool Cluster::put(std::uint32_t node, const std::string& key) {
  const std::optional<server::Outcome> outcome =
      ask(node, apply::PutRequest{.key = key, .value = "v"});
  return outcome && std::holds_alternative<apply::Response>(*outcome);
}

}  // namespace detcd::member
