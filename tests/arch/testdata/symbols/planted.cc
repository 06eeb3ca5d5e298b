// Reaches for everything that simulated code must take from the runtime; arch_symbols_self_test
// expects each use to be seen. It is never linked into a program.
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <random>

long planted_uses() {
  std::random_device device;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto wall = std::chrono::system_clock::now().time_since_epoch().count();
  return wall + now.tv_sec + static_cast<long>(device()) + socket(AF_INET, SOCK_STREAM, 0) +
         (std::getenv("HOME") != nullptr ? 1 : 0);
}
