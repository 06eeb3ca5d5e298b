#include <array>

#include "sim/oracles/keyspace.h"
#include "sim/oracles/leases.h"
#include "sim/oracles/oracle.h"
#include "sim/oracles/paths.h"
#include "sim/oracles/replication.h"
#include "sim/oracles/watch.h"

namespace detcd::sim {
namespace {

template <class Judge>
std::unique_ptr<Oracle> make(const OracleWorld& world) {
  return std::make_unique<Judge>(world);
}

// A new judge is one more line here.
constexpr std::array kOracles{
    &make<ReplicationOracle>, &make<KeyspaceOracle>, &make<LeaseOracle>,
    &make<PathsOracle>,       &make<WatchOracle>,
};

}  // namespace

std::vector<std::unique_ptr<Oracle>> make_oracles(const OracleWorld& world) {
  std::vector<std::unique_ptr<Oracle>> oracles;
  for (const auto& make_one : kOracles) oracles.push_back(make_one(world));
  return oracles;
}

}  // namespace detcd::sim
