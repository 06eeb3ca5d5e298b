#include "bootstrap/config.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <set>
#include <source_location>

#include "base/quote.h"
#include "bootstrap/flags.h"
#include "bootstrap/go_value.h"
#include "bootstrap/version.h"

namespace detcd::bootstrap {
namespace {

using telemetry::Field;
using telemetry::Level;
using telemetry::Record;

constexpr std::uint64_t kElectionTimeoutMaxMs = 50'000;
constexpr std::uint64_t kQuotaBytesDefault = 2 * kGiB;
constexpr std::uint64_t kQuotaBytesAdvised = 8 * kGiB;
constexpr std::uint64_t kRequestBytesAdvised = 10 * kMiB;
constexpr std::uint32_t kUnlimitedStreams = 0xffffffff;
constexpr std::uint64_t kRequestBytesMost = 64 * kMiB;  // What members can send each other.

Error bad(std::string what) {
  return Error{Errc::kInvalid, std::move(what)};
}

Record note(Level level, std::string message, std::vector<Field> fields = {},
            std::source_location where = std::source_location::current()) {
  return {level, fmt::format("bootstrap/config.cc:{}", where.line()), std::move(message),
          std::move(fields)};
}

// The lines of the log that tell why nothing was started.
Exit refusal(std::string why, std::vector<Record> records) {
  constexpr std::string_view kNoAdvertised =
      "--advertise-client-urls is required when --listen-client-urls is set explicitly";
  const bool no_advertised = why == kNoAdvertised;
  records.push_back(note(Level::kWarn, "failed to verify flags", {{"error", why}}));
  if (no_advertised) {
    records.push_back(note(Level::kWarn, "advertise client URLs are not set", {{"error", why}}));
  }
  return {.code = kExitFailure, .out = "", .err = "", .records = std::move(records)};
}

// Reads one flag from its variable, if the variable is there and the flag wasn't given.
class Environment {
 public:
  explicit Environment(const std::vector<std::string>& entries) : entries_(entries) {
    for (const std::string& entry : entries) {
      const std::size_t equals = entry.find('=');
      // getenv returns the first of several.
      values_.emplace(entry.substr(0, equals),
                      equals == std::string::npos ? "" : entry.substr(equals + 1));
    }
  }

  Result<void> fill(FlagSet& flags, std::vector<Record>& notes) {
    for (const FlagSpec& spec : flag_table()) {
      const Result<void> good = fill_one(flags, spec.name, notes);
      if (!good) return good.error();
    }
    for (const auto& [former, present] : renamed_flags()) {
      const Result<void> good = fill_one(flags, former, notes);
      if (!good) return good.error();
    }
    return {};
  }

  // A variable that stands for a flag given on the command line is a conflict, whatever its value.
  [[nodiscard]] std::optional<std::string> conflict(const std::set<std::string>& given) const {
    for (const std::string& entry : entries_) {
      std::string name = entry.substr(0, entry.find('='));
      if (given.contains(name)) return name;
    }
    return std::nullopt;
  }

  void report_unknown(std::vector<Record>& notes) const {
    for (const std::string& entry : entries_) {
      const std::string name = entry.substr(0, entry.find('='));
      if (!name.starts_with("ETCD_") || used_.contains(name)) continue;
      notes.push_back(note(Level::kWarn, "unrecognized environment variable",
                           {{"environment-variable", entry}}));
    }
  }

 private:
  Result<void> fill_one(FlagSet& flags, std::string_view flag, std::vector<Record>& notes) {
    const std::string variable = variable_of(flag);
    const auto found = values_.find(variable);
    if (found == values_.end() || flags.is_set(flag)) return {};
    used_.insert(variable);
    if (found->second.empty()) return {};
    if (flag == "version") {
      // Container images set it; it isn't the flag.
      notes.push_back(note(Level::kWarn, "cannot set special environment variable",
                           {{"key", variable}, {"value", found->second}}));
      return {};
    }
    const Result<void> good = flags.set(flag, found->second);
    if (!good) {
      return bad(fmt::format("invalid value {} for {}: {}", go_quoted(found->second), variable,
                             good.error().message));
    }
    notes.push_back(note(Level::kInfo, "recognized and used environment variable",
                         {{"variable-name", variable}, {"variable-value", found->second}}));
    return {};
  }

