#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a directory was emptied";

// The member is killed and starts on an empty disk, as if it had never been: only the others know
// what it promised, so the leader must have all of it in mind.
struct Wipe final : Fault {
  std::uint32_t node = 1;
  Duration down{};

  void fields(Fields& fields) override {
    fields.word("wipe");
    fields.member(node);
    fields.duration("down", down);
  }
  static Wipe draw(const FaultDraw& draw) {
    Wipe wipe;
    wipe.node = draw.victim();
    wipe.down = log_uniform(draw.length_word(), draw.election() / 10, draw.election());
    return wipe;
  }
  static bool leader_remembers(Stage& stage, std::uint32_t node) {
    const raft::Raft* leader = stage.members().core(stage.resolve(kLeader));
    const raft::Raft* member = stage.members().core(node);
    if (leader == nullptr || member == nullptr) return false;
    const raft::Index known = leader->acknowledged(raft::NodeId(stage.members().id_of(node)));
    return known >= leader->commit() && known >= member->persisted();
  }
  bool happen(Stage& stage) const override {
    if (stage.size() < 3 || !stage.is_named(node)) return false;
    if (!stage.everybody_remembers(node) || !leader_remembers(stage, node)) return false;
    stage.disarm();
    stage.keep_peace(node, stage.kernel().now() + down + stage.settings().election);
    stage.members().kill(node, Death::kCrash);
    stage.members().put_back(node, DiskImage());
    stage.restart_after(node, down);
    stage.probe(kProbe);
    return true;
  }
};

}  // namespace

const Family& wipe_family() {
  static const FamilyOf<Wipe> family({.name = "wipe", .probe = kProbe});
  return family;
}

}  // namespace detcd::sim
