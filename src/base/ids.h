// Integers that can't be swapped by mistake. An Id is a name: equal or not, hashable, nothing else.
// An Ordinal is a place in a sequence: ordered, and place - place = count. Neither converts
// implicitly from or to an integer.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

#include "base/check.h"

namespace detcd {

template <class Tag>
class Id {
 public:
  constexpr Id() = default;
  constexpr explicit Id(std::uint64_t value) : value_(value) {}
  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  // Zero is never given to anything: it means "none" where the wire has no optional.
  [[nodiscard]] constexpr bool is_none() const { return value_ == 0; }
  friend constexpr bool operator==(Id, Id) = default;

 private:
  std::uint64_t value_ = 0;
};

// Orders ids in ordered containers, where some order is needed for determinism and none has
// meaning.
struct IdOrder {
  template <class Tag>
  constexpr bool operator()(Id<Tag> a, Id<Tag> b) const {
    return a.value() < b.value();
  }
};

template <class Tag>
class Ordinal {
 public:
  constexpr Ordinal() = default;
  constexpr explicit Ordinal(std::uint64_t value) : value_(value) {}
  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  [[nodiscard]] constexpr Ordinal next() const { return Ordinal(value_ + 1); }
  [[nodiscard]] constexpr Ordinal previous() const {
    check(value_ > 0, "the place before the first one isn't asked for");
    return Ordinal(value_ - 1);
  }
  friend constexpr auto operator<=>(Ordinal, Ordinal) = default;
  friend constexpr Ordinal operator+(Ordinal place, std::uint64_t count) {
    return Ordinal(place.value_ + count);
  }
  friend constexpr Ordinal operator-(Ordinal place, std::uint64_t count) {
    check(place.value_ >= count, "a place isn't moved before the beginning");
    return Ordinal(place.value_ - count);
  }
  friend constexpr std::uint64_t operator-(Ordinal later, Ordinal earlier) {
    check(later.value_ >= earlier.value_, "a count between places isn't negative");
    return later.value_ - earlier.value_;
  }
  constexpr Ordinal& operator++() {
    ++value_;
    return *this;
  }

 private:
  std::uint64_t value_ = 0;
};

}  // namespace detcd

template <class Tag>
struct std::hash<detcd::Id<Tag>> {
  std::size_t operator()(detcd::Id<Tag> id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value());
  }
};
