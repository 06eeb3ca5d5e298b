#include "sim/run/watcher.h"

#include <utility>

namespace detcd::sim {
namespace {

class Watched final : public server::Observer {
 public:
  Watched(std::unique_ptr<server::Observer> inner, Watcher& watcher, std::uint32_t node)
      : inner_(std::move(inner)), watcher_(watcher), node_(node) {}

  void on_proposed(apply::RequestId request, std::uint64_t trace) override {
    inner_->on_proposed(request, trace);
  }
  void on_command(const apply::Position& position, const apply::Command& command) override {
    inner_->on_command(position, command);
  }
  void on_applied(const apply::Position& position, std::optional<apply::RequestId> request,
                  std::uint64_t state_hash) override {
    inner_->on_applied(position, request, state_hash);
  }
  void on_alarms(apply::LogIndex index, const std::vector<apply::AlarmMember>& active) override {
    inner_->on_alarms(index, active);
  }
  void on_read(std::uint64_t trace, apply::LogIndex index) override {
    inner_->on_read(trace, index);
  }
  void on_recovered(wal::Recovered::Health health, const raft::Raft& restored) override {
    inner_->on_recovered(health, restored);
  }
  void on_send(const raft::Message& message) override { inner_->on_send(message); }
  void on_receive(const raft::Message& message, std::uint64_t life) override {
    inner_->on_receive(message, life);
  }
  void on_raft_event(const raft::Event& event) override {
    inner_->on_raft_event(event);
    watcher_.on_raft_event(node_, event);
  }
  void on_step(const raft::Raft& core) override {
    inner_->on_step(core);
    watcher_.on_step(node_, core);
  }
  void on_installed(const apply::Position& position, std::uint64_t state_hash) override {
    inner_->on_installed(position, state_hash);
    watcher_.on_installed(node_, position);
  }

 private:
  std::unique_ptr<server::Observer> inner_;
  Watcher& watcher_;
  std::uint32_t node_;
};

}  // namespace

std::unique_ptr<server::Observer> watched(std::unique_ptr<server::Observer> inner, Watcher* watcher,
                                          std::uint32_t node) {
  if (watcher == nullptr) return inner;
  return std::make_unique<Watched>(std::move(inner), *watcher, node);
}

}  // namespace detcd::sim
