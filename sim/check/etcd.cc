#include "sim/check/etcd.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "apply/api_error.h"
#include "apply/validate.h"
#include "base/check.h"

namespace detcd::sim {
namespace {

using Outcome = EtcdCall::Outcome;
using Step = Specification::Step;
using apply::Answer;

constexpr std::size_t kShownMax = 300;
constexpr std::size_t kEvidenceMax = 1'000'000;

std::optional<bool> made_revision(const apply::TxnRequest& txn, const Told& told);

std::optional<bool> made_revision(const apply::RequestOp& operation, const Told* told) {
  if (std::holds_alternative<apply::PutRequest>(operation.request)) return true;
  if (std::holds_alternative<apply::DeleteRangeRequest>(operation.request)) {
    if (told == nullptr || !told->deleted) return std::nullopt;
    return *told->deleted > 0;
  }
  if (const auto* nested = std::get_if<apply::TxnRequest>(&operation.request)) {
    if (apply::is_read_only(*nested)) return false;
    if (told == nullptr) return std::nullopt;
    return made_revision(*nested, *told);
  }
  return false;
}

std::optional<bool> made_revision(const apply::TxnRequest& txn, const Told& told) {
  if (!told.succeeded) return std::nullopt;
  const std::vector<apply::RequestOp>& branch = *told.succeeded ? txn.success : txn.failure;
  bool is_certain = true;
  for (std::size_t i = 0; i < branch.size(); ++i) {
    const bool known = told.responses && i < told.responses->size();
    const std::optional<bool> wrote =
        made_revision(branch[i], known ? &(*told.responses)[i] : nullptr);
    if (wrote && *wrote) return true;
    is_certain = is_certain && wrote;
  }
  return is_certain ? std::optional(false) : std::nullopt;
}

Answer apply_to(const Operation& operation, Model& model) {
  return std::visit(
      [&](const auto& request) -> Answer {
        if constexpr (requires { model.apply(request); }) {
          return model.apply(request);
        } else if constexpr (requires { model.read(request); }) {
          return model.read(request);
        } else {
          return apply::ApiError::kCanceled;
        }
      },
      operation);
}

// A pair that an answer tells of was so from the revision that wrote it until the one it was seen
// at: no revision in between wrote that key.
struct Seen {
  ToldKeyValue kv;
  apply::Revision until = 0;
};
using Evidence = std::map<std::pair<std::string, apply::Revision>, Seen>;

void gather(const ToldKeyValue& kv, apply::Revision until, Evidence& evidence) {
  if (!kv.key || !kv.mod_revision) return;
  Seen& seen = evidence[{*kv.key, *kv.mod_revision}];
  // With keys only the value is left out.
  const bool fuller = !seen.kv.key || (kv.value && !kv.value->empty());
  if (fuller) seen.kv = kv;
  seen.until = std::max({seen.until, until, *kv.mod_revision});
}

void gather(const Told& told, apply::Revision until, Evidence& evidence) {
  if (told.kvs) {
    for (const ToldKeyValue& kv : *told.kvs) gather(kv, until, evidence);
  }
  if (told.prev_kv && *told.prev_kv) gather(**told.prev_kv, until, evidence);
  if (!told.responses) return;
  // Whether they were seen before or after the transaction's own writes is of no use here.
  for (const Told& inner : *told.responses) gather(inner, 0, evidence);
}

void gather(const EtcdCall& call, Evidence& evidence) {
  apply::Revision until = 0;
  if (const auto* range = std::get_if<apply::RangeRequest>(&call.operation)) {
    until = range->revision > 0 ? range->revision : call.told.revision.value_or(0);
  } else if (call.told.revision) {
    until = *call.told.revision - 1;
  }
  gather(call.told, until, evidence);
}

// Whether the store holds `kv` now.
bool bears_out(const Model& model, const ToldKeyValue& kv) {
  apply::RangeRequest range;
  range.key = *kv.key;
  const Answer answer = model.read(range);
  const auto* response = std::get_if<apply::Response>(&answer);
  if (response == nullptr) return false;
  const std::vector<apply::KeyValue>& kvs = std::get<apply::RangeResponse>(*response).kvs;
  if (kvs.size() != 1 || kvs.front().mod_revision != *kv.mod_revision) return false;
  // A value that is told empty may have been left out of an answer with keys only.
  const bool other_value = kv.value && !kv.value->empty() && kvs.front().value.view() != *kv.value;
  const bool other_version = kv.version && kvs.front().version != *kv.version;
  return !other_value && !other_version;
}

// The model, with a way back.
class Etcd final : public Specification {
 public:
  explicit Etcd(const std::vector<EtcdCall>& calls) : calls_(calls) {
    Evidence evidence;
    apply::Revision latest = 1;
    for (const EtcdCall& call : calls) {
      if (call.outcome != Outcome::kAnswered) continue;
      gather(call, evidence);
      if (!call.told.revision) continue;
      latest = std::max(latest, *call.told.revision);
      const std::optional<bool> wrote = made_revision(call);
      if (wrote && *wrote) claimed_.insert(*call.told.revision);
    }
    look_into_gaps(evidence, latest);
  }
  Step apply(std::size_t at) override;
  void undo() override {
    const Former former = former_.back();
    former_.pop_back();
    model_.rewind(former.revision, former.compacted);
    path_ = former.path;
  }
  [[nodiscard]] std::uint64_t state() override {
    const auto next = static_cast<std::uint64_t>(states_.size());
    return states_.emplace(std::pair(path_, model_.compact_revision()), next).first->second;
  }
  [[nodiscard]] std::uint64_t memory_bytes() const override {
    return (states_.size() + paths_.size()) * kNodeBytes;
  }
  [[nodiscard]] std::string reason() const override { return reason_; }
  [[nodiscard]] std::string describe_call(std::size_t call) const override {
    return describe(calls_[call]);
  }
  [[nodiscard]] std::string describe_state() const override {
    return "is at revision " + std::to_string(model_.revision());
  }

