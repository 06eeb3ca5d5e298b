#include "sim/faults/links.h"

#include <utility>

namespace detcd::sim {
namespace {

// No trouble outlives the calm.
class Troubles final : public FamilyState {
 public:
  static constexpr std::string_view kName = "troubles";
  explicit Troubles(Stage& stage) : stage_(stage) {}
  void calm() override { stage_.network().end_troubles(); }
  [[nodiscard]] bool is_quiet() const override {
    return !stage_.network().in_trouble() && stage_.kernel().now() >= doubtful_until_;
  }
  void doubt_connections() {
    doubtful_until_ = stage_.kernel().now() + stage_.network().options().stream_timeout;
  }

 private:
  Stage& stage_;
  VirtualTime doubtful_until_{};
};

void end_later(Stage& stage, std::vector<TroubleId> troubles, const Lasting& lasting) {
  static_cast<void>(stage.state<Troubles>());
  const std::uint64_t effect = begin_effect(stage, lasting.probe, lasting.counter);
  stage.later(lasting.lasts, [&stage, effect, troubles = std::move(troubles)] {
    stage.end_effect(effect);
    for (const TroubleId id : troubles) stage.network().end_trouble(id);
  });
}

}  // namespace

LinkNames draw_link(const FaultDraw& draw) {
  const std::uint32_t from = draw.victim();
  const auto other = static_cast<std::uint32_t>(draw.detail(draw.settings().nodes + 1));
  return {from, other == from ? 0 : other};
}

std::vector<NodeNumber> clients_of(Stage& stage) {
  std::vector<NodeNumber> clients;
  for (std::uint32_t i = 0; i < stage.settings().clients; ++i) {
    clients.emplace_back(kClientsFrom + i);
  }
  return clients;
}

HostLinks links_of(Stage& stage, const LinkNames& names) {
  if (!stage.is_named(names.from) || names.from == names.to) return {};
  const NodeNumber member(names.from);
  if (names.to != 0) {
    if (!stage.is_named(names.to)) return {};
    return {{member, NodeNumber(names.to)}};
  }
  HostLinks links;
  for (const NodeNumber client : clients_of(stage)) {
    links.emplace_back(member, client);
    links.emplace_back(client, member);
  }
  return links;
}

HostLinks links_around(Stage& stage, std::uint32_t node) {
  if (!stage.is_named(node)) return {};
  HostLinks links = links_of(stage, {node, 0});
  for (std::uint32_t other = 1; other <= stage.size(); ++other) {
    if (other == node) continue;
    links.emplace_back(NodeNumber(node), NodeNumber(other));
    links.emplace_back(NodeNumber(other), NodeNumber(node));
  }
  return links;
}

std::uint64_t begin_effect(Stage& stage, std::string_view probe, TroubleCounter counter) {
  return stage.begin_effect(probe, [&stage, counter] { return stage.network().counts().*counter; });
}

bool trouble(Stage& stage, const HostLinks& links, const LinkTrouble& trouble,
             const Lasting& lasting) {
  std::vector<TroubleId> troubles;
  for (const auto& [from, to] : links) {
    troubles.push_back(stage.network().begin_trouble(from, to, trouble));
  }
  if (!links.empty()) end_later(stage, std::move(troubles), lasting);
  return !links.empty();
}

bool trouble(Stage& stage, NodeNumber host, const HostTrouble& trouble, const Lasting& lasting) {
  if (!stage.is_named(static_cast<std::uint32_t>(host.value()))) return false;
  end_later(stage, {stage.network().begin_trouble(host, trouble)}, lasting);
  return true;
}

void doubt_connections(Stage& stage) {
  stage.state<Troubles>().doubt_connections();
}

void tear_down(Stage& stage, const HostLinks& links) {
  for (const auto& [from, to] : links) {
    static_cast<void>(stage.network().reset_connections(from, to));
  }
}

}  // namespace detcd::sim
