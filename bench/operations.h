// What a load asks, one kind of request each: the n-th request of a kind and its one right answer
// follow from n alone, so that any answer can be checked without remembering anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace detcd::bench {

[[nodiscard]] std::string key_name(const std::string& prefix, std::uint64_t number);
[[nodiscard]] std::string value_of(std::uint64_t number, std::size_t bytes);

enum class Kind : std::uint8_t {
  kPut,        // Of a key of its own.
  kPutAgain,   // Of keys [0, keys) round about, again and again.
  kPutLeased,  // Of a key of its own, attached to the lease of the same number.
  kRange,      // Of one of the keys [0, keys), which exist.
  kRangeAll,   // Of all the keys [0, keys) at once, which exist, and nothing else does.
  kMixed,      // Three ranges, then a put.
  kTxn,        // Puts a key of its own if it isn't there, else reads it.
  kGrant,      // Of a lease with an id of its own.
  kKeepAlive,  // Of one of the leases [0, keys), which exist; many on one stream.
};

struct OperationOptions {
  std::string prefix;  // Of all keys.
  std::size_t value_bytes = 256;
  std::uint64_t keys = 0;
  std::int64_t ttl_seconds = 3600;
};

class Operation {
 public:
  struct Asked {
    const char* path = nullptr;
    std::string message;
    std::uint64_t key = 0;  // Or lease.
    bool writes = false;    // The key, with the value that is its own.
  };

  virtual ~Operation() = default;
  [[nodiscard]] virtual Asked ask(std::uint64_t number) const = 0;
  // Whether that is the answer to what was asked of the key.
  [[nodiscard]] virtual bool right(const Asked& asked, std::string_view answer) const = 0;
  // A call goes on with the next request when it got an answer.
  [[nodiscard]] virtual bool streams() const { return false; }
};

[[nodiscard]] std::unique_ptr<const Operation> make_operation(Kind kind, OperationOptions options);
// The id of the lease that a load calls by this number.
[[nodiscard]] std::int64_t lease_id(std::uint64_t number);

}  // namespace detcd::bench
