#include <string>

#include <gtest/gtest.h>

#include "api/http_service.h"
#include "tests/api/world.h"

namespace detcd::api {
namespace {

std::string get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}
std::string body_of(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}
bool has_line(const std::string& answer, std::string_view line) {
  return answer.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
}

TEST(Http, VersionIsEtcdsJson) {
  World world;
  world.node.set_script([](const server::Request& request) -> std::optional<server::Outcome> {
    EXPECT_TRUE(std::holds_alternative<server::VersionRequest>(request));
    return server::VersionInfo{.cluster = "3.7.0", .storage = "3.7.0"};
  });
  RawClient client(world);
  client.send(get("/version"));
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 200 OK\r\n")) << client.received;
  EXPECT_TRUE(has_line(client.received, "Content-Type: application/json"));
  EXPECT_EQ(body_of(client.received),
            R"({"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"})");
}

TEST(Http, OtherMethodsThanGetAreNotAllowed) {
  for (const std::string path : {"/version", "/health"}) {
    World world;
    RawClient client(world);
    client.send("POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(client.received.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"));
    EXPECT_TRUE(has_line(client.received, "Allow: GET"));
    EXPECT_EQ(body_of(client.received), "Method Not Allowed\n");
  }
}

http1::Request peer_get(std::string target, std::string method = "GET") {
  return {.method = std::move(method), .target = std::move(target), .headers = {}, .body = {}};
}

TEST(PeerHttp, MembersAreEtcdsJson) {
  const auto asked = ask_peer_http(peer_get("/members"));
  ASSERT_TRUE(std::holds_alternative<HttpAsked>(asked));
  const HttpAsked& question = std::get<HttpAsked>(asked);
  EXPECT_TRUE(std::get<server::MemberListRequest>(question.request).of_peer);
  server::MemberListResponse list;
  list.members = {{.id = 5, .peer_urls = {"http://b:1"}, .is_learner = true},
                  {.id = 9372538179322589801ULL,
                   .name = "x\"",
                   .peer_urls = {"http://a:1", "http://a:2"},
                   .client_urls = {"http://a:9"}}};
  const server::Reply reply{
      server::CallId(1), {.cluster_id = 0xabcULL}, server::Outcome(std::move(list)), nullptr};
  http1::Response response = answer_http(question.question, reply);
  add_peer_headers(response);
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.body, R"([{"id":5,"peerURLs":["http://b:1"],"isLearner":true},)"
                           R"({"id":9372538179322589801,"peerURLs":["http://a:1","http://a:2"],)"
                           R"("name":"x\"","clientURLs":["http://a:9"]}])"
                           "\n");
  using Header = std::pair<std::string, std::string>;
  EXPECT_EQ(response.headers, (http1::Headers{Header{"Content-Type", "application/json"},
                                              Header{"X-Etcd-Cluster-ID", "abc"},
                                              Header{"X-Detcd-Peer-Protocol", "1"}}));
}

TEST(PeerHttp, OnlyTheMembersAndTheVersionAreThere) {
  EXPECT_TRUE(std::holds_alternative<HttpAsked>(ask_peer_http(peer_get("/version"))));
  for (const char* path : {"/", "/health", "/metrics", "/members/", "/raft"}) {
    const auto answered = ask_peer_http(peer_get(path));
    ASSERT_TRUE(std::holds_alternative<http1::Response>(answered)) << path;
    EXPECT_EQ(std::get<http1::Response>(answered).status, 404U) << path;
  }
  const auto posted = ask_peer_http(peer_get("/members", "POST"));
  ASSERT_TRUE(std::holds_alternative<http1::Response>(posted));
  EXPECT_EQ(std::get<http1::Response>(posted).status, 405U);
}

TEST(Http, UnknownPathsAreNotFoundInGosWords) {
  World world;
  RawClient client(world);
  client.send(get("/"));
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_EQ(body_of(client.received), "404 page not found\n");
}

TEST(Http, EveryAnswerHasTheCorsHeaders) {
  World world;
  RawClient client(world);
  client.send(get("/none"));
  EXPECT_TRUE(
      has_line(client.received, "Access-Control-Allow-Methods: POST, GET, OPTIONS, PUT, DELETE"));
  EXPECT_TRUE(has_line(client.received, "Access-Control-Allow-Origin: *"));
  EXPECT_TRUE(has_line(client.received,
                       "Access-Control-Allow-Headers: accept, content-type, authorization"));
}

