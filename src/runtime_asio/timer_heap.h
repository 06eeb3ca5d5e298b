// The timers of a scheduler, by deadline and then in the order in which they were armed: a binary
// heap that knows where each operation lies (Operation::place), so that withdrawing costs O(log n)
// as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/units.h"
#include "runtime/scheduler.h"

namespace detcd::runtime_asio {

class TimerHeap {
 public:
  void add(runtime::Operation& operation, TimePoint deadline);
  // `operation` must be in the heap.
  void remove(runtime::Operation& operation) noexcept;
  [[nodiscard]] bool empty() const { return timers_.empty(); }
  // Of the timer that comes first; the heap must not be empty.
  [[nodiscard]] TimePoint earliest() const { return timers_.front().deadline; }
  // Takes out the timer that comes first; the heap must not be empty.
  runtime::Operation& pop();

 private:
  struct Timer {
    TimePoint deadline;
    std::uint64_t ordinal;
    runtime::Operation* operation;
    [[nodiscard]] bool before(const Timer& other) const {
      return deadline != other.deadline ? deadline < other.deadline : ordinal < other.ordinal;
    }
  };
  void put(std::size_t at, Timer timer);
  void rise(std::size_t at);
  void sink(std::size_t at);

  std::vector<Timer> timers_;
  std::uint64_t next_ordinal_ = 0;
};

}  // namespace detcd::runtime_asio
