// What a node is told at its start: etcd's flags, then ETCD_* variables, then defaults, checked as
// etcd checks them and refused in its words (ETCD.md §4). Pure: from the arguments and the
// environment as values to a Config, or to the reason why the process ends instead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/units.h"
#include "bootstrap/auth_token.h"
#include "bootstrap/url.h"
#include "telemetry/log.h"

namespace detcd::bootstrap {

// Exit codes of the process, as etcd's. After SIGINT and SIGTERM it ends by that signal instead.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure =
    1;  // Validation, conflicts, a listener or a directory that fails.
inline constexpr int kExitUsage = 2;  // A flag that couldn't be read.

struct Invocation {
  std::string program = "detcd";         // The name it was called by, without folders.
  std::vector<std::string> arguments;    // Without the program's name.
  std::vector<std::string> environment;  // "NAME=value" each.
  // The address of the interface with the default route: what a member that listens on 0.0.0.0 and
  // was told no advertised URL names instead of localhost.
  std::optional<std::string> default_host;
};

enum class ClusterState : std::uint8_t { kNew, kExisting };
enum class LogFormat : std::uint8_t { kJson, kConsole };

struct Config {
  std::string name;
  std::string data_dir;
  std::string wal_dir;  // Empty: within the data directory.

  Urls listen_peer_urls;
  Urls listen_client_urls;
  Urls advertise_peer_urls;
  Urls advertise_client_urls;

  std::string
      initial_cluster;  // NAME=URL,…; read by initial_cluster.h when the directory is empty.
  ClusterState initial_cluster_state = ClusterState::kNew;
  std::string initial_cluster_token;
  bool strict_reconfig_check = true;
  std::uint32_t learners_max = 1;

  Duration heartbeat_interval{};
  Duration election_timeout{};
  bool pre_vote = true;
  std::uint64_t snapshot_count = 0;
  std::uint64_t snapshot_catchup_entries = 0;

  std::uint64_t quota_bytes = 0;  // Zero: no limit.
  // What is compacted by itself: all but the last `period`, or the last `revisions`. Zero: nothing.
  Duration auto_compaction_period{};
  std::int64_t auto_compaction_revisions = 0;
  std::string snapshot_storage_version;  // "3.7"
  std::uint64_t max_txn_ops = 0;
  std::uint64_t max_request_bytes = 0;
  std::uint32_t max_concurrent_streams = 0;
  Duration keepalive_min_time{};
  Duration keepalive_interval{};  // Zero: no pings.
  Duration keepalive_timeout{};
  Duration progress_notify_interval{};
  std::uint32_t io_threads = 0;

  AuthToken auth_token;
  Duration auth_token_ttl{};
  std::uint32_t bcrypt_cost = 0;

  telemetry::Level log_level = telemetry::Level::kInfo;
  std::vector<std::string> log_outputs;  // "stderr", "stdout", or paths of files.
  LogFormat log_format = LogFormat::kJson;

  // To be logged once the log is open.
  std::vector<telemetry::Record> notes;
};

// The process ends: print `out` on standard output and `err` on standard error, log the records (in
// JSON, to standard error), exit with `code`.
struct Exit {
  int code = kExitFailure;
  std::string out;
  std::string err;
  std::vector<telemetry::Record> records;
};

[[nodiscard]] std::variant<Config, Exit> configure(const Invocation& invocation);

// What stands under an error of the command line, and the whole text of --help.
[[nodiscard]] std::string usage_line(std::string_view program);
[[nodiscard]] std::string help_text(std::string_view program);

}  // namespace detcd::bootstrap
