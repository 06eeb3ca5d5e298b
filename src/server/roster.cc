#include "server/roster.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "raft/codec.h"
#include "server/convert.h"
#include "server/successor.h"
#include "wire/command_codec.h"

namespace detcd::server {
namespace {

// etcd's HealthInterval: so long a member must have been connected to count as healthy.
constexpr Duration kSteady = 5s;
// How long a removed member goes on, and how long the others keep its connection: it hears of it.
constexpr Duration kFarewell = 1s;
// A new voter that is no more behind than this gets its vote.
constexpr std::uint64_t kCaughtUpEntries = 1'000;
constexpr std::size_t kToldMax = 64;

membership::Ids ids_of(const raft::NodeSet& nodes) {
  membership::Ids ids;
  for (const raft::NodeId node : nodes) ids.insert(node.value());
  return ids;
}

raft::NodeSet nodes_of(const membership::Ids& ids) {
  raft::NodeSet nodes;
  for (const std::uint64_t id : ids) nodes.insert(raft::NodeId(id));
  return nodes;
}

apply::ApiError error_of(membership::Danger danger) {
  switch (danger) {
    case membership::Danger::kNotEnoughStarted:
      return apply::ApiError::kMemberNotEnoughStarted;
    case membership::Danger::kUnhealthy:
      return apply::ApiError::kUnhealthy;
  }
  return apply::ApiError::kUnhealthy;
}

// What an entry of the log, committed or not, says about a member.
std::optional<membership::Change> change_in(const raft::Entry& entry) {
  if (entry.kind == raft::EntryKind::kConfiguration) {
    Reader in(entry.data.view());
    const Result<raft::ConfigurationEntry> decoded = raft::decode_configuration_entry(in);
    if (!decoded || decoded->context.empty()) return std::nullopt;
    const Result<membership::Change> change = membership::decode_change(decoded->context.view());
    return change ? std::optional(*change) : std::nullopt;
  }
  if (entry.data.empty()) return std::nullopt;
  const Result<apply::Command> command = wire::decode_command(entry.data);
  if (!command) return std::nullopt;
  const auto* change = std::get_if<apply::MemberChange>(&command->request);
  return change != nullptr ? std::optional(change->change) : std::nullopt;
}

void append_missing(std::vector<std::string>& to, const std::vector<std::string>& from) {
  for (const std::string& one : from) {
    if (std::ranges::find(to, one) == to.end()) to.push_back(one);
  }
}

}  // namespace

Roster::Roster(runtime::World world, telemetry::Log log, const NodeOptions& options,
               const raft::Raft& core, Doors doors, std::uint64_t life)
    : world_(world),
      log_(log),
      options_(options),
      core_(core),
      doors_(std::move(doors)),
      changes_(life),
      tasks_(world.scheduler) {}

// ---- What clients ask ---------------------------------------------------------------------------

bool Roster::is_learner() const {
  const membership::Member* const own = members().find(options_.member_id);
  return own != nullptr ? own->is_learner : core_.role() == raft::RoleName::kLearner;
}

// By method, as etcd's interceptor (ETCD.md §1.1): what is asked on an open stream was admitted
// with it, and what isn't gRPC is answered by everybody.
bool Roster::is_refused_by_learner(const Request& request) const {
  if (!is_learner()) return false;
  if (const auto* range = std::get_if<apply::RangeRequest>(&request)) return !range->serializable;
  if (const auto* list = std::get_if<MemberListRequest>(&request)) return !list->of_peer;
  return !(std::holds_alternative<StatusRequest>(request) ||
           std::holds_alternative<SnapshotRequest>(request) ||
           std::holds_alternative<HealthRequest>(request) ||
           std::holds_alternative<VersionRequest>(request) ||
           std::holds_alternative<watch::Request>(request) ||
           std::holds_alternative<KeepAliveRequest>(request));
}

std::optional<apply::ApiError> Roster::refuse_strictly(const membership::Change& change) const {
  if (!options_.strict_reconfig_check) return std::nullopt;
  membership::Connections connections{.self = options_.member_id, .now = {}, .steady = {}};
  for (const auto& [id, where] : addresses_) {
    const std::optional<TimePoint> since = doors_.transport().connected_since(id);
    if (!since) continue;
    connections.now.insert(id.value());
    if (*since + kSteady < world_.clock.boot()) connections.steady.insert(id.value());
  }
  const auto danger = membership::danger_of(members(), change, connections);
  if (!danger) return std::nullopt;
  return error_of(*danger);
}

void Roster::ask(Call call) {
  const ReturnAddress origin{call.call, call.trace, call.reply};
  auto& change = std::get<membership::Change>(call.request);
  if (change.kind == membership::Change::Kind::kPromote) {
    const TimePoint now = world_.clock.boot();
    const std::uint64_t learner = change.member.id;
    changes_.ask(std::move(call), learner,
                 {now, now + request_timeout(options_), options_.read_retry});
    ask_leader();
    return;
  }
  if (change.kind == membership::Change::Kind::kAdd) {
    using std::chrono::floor;
    using std::chrono::seconds;
    const auto now = floor<seconds>(world_.clock.wall().time_since_epoch());
    change.member.id = membership::member_id(change.member.peer_urls, "", now.count());
  }
  if (const std::optional<apply::ApiError> refused = refuse_strictly(change)) {
    doors_.answer(origin, *refused);
    return;
  }
  propose(call);
}

void Roster::propose(const Call& call) {
  const auto& change = std::get<membership::Change>(call.request);
  doors_.propose(call, {{}, apply::MemberChange{change, options_.learners_max}});
}

// Readiness first, as etcd's leader looks at it.
std::optional<apply::ApiError> Roster::refuse_promotion(std::uint64_t learner) const {
  const raft::Status status = core_.status();
  if (status.role != raft::RoleName::kLeader) return apply::ApiError::kNotLeader;
  if (learner != options_.member_id) {
    const auto peer =
        std::ranges::find(status.peers, raft::NodeId(learner), &raft::Status::Peer::node);
    if (peer == status.peers.end()) return apply::ApiError::kMemberNotFound;
    if (peer->match.value() * 10 < status.last_index.value() * 9) {
      return apply::ApiError::kLearnerNotReady;
    }
  }
  return refuse_strictly({membership::Change::Kind::kPromote, {.id = learner}});
}

void Roster::ask_leader() {
  const std::optional<raft::NodeId> leader = core_.leader();
  if (!leader) return;
  for (const PromotionAsked& asked : changes_.take_questions(world_.clock.boot())) {
    if (*leader == self()) {
      on_advice({asked.ordinal, refuse_promotion(asked.learner)});
    } else {
      doors_.transport().send_note(*leader, encode(MemberNote(asked)));
    }
  }
}

void Roster::on_advice(const PromotionAdvised& advised) {
  const std::optional<Call> call = changes_.take_advised(advised);
  if (!call) return;
  if (advised.refused) {
    doors_.answer({call->call, call->trace, call->reply}, *advised.refused);
  } else {
    propose(*call);
    doors_.wake();
  }
}

void Roster::on_note(raft::NodeId peer, const Bytes& note) {
  const Result<MemberNote> decoded = decode_note(note.view());
  if (!decoded) return;
  if (const auto* asked = std::get_if<PromotionAsked>(&*decoded)) {
    const PromotionAdvised advised{asked->ordinal, refuse_promotion(asked->learner)};
    doors_.transport().send_note(peer, encode(MemberNote(advised)));
  } else {
    on_advice(std::get<PromotionAdvised>(*decoded));
  }
}

void Roster::answer(const ReturnAddress& origin, apply::MemberResponse response) {
  MemberListResponse list{.members = std::move(response.members), .added = std::nullopt};
  if (response.kind == membership::Change::Kind::kAdd) {
    const auto added = std::ranges::find(list.members, response.id, &membership::Member::id);
    if (added != list.members.end()) list.added = *added;
  }
  doors_.answer(origin, std::move(list));
}

// A change is answered when the configuration has followed: whoever acts on the answer, as by
// switching a removed member off, may count on the quorum that the change leaves.
void Roster::await(const Proposals::Pending& pending, apply::MemberResponse response) {
  changes_.await({*pending.origin, std::move(response), pending.since, pending.deadline});
  answer_followed();
}

void Roster::answer_followed() {
  for (MemberChanges::Waiting& followed :
       changes_.take_followed(members(), doors_.applied_configuration())) {
    answer(followed.origin, std::move(followed.response));
  }
}

// ---- The configuration follows the table --------------------------------------------------------

void Roster::changed() {
  learn_members();
  answer_followed();
  settled_ = false;
  doors_.wake();
  if (!leaving_ && members().was_removed(options_.member_id)) {
    leaving_ = true;
    tasks_.spawn(leave());
  }
}

// Only a leader that has applied an entry of its own term knows a table that no configuration in
// the log is ahead of. What can't be done now is looked at again in the next turn, which comes with
// the next heartbeat at the latest.
void Roster::reconfigure(TimePoint now) {
  if (settled_ || now < asked_until_) return;
  asked_until_ = {};
  const raft::Status status = core_.status();
  settled_ = status.role != raft::RoleName::kLeader;
  if (settled_) return;
  const bool current = doors_.applier().applied().term == status.term.value() &&
                       doors_.applier().applied().index >= status.configuration_index.value();
  if (current && !status.configuration.joint()) follow_table(status);
}

void Roster::follow_table(const raft::Status& status) {
  membership::Ids caught_up{options_.member_id};
  for (const raft::Status::Peer& peer : status.peers) {
    const bool close = status.last_index <= peer.match + kCaughtUpEntries;
    const bool flowing = peer.state == raft::Status::Peer::State::kReplicate;
    if (peer.recent_active && flowing && close) caught_up.insert(peer.node.value());
  }
  const membership::Roles roles{ids_of(status.configuration.voters),
                                ids_of(status.configuration.learners)};
  const membership::Roles wanted = membership::wanted_roles(members(), roles, caught_up);
  if (wanted == roles) {
    // Nothing is left to do unless a voter of the table still follows without a vote.
    const std::vector<membership::Member> all = members().list();
    settled_ = std::ranges::all_of(all, [&](const membership::Member& member) {
      return member.is_learner != roles.voters.contains(member.id);
    });
    return;
  }
  const bool goes = !wanted.voters.contains(options_.member_id);
  if (goes && hand_over_removal(status, wanted.voters)) return;
  raft::Configuration target;
  target.voters = nodes_of(wanted.voters);
  target.learners = nodes_of(wanted.learners);
  doors_.push(raft::ChangeConfiguration{.target = std::move(target)});
  asked_until_ = world_.clock.boot() + options_.heartbeat_interval;
}

// A leader that is to go lets another one take it out: so there is no time without a leader. Tried
// once; false: it has to do it itself.
bool Roster::hand_over_removal(const raft::Status& status, const membership::Ids& to) {
  if (handed_over_) return false;
  handed_over_ = true;
  const raft::NodeSet among = nodes_of(to);
  const std::optional<raft::NodeId> next = successor_in(status, &among);
  if (!next) return false;
  log_.info("leadership transfer starting", {{"transferee", telemetry::hex(next->value())}});
  doors_.push(raft::TransferLeadership{*next});
  asked_until_ = world_.clock.boot() + options_.election_timeout + options_.heartbeat_interval;
  return true;
}

// ---- Where the others are -----------------------------------------------------------------------

void Roster::learn_from_log(const std::vector<raft::Entry>& entries) {
  for (const raft::Entry& entry : entries) {
    const std::optional<membership::Change> change = change_in(entry);
    if (!change) continue;
    const bool tells = change->kind == membership::Change::Kind::kAdd ||
                       change->kind == membership::Change::Kind::kUpdate;
    if (tells) addresses_[raft::NodeId(change->member.id)] = addresses_of(change->member.peer_urls);
  }
}

void Roster::learn_from_flags() {
  for (const membership::Member& member : options_.initial_members) {
    addresses_[raft::NodeId(member.id)] = addresses_of(member.peer_urls);
  }
}

void Roster::learn_members() {
  const raft::Configuration in_force = core_.status().configuration;
  const membership::Membership& table = members();
  const TimePoint now = world_.clock.boot();
  for (const membership::Member& member : table.list()) {
    addresses_[raft::NodeId(member.id)] = addresses_of(member.peer_urls);
  }
  std::erase_if(told_addresses_,
                [&](const auto& told) { return table.was_removed(told.first.value()); });
  for (const auto& [id, where] : told_addresses_) append_missing(addresses_[id], where);
  // A member that has joined and knows no configuration yet knows what it was told at its start.
  const bool knows_nobody = in_force.voters.empty();
  for (const auto& [id, where] : addresses_) {
    const bool belongs = knows_nobody || table.find(id.value()) != nullptr ||
                         in_force.contains(id) || doors_.applied_configuration().contains(id) ||
                         told_addresses_.contains(id);
    if (belongs) {
      farewells_.erase(id);
    } else {
      farewells_.try_emplace(id, now + kFarewell);
    }
  }
  std::erase_if(farewells_, [&](const auto& farewell) {
    if (farewell.second > now) return false;
    addresses_.erase(farewell.first);
    return true;
  });
  gone_.clear();
  for (const std::uint64_t id : table.removed()) {
    const raft::NodeId node(id);
    if (!in_force.contains(node) && !doors_.applied_configuration().contains(node))
      gone_.insert(node);
  }
  doors_.transport().set_peers(addresses_);
}

void Roster::look_at_addresses(TimePoint now) {
  const bool over = std::ranges::any_of(
      farewells_, [now](const auto& farewell) { return farewell.second <= now; });
  if (std::exchange(addresses_told_, false) || over) learn_members();
}

TimePoint Roster::next_deadline() const {
  TimePoint next = changes_.next_deadline(core_.leader().has_value());
  if (!settled_ && asked_until_ != TimePoint{}) next = std::min(next, asked_until_);
  for (const auto& [id, until] : farewells_) next = std::min(next, until);
  return next;
}

// Others may know older members only, and older addresses: they are told with every introduction.
std::vector<std::string> Roster::own_addresses() const {
  constexpr std::size_t kMost = 255;
  const membership::Member* const own = members().find(options_.member_id);
  // Later the flags may say anything: they are ignored.
  std::vector<std::string> addresses =
      addresses_of(own != nullptr ? own->peer_urls : options_.peer_urls);
  if (addresses.size() > kMost) addresses.resize(kMost);
  return addresses;
}

void Roster::learn_address(raft::NodeId peer, const std::vector<std::string>& told) {
  const membership::Member* const known = members().find(peer.value());
  const auto before = told_addresses_.find(peer);
  // What the table says as well needn't be remembered.
  const bool news = !told.empty() && (known == nullptr || addresses_of(known->peer_urls) != told);
  if (news ? before != told_addresses_.end() && before->second == told
           : before == told_addresses_.end()) {
    return;
  }
  if (news) {
    const bool room = told_addresses_.size() < kToldMax || before != told_addresses_.end();
    if (!room || gone_.contains(peer)) return;
    told_addresses_[peer] = told;
  } else {
    told_addresses_.erase(before);
  }
  // The peers aren't touched here: this comes from inside the task of one.
  addresses_told_ = true;
  doors_.wake();
}

// ---- The end of a removed member ----------------------------------------------------------------

// A leader that takes itself out sees to it that the others can go on first.
runtime::Task<void> Roster::leave() {
  const TimePoint until = world_.clock.boot() + kFarewell;
  while (world_.clock.boot() < until || core_.role() == raft::RoleName::kLeader) {
    co_await runtime::sleep_for(world_.scheduler, options_.heartbeat_interval / 4);
  }
  leave_now();
}

void Roster::leave_now() {
  log_.warn("server error", {{"error", transport::name_of(transport::Welcome::Verdict::kRemoved)}});
  log_.warn("data-dir used by this member must be removed");
  for (MemberChanges::Waiting& waiting : changes_.take_all()) {
    answer(waiting.origin, std::move(waiting.response));
  }
  doors_.stop_for_good();
}

void Roster::leader_found() {
  settled_ = false;
  changes_.ask_again_now();
}

void Roster::look(TimePoint now) {
  ask_leader();
  reconfigure(now);
  look_at_addresses(now);
}

}  // namespace detcd::server
