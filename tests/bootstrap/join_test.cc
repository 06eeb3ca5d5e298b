#include "bootstrap/join.h"

#include <gtest/gtest.h>

namespace detcd::bootstrap {
namespace {

// As detcd's peers' port answers.
std::string answer_text(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Etcd-Cluster-ID: feb8f8efa3ecdf92"
         "\r\nX-Detcd-Peer-Protocol: 1\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
}

RunningCluster running(const std::string& body) {
  const Result<HttpAnswer> answer = parse_answer(answer_text(body));
  EXPECT_TRUE(answer) << answer.error().message;
  const Result<RunningCluster> cluster = parse_members(*answer);
  EXPECT_TRUE(cluster) << cluster.error().message;
  return *cluster;
}

Config told(std::string name, std::string cluster) {
  Config config;
  config.name = std::move(name);
  config.initial_cluster = std::move(cluster);
  return config;
}

std::string error_of(const Config& config, const RunningCluster& cluster) {
  const Result<InitialCluster> matched = match_running(config, cluster);
  return matched ? "accepted" : matched.error().message;
}

const std::string kTwo =
    R"([{"id":9372538179322589801,"peerURLs":["http://a:2","http://a:1"],"name":"x",)"
    R"("clientURLs":["http://a:9"]},{"id":5,"peerURLs":["http://b:1"],"isLearner":true}])"
    "\n";

TEST(Join, MembersAreReadAsEtcdWritesThem) {
  const RunningCluster cluster = running(kTwo);
  EXPECT_EQ(cluster.cluster_id, 0xfeb8f8efa3ecdf92U);
  ASSERT_EQ(cluster.members.size(), 2U);
  EXPECT_EQ(cluster.members[0].id, 5U);
  EXPECT_TRUE(cluster.members[0].is_learner);
  EXPECT_EQ(cluster.members[1].peer_urls, (std::vector<std::string>{"http://a:1", "http://a:2"}));
  EXPECT_EQ(cluster.members[1].name, "x");
}

TEST(Join, IdsAreThoseOfTheRunningCluster) {
  const Result<InitialCluster> cluster =
      match_running(told("new", "a=http://a:1,a=http://a:2,new=http://b:1"), running(kTwo));
  ASSERT_TRUE(cluster) << cluster.error().message;
  EXPECT_EQ(cluster->own_id, 5U);
  EXPECT_EQ(cluster->cluster_id, 0xfeb8f8efa3ecdf92U);
  EXPECT_EQ(cluster->members.size(), 2U);
}

TEST(Join, RefusalsAreThoseOfEtcd) {
  const RunningCluster cluster = running(kTwo);
  const std::string known =
      "error validating peerURLs {ClusterID:feb8f8efa3ecdf92 Members:[&{ID:5 "
      "RaftAttributes:{PeerURLs:[http://b:1] IsLearner:true} Attributes:{Name: ClientURLs:[]}} "
      "&{ID:8211f1d0f64f3269 RaftAttributes:{PeerURLs:[http://a:1 http://a:2] IsLearner:false} "
      "Attributes:{Name:x ClientURLs:[http://a:9]}}] RemovedMemberIDs:[]}: ";
  EXPECT_EQ(error_of(told("new", "new=http://b:1"), cluster), known + "member count is unequal");
  EXPECT_EQ(error_of(told("new", "a=http://a:1,new=http://b:1"), cluster),
            known +
                "PeerURLs: no match found for existing member (8211f1d0f64f3269, [http://a:1 "
                "http://a:2]), last resolver error (len([\"http://a:1\" \"http://a:2\"]) != "
                "len([\"http://a:1\"]))");
  EXPECT_EQ(error_of(told("other", "a=http://a:1,new=http://b:1"), cluster),
            "couldn't find local name \"other\" in the initial cluster configuration");
  EXPECT_EQ(error_of(told("a", "a=http://a:1,new=http://a:1"), cluster),
            "initial cluster a=http://a:1,new=http://a:1 has duplicate url");
}

TEST(Join, EtcdsOwnMembersAreToldApart) {
  const Result<HttpAnswer> answer =
      parse_answer("HTTP/1.1 200 OK\r\nX-Etcd-Cluster-Id: a\r\nContent-Length: 2\r\n\r\n[]");
  ASSERT_TRUE(answer);
  EXPECT_EQ(parse_members(*answer).error().code, Errc::kIncompatible);
}

TEST(Join, WhatIsNoAnswerIsRefused) {
  for (const char* bytes :
       {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 x OK\r\n\r\n", "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    EXPECT_FALSE(parse_answer(bytes)) << bytes;
  }
  for (const char* body : {"", "{}", "[]", "[1]", "[{}]", R"([{"id":-1}])", R"([{"id":"5"}])",
                           R"([{"id":5,"peerURLs":"x"}])", R"([{"id":5,"peerURLs":[7]}])"}) {
    const Result<HttpAnswer> answer = parse_answer(answer_text(body));
    ASSERT_TRUE(answer);
    EXPECT_FALSE(parse_members(*answer)) << body;
  }
}

TEST(Join, VersionsAreComparedAsEtcdDoes) {
  for (const char* version : {"not_decided", "3.0.0", "3.6.0", "3.7.0"}) {
    EXPECT_TRUE(may_join_version(version)) << version;
  }
  for (const char* version : {"3.8.0", "4.0.0", "2.3.0", "", "3", "3.x.0", "3.-1.0"}) {
    EXPECT_FALSE(may_join_version(version)) << version;
  }
  const Result<HttpAnswer> answer =
      parse_answer(answer_text(R"({"etcdserver":"3.7.1","etcdcluster":"3.6.0"})"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(*parse_cluster_version(*answer), "3.6.0");
  EXPECT_FALSE(parse_cluster_version(*parse_answer(answer_text("[]"))));
}

}  // namespace
}  // namespace detcd::bootstrap
