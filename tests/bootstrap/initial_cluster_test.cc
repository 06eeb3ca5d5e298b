#include "bootstrap/initial_cluster.h"

#include <gtest/gtest.h>

namespace detcd::bootstrap {
namespace {

Config told(std::string name, std::string_view advertised, std::string cluster,
            std::string token = "etcd-cluster") {
  Config config;
  config.name = std::move(name);
  config.advertise_peer_urls = *parse_urls(advertised);
  config.initial_cluster = std::move(cluster);
  config.initial_cluster_token = std::move(token);
  return config;
}

std::string error_of(const Config& config) {
  const Result<InitialCluster> cluster = found_cluster(config);
  return cluster ? "accepted" : cluster.error().message;
}

// Recorded from etcd 3.5.16 with the same flags.
TEST(Founding, IdsAreThoseOfEtcd) {
  const Result<InitialCluster> one =
      found_cluster(told("a", "http://localhost:2380", "a=http://localhost:2380"));
  ASSERT_TRUE(one);
  EXPECT_EQ(one->own_id, 0x8e9e05c52164694dU);
  EXPECT_EQ(one->cluster_id, 0xcdf818194e3a8c32U);

  const Result<InitialCluster> token =
      found_cluster(told("a", "http://127.0.0.1:5380", "a=http://127.0.0.1:5380", "tok"));
  ASSERT_TRUE(token);
  EXPECT_EQ(token->own_id, 0x50c91c349457dccU);
  EXPECT_EQ(token->cluster_id, 0x69101845e5e71279U);

  const Result<InitialCluster> three = found_cluster(
      told("one", "http://127.0.0.1:12380",
           "one=http://127.0.0.1:12380,two=http://127.0.0.1:22380,three=http://127.0.0.1:32380"));
  ASSERT_TRUE(three);
  EXPECT_EQ(three->own_id, 0xddd67b312462fd7bU);
  EXPECT_EQ(three->cluster_id, 0x73841b4a9097c907U);
  ASSERT_EQ(three->members.size(), 3U);
  EXPECT_LT(three->members[0].id, three->members[1].id);
  EXPECT_LT(three->members[1].id, three->members[2].id);
}

TEST(Founding, IdsDoNotDependOnNamesOrOrder) {
  const Result<InitialCluster> forth =
      found_cluster(told("a", "http://x:1,http://x:2", "a=http://x:1,b=http://y:1,a=http://x:2"));
  const Result<InitialCluster> back =
      found_cluster(told("c", "http://x:2,http://x:1", "c=http://x:2,c=http://x:1,d=http://y:1"));
  ASSERT_TRUE(forth && back);
  EXPECT_EQ(forth->own_id, back->own_id);
  EXPECT_EQ(forth->cluster_id, back->cluster_id);
}

// Recorded from etcd 3.5.16: the error of its line "discovery failed".
TEST(Founding, ErrorsAreThoseOfEtcd) {
  const std::string own = "http://localhost:2380";
  EXPECT_EQ(error_of(told("x", own, "a=http://127.0.0.1:1")),
            "couldn't find local name \"x\" in the initial cluster configuration");
  EXPECT_EQ(error_of(told("default", own, "")),
            "couldn't find local name \"default\" in the initial cluster configuration");
  EXPECT_EQ(error_of(told("default", "http://127.0.0.1:4444", "default=http://localhost:2380")),
            "--initial-cluster has default=http://localhost:2380 but missing from "
            "--initial-advertise-peer-urls=http://127.0.0.1:4444 (resolved urls: "
            "\"http://127.0.0.1:4444\" != \"http://localhost:2380\")");
  EXPECT_EQ(
      error_of(told("default", own, "default=http://localhost:2380,default=http://localhost:2381")),
      "--initial-cluster has default=http://localhost:2381 but missing from "
      "--initial-advertise-peer-urls=http://localhost:2380 (len([\"http://localhost:2380\"]) != "
      "len([\"http://localhost:2380\" \"http://localhost:2381\"]))");
  EXPECT_EQ(
      error_of(told("default", own + ",http://localhost:2381", "default=http://localhost:2380")),
      "--initial-advertise-peer-urls has http://localhost:2381 but missing from "
      "--initial-cluster=default=http://localhost:2380,default=http://localhost:2381");
  EXPECT_EQ(
      error_of(told("default", own, "default=http://localhost:2380,a=http://localhost:2380")),
      "initial cluster a=http://localhost:2380,default=http://localhost:2380 has duplicate url");
  EXPECT_EQ(error_of(told("default", own, "default")),
            "error setting up initial cluster: URL scheme must be http, https, unix, or unixs: ");
  EXPECT_EQ(
      error_of(told("default", own, "default=http://localhost:2380/x")),
      "error setting up initial cluster: URL must not contain a path: http://localhost:2380/x");
}

TEST(PeerMaps, PassOverEmptyPairsAndPrintSorted) {
  const Result<PeerMap> peers = parse_initial_cluster(",b=http://y:1,,a=http://x:2,a=http://x:1,");
  ASSERT_TRUE(peers);
  EXPECT_EQ(to_string(*peers), "a=http://x:1,a=http://x:2,b=http://y:1");
}

}  // namespace
}  // namespace detcd::bootstrap
