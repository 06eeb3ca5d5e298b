// Messages between members that arrive once more, later: while it lasts, some of what arrived is
// delivered a second time, overtaking and overtaken by others. Raft may rely on neither order nor
// uniqueness (dissertation §3.3); only a restart of either side ends what is under way. What never
// arrived has no echo: members speak only after a handshake, which may be what stops them.
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr runtime::Site kEcho{"echo: whether and when a message arrives again"};
constexpr std::string_view kProbe = "a message arrived a second time";

class Echoes final : public FamilyState {
 public:
  static constexpr std::string_view kName = "echo";
  explicit Echoes(Stage& stage) : stage_(stage) {}

  void begin(Duration length) { until_ = std::max(until_, stage_.kernel().now() + length); }
  void calm() override { until_ = VirtualTime{}; }
  void heard(std::uint32_t node, const raft::Message& message, std::uint64_t life) override {
    constexpr std::uint64_t kOneIn = 6;
    const std::uint32_t from = stage_.members().node_of(message.from.value());
    if (stage_.kernel().now() >= until_ || from == 0 || again_) return;
    const std::uint64_t ordinal = ordinals_[{from, node}]++;
    const std::uint64_t word =
        stage_.kernel().draw(kEcho, std::uint64_t{from} << 32 | node, ordinal);
    if (below(word, kOneIn) != 0) return;
    const Duration delay = log_uniform(mix64(word), 100us, stage_.settings().election * 3);
    const std::optional<std::uint64_t> own = stage_.members().life(node);
    const Label label{NodeNumber(0), EventKind::kFault, mix64(word, ordinal)};
    stage_.kernel().schedule_after(delay, label, [this, from, node, life, own, message] {
      Members& members = stage_.members();
      if (members.life(from) != life || members.life(node) != own) return;
      again_ = true;
      if (own) stage_.probe(kProbe);
      members.deliver(node, message, life);
      again_ = false;
    });
  }

 private:
  Stage& stage_;
  VirtualTime until_{};
  bool again_ = false;  // What arrives now is an echo itself.
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> ordinals_;  // By link.
};

struct Echo final : Fault {
  Duration lasts{};

  void fields(Fields& fields) override {
    fields.word("echo");
    fields.length("for", lasts);
  }
  static Echo draw(const FaultDraw& draw) {
    Echo echo;
    echo.lasts = log_uniform(draw.length_word(), draw.election(), draw.election() * 15);
    return echo;
  }
  bool happen(Stage& stage) const override {
    stage.state<Echoes>().begin(lasts);
    return stage.size() > 1;
  }
};

}  // namespace

const Family& echo_family() {
  static const FamilyOf<Echo> family({.name = "echo", .probe = kProbe, .key = 10});
  return family;
}

}  // namespace detcd::sim
