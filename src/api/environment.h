// What connections and listeners are made of, and how they learn that the server is going down. It
// outlives them; all of it belongs to one scheduler, except the node behind `service`.
#pragma once

#include "api/settings.h"
#include "runtime/scheduler.h"
#include "runtime/wait.h"
#include "server/service.h"
#include "telemetry/log.h"

namespace detcd::api {

struct Environment {
  runtime::Scheduler& scheduler;
  telemetry::Log log;
  server::Service service;
  Settings settings;
};

// Set once, by the listener that shuts down; its connections watch it.
struct Drain {
  explicit Drain(runtime::Scheduler& scheduler) : changed(scheduler) {}
  void begin() {
    begun = true;
    changed.wake_all();
  }
  bool begun = false;
  runtime::Signal changed;
};

}  // namespace detcd::api
