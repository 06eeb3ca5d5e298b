#include "app/serve.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "app/log_sink.h"
#include "app/process.h"
#include "backup/contents.h"
#include "bootstrap/initial_cluster.h"
#include "bootstrap/join.h"
#include "bootstrap/version.h"
#include "credentials/jwt.h"
#include "member/member.h"
#include "runtime/timeout.h"
#include "runtime_asio/asio_world.h"
#include "runtime_asio/io_threads.h"
#include "server/convert.h"
#include "telemetry/log.h"

namespace detcd::app {
namespace {

// Says to a thread of connections that the server goes down.
struct Drain {};

member::Options options_of(const bootstrap::Config& config) {
  member::Options options;
  server::NodeOptions& node = options.node;
  node.name = config.name;
  node.data_dir = config.data_dir;
  node.wal_dir = config.wal_dir;
  node.client_urls = bootstrap::strings(config.advertise_client_urls);
  node.peer_urls = bootstrap::strings(config.advertise_peer_urls);
  node.strict_reconfig_check = config.strict_reconfig_check;
  node.learners_max = config.learners_max;
  node.heartbeat_interval = config.heartbeat_interval;
  node.election_timeout = config.election_timeout;
  node.pre_vote = config.pre_vote;
  node.snapshot_count = config.snapshot_count;
  node.catch_up_entries = config.snapshot_catchup_entries;
  node.limits.txn_ops_max = config.max_txn_ops;
  node.limits.request_bytes_max = config.max_request_bytes;
  node.limits.watch_part_bytes = config.max_request_bytes + 512 * kKiB;
  node.progress_notify_interval = config.progress_notify_interval;
  node.auth.token_time_to_live = config.auth_token_ttl;
  node.auth.bcrypt_cost = config.bcrypt_cost;
  node.quota_bytes = static_cast<std::int64_t>(config.quota_bytes);
  if (config.auto_compaction_period > Duration{}) {
    node.auto_compaction = {.mode = server::AutoCompaction::Mode::kPeriodic,
                            .period = config.auto_compaction_period};
  } else if (config.auto_compaction_revisions > 0) {
    node.auto_compaction = {.mode = server::AutoCompaction::Mode::kRevision,
                            .revisions = config.auto_compaction_revisions};
  }
  node.snapshot_storage_version =
      backup::parse_schema(config.snapshot_storage_version).value_or(backup::Schema::k37);
  options.peer_addresses = server::addresses_of(bootstrap::strings(config.listen_peer_urls));
  options.client_addresses = server::addresses_of(bootstrap::strings(config.listen_client_urls));
  options.clients.requests = node.limits;
  options.clients.http2.concurrent_streams_max = config.max_concurrent_streams;
  // gRPC's own limit leaves room for what surrounds a request of the largest size (ETCD.md §1).
  options.clients.http2.message_bytes_max = config.max_request_bytes + 512 * kKiB;
  options.clients.http2.ping_interval_min = config.keepalive_min_time;
  // As etcd: one without the other leaves both as they are, which isn't the same as never.
  if (config.keepalive_interval > Duration{} && config.keepalive_timeout > Duration{}) {
    options.clients.keepalive_interval = config.keepalive_interval;
    options.clients.keepalive_timeout = config.keepalive_timeout;
  }
  return options;
}

Result<std::string> contents_of(const std::string& file) {
  if (file.empty()) return std::string();
  std::ifstream in(file, std::ios::binary);
  std::string contents(std::istreambuf_iterator<char>(in), {});
  if (!in.is_open() || in.bad()) return Error{Errc::kNotFound, "open " + file + ": can't be read"};
  return contents;
}

Result<void> read_keys(const bootstrap::AuthToken& token, server::AuthOptions& auth) {
  if (!token.is_signed) return {};
  Result<std::string> public_key = contents_of(token.public_key_file);
  if (!public_key) return public_key.error();
  Result<std::string> private_key = contents_of(token.private_key_file);
  if (!private_key) return private_key.error();
  Result<std::shared_ptr<const credentials::Jwt>> jwt =
      credentials::Jwt::make({.sign_method = token.sign_method,
                              .public_key = *std::move(public_key),
                              .private_key = *std::move(private_key),
                              .time_to_live = token.time_to_live});
  if (!jwt) return jwt.error();
  auth.jwt = *std::move(jwt);
  return {};
}

// Every connection takes a descriptor; 150 stay for files and peers, as in etcd (ETCD.md §9.7).
Result<std::size_t> connections_max() {
  constexpr rlim_t kReserved = 150;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::size_t{1} << 16;
  if (limit.rlim_cur <= kReserved) {
    return Error{Errc::kInvalid,
                 "file descriptor limit[" + std::to_string(limit.rlim_cur) +
                     "] of etcd process is too low, and should be set higher than 150 "
                     "to ensure internal usage"};
  }
  return static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur - kReserved, 10'000'000));
}

