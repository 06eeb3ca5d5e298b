// What a family of faults is. Each has one file here and one line in registry.cc: its words, how it
// is drawn, what it does and how that ends, and the probe that proves that it took effect.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/faults/fields.h"
#include "sim/faults/moment.h"
#include "sim/plan/draw.h"
#include "sim/plan/plan.h"

namespace detcd::sim {

class Stage;

// One fault with its numbers.
class Fault {
 public:
  virtual ~Fault() = default;
  virtual void fields(Fields& fields) = 0;
  // Happens now; false: it hits nobody. What it starts it also ends, by later(), a state's calm()
  // or because Stage::calm() ends all of the kind.
  virtual bool happen(Stage& stage) const = 0;
};

// The draws of a family's n-th fault of a run.
class FaultDraw {
 public:
  FaultDraw(const Draw& draw, std::uint64_t ordinal, const Settings& settings)
      : draw_(draw), ordinal_(ordinal), settings_(settings) {}

  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] Duration election() const { return settings_.election; }
  // A word for lengths, one for details and one for whatever else.
  [[nodiscard]] std::uint64_t length_word() const;
  [[nodiscard]] std::uint64_t detail_word() const;
  [[nodiscard]] std::uint64_t extra_word() const;
  [[nodiscard]] std::uint64_t detail(std::uint64_t bound) const;
  // Of members or of other things that a fault may hit.
  [[nodiscard]] std::uint64_t choose(std::uint64_t bound) const;
  [[nodiscard]] std::uint32_t victim() const;
  // A third of the faults that can aim at the leader do: it is where a broken promise does harm.
  [[nodiscard]] bool at_leader() const;
  [[nodiscard]] std::uint32_t aimed() const { return at_leader() ? kLeader : victim(); }
  // How long somebody stays down.
  [[nodiscard]] Duration down() const;
  // A quarter of the deaths strike at a boundary of the disk, four fifths of these at a named one;
  // of ten of eleven others something is on its way to the medium.
  [[nodiscard]] Moment moment() const;
  // A member of a minority that is drawn once for the whole run; beyond the budget, any member.
  [[nodiscard]] std::uint32_t of_minority() const;

 private:
  const Draw& draw_;
  std::uint64_t ordinal_;
  const Settings& settings_;
};

struct FamilyInfo {
  std::string_view name;   // In masks and reports; the first word of its faults, too.
  std::string_view probe;  // Counts the faults that took effect.
  // Another first word that its faults may have.
  std::string_view other_word;
  bool alone = false;     // A cluster of one member survives it.
  bool leader = false;    // May aim at whoever leads.
  bool minority = false;  // Hits a minority drawn for the whole run: nobody may aim it at others.
  // Nobody survives it for sure: it is drawn only where survival isn't asked for.
  bool beyond_budget = false;
  std::uint32_t nodes_least = 2;  // Otherwise it takes so many members.
  std::int64_t gap_times = 1;     // Its faults are so many times rarer than others.
  // What is still to be built before it can happen. It is declared, but never drawn.
  std::string_view awaits;
  // Its draws are keyed by its name; the oldest families have a number.
  std::optional<std::uint64_t> key;
};

class Family {
 public:
  explicit Family(const FamilyInfo& info) : info_(info) {}
  virtual ~Family() = default;
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;
  [[nodiscard]] const FamilyInfo& info() const { return info_; }
  [[nodiscard]] std::string_view name() const { return info_.name; }
  [[nodiscard]] bool available() const { return info_.awaits.empty(); }
  [[nodiscard]] std::uint64_t key() const;
  [[nodiscard]] virtual bool possible(const Settings& settings) const;
  // The mean time between two of its faults.
  [[nodiscard]] virtual Duration gap(const Settings& settings) const;
  // One to read into.
  [[nodiscard]] virtual std::unique_ptr<Fault> blank() const = 0;
  [[nodiscard]] virtual std::unique_ptr<Fault> draw(const FaultDraw& draw) const = 0;

 private:
  FamilyInfo info_;
};

// The family whose faults are `Kind`, which has draw(const FaultDraw&) as a static function.
template <class Kind>
class FamilyOf final : public Family {
 public:
  using Family::Family;
  [[nodiscard]] std::unique_ptr<Fault> blank() const override { return std::make_unique<Kind>(); }
  [[nodiscard]] std::unique_ptr<Fault> draw(const FaultDraw& draw) const override {
    return std::make_unique<Kind>(Kind::draw(draw));
  }
};

}  // namespace detcd::sim
