#include "sim/oracles/keyspace.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>

namespace detcd::sim {
namespace {

constexpr mvcc::Budget kBudget{1'000'000};
constexpr apply::Revision kLooks = 8;

// The oldest that can be read, the newest, and some between; and one that is compacted.
std::vector<apply::Revision> revisions_of(const Model& model) {
  const apply::Revision oldest = std::max<apply::Revision>(model.compact_revision(), 1);
  const apply::Revision step = std::max<apply::Revision>((model.revision() - oldest) / kLooks, 1);
  std::vector<apply::Revision> revisions{0};
  if (oldest > 1) revisions.push_back(oldest - 1);
  for (apply::Revision at = oldest; at <= model.revision(); at += step) revisions.push_back(at);
  return revisions;
}

apply::Answer read(const apply::Applier& applier, const apply::RangeRequest& range) {
  const auth::Caller itself{.own = true};
  const std::unique_ptr<apply::RangeWork> work = applier.range(range, itself);
  while (!std::holds_alternative<mvcc::Done>(work->advance(kBudget))) {
  }
  return work->take();
}

std::string hash(const apply::Applier& applier, apply::Revision revision) {
  const std::unique_ptr<apply::HashWork> work = applier.hash_kv(revision);
  while (!std::holds_alternative<mvcc::Done>(work->advance(kBudget))) {
  }
  const auto taken = work->take();
  if (const auto* error = std::get_if<apply::ApiError>(&taken)) {
    return std::string(apply::text(*error));
  }
  const auto& answer = std::get<apply::HashKvAnswer>(taken);
  return std::to_string(answer.hash) + " of revision " + std::to_string(answer.hash_revision) +
         " compacted to " + std::to_string(answer.compact_revision);
}

std::string words(const apply::Answer& answer) {
  if (const auto* error = std::get_if<apply::ApiError>(&answer)) {
    return "\"" + std::string(apply::text(*error)) + "\"";
  }
  return describe(std::get<apply::Response>(answer));
}

}  // namespace

std::optional<Violation> judge_keyspace(const Model& model, const std::vector<Replica>& replicas) {
  for (const apply::Revision revision : revisions_of(model)) {
    apply::RangeRequest everything;
    everything.key = std::string(1, '\0');
    everything.range_end = everything.key;
    everything.revision = revision;
    const apply::Answer expected = model.read(everything);
    std::optional<std::string> known;
    for (const Replica& replica : replicas) {
      const std::string where =
          "n" + std::to_string(replica.node) + " at revision " + std::to_string(revision);
      const apply::Answer held = read(*replica.applier, everything);
      if (held != expected) {
        return Violation{"keyspace", "a member's store differs from the model's: " + where +
                                         " holds " + words(held) + ", expected " + words(expected)};
      }
      const std::string here = hash(*replica.applier, revision);
      if (!known) known = here;
      if (*known != here) {
        return Violation{"hash", "two members hash the same revision differently: " + where + ": " +
                                     here + " instead of " + *known};
      }
    }
  }
  return std::nullopt;
}

}  // namespace detcd::sim
