#include "member/member.h"

#include <utility>

#include "api/peer_visitor.h"
#include "runtime/timeout.h"

namespace detcd::member {
namespace {

runtime::Task<Result<std::unique_ptr<runtime::Listener>>> bind(runtime::World world,
                                                               std::string address) {
  Result<std::unique_ptr<runtime::Listener>> listener = co_await world.network.listen(address);
  if (listener) co_return std::move(listener);
  co_return Error{listener.error().code, "listen tcp " + address + ": " + listener.error().message};
}

runtime::Task<void> shut_down(api::Listener& listener) {
  co_await listener.shutdown();
}

}  // namespace

Member::Member(Private, runtime::World world, telemetry::Log log, Options options)
    : world_(world),
      log_(log),
      options_(std::move(options)),
      visiting_(world.scheduler),
      tasks_(world.scheduler) {}

runtime::Task<Result<std::unique_ptr<Member>>> Member::open(runtime::World world,
                                                            telemetry::Log log, Options options,
                                                            server::Observer* observer) {
  auto member = std::make_unique<Member>(Private{}, world, log, std::move(options));
  for (const std::string& address : member->options_.peer_addresses) {
    Result<std::unique_ptr<runtime::Listener>> listener = co_await bind(world, address);
    if (!listener) co_return listener.error();
    member->peer_listeners_.push_back(std::move(*listener));
  }
  for (const std::string& address : member->options_.client_addresses) {
    Result<std::unique_ptr<runtime::Listener>> listener = co_await bind(world, address);
    if (!listener) co_return listener.error();
    member->bound_.push_back(std::move(*listener));
  }
  Result<std::unique_ptr<server::Node>> node =
      co_await server::Node::open(world, log, member->options_.node, observer);
  if (!node) co_return node.error();
  member->node_ = std::move(*node);
  co_return std::move(member);
}

runtime::Task<void> Member::announce() {
  co_await node_->ready();
  for (const std::unique_ptr<api::Listener>& listener : listeners_) {
    log_.info("serving client traffic insecurely; this is strongly discouraged!",
              {{"traffic", "grpc+http"}, {"address", listener->address()}});
  }
  log_.info("ready to serve client requests");
}

runtime::Task<server::Stopped> Member::run() {
  for (std::unique_ptr<runtime::Listener>& bound : bound_) {
    api::Environment environment{world_.scheduler, log_, node_->service(), options_.clients};
    listeners_.push_back(std::make_unique<api::Listener>(environment, std::move(bound)));
    listeners_.back()->start();
  }
  tasks_.spawn(announce());
  // Strangers, who have little to ask and no time to lose.
  api::Settings visits = options_.clients;
  visits.handshake_max = 5s;
  visited_ = std::make_unique<api::Environment>(
      api::Environment{world_.scheduler, log_, node_->service(), visits});
  node_->receive_visitors([this](std::unique_ptr<runtime::Stream> stream, std::string received) {
    return api::serve_peer_visitor(std::move(stream), std::move(received), *visited_, visiting_);
  });
  server::Stopped stopped = co_await node_->run(std::move(peer_listeners_));
  if (stopped.asked || stopped.removed) {
    // What was answered leaves; who keeps a stream open is not waited for long.
    const TimePoint deadline = world_.clock.boot() + 100ms;
    runtime::TaskGroup ending(world_.scheduler);
    for (const std::unique_ptr<api::Listener>& listener : listeners_) {
      ending.spawn(shut_down(*listener));
    }
    while (ending.size() > 0 && world_.clock.boot() < deadline) {
      co_await runtime::sleep_for(world_.scheduler, 2ms);
    }
  }
  listeners_.clear();
  co_return stopped;
}

void Member::request_stop() {
  node_->request_stop();
}

std::vector<std::string> Member::client_addresses() const {
  std::vector<std::string> addresses;
  for (const std::unique_ptr<runtime::Listener>& bound : bound_) {
    if (bound != nullptr) addresses.push_back(bound->address());
  }
  for (const std::unique_ptr<api::Listener>& listener : listeners_) {
    addresses.push_back(listener->address());
  }
  return addresses;
}

}  // namespace detcd::member