class Server {
 public:
  Server(const bootstrap::Config& config, telemetry::Log log)
      : config_(config),
        log_(log),
        world_("."),
        stop_(world_.scheduler),
        clients_ended_(world_.scheduler),
        tasks_(world_.scheduler) {
    if (config.io_threads > 0) {
      threads_ = std::make_unique<runtime_asio::IoThreads>(config.io_threads, ".");
    }
  }

  // Runs the world until the member has stopped.
  std::optional<Error> run() {
    tasks_.spawn(main());
    world_.scheduler.run();
    tasks_.cancel();
    threads_.reset();
    member_.reset();
    return error_;
  }
  // From any thread.
  void ask_to_stop() {
    world_.scheduler.post_from_anywhere([this] {
      asked_ = true;
      if (member_ != nullptr) {
        member_->request_stop();
      } else {
        world_.scheduler.stop();
      }
    });
  }

 private:
  runtime::Task<void> main() {
    const Result<void> done = co_await serve();
    if (!done) error_ = done.error();
    world_.scheduler.stop();
  }

  // Type=notify units of systemd, as the packages of etcd have them, wait for this.
  runtime::Task<void> announce() {
    co_await member_->node().ready();
    tell_supervisor("READY=1");
  }

  runtime::Task<Result<void>> serve() {
    member::Options options = options_of(config_);
    const Result<std::size_t> connections = connections_max();
    if (!connections) co_return connections.error();
    options.clients.connections_max = *connections;
    check_permissions();
    const Result<void> keys = read_keys(config_.auth_token, options.node.auth);
    if (!keys) co_return keys.error();
    const Result<void> founded = co_await found(options.node);
    if (!founded) co_return founded.error();
    if (threads_ != nullptr) {
      const Result<void> bound = co_await bind_threads(options);
      if (!bound) co_return bound.error();
    }
    api::Settings clients = options.clients;
    // Connections are dealt to the threads in turn, and all threads share the descriptors.
    if (threads_ != nullptr) {
      clients.connections_max = std::max<std::size_t>(1, *connections / threads_->size());
    }
    Result<std::unique_ptr<member::Member>> opened =
        co_await member::Member::open(world_.world(), log_, std::move(options), nullptr);
    if (!opened) co_return opened.error();
    member_ = std::move(*opened);
    if (asked_) member_->request_stop();
    start_threads(clients);
    tasks_.spawn(announce());
    const server::Stopped stopped = co_await member_->run();
    co_await end_threads();
    if (stopped.error) co_return *stopped.error;
    co_return Result<void>();
  }

  // As etcd: others may use the directory so, but whoever made it should know what that means.
  void check_permissions() const {
    namespace fs = std::filesystem;
    std::error_code unknowable;
    const fs::file_status about = fs::status(config_.data_dir, unknowable);
    const fs::perms others = about.permissions() & (fs::perms::group_all | fs::perms::others_all);
    if (about.type() != fs::file_type::directory || others == fs::perms::none) return;
    log_.warn("check file permission",
              {{"error", "directory \"" + config_.data_dir +
                             "\" exist, but the permission is not \"-rwx------\", which is "
                             "recommended to prevent possible unprivileged access to the data"}});
  }

  // A first start needs the members; later they are in the log, and the flags are ignored.
  runtime::Task<Result<void>> found(server::NodeOptions& node) {
    // What keeps us from looking keeps the member from opening it, too, which then says so.
    std::error_code unknowable;
    const bool known = std::filesystem::exists(config_.data_dir + "/member/identity", unknowable);
    Result<bootstrap::InitialCluster> cluster = Error{};
    if (!known && config_.initial_cluster_state == bootstrap::ClusterState::kExisting) {
      cluster = co_await bootstrap::join(world_.world(), log_, config_);
      node.joining = true;
    } else {
      cluster = bootstrap::found_cluster(config_);
      if (!cluster && known) co_return Result<void>();
    }
    if (!cluster) co_return cluster.error();
    node.cluster_id = cluster->cluster_id;
    node.member_id = cluster->own_id;
    node.initial_members = std::move(cluster->members);
    co_return Result<void>();
  }

  // Ports are taken before the data directory is touched.
  runtime::Task<Result<void>> bind_threads(member::Options& options) {
    for (const std::string& address : options.client_addresses) {
      Result<std::vector<std::unique_ptr<runtime::Listener>>> listeners =
          co_await threads_->listen(world_.network, tasks_, address);
      if (!listeners) {
        co_return Error{listeners.error().code,
                        "listen tcp " + address + ": " + listeners.error().message};
      }
      bound_.push_back(std::move(*listeners));
    }
    options.client_addresses.clear();
    co_return Result<void>();
  }

