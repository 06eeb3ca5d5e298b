// Whether the cluster is being made ready for an older version: replicated, a function of the log
// (ETCD.md §2.14). Members of this version speak one protocol, so that it changes nothing but what
// they tell: the storage version, and that there is such a job.
#pragma once

#include <string>
#include <string_view>

#include "apply/command.h"
#include "base/codec.h"
#include "base/result.h"

namespace detcd::apply {

class Downgrade {
 public:
  // What the request would be answered now: etcd's checks in etcd's order.
  [[nodiscard]] Answer validate(const DowngradeRequest& request,
                                const std::string& cluster_version) const;
  // The same, and does it.
  Answer apply(const DowngradeRequest& request, const std::string& cluster_version);

  [[nodiscard]] bool empty() const { return target_.empty(); }         // No job.
  [[nodiscard]] const std::string& target() const { return target_; }  // "3.6.0"

  void encode(Writer& out) const { out.bytes(target_); }
  [[nodiscard]] static Result<Downgrade> decode(Reader& in);

 private:
  std::string target_;
};

}  // namespace detcd::apply
