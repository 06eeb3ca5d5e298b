// Linearizability by search: is there an order of the calls that agrees with real time and that a
// sequential specification explains? The depth-first search of Wing & Gong with Lowe's memory of
// the configurations that were already tried. Exact: "illegal" and "legal" are proofs; a bound that
// was reached is "unknown". Deterministic; the only input besides its arguments is `go_on`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace detcd::sim {

// When a call began and ended, in any unit. Calls that share an instant overlap.
struct Interval {
  std::uint64_t began = 0;
  // None: nobody knows whether it took effect; it may do so at any later time, or never.
  std::optional<std::uint64_t> ended;
};

// A sequential object with a current state, over calls that are named by their place in a list.
class Specification {
 public:
  enum class Step : std::uint8_t {
    kRefused,    // In this state the call can't have been answered as it was.
    kUnchanged,  // It can; a call that was answered so changes no state, neither this nor another.
    kChanged,
  };
  virtual ~Specification() = default;
  // A call of unknown fate that would do nothing here is refused: it explains nothing.
  virtual Step apply(std::size_t call) = 0;
  // Takes back the latest apply that changed the state.
  virtual void undo() = 0;
  // Equal if and only if the states are, in the lifetime of the object.
  [[nodiscard]] virtual std::uint64_t state() = 0;
  // What it remembers of former states.
  [[nodiscard]] virtual std::uint64_t memory_bytes() const = 0;

  // For people. After an apply that was refused: why.
  [[nodiscard]] virtual std::string reason() const = 0;
  [[nodiscard]] virtual std::string describe_call(std::size_t call) const = 0;
  [[nodiscard]] virtual std::string describe_state() const = 0;
};

struct SearchProgress {
  std::uint64_t steps = 0;
  std::size_t ordered = 0;  // Ended calls that the longest order so far holds.
  std::size_t calls = 0;    // Ended calls.
};

struct SearchLimits {
  std::uint64_t steps_max = UINT64_MAX;
  std::uint64_t memory_bytes_max = std::uint64_t{2} << 30;
  // Asked every few thousand steps; false stops the search.
  std::function<bool(const SearchProgress&)> go_on;
};

enum class Finding : std::uint8_t { kLegal, kIllegal, kUnknown };

struct SearchResult {
  Finding finding = Finding::kLegal;
  // kLegal: an order that explains all. Otherwise the longest order found that explains every call
  // which ended before the first of `blocked` did.
  std::vector<std::size_t> order;
  // kIllegal: the call by whose end no order can be continued, then what was under way with it. A
  // history that is cut off before that end is linearizable.
  std::vector<std::size_t> blocked;
  std::uint64_t steps = 0;
  std::uint64_t remembered = 0;  // Configurations.
  std::string limit;             // kUnknown: which bound was reached.
};

// The specification starts, and is left, in its initial state.
[[nodiscard]] SearchResult search(const std::vector<Interval>& calls, Specification& specification,
                                  const SearchLimits& limits);

}  // namespace detcd::sim
