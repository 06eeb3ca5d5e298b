// One simulated client: does its part of the plan over a real connection or at the
// seam behind it, in order, and writes down
// what it asked and what it was told.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "client/client.h"
#include "runtime/world.h"
#include "sim/history/history.h"
#include "sim/kernel/kernel.h"
#include "sim/workload/seam_client.h"

namespace detcd::sim {

struct ClientJob {
  std::uint32_t number = 1;
  std::vector<std::string> endpoints;
  std::vector<OperationEntry> operations;  // Of this client, by time.
  Duration timeout{};                      // Of each call,
  Duration last_timeout{};                 // and of the last one.
  Duration patience{};                     // An operation that is later than this is left out.
  // Who it is once users are asked for, which it learns by being refused; empty: nobody.
  std::string user;
  // The newest revision that it has seen is kept there, for others; it outlives the task.
  apply::Revision* seen = nullptr;
  // Where members are reached without bytes; empty: over connections.
  SeamClient::Reach at_seam;
  // Told of each call when it begins and when it has ended.
  std::function<void(const CallRecord&)> tell;
};

// Ends when all operations have. The kernel and the history outlive it.
runtime::Task<void> run_client(runtime::World world, Kernel& kernel, History& history,
                               ClientJob job);

}  // namespace detcd::sim
