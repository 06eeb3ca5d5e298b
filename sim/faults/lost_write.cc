// Writes that a device acknowledges and loses, or puts elsewhere. The page cache hides it until the
// machine loses power; then the member may have forgotten what it acknowledged without being able
// to know. So that happens only while those live, and can reach it, who remember: else the medium
// is found to be right after all.
#include "base/hash.h"
#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kLostProbe = "a lost write was found by a power loss";
constexpr std::string_view kMisdirectedProbe = "a misdirected write was found by a power loss";

struct Betrayed {
  std::uint32_t node = 1;
  Duration after{};
  Duration down{};
  std::uint64_t where = 0;

  void named_fields(std::string_view name, Fields& fields) {
    fields.word(name);
    fields.member(node);
    fields.length("after", after);
    fields.duration("down", down);
    fields.number("where", where);
  }
  void draw_numbers(const FaultDraw& draw) {
    const std::uint64_t word = draw.length_word();
    node = draw.victim();
    after = log_uniform(mix64(word), draw.election() / 4, draw.election() * 4);
    down = log_uniform(word, draw.election() / 10, draw.election());
    where = draw.detail_word() >> 16;
  }
  bool betray(Stage& stage, Harm harm, std::string_view probe) const {
    if (stage.size() < 3 || !stage.is_named(node)) return false;
    if (!stage.everybody_remembers(node)) return false;
    constexpr std::uint64_t kSnapshotOnceIn = 6;
    const bool snapshot = where % kSnapshotOnceIn == 0;
    SimDisk& disk = stage.members().machine(node).disk();
    disk.betray_next_sync({harm, snapshot ? "/member/snap/" : "/member/wal/", where});
    stage.later(after, [&stage, probe, copy = *this, deaths = stage.deaths()] {
      copy.find(stage, probe, deaths == stage.deaths());
    });
    return true;
  }
  void find(Stage& stage, std::string_view probe, bool all_lived) const {
    SimDisk& disk = stage.members().machine(node).disk();
    disk.forget_betrayals();
    const bool harmed = !disk.image().harmed().empty();
    if (stage.is_calm() || !all_lived || !harmed || !stage.everybody_remembers(node)) {
      static_cast<void>(disk.image().heal_latent());
      return;
    }
    stage.disarm();
    stage.keep_peace(node, stage.kernel().now() + down + stage.settings().election);
    stage.tell(node, "loses power, and writes are missing: " + disk.describe_harm());
    stage.members().kill(node, Death::kPowerLoss);
    stage.members().forgot(node);
    stage.restart_after(node, down);
    stage.probe(probe);
  }
};

struct LostWrite final : Fault {
  Betrayed betrayed;
  void fields(Fields& fields) override { betrayed.named_fields("lost-write", fields); }
  static LostWrite draw(const FaultDraw& draw) {
    LostWrite lost;
    lost.betrayed.draw_numbers(draw);
    return lost;
  }
  bool happen(Stage& stage) const override {
    return betrayed.betray(stage, Harm::kLostWrite, kLostProbe);
  }
};

struct MisdirectedWrite final : Fault {
  Betrayed betrayed;
  void fields(Fields& fields) override { betrayed.named_fields("misdirected-write", fields); }
  static MisdirectedWrite draw(const FaultDraw& draw) {
    MisdirectedWrite misdirected;
    misdirected.betrayed.draw_numbers(draw);
    return misdirected;
  }
  bool happen(Stage& stage) const override {
    return betrayed.betray(stage, Harm::kMisdirected, kMisdirectedProbe);
  }
};

}  // namespace

const Family& lost_write_family() {
  static const FamilyOf<LostWrite> family({.name = "lost-write", .probe = kLostProbe});
  return family;
}
const Family& misdirected_write_family() {
  static const FamilyOf<MisdirectedWrite> family(
      {.name = "misdirected-write", .probe = kMisdirectedProbe});
  return family;
}

}  // namespace detcd::sim
