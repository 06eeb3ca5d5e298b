// The world failed: a value or an Error, never an exception. Every call that can fail returns one
// and every caller looks at it. Errc is small; api/errors maps it to gRPC codes in one table.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace detcd {

enum class Errc : std::uint8_t {
  kClosed,   // This end, or the mailbox, was closed.
  kReset,    // The other end tore the connection down.
  kRefused,  // Nobody listens there.
  kTimedOut,
  kNotFound,
  kExists,
  kBusy,  // Somebody else holds the lock or the port.
  kPermission,
  kNoSpace,
  kIo,            // The device failed a read, a write or a sync.
  kWouldBlock,    // The bytes aren't in memory.
  kDamaged,       // A checksum, a chain or a format doesn't hold.
  kIncompatible,  // A version, a cluster id or a member id is not ours.
  kInvalid,       // The input is wrong.
  kTooLarge,
  kUnavailable,  // Try again later or elsewhere.
  kInternal,
};

[[nodiscard]] std::string_view name_of(Errc code);

struct Error {
  Errc code = Errc::kInternal;
  std::string message;  // A sentence for a person, with names, offsets and numbers.
  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}                       // NOLINT: a value is a result
  Result(Error error) : state_(std::unexpected(std::move(error))) {}  // NOLINT: so is an error
  [[nodiscard]] bool ok() const { return state_.has_value(); }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] T& operator*() & { return value(); }
  [[nodiscard]] const T& operator*() const& { return value(); }
  [[nodiscard]] T&& operator*() && { return std::move(value()); }
  [[nodiscard]] T* operator->() { return &value(); }
  [[nodiscard]] const T* operator->() const { return &value(); }
  [[nodiscard]] const Error& error() const {
    check(!ok(), "an error is read only from a failed result");
    return state_.error();
  }

 private:
  [[nodiscard]] T& value() {
    check(ok(), "a value is read only from a result that holds one");
    return *state_;
  }
  [[nodiscard]] const T& value() const {
    check(ok(), "a value is read only from a result that holds one");
    return *state_;
  }
  std::expected<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error)
      : state_(std::unexpected(std::move(error))) {}  // NOLINT: an error is a result
  [[nodiscard]] bool ok() const { return state_.has_value(); }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] const Error& error() const {
    check(!ok(), "an error is read only from a failed result");
    return state_.error();
  }

 private:
  std::expected<void, Error> state_;
};

}  // namespace detcd