  const std::vector<std::string>& entries_;
  std::map<std::string, std::string> values_;
  std::set<std::string> used_;
};

std::set<std::string> variables_given(const FlagSet& flags) {
  std::set<std::string> given;
  for (const FlagSpec& spec : flag_table()) {
    if (flags.is_set(spec.name)) given.insert(variable_of(spec.name));
  }
  return given;
}

bool is_preset(const FlagSpec& spec, const std::string& value) {
  if (spec.type == FlagType::kBool) return *parse_bool(value) == *parse_bool(spec.preset);
  return value == spec.preset;
}

// Says of each flag that was given what became of it; an error where it can't be passed over.
Result<void> report_states(const FlagSet& flags, std::vector<Record>& notes) {
  for (const FlagSpec& spec : flag_table()) {
    if (!flags.is_set(spec.name) || spec.state == FlagState::kInForce) continue;
    const std::string& value = flags.text(spec.name);
    const bool preset = is_preset(spec, value);
    if (spec.state == FlagState::kRefused && !preset) {
      return bad(fmt::format("--{}={} is not in force in this version of detcd: {}", spec.name,
                             value, spec.help));
    }
    if (spec.type == FlagType::kIgnored) {
      notes.push_back(note(Level::kWarn, "ignored flag", {{"flag", spec.name}}));
    } else if (spec.state == FlagState::kObsolete) {
      notes.push_back(
          note(Level::kWarn, "flag has no effect", {{"flag", spec.name}, {"reason", spec.help}}));
    } else if (!preset) {
      notes.push_back(note(Level::kWarn, "flag is accepted, not yet in force",
                           {{"flag", spec.name}, {"value", value}}));
    }
  }
  return {};
}

Result<Level> parse_level(const std::string& text) {
  if (text == "debug") return Level::kDebug;
  if (text == "info" || text.empty()) return Level::kInfo;
  if (text == "warn") return Level::kWarn;
  if (text == "error") return Level::kError;
  if (text == "dpanic" || text == "panic" || text == "fatal") return Level::kFatal;
  return bad(fmt::format("unrecognized level: {}", go_quoted(text)));
}

Result<void> read_logging(const FlagSet& flags, Config& config) {
  const Result<Level> level = parse_level(flags.text("log-level"));
  if (!level) return level.error();
  config.log_level = *level;
  const std::string& format = flags.text("log-format");
  if (format != "json" && format != "console" && !format.empty()) {
    return bad(fmt::format("unknown log format: {}, supported values json, console", format));
  }
  config.log_format = format == "console" ? LogFormat::kConsole : LogFormat::kJson;
  std::vector<std::string> outputs = split(flags.text("log-outputs"), ',');
  const bool has_default = std::ranges::find(outputs, "default") != outputs.end();
  if (has_default && outputs.size() > 1) {
    return bad("multi logoutput for \"default\" is not supported yet");
  }
  for (std::string& output : outputs) {
    if (output == "default" || output == "systemd/journal") output = "stderr";
  }
  std::ranges::sort(outputs);
  const auto repeated = std::ranges::unique(outputs);
  outputs.erase(repeated.begin(), repeated.end());
  config.log_outputs = std::move(outputs);
  return {};
}

Duration milliseconds(std::uint64_t count) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(count));
}

// Both are counts of milliseconds; a count too large for a duration was refused before.
Result<void> read_timing(const FlagSet& flags, Config& config) {
  const std::uint64_t heartbeat = flags.number("heartbeat-interval");
  const std::uint64_t election = flags.number("election-timeout");
  if (heartbeat == 0) return bad("--heartbeat-interval must be >0 (set to 0ms)");
  if (election == 0) return bad("--election-timeout must be >0 (set to 0ms)");
  if (heartbeat > election / 5) {
    return bad(
        fmt::format("--election-timeout[{}ms] should be at least as 5 times as "
                    "--heartbeat-interval[{}ms]",
                    election, heartbeat));
  }
  if (election > kElectionTimeoutMaxMs) {
    return bad(fmt::format("--election-timeout[{}ms] is too long, and should be set less than {}ms",
                           election, kElectionTimeoutMaxMs));
  }
  config.heartbeat_interval = milliseconds(heartbeat);
  config.election_timeout = milliseconds(election);
  return {};
}

