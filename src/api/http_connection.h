// One HTTP/1.1 connection as an actor: requests are answered one at a time, in order. It ends when
// the client goes, asks for the end, sends what is no request or takes too long with one, and on a
// drain as soon as no request is being answered.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api/environment.h"
#include "api/http_service.h"
#include "http1/parser.h"
#include "runtime/mailbox.h"
#include "runtime/network.h"
#include "runtime/task.h"
#include "runtime/wait.h"

namespace detcd::api {

class HttpConnection {
 public:
  // All outlive the object.
  HttpConnection(runtime::Stream& stream, const Environment& environment, Drain& drain,
                 HttpPort port = kClientsPort);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  ~HttpConnection();

  // `received` is what was read before the protocol was known.
  runtime::Task<void> run(std::string received);

 private:
  runtime::Task<void> serve(std::string received);
  // False when the connection is to end.
  runtime::Task<bool> serve_pending();
  runtime::Task<http1::Response> respond(http1::Request request);
  runtime::Task<void> watch_drain();
  [[nodiscard]] TimePoint now() const { return environment_.scheduler.clock().boot(); }

  runtime::Stream& stream_;
  const Environment& environment_;
  Drain& drain_;
  HttpPort port_;
  http1::RequestParser parser_;
  runtime::Mailbox<server::Reply> replies_;
  std::optional<server::CallId> asked_;  // What the node hasn't answered yet.
  std::uint64_t calls_ = 0;
  TimePoint read_deadline_ = kNever;  // While a request is awaited.
  bool ended_ = false;
  runtime::Signal changed_;
};

}  // namespace detcd::api
