#include "mvcc/pin.h"

#include <algorithm>

namespace detcd::mvcc {

Pin::Pin(PinSet& set, Revision floor) : set_(&set), floor_(floor), next_(set.first_) {
  if (next_ != nullptr) next_->previous_ = this;
  set.first_ = this;
  ++set.size_;
}

Pin::~Pin() {
  if (set_ == nullptr) return;
  if (next_ != nullptr) next_->previous_ = previous_;
  (previous_ != nullptr ? previous_->next_ : set_->first_) = next_;
  --set_->size_;
}

PinSet::~PinSet() {
  for (Pin* pin = first_; pin != nullptr; pin = pin->next_) pin->set_ = nullptr;
}

std::optional<Revision> PinSet::lowest() const {
  std::optional<Revision> lowest;
  for (const Pin* pin = first_; pin != nullptr; pin = pin->next_) {
    lowest = lowest ? std::min(*lowest, pin->floor_) : pin->floor_;
  }
  return lowest;
}

}  // namespace detcd::mvcc
