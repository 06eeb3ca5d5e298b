#include "sim/timeline/recorder.h"

#include <algorithm>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "sim/faults/registry.h"
#include "sim/plan/text.h"
#include "sim/timeline/watching.h"

namespace detcd::sim {
namespace {

Band band_of(raft::RoleName role) {
  switch (role) {
    case raft::RoleName::kFollower:
      return Band::kFollower;
    case raft::RoleName::kPreCandidate:
      return Band::kPreCandidate;
    case raft::RoleName::kCandidate:
      return Band::kCandidate;
    case raft::RoleName::kLeader:
      return Band::kLeader;
    case raft::RoleName::kLearner:
      return Band::kLearner;
    case raft::RoleName::kRecovering:
      return Band::kRecovering;
  }
  return Band::kFollower;
}

// Whom it hits.
std::vector<std::uint32_t> nodes_of(const FieldsLook& fault, std::uint32_t leader) {
  std::vector<std::uint32_t> nodes;
  for (const std::uint32_t node : fault.nodes) {
    const std::uint32_t who = node == kLeader ? leader : node;
    if (who != 0 && std::ranges::count(nodes, who) == 0) nodes.push_back(who);
  }
  return nodes;
}

void add_keys(const std::string& key, const std::string& end, std::vector<std::string>& keys) {
  std::string words = quote(key);
  if (!end.empty()) words += ".." + quote(end);
  if (std::ranges::count(keys, words) == 0) keys.push_back(std::move(words));
}

void add_named(std::string_view what, const std::string& name, std::vector<std::string>& keys) {
  std::string words = std::string(what) + " " + name;
  if (std::ranges::count(keys, words) == 0) keys.push_back(std::move(words));
}
void add_lease(std::int64_t lease, std::vector<std::string>& keys) {
  if (lease != 0) add_named("lease", std::to_string(lease), keys);
}

template <class Request>
void add_keys(const Request& request, std::vector<std::string>& keys) {
  constexpr bool user_itself = std::is_same_v<Request, auth::UserAdd> ||
                               std::is_same_v<Request, auth::UserDelete> ||
                               std::is_same_v<Request, auth::UserChangePassword>;
  if constexpr (user_itself) add_named("user", request.name, keys);
  if constexpr (requires { request.user; }) add_named("user", request.user, keys);
  if constexpr (std::is_same_v<Request, auth::RoleAdd>) add_named("role", request.name, keys);
  if constexpr (requires { request.role; }) add_named("role", request.role, keys);
  constexpr bool lease_itself = std::is_same_v<Request, apply::LeaseGrantRequest> ||
                                std::is_same_v<Request, apply::LeaseRevokeRequest>;
  if constexpr (lease_itself) add_lease(request.id, keys);
  if constexpr (requires { request.lease; }) add_lease(request.lease, keys);
  if constexpr (std::is_same_v<Request, auth::Change>) {
    std::visit([&](const auto& change) { add_keys(change, keys); }, request);
  } else if constexpr (std::is_same_v<Request, auth::RoleGrantPermission>) {
    add_keys(request.permission.key, request.permission.range_end, keys);
  } else if constexpr (std::is_same_v<Request, apply::TxnRequest>) {
    for (const apply::Compare& compare : request.compare) {
      add_keys(compare.key, compare.range_end, keys);
    }
    for (const auto* branch : {&request.success, &request.failure}) {
      for (const apply::RequestOp& op : *branch) {
        std::visit([&](const auto& inner) { add_keys(inner, keys); }, op.request);
      }
    }
  } else if constexpr (requires { request.key; }) {
    std::string end;
    if constexpr (requires { request.range_end; }) end = request.range_end;
    add_keys(request.key, end, keys);
  }
}

// Where the call stands in the log, and who answered.
void place(const History& history, const std::map<std::uint64_t, std::uint64_t>& written,
           Call& call) {
  const auto member = history.members.find(call.record.header.member_id);
  if (member != history.members.end()) call.node = member->second;
  if (const auto at = written.find(call.record.id); at != written.end()) call.index = at->second;
  const auto served = history.read_at.find(call.record.id);
  if (served == history.read_at.end()) return;
  for (const ReadRecord& read : served->second) {
    if (call.node != 0 && read.node != call.node) continue;
    call.index = read.index;
    call.node = read.node;
  }
}

}  // namespace

std::vector<std::string> keys_of(const Operation& operation) {
  std::vector<std::string> keys;
  std::visit([&](const auto& known) { add_keys(known, keys); }, operation);
  return keys;
}

void Recorder::on_begin(const Kernel& kernel, const History& history) {
  kernel_ = &kernel;
  history_ = &history;
  for (std::uint32_t node = 1; node <= nodes_; ++node) on_start(node);
}

void Recorder::on_end() {
  if (!watching()) return;
  take_end(timeline_);
  kernel_ = nullptr;
  history_ = nullptr;
}

void Recorder::take_end(Timeline& timeline) const {
  timeline.end = kernel_->now();
  timeline.hash = kernel_->hash();
  timeline.kernel_events = kernel_->events_run();
  timeline.messages = messages_.messages();
  timeline.members = history_->members;
  std::map<std::uint64_t, std::uint64_t> written;  // Call → its first place in the log.
  for (const auto& [index, record] : history_->log) {
    if (!record.request) continue;
    const auto proposed = history_->proposed.find(*record.request);
    if (proposed != history_->proposed.end()) written.emplace(proposed->second, index);
  }
  for (const auto& [id, record] : history_->calls) {
    Call call{record};
    place(*history_, written, call);
    timeline.calls.push_back(std::move(call));
  }
  for (const auto& [index, record] : history_->leases) {
    timeline.lease_entries.emplace(index, record.applied);
  }
  for (MessageRecord& message : timeline.messages) {
    if (message.fate == Fate::kUnderWay) message.ended = timeline.end;
  }
}

Timeline Recorder::timeline() const {
  Timeline now = timeline_;
  if (watching()) take_end(now);
  return now;
}

void Recorder::add_event(std::uint32_t node, std::string kind, std::string text) {
  timeline_.events.push_back({kernel_->now(), node, std::move(kind), std::move(text)});
}

void Recorder::set_role(RoleRecord role) {
  role.at = kernel_->now();
  RoleRecord& last = role_of_[role.node];
  const bool same = last.band == role.band && last.term == role.term && last.leader == role.leader;
  if (same && last.node != 0) return;
  last = role;
  timeline_.roles.push_back(role);
}

void Recorder::on_death(std::uint32_t node, Death death) {
  if (!watching()) return;
  const bool crash = death == Death::kCrash;
  set_role({.node = node,
            .band = crash ? Band::kCrashed : Band::kPowerLost,
            .term = role_of_[node].term});
  // What was committed is remembered by whoever is alive.
  commit_of_[node] = {kernel_->now(), node, 0, 0};
  timeline_.commits.push_back(commit_of_[node]);
  add_event(node, "death", crash ? "the process dies, the page cache stays" : "the power is lost");
}

void Recorder::on_start(std::uint32_t node) {
  if (!watching()) return;
  set_role({.node = node, .band = Band::kOpening, .term = role_of_[node].term});
  add_event(node, "start", "the process starts");
}

void Recorder::on_fault(const FaultEntry& entry, std::uint32_t leader, bool done) {
  if (!watching()) return;
  const std::string& words = entry.fault;
  const VirtualTime now = kernel_->now();
  FieldsLook look;
  if (const std::unique_ptr<Fault> fault = read_fault(words)) fault->fields(look);
  timeline_.faults.push_back({now, now + look.lasts, words.substr(0, words.find(' ')), words,
                              nodes_of(look, leader), done});
}

void Recorder::on_calm() {
  if (watching()) timeline_.calm = kernel_->now();
}

void Recorder::on_watch(const WatchNote& note) {
  if (!watching()) return;
  WatchMark mark = mark_of(note);
  mark.at = kernel_->now();
  const auto member = history_->members.find(note.answer.header.member_id);
  if (member != history_->members.end()) mark.node = member->second;
  const bool again = mark.kind == WatchMarkKind::kCreated && !created_.insert(note.watch).second;
  if (again) mark.kind = WatchMarkKind::kResumed;
  timeline_.watches.push_back(std::move(mark));
}

void Recorder::on_step(std::uint32_t node, const raft::Raft& core) {
  if (!watching()) return;
  const std::optional<raft::NodeId> leader = core.leader();
  set_role({.node = node,
            .band = band_of(core.role()),
            .term = core.term().value(),
            .leader = leader ? leader->value() : 0});
  const CommitRecord commit{kernel_->now(), node, core.commit().value(), core.persisted().value()};
  CommitRecord& last = commit_of_[node];
  if (last.node != 0 && last.commit == commit.commit && last.synced == commit.synced) return;
  last = commit;
  timeline_.commits.push_back(commit);
}

void Recorder::on_raft_event(std::uint32_t node, const raft::Event& event) {
  if (!watching()) return;
  // Their lanes show these as they are; an event for each would only hide the others.
  if (std::holds_alternative<raft::CommitAdvanced>(event) ||
      std::holds_alternative<raft::ProposalAppended>(event)) {
    return;
  }
  std::string kind = "raft";
  if (std::holds_alternative<raft::RoleChanged>(event)) kind = "role";
  if (std::holds_alternative<raft::VoteCast>(event)) kind = "vote";
  if (std::holds_alternative<raft::LeaderChanged>(event)) kind = "leader";
  if (std::holds_alternative<raft::LogTruncated>(event)) kind = "truncation";
  if (std::holds_alternative<raft::SnapshotNeeded>(event)) kind = "snapshot";
  if (std::holds_alternative<raft::RecoveryEnded>(event)) kind = "recovery";
  add_event(node, kind, raft::describe(event));
}

void Recorder::on_installed(std::uint32_t node, const apply::Position& position) {
  if (!watching()) return;
  add_event(node, "snapshot",
            "installed a snapshot at index " + std::to_string(position.index) + " of term " +
                std::to_string(position.term));
}

void Recorder::on_log(std::uint32_t node, const telemetry::Record& record) {
  if (!watching()) return;
  std::string text = record.message;
  for (const telemetry::Field& field : record.fields) text += " " + field.key + "=" + field.json;
  add_event(node, std::string(telemetry::name_of(record.level)), std::move(text));
}

bool Recorder::between_members(const Connection& connection) const {
  return connection.pipes[0].from.value() <= nodes_ && connection.pipes[0].to.value() <= nodes_;
}

void Recorder::on_sent(const Connection& connection, Side from, std::string_view bytes) {
  if (!watching() || !between_members(connection)) return;
  messages_.sent(connection, from, bytes, kernel_->now());
}

void Recorder::on_arrived(const Connection& connection, Side from, std::uint64_t bytes, bool lost) {
  if (!watching() || !between_members(connection)) return;
  messages_.arrived(connection, from, bytes, lost ? Fate::kLost : Fate::kArrived, kernel_->now());
}

void Recorder::on_given_up(const Connection& connection, Side from) {
  if (!watching() || !between_members(connection)) return;
  messages_.given_up(connection, from, kernel_->now());
}

}  // namespace detcd::sim
