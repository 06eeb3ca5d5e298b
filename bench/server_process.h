// A cluster of etcd-compatible server processes on loopback with fresh directories, measured from
// outside: CPU from /proc, syncs from the block device's flush counter.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace detcd::bench {

struct Server {
  std::string name;  // "etcd 3.5.30", "detcd 0.1.0"
  std::string binary;
};

// Of all members, as the kernel counts it (proc_pid_smaps(5)).
struct Memory {
  std::uint64_t resident_bytes = 0;      // With pages of mapped files.
  std::uint64_t proportional_bytes = 0;  // A page that several have is counted in parts.
  std::uint64_t anonymous_bytes = 0;     // What no file could give back.
};

class Cluster {
 public:
  // Starts `size` members; their directories below `directory` are made anew. Client ports follow
  // `base_port` by twos, peer ports lie between them.
  static Result<Cluster> start(const Server& server, std::size_t size, std::string directory,
                               std::uint16_t base_port);
  Cluster(Cluster&& other) noexcept;
  Cluster& operator=(Cluster&&) = delete;
  // SIGTERM, then SIGKILL; the directories are removed.
  ~Cluster();

  [[nodiscard]] const std::vector<std::string>& endpoints() const { return endpoints_; }
  // Members end as at their destruction; their directories stay.
  void stop();
  // With what they had before they were stopped.
  Result<void> start_again();
  [[nodiscard]] Memory memory() const;
  // User and system time of all members so far.
  [[nodiscard]] std::uint64_t cpu_microseconds() const;
  [[nodiscard]] std::string log_path(std::size_t member) const;

 private:
  Cluster() = default;
  std::string directory_;
  std::vector<std::string> endpoints_;
  std::vector<std::vector<std::string>> arguments_;  // Of each member.
  std::vector<pid_t> processes_;
};

// The version a server binary reports: "etcd 3.5.30".
[[nodiscard]] Result<Server> identify(const std::string& binary);

// kInvalid when `directory` is on tmpfs or another filesystem without a device: syncs mean nothing
// there.
[[nodiscard]] Result<std::string> filesystem_of(const std::string& directory);
// Flushes that the device below `directory` has completed since it was attached; 0 when not
// counted.
[[nodiscard]] std::uint64_t device_flushes(const std::string& directory);

}  // namespace detcd::bench
