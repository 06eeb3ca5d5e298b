#include <map>
#include <utility>
#include <variant>

#include "base/hash.h"
#include "sim/faults/families.h"
#include "sim/faults/stage.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kProbe = "a process ran out of memory";

// Places where a member takes in logical bytes, whatever its build allocates for them.
enum class MemorySite : std::uint8_t { kEntriesReceived, kWritesBegun };

// Counts what each member takes in; who has used up what is left dies as if killed.
class Memory final : public FamilyState {
 public:
  static constexpr std::string_view kName = "memory";
  explicit Memory(Stage& stage) : stage_(stage) {}
  void calm() override { limits_.clear(); }
  void disarm() override { limits_.clear(); }
  void limit(std::uint32_t node, MemorySite site, std::uint64_t bytes, Duration down) {
    limits_[{node, site}] = {bytes, down};
  }
  void heard(std::uint32_t node, const raft::Message& message, std::uint64_t) override {
    const auto* append = std::get_if<raft::AppendRequest>(&message.body);
    if (append == nullptr || limits_.empty()) return;
    std::uint64_t bytes = 0;
    for (const raft::Entry& entry : append->entries) bytes += entry.data.size();
    take(node, MemorySite::kEntriesReceived, bytes);
  }
  void wrote(std::uint32_t node, const DiskOperation& operation) override {
    if (operation.call == DiskCall::kWrite) take(node, MemorySite::kWritesBegun, operation.bytes);
  }

 private:
  struct Left {
    std::uint64_t bytes = 0;
    Duration down{};
  };
  void take(std::uint32_t node, MemorySite site, std::uint64_t bytes) {
    const auto limit = limits_.find({node, site});
    if (limit == limits_.end()) return;
    if (bytes < limit->second.bytes) {
      limit->second.bytes -= bytes;
      return;
    }
    const Duration down = limit->second.down;
    limits_.erase(limit);
    // Not from inside an event of the member.
    stage_.later(Duration{}, [this, node, down] {
      if (!stage_.is_calm()) stage_.end_life(node, {Death::kCrash, down, {}, kProbe});
    });
  }

  Stage& stage_;
  std::map<std::pair<std::uint32_t, MemorySite>, Left> limits_;
};

// The kernel ends a process that has taken in so many bytes at a named place.
struct OutOfMemory final : Fault {
  std::uint32_t node = 1;
  bool at_disk = false;
  std::uint64_t bytes = 0;
  Duration down{};

  void fields(Fields& fields) override {
    fields.word("out-of-memory");
    fields.member(node);
    fields.choice("receiving", "writing", at_disk);
    fields.number("bytes", bytes);
    fields.duration("down", down);
  }
  static OutOfMemory draw(const FaultDraw& draw) {
    OutOfMemory out;
    out.node = draw.aimed();
    out.at_disk = (draw.extra_word() & 1U) != 0;
    out.bytes = log_uniform(mix64(draw.extra_word()), 1, 20'000);
    out.down = draw.down();
    return out;
  }
  bool happen(Stage& stage) const override {
    const std::uint32_t who = stage.resolve(node);
    if (who == 0 || !stage.members().running(who)) return false;
    const MemorySite site = at_disk ? MemorySite::kWritesBegun : MemorySite::kEntriesReceived;
    stage.state<Memory>().limit(who, site, bytes, down);
    return true;
  }
};

}  // namespace

const Family& out_of_memory_family() {
  static const FamilyOf<OutOfMemory> family(
      {.name = "out-of-memory", .probe = kProbe, .alone = true, .leader = true, .gap_times = 2});
  return family;
}

}  // namespace detcd::sim
