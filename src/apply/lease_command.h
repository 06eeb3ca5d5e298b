// Requests and answers of the Lease service, and the commands about leases that are replicated, as
// plain values. Field meanings are etcd's (ETCD.md §1.2, §2.8).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mvcc/types.h"

namespace detcd::apply {

using mvcc::Revision;

// As proposed: the id drawn, and the time to live that the proposer's flags make of what was asked
// (ETCD.md §2.8).
struct LeaseGrantRequest {
  std::int64_t id = 0;
  std::int64_t ttl = 0;  // Seconds.
  friend bool operator==(const LeaseGrantRequest&, const LeaseGrantRequest&) = default;
};
struct LeaseGrantResponse {
  Revision header_revision = 0;
  std::int64_t id = 0;
  std::int64_t ttl = 0;
  friend bool operator==(const LeaseGrantResponse&, const LeaseGrantResponse&) = default;
};
struct LeaseRevokeRequest {
  std::int64_t id = 0;
  friend bool operator==(const LeaseRevokeRequest&, const LeaseRevokeRequest&) = default;
};
struct LeaseRevokeResponse {
  Revision header_revision = 0;
  friend bool operator==(const LeaseRevokeResponse&, const LeaseRevokeResponse&) = default;
};
// Keep-alives that came together, of one member.
struct LeaseRenewRequest {
  std::vector<std::int64_t> ids;
  friend bool operator==(const LeaseRenewRequest&, const LeaseRenewRequest&) = default;
};
// For each of them the time to live it has again; 0: there is no such lease.
struct LeaseRenewResponse {
  std::vector<std::int64_t> ttls;
  friend bool operator==(const LeaseRenewResponse&, const LeaseRenewResponse&) = default;
};
// A leader lets time pass: what has ended by the entry's time is revoked, each lease in a revision
// of its own, a bounded number of them. In another term than the proposer's it does nothing. The
// first of a term extends all leases first, by what the leader's flags say.
struct LeaseTick {
  std::uint64_t term = 0;
  std::uint64_t election_timeout_ms = 0;
  std::uint64_t minimum_ms = 0;
  friend bool operator==(const LeaseTick&, const LeaseTick&) = default;
};
struct LeaseTickResponse {
  std::uint64_t ended = 0;  // So many leases.
  friend bool operator==(const LeaseTickResponse&, const LeaseTickResponse&) = default;
};

// ---- Reads --------------------------------------------------------------------------------------

struct LeaseTimeToLiveRequest {
  std::int64_t id = 0;
  bool keys = false;
  friend bool operator==(const LeaseTimeToLiveRequest&, const LeaseTimeToLiveRequest&) = default;
};
struct LeaseTimeToLiveResponse {
  std::int64_t id = 0;
  std::int64_t ttl = 0;  // Whole seconds that are left; -1: there is no such lease.
  std::int64_t granted_ttl = 0;
  std::vector<std::string> keys;
  friend bool operator==(const LeaseTimeToLiveResponse&, const LeaseTimeToLiveResponse&) = default;
};
struct LeaseLeasesRequest {
  friend bool operator==(const LeaseLeasesRequest&, const LeaseLeasesRequest&) = default;
};
struct LeaseLeasesResponse {
  std::vector<std::int64_t> ids;  // Those that end first come first.
  friend bool operator==(const LeaseLeasesResponse&, const LeaseLeasesResponse&) = default;
};

}  // namespace detcd::apply
