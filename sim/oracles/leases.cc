#include "sim/oracles/leases.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>

#include "sim/oracles/linearizability.h"
#include "sim/oracles/model.h"

namespace detcd::sim {
namespace {

// A hundredth is more than any boot clock drifts.
constexpr std::int64_t kDriftShare = 100;
constexpr Duration kRounding = 5ms;

constexpr std::string_view kTickProbe = "leases: a tick";
constexpr std::string_view kSharedProbe = "leases: keep-alives shared an entry";
constexpr std::array kProbes{kTickProbe, kSharedProbe};

// Walks through what the log says about leases. Keys play no part in when leases end.
class Walk {
 public:
  explicit Walk(const History& history) : history_(history) {}

  std::optional<Violation> run() {
    for (const auto& [index, record] : history_.leases) {
      const auto applied = history_.log.find(index);
      if (applied == history_.log.end() || !applied->second.request) continue;
      if (!seen_.insert(*applied->second.request).second) continue;
      if (is_refused(record, index)) continue;
      const std::map<std::int64_t, Model::Lease> before = model_.leases();
      std::visit(
          [&](const auto& command) {
            model_.apply(command, Model::Stamp{record.term, record.time_ms});
          },
          record.command);
      note(record, *applied->second.request);
      if (!std::holds_alternative<apply::LeaseTick>(record.command)) continue;
      for (const auto& [id, lease] : before) {
        if (model_.leases().contains(id)) continue;
        if (std::optional<Violation> early = judge(index, id, lease)) return early;
      }
    }
    return std::nullopt;
  }

 private:
  // Alarms stop nothing that keeps leases or lets them end.
  [[nodiscard]] bool is_refused(const LeaseRecord& record, std::uint64_t index) const {
    return std::visit(
        [&](const auto& command) {
          if constexpr (requires { Operation(command); }) {
            return refused_at(history_, Operation(command), index).has_value();
          } else {
            return false;
          }
        },
        record.command);
  }

  // From when on a client may count on a lease: not before it asked.
  void note(const LeaseRecord& record, const apply::RequestId& request) {
    const auto count_from = [&](std::int64_t id, std::uint64_t call_id) {
      const auto call = history_.calls.find(call_id);
      if (call == history_.calls.end() || !model_.leases().contains(id)) return;
      since_[id] = std::max(since_[id], call->second.called);
    };
    if (const auto* grant = std::get_if<apply::LeaseGrantRequest>(&record.command)) {
      const auto call = history_.proposed.find(request);
      if (call == history_.proposed.end() || !model_.leases().contains(grant->id)) return;
      // One that existed already goes on as it was.
      if (model_.leases().at(grant->id).end_ms ==
          record.time_ms + static_cast<std::uint64_t>(grant->ttl) * 1000) {
        count_from(grant->id, call->second);
      }
    }
    const auto renewed = history_.renewed.find(request);
    if (renewed == history_.renewed.end()) return;
    for (const std::uint64_t call : renewed->second) {
      const auto record_of_call = history_.calls.find(call);
      if (record_of_call == history_.calls.end()) continue;
      const auto* keep = std::get_if<KeepAlive>(&record_of_call->second.operation);
      if (keep != nullptr) count_from(keep->lease, call);
    }
  }

  std::optional<Violation> judge(std::uint64_t index, std::int64_t id,
                                 const Model::Lease& lease) const {
    const LeaseRecord& record = history_.leases.at(index);
    const auto since = since_.find(id);
    if (since == since_.end()) return std::nullopt;
    const auto& tick = std::get<apply::LeaseTick>(record.command);
    const Duration granted = lease.ttl * Duration(1s);
    const Duration jumped =
        static_cast<std::int64_t>(history_.clock_jumps * tick.election_timeout_ms) * Duration(1ms);
    const Duration had = record.applied - since->second;
    if (had + granted / kDriftShare + kRounding + jumped >= granted) return std::nullopt;
    return Violation{"leases", "a lease ended before its time: lease " + std::to_string(id) +
                                   " of " + std::to_string(lease.ttl) + " s ended at index " +
                                   std::to_string(index) + ", " +
                                   std::to_string(had / Duration(1ms)) +
                                   " ms after its client asked for it"};
  }

  const History& history_;
  Model model_;
  std::set<apply::RequestId> seen_;
  std::map<std::int64_t, VirtualTime> since_;
};

}  // namespace

std::span<const std::string_view> lease_probes() {
  return kProbes;
}

std::optional<Violation> judge_lease_times(const History& history) {
  return Walk(history).run();
}

void LeaseOracle::on_command(std::uint32_t, const apply::Position&, const apply::Command& command) {
  const auto* renew = std::get_if<apply::LeaseRenewRequest>(&command.request);
  if (renew != nullptr && renew->ids.size() > 1) probes_.hit(kSharedProbe);
  if (std::holds_alternative<apply::LeaseTick>(command.request)) probes_.hit(kTickProbe);
}

void LeaseOracle::on_settled(const Settled& settled) {
  const std::optional<Violation> early = judge_lease_times(settled.history);
  if (early) fail_(early->oracle, early->message);
}

}  // namespace detcd::sim
