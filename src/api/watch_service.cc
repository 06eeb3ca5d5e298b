#include "api/watch_service.h"

#include <array>
#include <utility>

#include "api/errors.h"
#include "base/check.h"
#include "watch/types.h"
#include "wire/watch_codec.h"

namespace detcd::api {
namespace {

constexpr std::string_view kService = "etcdserverpb.Watch";

server::Request open() {
  return server::WatchOpen{};
}

Asked ask(const Bytes& message, const apply::Limits&) {
  Result<watch::Request> request = wire::parse_watch_request(message.view());
  if (!request) return unmarshalling_of_stream_failed(request.error());
  return server::Request(*std::move(request));
}

StreamAnswer answer(const server::Reply& reply, const apply::Limits& limits) {
  StreamAnswer said;
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) {
    said.end = status_of(*error);
    return said;
  }
  const auto* told = std::get_if<server::WatchAnswer>(&reply.outcome);
  check(told != nullptr, "a stream of watches is answered with responses, or ended");
  said.accepted = told->accepted;
  const wire::Header header{.cluster_id = reply.header.cluster_id,
                            .member_id = reply.header.member_id,
                            .raft_term = reply.header.raft_term};
  wire::WatchWriter writer(header, limits.watch_part_bytes);
  for (const watch::Response& response : told->responses) {
    writer.write(response);
    said.bytes += static_cast<std::int64_t>(watch::kResponseBytes);
    for (const watch::Event& event : response.events) {
      said.bytes += static_cast<std::int64_t>(watch::bytes_of(event));
    }
    ++said.responses;
  }
  said.messages = writer.take();
  return said;
}

constexpr std::array kMethods{
    Method{.service = kService,
           .name = "Watch",
           .shape = Shape::kBothWays,
           .ask = ask,
           .open = open,
           .answer_stream = answer},
};

}  // namespace

std::span<const Method> watch_methods() {
  return kMethods;
}

}  // namespace detcd::api
