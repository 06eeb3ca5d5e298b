#include "sim/kernel/kernel.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace detcd::sim {
namespace {

constexpr std::uint32_t kGateOwner = ~std::uint32_t{0};
// Rounds take the upper 16 bits of a tie. Who needs more rounds at one instant is shuffled in the
// last.
constexpr std::uint64_t kRoundShift = 48;
constexpr std::uint64_t kRoundMax = (std::uint64_t{1} << (64 - kRoundShift)) - 1;
constexpr std::uint64_t kStepsPerInstantMax = 20'000'000;

EventId make_id(std::uint32_t slot, std::uint32_t generation) {
  return EventId((std::uint64_t{generation} << 32) | slot);
}
std::uint32_t slot_of(EventId id) {
  return static_cast<std::uint32_t>(id.value());
}
std::uint32_t generation_of(EventId id) {
  return static_cast<std::uint32_t>(id.value() >> 32);
}

// The code of a node runs on the node; its devices and links don't stop with it.
bool runs_on_node(EventKind kind) {
  return kind == EventKind::kTask || kind == EventKind::kTimer || kind == EventKind::kMessage ||
         kind == EventKind::kOffload;
}

}  // namespace

Kernel::~Kernel() {
  // Actions may own things whose destructors cancel other events.
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Action dropped = std::exchange(slots_[i].action, nullptr);
  }
}

EventId Kernel::schedule(VirtualTime time, const Label& label, Action action) {
  NodeState& node = state_of(label.node);
  const std::uint64_t word = order_ == Order::kInTurn ? 0 : next_tie(node);
  return insert(nudged(label.node, time), word, label, std::move(action));
}

EventId Kernel::schedule_after(Duration delay, const Label& label, Action action) {
  return schedule(now_ + delay, label, std::move(action));
}

EventId Kernel::schedule_in_turn(VirtualTime time, const Label& label, Action action) {
  NodeState& node = state_of(label.node);
  if (node.turn != steps_ && order_ != Order::kInTurn) {
    node.turn = steps_;
    node.turn_tie = next_tie(node);
  }
  return insert(nudged(label.node, time), node.turn_tie, label, std::move(action));
}

std::uint64_t Kernel::next_tie(NodeState& node) {
  const std::uint64_t word = draw(kTieSite, node.entity, node.ties++);
  switch (preference_) {
    case Preference::kNone:
      return word;
    case Preference::kPriority:
      return (std::uint64_t{node.priority} << kRoundShift) | (word >> (64 - kRoundShift));
    case Preference::kNewestFirst:
      return ~(sequence_ << (64 - kRoundShift));
  }
  return word;
}

// The tie as it is compared: the round above the drawn word.
std::uint64_t Kernel::ranked(VirtualTime time, std::uint64_t word) const {
  if (order_ == Order::kAny) return word;
  const std::uint64_t round = time > now_ ? 0 : std::min(round_ + 1, kRoundMax);
  return (round << kRoundShift) | (word >> (64 - kRoundShift));
}

VirtualTime Kernel::nudged(NodeNumber node, VirtualTime time) {
  const std::uint64_t ordinal = state_of(node).scheduled++;
  if (nudges_.empty()) return time;
  const auto found = nudges_.find({node.value(), ordinal});
  return found == nudges_.end() ? time : time + found->second;
}

EventId Kernel::insert(VirtualTime time, std::uint64_t tie, const Label& label, Action action) {
  std::uint32_t index = 0;
  if (free_slots_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_slots_.back();
    free_slots_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.tie = ranked(time, tie);
  slot.label = label;
  slot.action = std::move(action);
  heap_insert({std::max(time, now_), slot.tie, sequence_++, index});
  return make_id(index, slot.generation);
}

const Kernel::Slot* Kernel::find(EventId id) const {
  if (id.is_none() || slot_of(id) >= slots_.size()) return nullptr;
  const Slot& slot = slots_[slot_of(id)];
  return slot.generation == generation_of(id) && slot.place != kFree ? &slot : nullptr;
}

void Kernel::release(std::uint32_t index) {
  Slot& slot = slots_[index];
  slot.place = kFree;
  if (++slot.generation == 0) slot.generation = 1;
  free_slots_.push_back(index);
}

void Kernel::cancel(EventId id) {
  const Slot* slot = find(id);
  if (slot == nullptr) return;
  const std::uint32_t index = slot_of(id);
  if (slot->place == kParked) {
    --parked_;
  } else {
    heap_erase(slot->place);
  }
  const Action dropped = std::exchange(slots_[index].action, nullptr);
  release(index);
}

void Kernel::cancel_all(std::uint32_t owner) {
  check(owner != 0, "events of nobody in particular aren't cancelled together");
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].place != kFree && slots_[i].label.owner == owner) {
      cancel(make_id(i, slots_[i].generation));
    }
  }
}