void read_limits(const FlagSet& flags, Config& config) {
  const std::int64_t quota = flags.integer("quota-backend-bytes");
  if (quota == 0) config.quota_bytes = kQuotaBytesDefault;
  if (quota > 0) config.quota_bytes = static_cast<std::uint64_t>(quota);
  if (quota < 0) config.notes.push_back(note(Level::kInfo, "disabled backend quota"));
  if (config.quota_bytes > kQuotaBytesAdvised) {
    config.notes.push_back(note(Level::kWarn, "quota exceeds the maximum value",
                                {{"quota-size-bytes", config.quota_bytes},
                                 {"quota-maximum-size-bytes", kQuotaBytesAdvised}}));
  }
  config.max_request_bytes = flags.number("max-request-bytes");
  if (config.max_request_bytes > kRequestBytesAdvised) {
    config.notes.push_back(note(Level::kWarn, "exceeded recommended request limit",
                                {{"max-request-bytes", config.max_request_bytes},
                                 {"recommended-request-bytes", kRequestBytesAdvised}}));
  }
  if (config.max_request_bytes > kRequestBytesMost) {
    config.max_request_bytes = kRequestBytesMost;
    config.notes.push_back(note(Level::kWarn, "using the largest request limit there is",
                                {{"max-request-bytes", config.max_request_bytes}}));
  }
  config.max_txn_ops = flags.number("max-txn-ops");
  config.max_concurrent_streams =
      static_cast<std::uint32_t>(flags.number("max-concurrent-streams"));
  // As grpc-go takes it; with none at all nobody could call anything.
  if (config.max_concurrent_streams == 0) config.max_concurrent_streams = kUnlimitedStreams;
  config.keepalive_min_time = flags.duration("grpc-keepalive-min-time");
  config.keepalive_interval = flags.duration("grpc-keepalive-interval");
  config.keepalive_timeout = flags.duration("grpc-keepalive-timeout");
  // As etcd: nothing said is the default, and less than this is more.
  const Duration interval = flags.duration("watch-progress-notify-interval");
  config.progress_notify_interval =
      interval == Duration{} ? 600s : std::max<Duration>(interval, 100ms);
  config.io_threads = static_cast<std::uint32_t>(flags.number("io-threads"));
  config.snapshot_count = flags.number("snapshot-count");
  config.snapshot_catchup_entries = flags.number("snapshot-catchup-entries");
  config.pre_vote = flags.boolean("pre-vote");
}

// As etcd, which passes over a cost that bcrypt doesn't have.
Result<void> read_auth(const FlagSet& flags, Config& config) {
  constexpr std::uint64_t kCostMin = 4;
  constexpr std::uint64_t kCostMax = 31;
  constexpr std::uint64_t kCostDefault = 10;
  const std::uint64_t cost = flags.number("bcrypt-cost");
  const bool possible = cost >= kCostMin && cost <= kCostMax;
  config.bcrypt_cost = static_cast<std::uint32_t>(possible ? cost : kCostDefault);
  if (!possible) {
    config.notes.push_back(note(Level::kWarn,
                                "use default bcrypt cost instead of the invalid given cost",
                                {{"default-cost", kCostDefault}, {"given-cost", cost}}));
  }
  constexpr std::uint64_t kSecondsMax = 9'000'000'000;
  const std::uint64_t seconds = flags.number("auth-token-ttl");
  config.auth_token_ttl =
      seconds == 0
          ? 300s
          : std::chrono::seconds(static_cast<std::int64_t>(std::min(seconds, kSecondsMax)));
  Result<AuthToken> token = parse_auth_token(flags.text("auth-token"));
  if (!token) return token.error();
  for (const std::string& unknown : token->unknown) {
    config.notes.push_back(note(Level::kWarn, "unknown JWT option", {{"key", unknown}}));
  }
  config.auth_token = *std::move(token);
  return {};
}

Result<void> check_insecure(std::string_view flag, const Urls& urls) {
  for (const Url& url : urls) {
    if (!url.is_secure()) continue;
    return bad(
        fmt::format("--{} has {}: TLS is not in force in this version of detcd", flag, url.str()));
  }
  return {};
}

