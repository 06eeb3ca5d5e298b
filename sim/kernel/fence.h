// The end of one life of a node. While it is open the node may call its world; while the node is
// torn down only what destructors do is let through, and goes nowhere; afterwards any call is a
// bug, reported by name. Shared by the node's scheduler, clock, random source, network and disk.
#pragma once

#include <cstdint>
#include <source_location>
#include <string_view>

namespace detcd::sim {

class Fence {
 public:
  enum class State : std::uint8_t { kOpen, kTearingDown, kClosed };

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool open() const { return state_ == State::kOpen; }
  // No event of the node runs from here on; its owner now destroys its tasks.
  void begin_teardown();
  // All that the node owned is gone.
  void close() { state_ = State::kClosed; }

  // For calls that only a living node makes.
  void require_open(std::string_view call,
                    const std::source_location& where = std::source_location::current()) const {
    if (state_ != State::kOpen) [[unlikely]]
      report(call, where);
  }
  // For calls that destructors make as well (a lock given back wakes who waits for it). False when
  // the call must have no effect.
  [[nodiscard]] bool admits(std::string_view call, const std::source_location& where =
                                                       std::source_location::current()) const {
    if (state_ == State::kClosed) [[unlikely]]
      report(call, where);
    return state_ == State::kOpen;
  }

 private:
  [[noreturn]] void report(std::string_view call, const std::source_location& where) const;
  State state_ = State::kOpen;
};

}  // namespace detcd::sim
