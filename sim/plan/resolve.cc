#include "sim/plan/resolve.h"

#include <algorithm>
#include <variant>

namespace detcd::sim {
namespace {

void resolve(std::int64_t& revision, apply::Revision seen) {
  if (revision < 0) revision = std::max<std::int64_t>(seen + 1 + revision, 1);
}

void resolve(apply::RangeRequest& range, apply::Revision seen) {
  resolve(range.revision, seen);
  resolve(range.min_mod_revision, seen);
  resolve(range.max_mod_revision, seen);
  resolve(range.min_create_revision, seen);
  resolve(range.max_create_revision, seen);
}

void resolve(apply::CompactionRequest& compact, apply::Revision seen) {
  resolve(compact.revision, seen);
}

void resolve(apply::TxnRequest& txn, apply::Revision seen) {
  for (apply::Compare& compare : txn.compare) resolve(compare.number, seen);
  for (std::vector<apply::RequestOp>* branch : {&txn.success, &txn.failure}) {
    for (apply::RequestOp& operation : *branch) {
      if (auto* range = std::get_if<apply::RangeRequest>(&operation.request)) resolve(*range, seen);
      if (auto* nested = std::get_if<apply::TxnRequest>(&operation.request)) resolve(*nested, seen);
    }
  }
}

void resolve(apply::PutRequest&, apply::Revision) {}
void resolve(apply::DeleteRangeRequest&, apply::Revision) {}
void resolve(apply::LeaseGrantRequest&, apply::Revision) {}
void resolve(apply::LeaseRevokeRequest&, apply::Revision) {}
void resolve(KeepAlive&, apply::Revision) {}
void resolve(auth::Change&, apply::Revision) {}

}  // namespace

watch::Create resolve(watch::Create request, apply::Revision seen) {
  resolve(request.start_revision, seen);
  return request;
}

Operation resolve(const Operation& operation, apply::Revision seen) {
  Operation asked = operation;
  std::visit([&](auto& known) { resolve(known, seen); }, asked);
  return asked;
}

}  // namespace detcd::sim
