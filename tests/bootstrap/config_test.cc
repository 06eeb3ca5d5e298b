#include "bootstrap/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "bootstrap/flags.h"

namespace detcd::bootstrap {
namespace {

using Texts = std::vector<std::string>;

std::variant<Config, Exit> run(Texts arguments, Texts environment = {}) {
  return configure({.program = "etcd",
                    .arguments = std::move(arguments),
                    .environment = std::move(environment),
                    .default_host = std::nullopt});
}

Config accepted(Texts arguments, Texts environment = {}) {
  std::variant<Config, Exit> result = run(std::move(arguments), std::move(environment));
  if (const Exit* exit = std::get_if<Exit>(&result)) {
    ADD_FAILURE() << exit->err
                  << (exit->records.empty() ? "" : exit->records.back().fields.at(0).json);
    return {};
  }
  return std::get<Config>(std::move(result));
}

Exit refused(Texts arguments, Texts environment = {}) {
  std::variant<Config, Exit> result = run(std::move(arguments), std::move(environment));
  if (std::holds_alternative<Config>(result)) {
    ADD_FAILURE() << "was accepted";
    return {};
  }
  return std::get<Exit>(std::move(result));
}

// The error that "failed to verify flags" names, as text.
std::string reason(const Exit& exit) {
  for (const telemetry::Record& record : exit.records) {
    if (record.message == "failed to verify flags") return record.fields.at(0).json;
  }
  return "";
}

const telemetry::Record* find_note(const Config& config, std::string_view message) {
  for (const telemetry::Record& record : config.notes) {
    if (record.message == message) return &record;
  }
  return nullptr;
}

TEST(Config, DefaultsAreThoseOfEtcd) {
  const Config config = accepted({});
  EXPECT_EQ(config.name, "default");
  EXPECT_EQ(config.data_dir, "default.etcd");
  EXPECT_EQ(config.wal_dir, "");
  EXPECT_EQ(strings(config.listen_peer_urls), Texts{"http://localhost:2380"});
  EXPECT_EQ(strings(config.listen_client_urls), Texts{"http://localhost:2379"});
  EXPECT_EQ(strings(config.advertise_peer_urls), Texts{"http://localhost:2380"});
  EXPECT_EQ(strings(config.advertise_client_urls), Texts{"http://localhost:2379"});
  EXPECT_EQ(config.initial_cluster, "default=http://localhost:2380");
  EXPECT_EQ(config.initial_cluster_state, ClusterState::kNew);
  EXPECT_EQ(config.initial_cluster_token, "etcd-cluster");
  EXPECT_EQ(config.heartbeat_interval, 100ms);
  EXPECT_EQ(config.election_timeout, 1s);
  EXPECT_TRUE(config.pre_vote);
  EXPECT_EQ(config.snapshot_count, 10000U);
  EXPECT_EQ(config.snapshot_catchup_entries, 5000U);
  EXPECT_EQ(config.quota_bytes, 2 * kGiB);
  EXPECT_EQ(config.max_txn_ops, 128U);
  EXPECT_EQ(config.max_request_bytes, 1572864U);
  EXPECT_EQ(config.max_concurrent_streams, 4294967295U);
  EXPECT_EQ(config.keepalive_min_time, 5s);
  EXPECT_EQ(config.keepalive_interval, 7200s);
  EXPECT_EQ(config.keepalive_timeout, 20s);
  EXPECT_EQ(config.io_threads, 0U);
  EXPECT_EQ(config.log_level, telemetry::Level::kInfo);
  EXPECT_EQ(config.log_outputs, Texts{"stderr"});
  EXPECT_EQ(config.log_format, LogFormat::kJson);
}

TEST(Config, TakesEveryWayOfWritingAFlag) {
  const Config config = accepted({"--name", "a", "-data-dir=d", "--wal-dir=w=1", "-pre-vote=F",
                                  "--heartbeat-interval", "50", "--election-timeout=0x1f4",
                                  "--grpc-keepalive-interval", "1h30m"});
  EXPECT_EQ(config.name, "a");
  EXPECT_EQ(config.data_dir, "d");
  EXPECT_EQ(config.wal_dir, "w=1");
  EXPECT_FALSE(config.pre_vote);
  EXPECT_EQ(config.heartbeat_interval, 50ms);
  EXPECT_EQ(config.election_timeout, 500ms);
  EXPECT_EQ(config.keepalive_interval, 5400s);
  EXPECT_EQ(accepted({"--pre-vote=false", "--pre-vote"}).pre_vote, true);
  EXPECT_EQ(accepted({"--name", "a", "--name", "b"}).name, "b");
  EXPECT_EQ(accepted({"--name", "--odd"}).name, "--odd");
}

TEST(Config, DerivesWhatIsNotGiven) {
  const Config named = accepted({"--name", "a"});
  EXPECT_EQ(named.data_dir, "a.etcd");
  EXPECT_EQ(named.initial_cluster, "a=http://localhost:2380");
  const Config advertised = accepted({"--initial-advertise-peer-urls", "http://h:2,http://h:1"});
  EXPECT_EQ(advertised.initial_cluster, "default=http://h:1,default=http://h:2");
  EXPECT_EQ(accepted({"--listen-peer-urls", ""}).listen_peer_urls.size(), 1U);
}

TEST(Config, NamesTheDefaultHostWhenListeningEverywhere) {
  Invocation invocation{.program = "etcd",
                        .arguments = {"--name", "a", "--listen-peer-urls", "http://0.0.0.0:2380"},
                        .environment = {},
                        .default_host = "192.0.2.2"};
  const Config config = std::get<Config>(configure(invocation));
  EXPECT_EQ(strings(config.advertise_peer_urls), Texts{"http://192.0.2.2:2380"});
  EXPECT_EQ(config.initial_cluster, "a=http://192.0.2.2:2380");
  EXPECT_EQ(strings(config.advertise_client_urls), Texts{"http://localhost:2379"});
  invocation.arguments.insert(invocation.arguments.end(),
                              {"--initial-advertise-peer-urls", "http://h:1"});
  EXPECT_EQ(strings(std::get<Config>(configure(invocation)).advertise_peer_urls),
            Texts{"http://h:1"});
}

TEST(Config, QuotaZeroIsTwoGibibytesAndNegativeIsNone) {
  EXPECT_EQ(accepted({"--quota-backend-bytes", "5"}).quota_bytes, 5U);
  EXPECT_EQ(accepted({"--quota-backend-bytes=-1"}).quota_bytes, 0U);
  EXPECT_NE(find_note(accepted({"--quota-backend-bytes=-1"}), "disabled backend quota"), nullptr);
}

TEST(Config, WhatIsNotInForceIsSaid) {
  const Config config = accepted({"--corrupt-check-time", "5s"});
  const telemetry::Record* said = find_note(config, "flag is accepted, not yet in force");
  ASSERT_NE(said, nullptr) << "nothing is checked at intervals";
  EXPECT_EQ(said->fields.at(0).json, "\"corrupt-check-time\"");
}

TEST(Config, RetentionIsHoursADurationOrANumberOfRevisions) {
  const auto period = [](const char* text) {
    return accepted({"--auto-compaction-retention", text}).auto_compaction_period;
  };
  EXPECT_EQ(period("0"), 0s);
  EXPECT_EQ(period("12"), 12 * 3600s);
  EXPECT_EQ(period("90s"), 90s);
  const Config config =
      accepted({"--auto-compaction-mode=revision", "--auto-compaction-retention", "1000"});
  EXPECT_EQ(config.auto_compaction_revisions, 1000);
  EXPECT_EQ(config.auto_compaction_period, 0s);
  EXPECT_EQ(accepted({}).snapshot_storage_version, "3.7");
  EXPECT_EQ(accepted({"--snapshot-storage-version", "3.5"}).snapshot_storage_version, "3.5");
}

TEST(Config, ARequestLimitThatMembersCannotSendEachOtherIsCut) {
  for (const char* limit : {"67108865", "3000000000", "18446744073709551615"}) {
    const Config config = accepted({"--max-request-bytes", limit});
    EXPECT_EQ(config.max_request_bytes, 64 * kMiB);
    EXPECT_NE(find_note(config, "using the largest request limit there is"), nullptr);
  }
  EXPECT_EQ(accepted({"--max-request-bytes", "67108864"}).max_request_bytes, 64 * kMiB);
}

TEST(Config, ALimitOfNoStreamsIsNone) {
  EXPECT_EQ(accepted({"--max-concurrent-streams", "0"}).max_concurrent_streams, 0xffffffffU);
  EXPECT_EQ(accepted({"--max-concurrent-streams", "7"}).max_concurrent_streams, 7U);
}

// Recorded from etcd 3.5.16; below each text stands the usage.
TEST(CommandLine, ErrorsAreThoseOfEtcdAndExitWithTwo) {
  const std::pair<Texts, const char*> cases[] = {
      {{"--bogus"}, "flag provided but not defined: -bogus"},
      {{"--bogus=1"}, "flag provided but not defined: -bogus"},
      {{"--election-timeout", "abc"},
       "invalid value \"abc\" for flag -election-timeout: parse error"},
      {{"--election-timeout", "-1"},
       "invalid value \"-1\" for flag -election-timeout: parse error"},
      {{"--pre-vote=maybe"}, "invalid boolean value \"maybe\" for -pre-vote: parse error"},
      {{"--max-concurrent-streams", "abc"},
       "invalid value \"abc\" for flag -max-concurrent-streams: strconv.ParseUint: parsing "
       "\"abc\": "
       "invalid syntax"},
      {{"--max-concurrent-streams", "4294967296"},
       "invalid value \"4294967296\" for flag -max-concurrent-streams: strconv.ParseUint: parsing "
       "\"4294967296\": value out of range"},
      {{"--grpc-keepalive-min-time", "abc"},
       "invalid value \"abc\" for flag -grpc-keepalive-min-time: parse error"},
      {{"--quota-backend-bytes", "abc"},
       "invalid value \"abc\" for flag -quota-backend-bytes: parse error"},
      {{"--initial-cluster-state", "abc"},
       "invalid value \"abc\" for flag -initial-cluster-state: invalid value"},
      {{"--listen-peer-urls", "abc"},
       "invalid value \"abc\" for flag -listen-peer-urls: URL scheme must be http, https, unix, or "
       "unixs: abc"},
      {{"--name"}, "flag needs an argument: -name"},
      {{"---x"}, "bad flag syntax: ---x"},
      {{"--=x"}, "bad flag syntax: --=x"},
      {{"--auto-tls=2"}, "invalid boolean value \"2\" for -auto-tls: parse error"},
  };
  for (const auto& [arguments, message] : cases) {
    const Exit exit = refused(arguments);
    EXPECT_EQ(exit.code, kExitUsage);
    EXPECT_EQ(exit.err, std::string(message) + "\n" + usage_line("etcd"));
    EXPECT_TRUE(exit.out.empty());
  }
}

TEST(Validation, ErrorsAreThoseOfEtcdAndExitWithOne) {
  const std::pair<Texts, const char*> cases[] = {
      {{"extra-arg"}, R"x("\"extra-arg\" is not a valid flag")x"},
      {{"--pre-vote", "true"}, R"x("\"true\" is not a valid flag")x"},
      {{"--", "--name"}, R"x("\"--name\" is not a valid flag")x"},
      {{"--heartbeat-interval", "0"}, R"x("--heartbeat-interval must be >0 (set to 0ms)")x"},
      {{"--election-timeout", "0"}, R"x("--election-timeout must be >0 (set to 0ms)")x"},
      {{"--election-timeout", "200"},
       R"x("--election-timeout[200ms] should be at least as 5 times as )x"
       R"x(--heartbeat-interval[100ms]")x"},
      {{"--election-timeout", "60000"},
       R"x("--election-timeout[60000ms] is too long, and should be set less than 50000ms")x"},
      {{"--listen-peer-urls", "http://foo:2380"},
       R"x("expected IP in URL for binding (http://foo:2380)")x"},
      {{"--initial-advertise-peer-urls", "http://:4444"},
       R"x("--initial-advertise-peer-urls \"http://:4444\" must be \"host:port\" )x"
       R"x((unexpected empty host (http://:4444))")x"},
      {{"--advertise-client-urls", "http://:4444"},
       R"x("--advertise-client-urls \"http://:4444\" must be in the format \"host:port\", )x"
       R"x(\"unix:/path/to/socket\" or \"unixs:/path/to/socket\" (unexpected empty host )x"
       R"x((http://:4444))")x"},
      {{"--listen-client-urls", "http://127.0.0.1:3379"},
       R"x("--advertise-client-urls is required when --listen-client-urls is set explicitly")x"},
      {{"--auto-compaction-mode", "bogus"}, R"x("unknown auto-compaction-mode \"bogus\"")x"},
      {{"--auto-compaction-mode="}, R"x("undefined auto-compaction-mode")x"},
      {{"--compact-hash-check-time", "0s"},
       R"x("--compact-hash-check-time must be >0 (set to 0s)")x"},
      {{"--discovery", "http://x", "--initial-cluster", "a=http://b:1"},
       R"x("multiple discovery or bootstrap flags are set. Choose one of \"initial-cluster\", )x"
       R"x(\"discovery-endpoints\" or \"discovery-srv\"")x"},
      {{"--log-outputs", "default,stderr"},
       R"x("multi logoutput for \"default\" is not supported yet")x"},
      {{"--log-level", "bogus"}, R"x("unrecognized level: \"bogus\"")x"},
  };
  for (const auto& [arguments, message] : cases) {
    const Exit exit = refused(arguments);
    EXPECT_EQ(exit.code, kExitFailure);
    EXPECT_EQ(reason(exit), message);
    EXPECT_TRUE(exit.err.empty() && exit.out.empty());
  }
}

TEST(Validation, RefusesWhatWouldDoSomethingElse) {
  EXPECT_EQ(
      reason(refused({"--config-file", "x.yml"})),
      R"x("--config-file=x.yml is not in force in this version of detcd: all other flags would )x"
      R"x(have to be ignored")x");
  EXPECT_NE(reason(refused({"--force-new-cluster"})), "");
  EXPECT_EQ(
      reason(refused({"--listen-client-urls", "https://127.0.0.1:1", "--advertise-client-urls",
                      "https://127.0.0.1:1"})),
      R"x("--listen-client-urls has https://127.0.0.1:1: TLS is not in force in this version of )x"
      R"x(detcd")x");
  accepted({"--force-new-cluster=0", "--config-file=", "--proxy=off"});
}

TEST(Environment, StandsBelowFlagsAndAboveDefaults) {
  const Config config = accepted(
      {"--data-dir", "d"}, {"PATH=/bin", "ETCD_NAME=n", "ETCD_NAME=second", "ETCD_PRE_VOTE=false",
                            "ETCD_WAL_DIR=", "ETCD_EXPERIMENTAL_SNAPSHOT_CATCHUP_ENTRIES=7"});
  EXPECT_EQ(config.name, "n");
  EXPECT_EQ(config.data_dir, "d");
  EXPECT_FALSE(config.pre_vote);
  EXPECT_EQ(config.wal_dir, "");
  EXPECT_EQ(config.snapshot_catchup_entries, 7U);
  const telemetry::Record* used = find_note(config, "recognized and used environment variable");
  ASSERT_NE(used, nullptr);
  EXPECT_EQ(used->fields.at(1).json, "\"n\"");
}

TEST(Environment, ClientUrlsFromItCountAsSet) {
  EXPECT_EQ(
      reason(refused({}, {"ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:1"})),
      R"x("--advertise-client-urls is required when --listen-client-urls is set explicitly")x");
}

TEST(Environment, BadValuesNameTheVariable) {
  EXPECT_EQ(reason(refused({}, {"ETCD_ELECTION_TIMEOUT=abc"})),
            R"x("invalid value \"abc\" for ETCD_ELECTION_TIMEOUT: parse error")x");
}

TEST(Environment, AShadowedVariableIsFatal) {
  const Exit exit = refused({"--name", "b"}, {"ETCD_NAME=a"});
  EXPECT_EQ(exit.code, kExitFailure);
  ASSERT_FALSE(exit.records.empty());
  EXPECT_EQ(exit.records.back().level, telemetry::Level::kFatal);
  EXPECT_EQ(
      exit.records.back().message,
      "conflicting environment variable is shadowed by corresponding command-line flag (either "
      "unset environment variable or disable flag))");
  EXPECT_EQ(exit.records.back().fields.at(0).json, "\"ETCD_NAME\"");
}

TEST(Environment, UnknownVariablesAreOnlyWarnedOf) {
  const Config config = accepted({}, {"ETCD_FOO=abc", "ETCD_VERSION=3.4", "ETCDCTL_API=3"});
  const telemetry::Record* unknown = find_note(config, "unrecognized environment variable");
  ASSERT_NE(unknown, nullptr);
  EXPECT_EQ(unknown->level, telemetry::Level::kWarn);
  EXPECT_EQ(unknown->fields.at(0).json, "\"ETCD_FOO=abc\"");
  EXPECT_NE(find_note(config, "cannot set special environment variable"), nullptr);
}

TEST(Flags, NotYetInForceAreSaidToBe) {
  const Config config = accepted({"--downgrade-check-time=6s", "--experimental-corrupt-check-time",
                                  "1h", "--enable-v2", "--snapshot", "--cors=*"});
  std::set<std::string> pending;
  for (const telemetry::Record& record : config.notes) {
    if (record.message == "flag is accepted, not yet in force")
      pending.insert(record.fields[0].json);
  }
  EXPECT_EQ(pending, (std::set<std::string>{"\"corrupt-check-time\"", "\"downgrade-check-time\""}));
  ASSERT_NE(find_note(config, "flag has no effect"), nullptr);
  EXPECT_EQ(find_note(config, "flag has no effect")->fields.at(0).json, "\"enable-v2\"");
  EXPECT_NE(find_note(config, "ignored flag"), nullptr);
}

TEST(Flags, EachPresetIsOfItsType) {
  std::set<std::string_view> names;
  for (const FlagSpec& spec : flag_table()) {
    EXPECT_TRUE(names.insert(spec.name).second) << spec.name << " stands twice";
    FlagSet flags;
    EXPECT_TRUE(flags.set(spec.name, spec.preset)) << spec.name;
    EXPECT_EQ(spec.state == FlagState::kInForce,
              !spec.help.empty() && spec.state == FlagState::kInForce)
        << spec.name << " has no help";
  }
  // etcd 3.4.23 to 3.7.1 know 138 flags at most, beside the experimental and the first ones.
  EXPECT_GT(names.size(), 130U);
  for (const auto& [former, present] : renamed_flags()) {
    EXPECT_TRUE(names.contains(present)) << former;
    EXPECT_FALSE(names.contains(former)) << former;
  }
}

TEST(Version, BeginsAsEtcdsDoes) {
  const Exit exit = refused({"--version", "--name", "x"});
  EXPECT_EQ(exit.code, kExitOk);
  EXPECT_TRUE(exit.out.starts_with("etcd Version: 3.7.1\nGit SHA: ")) << exit.out;
  EXPECT_EQ(std::ranges::count(exit.out, '\n'), 4);
}

TEST(Help, GoesToStandardOutputAndNamesEveryFlag) {
  for (const char* flag : {"-h", "--help", "-help", "--h"}) {
    const Exit exit = refused({flag});
    EXPECT_EQ(exit.code, kExitOk);
    EXPECT_EQ(exit.err, usage_line("etcd"));
    for (const FlagSpec& spec : flag_table()) {
      if (spec.type == FlagType::kIgnored) continue;
      EXPECT_NE(exit.out.find("--" + std::string(spec.name)), std::string::npos) << spec.name;
    }
  }
}

TEST(Logging, OutputsAndFormat) {
  const Config config = accepted(
      {"--log-outputs", "stdout,a.log,stdout", "--log-level=dpanic", "--log-format", "console"});
  EXPECT_EQ(config.log_outputs, (Texts{"a.log", "stdout"}));
  EXPECT_EQ(config.log_level, telemetry::Level::kFatal);
  EXPECT_EQ(config.log_format, LogFormat::kConsole);
}

}  // namespace
}  // namespace detcd::bootstrap