VirtualTime Kernel::time_of(EventId id) const {
  const Slot* slot = find(id);
  check(slot != nullptr, "only a scheduled event has a time");
  return slot->place == kParked ? now_ : heap_[slot->place].time;
}

void Kernel::move(EventId id, VirtualTime time) {
  const Slot* slot = find(id);
  check(slot != nullptr, "only a scheduled event is moved");
  if (slot->place == kParked) return;  // It is due already and waits for its node.
  Entry entry = heap_[slot->place];
  entry.time = std::max(time, now_);
  heap_erase(slot->place);
  heap_insert(entry);
}

bool Kernel::step(VirtualTime limit) {
  if (heap_.empty() || heap_.front().time > limit || heap_.front().time >= kStandstill) {
    return false;
  }
  const Entry entry = heap_.front();
  advance_to(entry);
  heap_erase(0);
  if (!hold_back(entry)) execute(entry.slot);
  return true;
}

void Kernel::advance_to(const Entry& entry) {
  if (entry.time > now_) steps_at_now_ = 0;
  check(++steps_at_now_ < kStepsPerInstantMax, "time passes: nobody spins at one instant");
  now_ = entry.time;
  round_ = order_ == Order::kAny ? 0 : entry.tie >> kRoundShift;
  ++steps_;
}

void Kernel::execute(std::uint32_t index) {
  const Label label = slots_[index].label;
  const std::uint64_t tie = slots_[index].tie;
  Action action = std::exchange(slots_[index].action, nullptr);
  release(index);
  if (label.owner == kGateOwner) {
    action();
    return;
  }
  record(label, tie);
  if (runs_on_node(label.kind)) {
    NodeState& node = state_of(label.node);
    if (node.cost > Duration::zero()) node.busy_until = now_ + node.cost;
  }
  action();
}

void Kernel::run_until(VirtualTime time) {
  while (step(time)) {
  }
  if (time > now_ && time != kNeverVirtual) {
    now_ = time;
    round_ = 0;
    steps_at_now_ = 0;
    ++steps_;
  }
}

bool Kernel::run_until(const std::function<bool()>& holds, VirtualTime limit) {
  bool held = holds();
  while (!held && step(limit)) held = holds();
  return held;
}

void Kernel::begin_incarnation(NodeNumber number, Incarnation incarnation) {
  NodeState& node = state_of(number);
  node.entity = mix64(number.value(), incarnation.value());
  node.ties = 0;
  node.turn = ~std::uint64_t{0};
}

std::uint64_t Kernel::tie_entity(NodeNumber node) const {
  return node.value() < nodes_.size() ? nodes_[node.value()].entity : mix64(node.value(), 0);
}

Kernel::NodeState& Kernel::state_of(NodeNumber node) {
  check(node.value() < 65536, "nodes are numbered from 1 on, without gaps");
  while (nodes_.size() <= node.value()) {
    nodes_.emplace_back();
    nodes_.back().entity = mix64(nodes_.size() - 1, 0);
  }
  return nodes_[node.value()];
}

void Kernel::pause(NodeNumber node) {
  state_of(node).paused = true;
}

void Kernel::resume(NodeNumber node) {
  state_of(node).paused = false;
  open_gate(node);
}

bool Kernel::paused(NodeNumber node) const {
  return node.value() < nodes_.size() && nodes_[node.value()].paused;
}

std::uint64_t Kernel::held_back(NodeNumber node) const {
  return node.value() < nodes_.size() ? nodes_[node.value()].held_back : 0;
}

void Kernel::set_cost_per_event(NodeNumber node, Duration cost) {
  check(cost >= Duration::zero(), "no event takes less than no time");
  state_of(node).cost = cost;
}

// Puts the event aside when its node is paused or busy, behind those that wait already.
bool Kernel::hold_back(const Entry& entry) {
  Slot& slot = slots_[entry.slot];
  if (!runs_on_node(slot.label.kind)) return false;
  NodeState& node = state_of(slot.label.node);
  if (!node.paused && node.busy_until <= now_ && node.parked.empty()) return false;
  slot.place = kParked;
  ++parked_;
  ++node.held_back;
  node.parked.push_back(make_id(entry.slot, slot.generation));
  open_gate(slot.label.node);
  return true;
}