TEST(Http, OptionsIsAnsweredEverywhereWithNothing) {
  World world;
  RawClient client(world);
  client.send("OPTIONS /v3/kv/put HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(body_of(client.received), "");
}

TEST(Http, HealthAsksTheNode) {
  World world;
  RawClient client(world);
  client.send(get("/health"));
  ASSERT_EQ(world.node.calls.size(), 1U);
  EXPECT_FALSE(std::get<server::HealthRequest>(world.node.calls[0].request).serializable);
  world.node.answer(0, server::HealthResponse{.healthy = true});
  world.settle();
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(body_of(client.received), R"({"health":"true","reason":""})");
}

TEST(Http, BadHealthIsUnavailableWithItsReason) {
  World world;
  RawClient client(world);
  client.send(get("/health?exclude=NOSPACE&serializable=true"));
  ASSERT_EQ(world.node.calls.size(), 1U);
  EXPECT_TRUE(std::get<server::HealthRequest>(world.node.calls[0].request).serializable);
  world.node.answer(0, server::HealthResponse{.healthy = false, .reason = "RAFT NO LEADER"});
  world.settle();
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_EQ(body_of(client.received), "{\"health\":\"false\",\"reason\":\"RAFT NO LEADER\"}\n");
  client.received.clear();
  client.send(get("/health"));
  world.node.answer(1, apply::ApiError::kTimeout);
  world.settle();
  EXPECT_EQ(body_of(client.received),
            "{\"health\":\"false\",\"reason\":\"RANGE ERROR:etcdserver: request timed out\"}\n");
}

TEST(Http, RequestsOfOneConnectionAreAnsweredInOrder) {
  World world;
  RawClient client(world);
  client.send(get("/health") + get("/none"));
  EXPECT_EQ(client.received, "");
  ASSERT_EQ(world.node.calls.size(), 1U);
  world.node.answer(0, server::HealthResponse{.healthy = true});
  world.settle();
  EXPECT_LT(client.received.find("200 OK"), client.received.find("404 Not Found"));
  EXPECT_NE(client.received.find("404 Not Found"), std::string::npos);
}

TEST(Http, RequestsInAnyPiecesAreUnderstood) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    World world(seed);
    RawClient client(world);
    const std::string bytes = get("/none");
    std::size_t at = 0;
    while (at < bytes.size()) {
      const std::size_t size = 1 + mix64(seed, at) % 7;
      client.send(bytes.substr(at, size));
      at += size;
    }
    EXPECT_TRUE(client.received.starts_with("HTTP/1.1 404 Not Found\r\n")) << "seed " << seed;
  }
}

TEST(Http, BytesThatAreNoRequestAreRefusedAndTheConnectionEnds) {
  World world;
  RawClient client(world);
  client.send("\x16\x03\x01 not http\r\n\r\n");
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 400 Bad Request\r\n")) << client.received;
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(world.listener->connections(), 0U);
}

TEST(Http, SlowRequestsAndSilentClientsAreCut) {
  World world;
  RawClient silent(world);
  RawClient slow(world);
  slow.send("GET /ver");
  RawClient preface(world);
  preface.send("PRI * HT");
  world.run_for(119s);
  EXPECT_EQ(world.listener->connections(), 3U);
  world.run_for(130s);
  EXPECT_EQ(world.listener->connections(), 0U);
}

TEST(Http, ARequestThatComesDropByDropIsCutAtItsDeadline) {
  World world;
  RawClient client(world);
  client.send("GET /version HTTP/1.1\r\n");
  for (int i = 0; i < 3; ++i) {
    world.run_for(50s);
    client.send("a: b\r\n");
  }
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(world.listener->connections(), 0U);
}

TEST(Http, AClientThatLeavesWhileTheNodeThinksIsForgotten) {
  World world;
  {
    RawClient client(world);
    client.send(get("/health"));
    ASSERT_EQ(world.node.calls.size(), 1U);
    world.listener.reset();
    world.settle();
  }
  EXPECT_EQ(world.node.forgotten.size(), 1U);
}

}  // namespace
}  // namespace detcd::api
