// A whole member as one object: its listeners, its node and the connections of its clients,
// composed the same way in every world. Ports are bound before the data directory is touched, so
// that a port in use changes nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/listener.h"
#include "base/result.h"
#include "runtime/task_group.h"
#include "runtime/world.h"
#include "server/node.h"
#include "telemetry/log.h"

namespace detcd::member {

struct Options {
  server::NodeOptions node;
  std::vector<std::string> peer_addresses;  // host:port to listen on.
  // Served on the node's own scheduler. Empty when the owner serves clients elsewhere, by
  // service().
  std::vector<std::string> client_addresses;
  api::Settings clients;
};

class Member {
  struct Private {};

 public:
  // Binds, opens and recovers. Errors: kBusy (port or directory in use) and those of
  // server::Node::open.
  static runtime::Task<Result<std::unique_ptr<Member>>> open(runtime::World world,
                                                             telemetry::Log log, Options options,
                                                             server::Observer* observer);
  Member(Private, runtime::World world, telemetry::Log log, Options options);

  // Serves until request_stop() or a failure, then ends its connections in order.
  runtime::Task<server::Stopped> run();
  // On the member's scheduler, from any task.
  void request_stop();

  [[nodiscard]] server::Node& node() { return *node_; }
  // Where clients are served, with the ports that were really taken.
  [[nodiscard]] std::vector<std::string> client_addresses() const;

 private:
  runtime::Task<void> announce();

  runtime::World world_;
  telemetry::Log log_;
  Options options_;
  std::vector<std::unique_ptr<runtime::Listener>> peer_listeners_;
  std::vector<std::unique_ptr<runtime::Listener>> bound_;
  // Of visitors on the peers' port, whose connections end with the node.
  std::unique_ptr<api::Environment> visited_;
  api::Drain visiting_;
  std::unique_ptr<server::Node> node_;
  std::vector<std::unique_ptr<api::Listener>> listeners_;
  runtime::TaskGroup tasks_;
};

}  // namespace detcd::member