void Kernel::open_gate(NodeNumber number) {
  NodeState& node = state_of(number);
  if (node.paused || node.parked.empty() || !node.gate.is_none()) return;
  const Label label{number, EventKind::kWorld, 0, kGateOwner};
  node.gate = insert(node.busy_until, 0, label, [this, number] { pass_gate(number); });
}

void Kernel::pass_gate(NodeNumber number) {
  NodeState& node = state_of(number);
  node.gate = EventId();
  if (node.paused) return;
  while (!node.parked.empty()) {
    const EventId id = node.parked.front();
    node.parked.pop_front();
    const Slot* slot = find(id);
    if (slot == nullptr || slot->place != kParked) continue;
    --parked_;
    execute(slot_of(id));
    break;
  }
  open_gate(number);
}

std::uint64_t Kernel::draw(runtime::Site site, std::uint64_t entity, std::uint64_t ordinal) const {
  if (!overrides_.empty()) {
    const auto found = overrides_.find({site.key, entity, ordinal});
    if (found != overrides_.end()) return found->second;
  }
  const std::uint64_t value = keyed_draw(seed_, site.key, entity, ordinal);
  if (draw_recorder_) draw_recorder_(site, entity, ordinal, value);
  return value;
}

void Kernel::override_draw(runtime::Site site, std::uint64_t entity, std::uint64_t ordinal,
                           std::uint64_t value) {
  overrides_[{site.key, entity, ordinal}] = value;
}

void Kernel::nudge(NodeNumber node, std::uint64_t ordinal, Duration delay) {
  nudges_[{node.value(), ordinal}] = delay;
}

void Kernel::set_recorder(std::function<void(const EventRecord&)> recorder) {
  recorder_ = std::move(recorder);
}

void Kernel::record(const Label& label, std::uint64_t tie) {
  const auto time = static_cast<std::uint64_t>(now_.time_since_epoch().count());
  const std::uint64_t who = (label.node.value() << 8) | static_cast<std::uint64_t>(label.kind);
  hash_ = mix64(mix64(hash_ ^ time, who) ^ tie, label.payload);
  if (recorder_) recorder_({recorded_, now_, label.node, label.kind, label.payload, tie});
  if (++recorded_ % kEventsPerCheckpoint == 0) checkpoints_.push_back(hash_);
}

void Kernel::heap_insert(const Entry& entry) {
  heap_.push_back(entry);
  slots_[entry.slot].place = static_cast<std::uint32_t>(heap_.size() - 1);
  sift_up(heap_.size() - 1);
}

void Kernel::heap_erase(std::size_t at) {
  const Entry last = heap_.back();
  heap_.pop_back();
  if (at == heap_.size()) return;
  heap_[at] = last;
  slots_[last.slot].place = static_cast<std::uint32_t>(at);
  if (at > 0 && last.before(heap_[(at - 1) / 4])) {
    sift_up(at);
  } else {
    sift_down(at);
  }
}

void Kernel::sift_up(std::size_t at) {
  const Entry moving = heap_[at];
  while (at > 0) {
    const std::size_t parent = (at - 1) / 4;
    if (!moving.before(heap_[parent])) break;
    heap_[at] = heap_[parent];
    slots_[heap_[at].slot].place = static_cast<std::uint32_t>(at);
    at = parent;
  }
  heap_[at] = moving;
  slots_[moving.slot].place = static_cast<std::uint32_t>(at);
}

void Kernel::sift_down(std::size_t at) {
  const Entry moving = heap_[at];
  for (;;) {
    const std::size_t first = at * 4 + 1;
    if (first >= heap_.size()) break;
    std::size_t least = first;
    for (std::size_t child = first + 1; child < std::min(first + 4, heap_.size()); ++child) {
      if (heap_[child].before(heap_[least])) least = child;
    }
    if (!heap_[least].before(moving)) break;
    heap_[at] = heap_[least];
    slots_[heap_[at].slot].place = static_cast<std::uint32_t>(at);
    at = least;
  }
  heap_[at] = moving;
  slots_[moving.slot].place = static_cast<std::uint32_t>(at);
}

}  // namespace detcd::sim
