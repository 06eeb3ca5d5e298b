#include "sim/explore/mutate.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <iterator>
#include <memory>
#include <utility>

#include "runtime/random.h"
#include "sim/faults/registry.h"
#include "sim/kernel/distribution.h"
#include "sim/plan/draw.h"
#include "sim/profile/generate.h"

namespace detcd::sim {
namespace {

using runtime::Site;

constexpr Site kKind{"change: kind"};
constexpr Site kWhich{"change: which fault"};
constexpr Site kHow{"change: how"};
constexpr Site kSeed{"change: seed"};
constexpr std::uint64_t kRounds = 4;  // Of one change: up to so many small ones.

// It hits a minority that was drawn for the whole run.
bool rots(const FaultEntry& entry) {
  const Family* family = family_of(entry.fault);
  return family == nullptr || family->info().minority;
}

// Who is hit is somebody else, when it is one member or the side of a partition.
class FieldsAim final : public FieldsLook {
 public:
  explicit FieldsAim(std::uint32_t node) : node_(node) {}
  void member(std::uint32_t& node) override { node = node_; }
  void members(std::vector<std::uint32_t>& nodes) override { nodes = {node_}; }

 private:
  std::uint32_t node_;
};

// It takes so long; whom it kills stays down so long.
class FieldsStretch final : public FieldsLook {
 public:
  explicit FieldsStretch(Duration length) : length_(length) {}
  void duration(std::string_view name, Duration& value) override {
    if (name == "down") value = length_;
  }
  void length(std::string_view, Duration& value) override { value = length_; }

 private:
  Duration length_;
};

Duration bounded(Duration at, const Settings& settings) {
  return std::clamp(at, Duration{1ms}, settings.length - 1ms);
}

// Small changes: each of one fault, or of a few that stand together.
class Change {
 public:
  Change(Draft& draft, std::uint64_t key) : draft_(draft), draw_(key, 0) {}

  void go() {
    const std::uint64_t rounds = 1 + draw_.pick(kKind, 0, kRounds);
    for (round_ = 1; round_ <= rounds; ++round_) once();
    // Under other micro-choices the same plan is another run; under the same it stays the parent's
    // run until the first change.
    if (draw_.pick(kSeed, 0, 3) == 0) draft_.seed = draw_.word(kSeed, 1);
    std::ranges::stable_sort(draft_.plan.faults, {}, &FaultEntry::at);
  }

 private:
  [[nodiscard]] std::vector<FaultEntry>& faults() { return draft_.plan.faults; }
  [[nodiscard]] std::uint64_t pick(std::uint64_t slot, std::uint64_t bound) const {
    return draw_.pick(kHow, round_ * 16 + slot, bound);
  }
  [[nodiscard]] FaultEntry& some() { return faults()[draw_.pick(kWhich, round_, faults().size())]; }

  void once() {
    const std::uint64_t kind = draw_.pick(kKind, round_, 16);
    if (faults().empty() || kind < 3) return borrow();
    if (kind < 5) return shift(some());
    if (kind < 8) return aim(some());
    if (kind < 10) return stretch(some());
    if (kind < 12) return repeat(some());
    if (kind < 14) return gather(some().at);
    if (kind < 15) return drop();
    settings();
  }

  // Faults that another seed drew.
  void borrow() {
    const Plan plan = draw_plan(draw_.word(kSeed, 2 + round_), draft_.settings);
    std::vector<FaultEntry> usable;
    std::ranges::copy_if(plan.faults, std::back_inserter(usable), std::not_fn(rots));
    if (usable.empty()) return;
    const std::size_t from = pick(0, usable.size());
    const std::size_t count = std::min<std::size_t>(1 + pick(1, 6), usable.size() - from);
    for (std::size_t i = from; i < from + count; ++i) faults().push_back(usable[i]);
  }

