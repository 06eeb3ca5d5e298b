// A reader's hold on the past: while a pin on a revision exists, the sweep frees nothing that a
// compaction up to there wouldn't hide. Pins are bounded in number by whoever makes them. A pin may
// outlive its set; it then says so, and its reader ends.
#pragma once

#include <cstddef>
#include <optional>

#include "mvcc/types.h"

namespace detcd::mvcc {

class PinSet;

class Pin {
 public:
  Pin(PinSet& set, Revision floor);
  ~Pin();
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  // The store is gone.
  [[nodiscard]] bool orphaned() const { return set_ == nullptr; }

 private:
  friend class PinSet;
  PinSet* set_;
  Revision floor_;
  Pin* previous_ = nullptr;
  Pin* next_ = nullptr;
};

class PinSet {
 public:
  PinSet() = default;
  ~PinSet();
  PinSet(const PinSet&) = delete;
  PinSet& operator=(const PinSet&) = delete;
  [[nodiscard]] std::optional<Revision> lowest() const;
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  friend class Pin;
  Pin* first_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace detcd::mvcc
