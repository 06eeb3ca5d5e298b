// Streams on which clients are told whether this member serves, now and at every change
// (grpc.health.v1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>

#include "server/proposals.h"
#include "server/service.h"

namespace detcd::server {

class ServingStreams {
 public:
  void open(const ReturnAddress& origin);
  // False when the call was no such stream.
  bool close(const Forget& forget);
  // By the order in which they were opened.
  [[nodiscard]] const std::map<std::uint64_t, ReturnAddress>& all() const { return streams_; }

 private:
  // What its client's connection names it; the address keeps that name in use.
  using Name = std::pair<const void*, std::uint64_t>;
  struct NameHash {
    std::size_t operator()(const Name& name) const noexcept {
      return std::hash<const void*>{}(name.first) ^ (name.second * 0x9e3779b97f4a7c15ULL);
    }
  };

  std::map<std::uint64_t, ReturnAddress> streams_;
  std::unordered_map<Name, std::uint64_t, NameHash> numbers_;  // Looked up only.
  std::uint64_t last_number_ = 0;
};

}  // namespace detcd::server
