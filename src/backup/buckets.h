// The small buckets of etcd's backend, as an applied state has them (ETCD.md §10.5): keys and
// values byte for byte as etcd writes them, so that a server restored from a file knows the same
// members, alarms, leases, users and roles.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apply/applier.h"
#include "lease/lessor.h"

namespace detcd::backup {

// The versions of etcd whose files can be written, oldest first: a server loads its own and, but
// for 3.4, older ones.
enum class Schema : std::uint8_t { k34, k35, k36, k37 };
// "3.5"; also with a patch number.
[[nodiscard]] std::optional<Schema> parse_schema(std::string_view text);
[[nodiscard]] std::string_view name_of(Schema schema);  // "3.5.0"

// What the applied state doesn't say by itself.
struct Origin {
  Schema schema = Schema::k37;
  std::vector<std::uint64_t> voters;
  std::vector<std::uint64_t> learners;
};

using Item = std::pair<std::string, std::string>;
struct Bucket {
  std::string name;
  std::vector<Item> items;  // By ascending key.
};

// By ascending name. Those that may be large, of keys and of leases, come without their items.
[[nodiscard]] std::vector<Bucket> buckets_of(const apply::Applier& applier, const Origin& origin);

inline constexpr std::string_view kKeyBucket = "key";
inline constexpr std::string_view kLeaseBucket = "lease";
// In the order of their items.
[[nodiscard]] std::vector<lease::Lease> leases_of(const apply::Applier& applier);
// With the logical time it also says what is left. A lease that has ended and is still there gets a
// last second: etcd reads 0 as "all of it".
[[nodiscard]] Item lease_item(const lease::Lease& lease, std::optional<std::uint64_t> now_ms);

}  // namespace detcd::backup
