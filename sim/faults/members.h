// The members of a run as its faults see them: machines to harm, lives to end and to begin, and
// what the members themselves believe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "raft/message.h"
#include "raft/raft.h"
#include "sim/machine/machine.h"

namespace detcd::sim {

class Members {
 public:
  virtual ~Members() = default;
  [[nodiscard]] virtual std::uint32_t size() const = 0;
  [[nodiscard]] virtual Machine& machine(std::uint32_t node) = 0;
  // The node's life ends; it stays down until start().
  virtual void kill(std::uint32_t node, Death death) = 0;
  virtual void start(std::uint32_t node) = 0;
  // While it is down: its disk is an earlier copy from now on.
  virtual void put_back(std::uint32_t node, DiskImage copy) = 0;
  // While it is down: its disk lost what it had acknowledged, and it can't know.
  virtual void forgot(std::uint32_t node) = 0;
  // While both are down. Until they are swapped back neither may serve.
  virtual void swap_disks(std::uint32_t one, std::uint32_t other) = 0;
  // How often it refused to start on another member's directory.
  [[nodiscard]] virtual std::uint64_t refusals(std::uint32_t node) const = 0;
  [[nodiscard]] virtual bool running(std::uint32_t node) const = 0;
  // Null while the member is down or still opening its directory.
  [[nodiscard]] virtual const raft::Raft* core(std::uint32_t node) const = 0;
  [[nodiscard]] virtual std::uint64_t id_of(std::uint32_t node) const = 0;
  // The node with this member id, 0 when there is none.
  [[nodiscard]] virtual std::uint32_t node_of(std::uint64_t member_id) const = 0;
  // Of its process, as it introduces itself to its peers; none while there is none.
  [[nodiscard]] virtual std::optional<std::uint64_t> life(std::uint32_t node) const = 0;
  // A bit flips in the memory that holds its keys, where no answer is made of it; false: it has no
  // such memory yet.
  virtual bool flip_memory(std::uint32_t node, std::uint64_t where) = 0;
  // To tell one applied state from another that took its place; null when there is none.
  [[nodiscard]] virtual const void* state(std::uint32_t node) const = 0;
  // Hands a message over as if it came from that life of its sender, when the node is up.
  virtual void deliver(std::uint32_t node, raft::Message message, std::uint64_t life) = 0;
  // Called in an event of its own when a member has ended because its disk failed it: then nobody
  // but its owner starts it again.
  using OnEnd = std::function<void(std::uint32_t node)>;
  virtual void on_disk_failure(OnEnd ended) = 0;
  // It isn't provably whole: down after a power loss, opening, or Recovering; or its disk holds
  // something else than what it acknowledged.
  [[nodiscard]] virtual bool is_doubtful(std::uint32_t node) const = 0;
};

}  // namespace detcd::sim
