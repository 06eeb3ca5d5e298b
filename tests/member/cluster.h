// Whole members on simulated machines that come and go, judged by the simulator's oracles: what
// tests of changes of the members are made of. One client asks at the seam, by request values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bootstrap/join.h"
#include "member/member.h"
#include "sim/machine/machine.h"
#include "sim/oracles/cluster.h"

namespace detcd::member {

class Cluster {
 public:
  // Founders n1, n2 … are started.
  Cluster(std::uint64_t seed, std::uint32_t founders);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  ~Cluster();

  // One more machine, whose member is started by start(): it joins those that it is told of then.
  std::uint32_t make_seat();
  void start(std::uint32_t node);
  void kill(std::uint32_t node);
  // Of one that is down: it will start on an empty disk.
  void wipe(std::uint32_t node);
  void pass(Duration time) { kernel_.run_for(time); }
  bool eventually(const std::function<bool()>& holds, Duration patience = 60s) {
    return kernel_.run_until(holds, kernel_.now() + patience);
  }
  // No answer: the member isn't there, or the patience is over.
  std::optional<server::Outcome> ask(std::uint32_t node, server::Request request,
                                     Duration patience = 10s);
  // The members after the change, or why it was refused; asked again while the answer is one of
  // those that pass by themselves.
  std::optional<server::Outcome> change(std::uint32_t node, membership::Change change);
  bool put(std::uint32_t node, const std::string& key);

  [[nodiscard]] sim::Kernel& kernel() { return kernel_; }
  [[nodiscard]] sim::SimNetwork& network() { return network_; }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(seats_.size()); }
  // Null while it is down or hasn't opened its directory.
  [[nodiscard]] server::Node* node(std::uint32_t node) const;
  [[nodiscard]] std::uint32_t leader() const;
  // 0 until it has opened its directory once.
  [[nodiscard]] std::uint64_t id_of(std::uint32_t node) const;
  [[nodiscard]] bool was_removed(std::uint32_t node) const;
  // Whether a living member has it in its table.
  [[nodiscard]] bool is_listed(std::uint32_t node) const {
    return !members_for(peer_url(node)).empty();
  }
  [[nodiscard]] std::string failure() const;
  [[nodiscard]] static std::string peer_url(std::uint32_t node);

 private:
  struct Seat;
  runtime::Task<void> live(Seat& seat);
  runtime::Task<bool> join(Seat& seat, server::NodeOptions& options);
  [[nodiscard]] std::string members_for(const std::string& url) const;
  [[nodiscard]] Options options_of(std::uint32_t node) const;

  sim::Kernel kernel_;
  sim::SimNetwork network_;
  sim::History history_;
  sim::ClusterOracle oracle_;
  std::vector<membership::Member> founders_;
  std::uint64_t cluster_id_ = 0;
  std::vector<std::unique_ptr<Seat>> seats_;
  sim::Machine client_;
  runtime::Mailbox<server::Reply> replies_;
  std::uint64_t calls_ = 0;
  std::string refusal_;  // Of who wanted to join last.
  std::string failure_;
};

}  // namespace detcd::member