  void start_threads(const api::Settings& settings) {
    for (std::vector<std::unique_ptr<runtime::Listener>>& listeners : bound_) {
      for (std::size_t thread = 0; thread < listeners.size(); ++thread) {
        ++serving_;
        threads_->spawn(thread, [this, settings, listener = std::move(listeners[thread])](
                                    runtime::World world) mutable {
          return serve_clients(
              api::Environment{world.scheduler, log_, member_->node().service(), settings},
              std::move(listener), stop_.sender(), clients_ended_.sender());
        });
      }
    }
    bound_.clear();
  }

  // On a thread of connections, from its first connection to the end of its drain.
  static runtime::Task<void> serve_clients(
      api::Environment environment, std::unique_ptr<runtime::Listener> listener,
      runtime::Mailbox<runtime::Mailbox<Drain>::Sender>::Sender ready,
      runtime::Mailbox<Drain>::Sender ended) {
    runtime::Mailbox<Drain> drain(environment.scheduler);
    const bool told = ready.send(drain.sender());
    static_cast<void>(told);
    api::Listener clients(environment, std::move(listener));
    clients.start();
    const std::optional<Drain> asked = co_await drain.receive();
    static_cast<void>(asked);
    co_await clients.shutdown();
    const bool heard = ended.send(Drain{});
    static_cast<void>(heard);
  }

  runtime::Task<void> end_threads() {
    const TimePoint deadline = world_.scheduler.clock().boot() + 100ms;
    for (std::size_t i = 0; i < serving_; ++i) {
      const auto thread = co_await stop_.receive_until(deadline);
      if (thread) thread->send(Drain{});
    }
    for (std::size_t i = 0; i < serving_; ++i) {
      const std::optional<Drain> ended = co_await clients_ended_.receive_until(deadline);
      static_cast<void>(ended);
    }
  }

  const bootstrap::Config& config_;
  telemetry::Log log_;
  runtime_asio::AsioWorld world_;
  std::unique_ptr<runtime_asio::IoThreads> threads_;
  std::vector<std::vector<std::unique_ptr<runtime::Listener>>> bound_;
  std::size_t serving_ = 0;
  runtime::Mailbox<runtime::Mailbox<Drain>::Sender> stop_;  // How to reach the threads.
  runtime::Mailbox<Drain> clients_ended_;
  std::unique_ptr<member::Member> member_;
  std::optional<Error> error_;
  bool asked_ = false;
  runtime::TaskGroup tasks_;
};

}  // namespace

int serve(const bootstrap::Config& config) {
  set_limits();
  const Result<std::unique_ptr<LogSink>> sink =
      LogSink::open(config.log_outputs, config.log_format);
  if (!sink) {
    bootstrap::Exit exit;
    exit.err = sink.error().message + "\n";
    return carry_out(exit);
  }
  const telemetry::Log log(**sink, config.log_level);
  for (const telemetry::Record& note : config.notes) {
    if (log.enabled(note.level)) (*sink)->write(note);
  }
  log.info("starting an etcd server", {{"etcd-version", bootstrap::kEtcdVersion},
                                       {"detcd-version", bootstrap::detcd_version()},
                                       {"git-sha", bootstrap::git_commit()},
                                       {"name", config.name},
                                       {"data-dir", config.data_dir}});
  std::atomic<int> signal_received{0};
  std::optional<Error> error;
  {
    // The signals first: threads inherit their mask.
    std::mutex guard;
    Server* running = nullptr;
    Signals signals([&](int signal) {
      log.info("received signal; shutting down",
               {{"signal", signal == 2 ? "interrupt" : "terminated"}});
      const std::lock_guard lock(guard);
      signal_received = signal;
      if (running != nullptr) running->ask_to_stop();
    });
    Server server(config, log);
    {
      const std::lock_guard lock(guard);
      running = &server;
      // A signal that came before there was anybody to tell.
      if (signal_received != 0) server.ask_to_stop();
    }
    error = server.run();
    const std::lock_guard lock(guard);
    running = nullptr;
    // The log is closed. What is left of the world isn't waited for: it may be asking a name server
    // that doesn't answer.
    if (!error && signal_received != 0) end_by_signal(signal_received);
  }
  if (error) {
    log.fatal("failed to start or to go on", {{"error", error->message}});
    return bootstrap::kExitFailure;
  }
  return bootstrap::kExitOk;
}

}  // namespace detcd::app