Result<void> check_urls(const Config& config) {
  for (const Urls* urls : {&config.listen_peer_urls, &config.listen_client_urls}) {
    const Result<void> good = check_bind_urls(*urls);
    if (!good) return good.error();
  }
  const Result<void> peer = check_host_urls(config.advertise_peer_urls);
  if (!peer) {
    return bad(fmt::format("--initial-advertise-peer-urls {} must be \"host:port\" ({})",
                           go_quoted(join(strings(config.advertise_peer_urls), ",")),
                           peer.error().message));
  }
  const Result<void> client = check_host_urls(config.advertise_client_urls);
  if (!client) {
    return bad(fmt::format(
        "--advertise-client-urls {} must be in the format \"host:port\", "
        "\"unix:/path/to/socket\" or \"unixs:/path/to/socket\" ({})",
        go_quoted(join(strings(config.advertise_client_urls), ",")), client.error().message));
  }
  const Result<void> peers_plain = check_insecure("listen-peer-urls", config.listen_peer_urls);
  if (!peers_plain) return peers_plain.error();
  return check_insecure("listen-client-urls", config.listen_client_urls);
}

// What was left at localhost is told as the default host, when this member listens everywhere.
void use_default_host(const FlagSet& flags, const std::string& host, Config& config) {
  const auto replace = [&](const char* flag, const Urls& listen, Urls& advertised) {
    if (flags.is_set(flag) || listen.empty() || advertised.empty()) return;
    if (listen.front().hostname() != "0.0.0.0") return;
    const std::string address = host.find(':') == std::string::npos ? host : "[" + host + "]";
    advertised.front().host = address + ":" + listen.front().port();
    config.notes.push_back(
        note(Level::kInfo, "detected default host for advertise", {{"host", host}}));
  };
  replace("initial-advertise-peer-urls", config.listen_peer_urls, config.advertise_peer_urls);
  replace("advertise-client-urls", config.listen_client_urls, config.advertise_client_urls);
}

std::string cluster_of_one(const Config& config) {
  std::vector<std::string> pairs;
  const std::string& name = config.name.empty() ? "default" : config.name;
  for (const Url& url : config.advertise_peer_urls) pairs.push_back(name + "=" + url.str());
  return join(pairs, ",");
}

// As etcd reads it: a whole number means hours, or revisions; anything else is a duration, whose
// nanoseconds are the revisions where these are counted.
Result<void> read_retention(const FlagSet& flags, Config& config) {
  constexpr std::int64_t kHoursMax = 2'562'047;  // As many as a duration holds.
  const std::string& text = flags.text("auto-compaction-retention");
  const bool by_revision = flags.text("auto-compaction-mode") == "revision";
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  Duration period{};
  if (error == std::errc() && end == text.data() + text.size() && whole >= 0) {
    if (!by_revision && whole > kHoursMax) return bad("auto-compaction-retention is too long");
    period = by_revision ? Duration(whole) : Duration(std::chrono::hours(whole));
  } else {
    const Result<Duration> parsed = parse_duration(text);
    if (!parsed) return bad("error parsing CompactionRetention: " + parsed.error().message);
    period = *parsed;
  }
  if (by_revision) {
    config.auto_compaction_revisions = period.count();
  } else {
    config.auto_compaction_period = period;
  }
  return {};
}

Result<void> read_snapshot_version(const FlagSet& flags, Config& config) {
  const std::string& version = flags.text("snapshot-storage-version");
  if (version != "3.4" && version != "3.5" && version != "3.6" && version != "3.7") {
    return bad(
        fmt::format("unknown snapshot-storage-version {}, supported values 3.4, 3.5, 3.6, "
                    "3.7",
                    go_quoted(version)));
  }
  config.snapshot_storage_version = version;
  return {};
}

Result<void> check_modes(const FlagSet& flags) {
  const std::string& mode = flags.text("auto-compaction-mode");
  if (mode.empty()) return bad("undefined auto-compaction-mode");
  if (mode != "periodic" && mode != "revision") {
    return bad(fmt::format("unknown auto-compaction-mode {}", go_quoted(mode)));
  }
  if (flags.duration("compact-hash-check-time") <= Duration(0)) {
    return bad(fmt::format("--compact-hash-check-time must be >0 (set to {})",
                           flags.text("compact-hash-check-time")));
  }
  return {};
}