  void shift(FaultEntry& entry) {
    const Duration by =
        log_uniform(draw_.word(kHow, round_ * 16), 1ms, draft_.settings.election * 4);
    entry.at = bounded(pick(1, 2) == 0 ? entry.at + by : entry.at - by, draft_.settings);
  }

  // Another victim: a member, or whoever leads.
  void aim(FaultEntry& entry) {
    if (rots(entry)) return;
    const auto node = static_cast<std::uint32_t>(pick(0, draft_.settings.nodes)) + 1;
    const bool leader = pick(1, 2) == 0;
    const std::unique_ptr<Fault> fault = read_fault(entry.fault);
    FieldsLook look;
    fault->fields(look);
    if (look.nodes.empty()) return;
    const bool can_lead = family_of(entry.fault)->info().leader;
    if (look.nodes.size() > 1 && !can_lead) return;  // The two ends of a link.
    FieldsAim aimed(can_lead && leader ? kLeader : node);
    fault->fields(aimed);
    entry.fault = print(*fault);
  }

  // Longer or shorter.
  void stretch(FaultEntry& entry) {
    const Duration election = draft_.settings.election;
    const Duration length = log_uniform(draw_.word(kHow, round_ * 16), election / 10, election * 8);
    const std::unique_ptr<Fault> fault = read_fault(entry.fault);
    FieldsStretch stretched(length);
    fault->fields(stretched);
    entry.fault = print(*fault);
  }

  // The same once more, soon after.
  void repeat(const FaultEntry& entry) {
    FaultEntry again = entry;
    const Duration later =
        log_uniform(draw_.word(kHow, round_ * 16), 1ms, draft_.settings.election * 6);
    again.at = bounded(again.at + later, draft_.settings);
    faults().push_back(std::move(again));
  }

  // What happens nearby comes closer together: coincidences.
  void gather(Duration around) {
    const Duration near = draft_.settings.election * 10;
    const std::uint64_t factor = 2 + pick(0, 6);
    for (FaultEntry& entry : faults()) {
      const Duration away = entry.at - around;
      if (away > near || away < -near) continue;
      entry.at = bounded(around + away / static_cast<std::int64_t>(factor), draft_.settings);
    }
  }

  // A stretch of faults goes.
  void drop() {
    const std::size_t from = pick(0, faults().size());
    const std::size_t count = std::min<std::size_t>(1 + pick(1, 8), faults().size() - from);
    const auto begin = faults().begin() + static_cast<std::ptrdiff_t>(from);
    faults().erase(begin, begin + static_cast<std::ptrdiff_t>(count));
  }

  // Sizes and flags as another seed drew them; who there is, and for how long, stays.
  void settings() {
    const Result<Settings> drawn =
        draw_settings(draw_.word(kSeed, 2 + round_), draft_.settings.profile);
    if (!drawn) return;
    Settings& mine = draft_.settings;
    Settings other = *drawn;
    other.nodes = mine.nodes;
    other.clients = mine.clients;
    other.length = mine.length;
    other.heartbeat = mine.heartbeat;
    other.election = mine.election;
    other.keys = mine.keys;
    other.families = mine.families;
    mine = std::move(other);
  }

  Draft& draft_;
  Draw draw_;
  std::uint64_t round_ = 0;
};

}  // namespace

void change(Draft& draft, std::uint64_t key) {
  Change(draft, key).go();
}

std::string print_changes(const std::vector<std::uint64_t>& changes) {
  std::string text;
  for (const std::uint64_t key : changes) text += (text.empty() ? "" : ",") + std::to_string(key);
  return text;
}

Result<std::vector<std::uint64_t>> parse_changes(std::string_view text) {
  std::vector<std::uint64_t> changes;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    std::uint64_t key = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), key);
    if (error != std::errc() || end != word.data() + word.size()) {
      return Error{Errc::kInvalid,
                   "changes are numbers with commas between them: " + std::string(text)};
    }
    changes.push_back(key);
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return changes;
}

}  // namespace detcd::sim
