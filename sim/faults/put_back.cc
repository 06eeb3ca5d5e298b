#include "base/hash.h"
#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a directory was put back";

// The directory is put back to an earlier copy of itself: the copy is taken now, and `after` later
// the member is killed, its directory replaced, and started again after `down`.
struct PutBack final : Fault {
  std::uint32_t node = 1;
  Duration after{};
  Duration down{};

  void fields(Fields& fields) override {
    fields.word("put-back");
    fields.member(node);
    fields.length("after", after);
    fields.duration("down", down);
  }
  static PutBack draw(const FaultDraw& draw) {
    const std::uint64_t word = draw.length_word();
    const Duration election = draw.election();
    PutBack back;
    back.node = draw.victim();
    back.after = log_uniform(mix64(word), election / 2, election * 8);
    back.down = log_uniform(word, election / 10, election);
    return back;
  }
  // Of two voters neither can recover without the other. And who leads in the term of the copy
  // syncs what nobody else can remember for it.
  bool happen(Stage& stage) const override {
    if (stage.size() < 3 || !stage.is_named(node)) return false;
    if (!stage.everybody_remembers(node)) return false;
    DiskImage copy = stage.members().machine(node).disk().image().durable_only();
    stage.later(after,
                [&stage, back = *this, copy = std::move(copy), deaths = stage.deaths()]() mutable {
                  const bool alive = !stage.is_calm() && deaths == stage.deaths();
                  if (alive && stage.everybody_remembers(back.node))
                    back.replace(stage, std::move(copy));
                });
    return true;
  }
  void replace(Stage& stage, DiskImage copy) const {
    stage.disarm();
    stage.keep_peace(node, stage.kernel().now() + down + stage.settings().election);
    stage.members().kill(node, Death::kCrash);
    stage.members().put_back(node, std::move(copy));
    stage.restart_after(node, down);
    stage.probe(kProbe);
  }
};

}  // namespace

const Family& put_back_family() {
  static const FamilyOf<PutBack> family({.name = "put-back", .probe = kProbe, .key = 9});
  return family;
}

}  // namespace detcd::sim