// In etcd's order, so that of several mistakes the same one is told.
Result<void> validate(const FlagSet& flags, Config& config) {
  const Result<void> logging = read_logging(flags, config);
  if (!logging) return logging.error();
  const Result<void> urls = check_urls(config);
  if (!urls) return urls.error();
  int sources = 0;
  for (const char* flag :
       {"initial-cluster", "discovery", "discovery-endpoints", "discovery-srv"}) {
    sources += flags.text(flag).empty() ? 0 : 1;
  }
  if (sources > 1) {
    return bad(
        "multiple discovery or bootstrap flags are set. Choose one of \"initial-cluster\", "
        "\"discovery-endpoints\" or \"discovery-srv\"");
  }
  const Result<void> timing = read_timing(flags, config);
  if (!timing) return timing.error();
  if (flags.is_set("listen-client-urls") && !flags.is_set("advertise-client-urls")) {
    return bad("--advertise-client-urls is required when --listen-client-urls is set explicitly");
  }
  const Result<void> modes = check_modes(flags);
  if (!modes) return modes.error();
  const Result<void> retention = read_retention(flags, config);
  if (!retention) return retention.error();
  const Result<void> storage = read_snapshot_version(flags, config);
  if (!storage) return storage.error();
  const Result<void> auth = read_auth(flags, config);
  if (!auth) return auth.error();
  return report_states(flags, config.notes);
}

Config read(const FlagSet& flags, const Invocation& invocation, std::vector<Record> notes) {
  Config config;
  config.notes = std::move(notes);
  config.name = flags.text("name");
  config.data_dir = flags.text("data-dir");
  config.wal_dir = flags.text("wal-dir");
  config.listen_peer_urls = flags.urls("listen-peer-urls");
  config.listen_client_urls = flags.urls("listen-client-urls");
  config.advertise_peer_urls = flags.urls("initial-advertise-peer-urls");
  config.advertise_client_urls = flags.urls("advertise-client-urls");
  if (invocation.default_host) use_default_host(flags, *invocation.default_host, config);
  config.initial_cluster_state = flags.text("initial-cluster-state") == "existing"
                                     ? ClusterState::kExisting
                                     : ClusterState::kNew;
  config.initial_cluster_token = flags.text("initial-cluster-token");
  config.strict_reconfig_check = flags.boolean("strict-reconfig-check");
  constexpr std::int64_t kLearnersMost = 1'000'000;
  const std::int64_t learners = flags.integer("max-learners");
  config.learners_max =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(learners, 0, kLearnersMost));
  // Unlike etcd, which for a member named "default" takes http://localhost:2380 even when it
  // advertises something else, and then refuses the mismatch.
  config.initial_cluster =
      flags.is_set("initial-cluster") ? flags.text("initial-cluster") : cluster_of_one(config);
  read_limits(flags, config);
  return config;
}

}  // namespace

std::variant<Config, Exit> configure(const Invocation& invocation) {
  FlagSet flags;
  const Result<void> parsed = flags.parse(invocation.arguments);
  if (!parsed) {
    const std::string usage = usage_line(invocation.program);
    if (parsed.error().code == Errc::kNotFound) {
      return Exit{kExitOk, help_text(invocation.program), usage, {}};
    }
    return Exit{kExitUsage, "", parsed.error().message + "\n" + usage, {}};
  }
  if (!flags.rest().empty()) {
    return refusal(fmt::format("{} is not a valid flag", go_quoted(flags.rest().front())), {});
  }
  if (flags.boolean("version")) return Exit{kExitOk, version_text(), "", {}};

  std::vector<Record> notes;
  Environment environment(invocation.environment);
  const std::set<std::string> given = variables_given(flags);
  const Result<void> filled = environment.fill(flags, notes);
  if (!filled) return refusal(filled.error().message, std::move(notes));
  if (const std::optional<std::string> variable = environment.conflict(given)) {
    notes.push_back(note(Level::kFatal,
                         "conflicting environment variable is shadowed by corresponding "
                         "command-line flag (either unset environment variable or disable flag))",
                         {{"environment-variable", *variable}}));
    return Exit{kExitFailure, "", "", std::move(notes)};
  }
  environment.report_unknown(notes);

  Config config = read(flags, invocation, std::move(notes));
  const Result<void> valid = validate(flags, config);
  if (!valid) return refusal(valid.error().message, std::move(config.notes));
  if (config.data_dir.empty()) {
    config.data_dir = config.name + ".etcd";
    config.notes.push_back(
        note(Level::kWarn, "'data-dir' was empty; using default", {{"data-dir", config.data_dir}}));
  }
  return config;
}

}  // namespace detcd::bootstrap
