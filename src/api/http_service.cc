#include "api/http_service.h"

#include <string>
#include <string_view>

#include "base/check.h"
#include "telemetry/log.h"

namespace detcd::api {
namespace {

constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

// Go's http.Error.
http1::Response error(std::uint32_t status, std::string_view text) {
  http1::Response response{.status = status};
  response.headers = {{"Content-Type", std::string(kPlainText)},
                      {"X-Content-Type-Options", "nosniff"}};
  response.body = std::string(text) + "\n";
  return response;
}

http1::Response method_not_allowed() {
  http1::Response response = error(405, "Method Not Allowed");
  response.headers.emplace_back("Allow", "GET");
  return response;
}

server::HealthRequest health_request(std::string_view query) {
  constexpr std::string_view kExclude = "exclude=";
  server::HealthRequest request;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view part = query.substr(0, end);
    if (part == "serializable=true") request.serializable = true;
    if (part.starts_with(kExclude)) request.exclude.emplace_back(part.substr(kExclude.size()));
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
  return request;
}

std::string health_json(bool healthy, std::string_view reason) {
  return std::string(R"({"health":)") + (healthy ? R"("true")" : R"("false")") + R"(,"reason":)" +
         telemetry::json_string(reason) + "}";
}

http1::Response health(const server::HealthResponse& health) {
  if (!health.healthy) return error(503, health_json(false, health.reason));
  http1::Response response;
  response.headers = {{"Content-Type", std::string(kPlainText)}};
  response.body = health_json(true, health.reason);
  return response;
}

http1::Response version(const server::VersionInfo& version) {
  http1::Response response;
  response.headers = {{"Content-Type", "application/json"}};
  response.body = R"({"etcdserver":)" + telemetry::json_string(version.server) +
                  R"(,"etcdcluster":)" + telemetry::json_string(version.cluster) +
                  R"(,"storage":)" + telemetry::json_string(version.storage) + "}";
  return response;
}

std::string json_strings(const std::vector<std::string>& texts) {
  std::string json = "[";
  for (const std::string& text : texts) {
    if (json.size() > 1) json += ',';
    json += telemetry::json_string(text);
  }
  return json + "]";
}

// Go's encoding of etcd's membership.Member, what is empty left out.
std::string json_member(const membership::Member& member) {
  std::string json =
      R"({"id":)" + std::to_string(member.id) + R"(,"peerURLs":)" + json_strings(member.peer_urls);
  if (member.is_learner) json += R"(,"isLearner":true)";
  if (!member.name.empty()) json += R"(,"name":)" + telemetry::json_string(member.name);
  if (!member.client_urls.empty()) json += R"(,"clientURLs":)" + json_strings(member.client_urls);
  return json + "}";
}

http1::Response members(const server::MemberListResponse& list, std::uint64_t cluster_id) {
  http1::Response response;
  response.headers = {{"Content-Type", "application/json"},
                      {"X-Etcd-Cluster-ID", telemetry::hex(cluster_id)}};
  response.body = "[";
  for (const membership::Member& member : list.members) {
    if (response.body.size() > 1) response.body += ',';
    response.body += json_member(member);
  }
  response.body += "]\n";
  return response;
}

std::string_view path_of(const http1::Request& request) {
  return std::string_view(request.target).substr(0, request.target.find('?'));
}

}  // namespace

std::variant<HttpAsked, http1::Response> ask_http(const http1::Request& request) {
  if (request.method == "OPTIONS") return http1::Response{};
  const std::string_view target = request.target;
  const std::size_t mark = target.find('?');
  const std::string_view path = path_of(request);
  const std::string_view query =
      mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
  if (path == "/version") {
    if (request.method != "GET") return method_not_allowed();
    return HttpAsked{HttpQuestion::kVersion, server::VersionRequest{}};
  }
  if (path == "/health") {
    if (request.method != "GET") return method_not_allowed();
    return HttpAsked{HttpQuestion::kHealth, health_request(query)};
  }
  return error(404, "404 page not found");
}

http1::Response answer_http(HttpQuestion question, const server::Reply& reply) {
  const server::Outcome& outcome = reply.outcome;
  if (const auto* refused = std::get_if<apply::ApiError>(&outcome)) {
    const std::string why(apply::text(*refused));
    if (question != HttpQuestion::kHealth) return error(503, why);
    return health(server::HealthResponse{.healthy = false, .reason = "RANGE ERROR:" + why});
  }
  if (question == HttpQuestion::kVersion) {
    const auto* answer = std::get_if<server::VersionInfo>(&outcome);
    check(answer != nullptr, "the node answers a question for versions with versions");
    return version(*answer);
  }
  if (question == HttpQuestion::kMembers) {
    const auto* list = std::get_if<server::MemberListResponse>(&outcome);
    check(list != nullptr, "the node answers a question for the members with the members");
    return members(*list, reply.header.cluster_id);
  }
  const auto* answer = std::get_if<server::HealthResponse>(&outcome);
  check(answer != nullptr, "the node answers a question for its health with its health");
  return health(*answer);
}

void add_common_headers(http1::Response& response) {
  response.headers.emplace_back("Access-Control-Allow-Methods", "POST, GET, OPTIONS, PUT, DELETE");
  response.headers.emplace_back("Access-Control-Allow-Origin", "*");
  response.headers.emplace_back("Access-Control-Allow-Headers",
                                "accept, content-type, authorization");
}

std::variant<HttpAsked, http1::Response> ask_peer_http(const http1::Request& request) {
  const std::string_view path = path_of(request);
  if (path != "/members" && path != "/version") return error(404, "404 page not found");
  if (request.method != "GET") return method_not_allowed();
  if (path == "/version") return HttpAsked{HttpQuestion::kVersion, server::VersionRequest{}};
  return HttpAsked{HttpQuestion::kMembers,
                   server::MemberListRequest{.linearizable = false, .of_peer = true}};
}

void add_peer_headers(http1::Response& response) {
  response.headers.emplace_back("X-Detcd-Peer-Protocol", "1");
}

}  // namespace detcd::api
