#include "http2/request_head.h"

#include <algorithm>
#include <utility>

#include "base/quote.h"

namespace detcd::http2 {
namespace {

constexpr std::uint32_t kInvalidArgument = 3;
constexpr std::uint32_t kUnimplemented = 12;
constexpr std::uint32_t kInternal = 13;

constexpr std::string_view kGrpc = "application/grpc";

// :authority, user-agent, token, hasleader, client-api-version: what etcd's clients send.
constexpr std::size_t kUsualHeaders = 5;

// RFC 9113 §6.5.2: what a header counts besides its characters.
constexpr std::size_t kHeaderOverheadBytes = 32;

std::string describe_bad_timeout(std::string_view text) {
  if (text.size() < 2) return "transport: timeout string is too short: " + go_quoted(text);
  if (text.size() > 9) return "transport: timeout string is too long: " + go_quoted(text);
  if (std::string_view("HMSmun").find(text.back()) == std::string_view::npos) {
    return "transport: timeout unit is not recognized: " + go_quoted(text);
  }
  return "strconv.ParseUint: parsing " + go_quoted(text.substr(0, text.size() - 1)) +
         ": invalid syntax";
}

}  // namespace

bool is_grpc_content_type(std::string_view content_type) {
  if (!content_type.starts_with(kGrpc)) return false;
  const std::string_view rest = content_type.substr(kGrpc.size());
  return rest.empty() || rest.front() == '+' || rest.front() == ';';
}

std::string answer_content_type(std::string_view content_type) {
  if (!is_grpc_content_type(content_type)) return std::string(kGrpc);
  const std::string_view rest = content_type.substr(kGrpc.size());
  if (rest.size() < 2) return std::string(kGrpc);
  return std::string(kGrpc) + '+' + std::string(rest.substr(1));
}

void RequestHead::clear() {
  method.clear();
  path.clear();
  content_type.clear();
  encoding_name.clear();
  timeout_ns.reset();
  malformed_timeout.reset();
  metadata.clear();
  rules = {};
  header_bytes = 0;
}

void RequestHead::add(std::string_view name, std::string_view value, std::size_t header_bytes_max) {
  header_bytes += name.size() + value.size() + kHeaderOverheadBytes;
  if (header_bytes > header_bytes_max) return;
  rules.see(name, value);
  if (name == ":path") {
    path = value;
  } else if (name == ":method") {
    method = value;
  } else if (name == "content-type") {
    content_type = value;
  } else if (name == "grpc-timeout") {
    timeout_ns = parse_grpc_timeout_ns(value);
    if (!timeout_ns) malformed_timeout = std::string(value);
  } else if (name == "grpc-encoding") {
    encoding_name = value;
  } else if (name != ":scheme" && name != "te" && name != "grpc-accept-encoding") {
    if (metadata.empty()) metadata.reserve(kUsualHeaders);
    metadata.emplace_back(name, value);
  }
}

std::optional<Encoding> RequestHead::encoding() const {
  if (encoding_name.empty() || encoding_name == "identity") return Encoding::kIdentity;
  if (encoding_name == "gzip") return Encoding::kGzip;
  return std::nullopt;
}

std::optional<Refusal> RequestHead::judge() const {
  const auto hosts = std::count_if(metadata.begin(), metadata.end(),
                                   [](const auto& header) { return header.first == "host"; });
  if (hosts > 1) {
    return Refusal{
        400,
        {kInternal, "num values of :authority: 1, num values of host: " + std::to_string(hosts) +
                        ", both must only have 1 value "
                        "as per HTTP/2 spec"}};
  }
  if (!is_grpc_content_type(content_type)) {
    return Refusal{
        415, {kInvalidArgument, "invalid gRPC request content-type " + go_quoted(content_type)}};
  }
  if (malformed_timeout) {
    return Refusal{
        400, {kInternal, "malformed grpc-timeout: " + describe_bad_timeout(*malformed_timeout)}};
  }
  if (method != "POST") {
    return Refusal{405,
                   {kInternal, "Received a HEADERS frame with :method " + go_quoted(method) +
                                   " which should be POST"}};
  }
  if (!encoding()) {
    return Refusal{200,
                   {kUnimplemented, "grpc: Decompressor is not installed for grpc-encoding " +
                                        go_quoted(encoding_name)}};
  }
  return std::nullopt;
}

}  // namespace detcd::http2
