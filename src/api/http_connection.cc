#include "api/http_connection.h"

#include <utility>

#include "base/check.h"
#include "runtime/task_group.h"

namespace detcd::api {

HttpConnection::HttpConnection(runtime::Stream& stream, const Environment& environment,
                               Drain& drain, HttpPort port)
    : stream_(stream),
      environment_(environment),
      drain_(drain),
      port_(port),
      replies_(environment.scheduler),
      changed_(environment.scheduler) {}

HttpConnection::~HttpConnection() {
  if (!asked_) return;
  const bool sent = environment_.service.node.send(server::Forget{*asked_, replies_.sender()});
  static_cast<void>(sent);
}

runtime::Task<void> HttpConnection::run(std::string received) {
  runtime::TaskGroup tasks(environment_.scheduler);
  tasks.spawn(serve(std::move(received)));
  tasks.spawn(watch_drain());
  for (;;) {
    const bool woken = co_await changed_.wait_until(read_deadline_);
    static_cast<void>(woken);
    const bool reading = read_deadline_ != kNever;
    if (ended_ || (reading && (drain_.begun || read_deadline_ <= now()))) co_return;
  }
}

runtime::Task<void> HttpConnection::watch_drain() {
  while (!drain_.begun) {
    const bool woken = co_await drain_.changed.wait();
    static_cast<void>(woken);
  }
  changed_.wake_all();
}

runtime::Task<void> HttpConnection::serve(std::string received) {
  parser_.feed(received);
  TimePoint deadline = kNever;
  bool was_idle = true;
  for (;;) {
    const bool goes_on = co_await serve_pending();
    if (!goes_on) break;
    // One request has one deadline, in however many pieces it comes.
    const bool idle = parser_.idle();
    if (idle || was_idle) deadline = now() + environment_.settings.handshake_max;
    was_idle = idle;
    read_deadline_ = deadline;
    changed_.wake_all();
    const Result<std::string_view> bytes = co_await stream_.read();
    if (!bytes || bytes->empty()) break;
    read_deadline_ = kNever;
    changed_.wake_all();
    parser_.feed(*bytes);
  }
  ended_ = true;
  changed_.wake_all();
}

// Answers all complete requests.
runtime::Task<bool> HttpConnection::serve_pending() {
  for (;;) {
    std::optional<http1::Request> request = parser_.next();
    if (!request) break;
    http1::AnswerForm form = http1::answer_form(*request);
    http1::Response response = co_await respond(*std::move(request));
    port_.add_headers(response);
    if (drain_.begun) form.keep_alive = false;
    const Result<void> written = co_await stream_.write(http1::serialize(response, form));
    if (!written) co_return false;
    if (form.keep_alive) continue;
    const Result<void> said_goodbye = co_await stream_.shutdown();
    static_cast<void>(said_goodbye);
    co_return false;
  }
  if (parser_.take_continue()) {
    const Result<void> written = co_await stream_.write(std::string(http1::kContinue));
    co_return written.ok();
  }
  if (parser_.failure()) {
    const http1::AnswerForm form{.keep_alive = false};
    const Result<void> written = co_await stream_.write(http1::serialize(*parser_.failure(), form));
    static_cast<void>(written);
    co_return false;
  }
  co_return true;
}

runtime::Task<http1::Response> HttpConnection::respond(http1::Request request) {
  std::variant<HttpAsked, http1::Response> asked = port_.ask(request);
  if (auto* response = std::get_if<http1::Response>(&asked)) co_return std::move(*response);
  HttpAsked& question = std::get<HttpAsked>(asked);
  const server::CallId call(++calls_);
  server::Call message;
  message.call = call;
  message.request = std::move(question.request);
  message.reply = replies_.sender();
  if (!environment_.service.node.send(std::move(message))) {
    const server::Reply stopped{call, {}, apply::ApiError::kStopped, nullptr};
    co_return answer_http(question.question, stopped);
  }
  asked_ = call;
  for (;;) {
    const std::optional<server::Reply> reply = co_await replies_.receive();
    check(reply.has_value(), "the mailbox of replies isn't closed while a reply is awaited");
    if (reply->call != call) continue;
    asked_.reset();
    co_return answer_http(question.question, *reply);
  }
}

}  // namespace detcd::api
