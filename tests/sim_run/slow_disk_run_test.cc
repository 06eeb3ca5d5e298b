// A member whose disk is slower than the others' is always behind what is committed. Its snapshots
// and its log must keep pace all the same, and hold only what is synced.
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <string>

#include "sim/run/cluster.h"
#include "sim/workload/client_run.h"
#include "tests/sim_run/scenario.h"

namespace detcd::sim {
namespace {

constexpr std::uint32_t kSlow = 3;

// What each member had synced when it said that it saved a snapshot.
class SavedSnapshots final : public Watcher {
 public:
  void on_step(std::uint32_t node, const raft::Raft& core) override {
    persisted_[node] = core.persisted().value();
  }
  void on_log(std::uint32_t node, const telemetry::Record& record) {
    if (record.message != "saved snapshot") return;
    ++counts_[node];
    const std::string& text = record.fields.front().json;
    std::uint64_t index = 0;
    std::from_chars(text.data(), text.data() + text.size(), index);
    EXPECT_GT(index, 0U);
    EXPECT_LE(index, persisted_[node]) << "a snapshot holds what isn't in the synced log";
  }
  [[nodiscard]] std::uint64_t count(std::uint32_t node) { return counts_[node]; }

 private:
  std::map<std::uint32_t, std::uint64_t> persisted_;
  std::map<std::uint32_t, std::uint64_t> counts_;
};

// Three members, of which the third has a slow disk, and clients that never stop writing.
class SlowDisk : public testing::Test {
 protected:
  void begin(std::uint32_t slowness, const std::string& lines) {
    options = scenario("seed 5\n" + lines);
    options.watcher = &snapshots;
    options.on_log = [this](VirtualTime, std::uint32_t node, const telemetry::Record& record) {
      snapshots.on_log(node, record);
    };
    cluster = std::make_unique<Cluster>(kernel, network, oracle, options);
    cluster->machine(kSlow).disk().faults().slowness = slowness;
    for (std::uint32_t client = 1; client <= options.settings.clients; ++client) {
      ClientJob job;
      job.number = client;
      job.endpoints = {"n" + std::to_string(1 + client % 2) + ":2379"};
      job.timeout = job.last_timeout = job.patience = 5s;
      for (const OperationEntry& entry : options.plan.operations) {
        if (entry.client == client) job.operations.push_back(entry);
      }
      clients.push_back(std::make_unique<Machine>(
          kernel, network,
          MachineOptions{.node = NodeNumber(100 + client), .host = "c" + std::to_string(client)}));
      Machine& home = *clients.back();
      home.tasks().spawn(run_client(home.world(), kernel, history, std::move(job)));
    }
  }
  ~SlowDisk() override { clients.clear(); }
  std::size_t segments(std::uint32_t node) {
    std::size_t count = 0;
    for (const std::string& path : cluster->machine(node).disk().image().files()) {
      count += path.find("/member/wal/") != std::string::npos ? 1 : 0;
    }
    return count;
  }
  static std::string load(std::uint32_t clients, int count) {
    std::string lines = "set clients " + std::to_string(clients) + "\n";
    for (std::uint32_t client = 1; client <= clients; ++client) {
      for (int n = 0; n < count; ++n) {
        OperationEntry entry;
        entry.at = 400ms + 2ms * n;
        entry.client = client;
        entry.id = client * 1'000'000ULL + static_cast<std::uint64_t>(n);
        apply::PutRequest put;
        put.key = "k" + std::to_string(n % 5);
        put.value = std::string(200, 'v');
        entry.operation = put;
        lines += "op " + print(entry) + "\n";
      }
    }
    return lines;
  }

  RunOptions options;
  SavedSnapshots snapshots;
  Kernel kernel{5};
  SimNetwork network{kernel};
  History history;
  ClusterOracle oracle{history};
  std::unique_ptr<Cluster> cluster;
  std::vector<std::unique_ptr<Machine>> clients;
};

TEST_F(SlowDisk, TakesSnapshotsAndTrimsItsLogThoughItIsNeverDone) {
  begin(30,
        "set snapshot-count 50\nset catch-up-entries 100000\nset wal-segment-bytes 4096\n"
        "set sync-latency 1ms\n" +
            load(4, 1500));
  std::size_t most = 0;
  std::uint64_t behind = 0;
  std::uint64_t looks = 0;
  for (VirtualTime at{1s}; at < VirtualTime(3s); at += 20ms) {
    kernel.run_until(at);
    most = std::max(most, segments(kSlow));
    const raft::Raft* core = cluster->core(kSlow);
    ASSERT_NE(core, nullptr);
    ++looks;
    behind += core->persisted() < core->commit() ? 1 : 0;
  }
  EXPECT_FALSE(cluster->failure().has_value());
  EXPECT_GT(behind, looks / 2) << "its disk must be the slow one";
  EXPECT_GE(snapshots.count(1), 5U) << "the load must make snapshots due";
  EXPECT_GE(snapshots.count(kSlow), 5U);
  EXPECT_LE(most, 40U) << "a log that nobody trims grows by each segment that is written";
}

}  // namespace
}  // namespace detcd::sim
