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

}  // namespace

std::variant<HttpAsked, http1::Response> ask_http(const http1::Request& request) {
  if (request.method == "OPTIONS") return http1::Response{};
  const std::string_view target = request.target;
  const std::size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
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

http1::Response answer_http(HttpQuestion question, const server::Outcome& outcome) {
  if (const auto* refused = std::get_if<apply::ApiError>(&outcome)) {
    const std::string why(apply::text(*refused));
    if (question == HttpQuestion::kVersion) return error(503, why);
    return health(server::HealthResponse{.healthy = false, .reason = "RANGE ERROR:" + why});
  }
  if (question == HttpQuestion::kVersion) {
    const auto* answer = std::get_if<server::VersionInfo>(&outcome);
    check(answer != nullptr, "the node answers a question for versions with versions");
    return version(*answer);
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

}  // namespace detcd::api