 private:
  static constexpr std::uint64_t kNodeBytes = 80;
  struct Former {
    apply::Revision revision = 0;
    apply::Revision compacted = 0;
    std::uint64_t path = 0;
  };
  [[nodiscard]] std::optional<std::string> too_early_or_late(const EtcdCall& call) const;
  void look_into_gaps(const Evidence& evidence, apply::Revision latest);
  [[nodiscard]] std::optional<std::string> no_candidate(bool wrote, bool changed) const;
  Step refuse(std::string reason) {
    reason_ = std::move(reason);
    return Step::kRefused;
  }

  const std::vector<EtcdCall>& calls_;
  // Of revisions that no answered write claims: what the store holds then.
  std::map<apply::Revision, std::vector<ToldKeyValue>> gaps_;
  std::set<apply::Revision> claimed_;  // By writes that were answered.
  Model model_;
  // The writes that led here, in order: two states with the same writes are the same.
  std::uint64_t path_ = 0;
  std::map<std::pair<std::uint64_t, std::size_t>, std::uint64_t> paths_;
  std::map<std::pair<std::uint64_t, apply::Revision>, std::uint64_t> states_;
  std::vector<Former> former_;
  std::string reason_;
};

// Most calls can be refused by their revision alone.
std::optional<std::string> Etcd::too_early_or_late(const EtcdCall& call) const {
  const apply::Revision now = model_.revision();
  if (call.outcome == Outcome::kUnknown) {
    const bool compacts = std::holds_alternative<apply::CompactionRequest>(call.operation);
    if (compacts || !claimed_.contains(now + 1)) return std::nullopt;
    return "revision " + std::to_string(now + 1) + " was given to another write";
  }
  if (call.outcome != Outcome::kAnswered || !call.told.revision) return std::nullopt;
  const apply::Revision told = *call.told.revision;
  const bool past_is_fine = is_serializable(call.operation);
  if (told > now + 1 || (told < now && !past_is_fine) || (told > now && past_is_fine)) {
    return "it was answered at revision " + std::to_string(told) + ", the store is at " +
           std::to_string(now);
  }
  return std::nullopt;
}

void Etcd::look_into_gaps(const Evidence& evidence, apply::Revision latest) {
  // A gap per call of unknown fate is all that can be explained.
  apply::Revision revision = 2;
  while (revision <= latest && gaps_.size() < calls_.size()) {
    if (!claimed_.contains(revision)) gaps_[revision];
    ++revision;
  }
  // It only shortens the search: what is left out costs time, not truth.
  std::size_t room = kEvidenceMax;
  for (const auto& [name, seen] : evidence) {
    const auto first = gaps_.lower_bound(name.second);
    const auto last = gaps_.upper_bound(seen.until);
    for (auto gap = first; gap != last && room > 0; ++gap, --room) gap->second.push_back(seen.kv);
  }
}

// Why a call of unknown fate can't have had the effect that it has just had: what was seen of the
// revision it made, and later, tells which write it was, mostly long before the search would find
// out.
std::optional<std::string> Etcd::no_candidate(bool wrote, bool changed) const {
  if (!changed) return "it would do nothing";
  const auto gap = wrote ? gaps_.find(model_.revision()) : gaps_.end();
  if (gap == gaps_.end()) return std::nullopt;
  for (const ToldKeyValue& kv : gap->second) {
    if (bears_out(model_, kv)) continue;
    return "at revision " + std::to_string(model_.revision()) + " something else was seen";
  }
  return std::nullopt;
}

Step Etcd::apply(std::size_t at) {
  const EtcdCall& call = calls_[at];
  if (std::optional<std::string> no = too_early_or_late(call)) return refuse(std::move(*no));
  const Former former{model_.revision(), model_.compact_revision(), path_};
  const Answer expected = answer_of(call, model_);
  const bool wrote = model_.revision() != former.revision;
  const bool changed = wrote || model_.compact_revision() != former.compacted;
  std::optional<std::string> wrong = contradiction(call, expected);
  if (call.outcome == Outcome::kUnknown) wrong = no_candidate(wrote, changed);
  if (wrong) {
    if (changed) model_.rewind(former.revision, former.compacted);
    return refuse(std::move(*wrong));
  }
  const bool changes_nothing =
      !changed && (is_read(call.operation) || call.outcome == Outcome::kRefused ||
                   made_revision(call) == std::optional(false));
  if (changes_nothing) return Step::kUnchanged;
  if (wrote) {
    const auto next = static_cast<std::uint64_t>(paths_.size() + 1);
    path_ = paths_.emplace(std::pair(path_, at), next).first->second;
  }
  former_.push_back(former);
  return Step::kChanged;
}

}  // namespace

bool is_read(const Operation& operation) {
  if (std::holds_alternative<apply::RangeRequest>(operation)) return true;
  const auto* txn = std::get_if<apply::TxnRequest>(&operation);
  return txn != nullptr && apply::is_read_only(*txn);
}

bool is_serializable(const Operation& operation) {
  if (const auto* range = std::get_if<apply::RangeRequest>(&operation)) return range->serializable;
  const auto* txn = std::get_if<apply::TxnRequest>(&operation);
  return txn != nullptr && apply::is_read_only(*txn) && apply::is_serializable(*txn);
}

std::optional<bool> made_revision(const EtcdCall& call) {
  if (is_read(call.operation)) return false;
  if (std::holds_alternative<apply::PutRequest>(call.operation)) return true;
  if (std::holds_alternative<apply::DeleteRangeRequest>(call.operation)) {
    return call.told.deleted ? std::optional(*call.told.deleted > 0) : std::nullopt;
  }
  if (const auto* txn = std::get_if<apply::TxnRequest>(&call.operation)) {
    return made_revision(*txn, call.told);
  }
  return false;
}

bool is_refusal_by_state(std::string_view error) {
  return std::ranges::any_of(
      std::vector{apply::ApiError::kCompacted, apply::ApiError::kFutureRev,
                  apply::ApiError::kKeyNotFound, apply::ApiError::kLeaseNotFound},
      [&](apply::ApiError known) { return error == apply::text(known); });
}

std::string describe(const EtcdCall& call) {
  std::string out = describe(call.operation);
  if (out.size() > kShownMax) out = out.substr(0, kShownMax) + "…";
  if (call.outcome == Outcome::kRefused) return out + " → \"" + call.error + "\"";
  if (call.outcome == Outcome::kUnknown) return out;
  out += " → answered";
  return call.told.revision ? out + " at revision " + std::to_string(*call.told.revision) : out;
}

apply::Answer answer_of(const EtcdCall& call, Model& model) {
  const std::optional<std::int64_t> told = call.told.revision;
  const bool past = is_serializable(call.operation) && told && *told <= model.revision() &&
                    (*told < model.revision() || model.compact_revision() > 0);
  if (!past) return apply_to(call.operation, model);
  // Whoever answered may have known neither the later writes nor of any compaction.
  Model then = model;
  then.rewind(std::max<apply::Revision>(*told, 1), -1);
  return apply_to(call.operation, then);
}

std::optional<std::string> contradiction(const EtcdCall& call, const apply::Answer& expected) {
  const auto* refused = std::get_if<apply::ApiError>(&expected);
  switch (call.outcome) {
    case Outcome::kUnknown:
      return std::nullopt;
    case Outcome::kRefused:
      if (refused == nullptr) return "it was refused, but must succeed";
      if (call.error == apply::text(*refused)) return std::nullopt;
      return "it must be refused with \"" + std::string(apply::text(*refused)) + "\"";
    case Outcome::kAnswered:
      break;
  }
  if (refused != nullptr) {
    return "it was answered, but must be refused with \"" + std::string(apply::text(*refused)) +
           "\"";
  }
  return difference(call.told, std::get<apply::Response>(expected));
}

std::unique_ptr<Specification> etcd_specification(const std::vector<EtcdCall>& calls) {
  return std::make_unique<Etcd>(calls);
}

}  // namespace detcd::sim
