// The engine of the virtual world: one queue of events in virtual nanoseconds, run by one thread.
// Events of one instant run in rounds (what is scheduled for the current instant goes after all
// that was there before), within a round by a tie-break drawn from the seed, then in the order of
// scheduling. A rolling hash over everything that ran says whether two runs were the same.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/random.h"
#include "sim/kernel/time.h"

namespace detcd::sim {

enum class EventKind : std::uint8_t {
  kWorld,    // The harness, a plan.
  kTask,     // An operation that a node posted.
  kTimer,    // An operation that a node armed.
  kMessage,  // Work posted from anywhere to a node.
  kOffload,  // Work that a node handed away.
  kNetwork,
  kDisk,
  kFault,
  kNote,  // Not an event: a fact that the hash covers as well.
};

// What the hash and the log say of an event. `owner` groups events for cancel_all and isn't hashed.
struct Label {
  NodeNumber node;
  EventKind kind = EventKind::kWorld;
  std::uint64_t payload = 0;
  std::uint32_t owner = 0;
};

struct EventRecord {
  std::uint64_t number = 0;  // Counts events and notes from 0.
  VirtualTime time;
  NodeNumber node;
  EventKind kind = EventKind::kWorld;
  std::uint64_t payload = 0;
  std::uint64_t tie = 0;
  friend bool operator==(const EventRecord&, const EventRecord&) = default;
};

enum class Order : std::uint8_t {
  kRounds,  // Shuffled within a round; what one turn posts keeps its order.
  kAny,     // No rounds: a chain of posts may overtake others at the same instant.
  kInTurn,  // First come, first served: no draws.
};

using EventId = Id<struct EventTag>;
using Action = std::move_only_function<void()>;

inline constexpr std::uint64_t kEventsPerCheckpoint = 1024;

class Kernel {
 public:
  explicit Kernel(std::uint64_t seed, Order order = Order::kRounds) : seed_(seed), order_(order) {}
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  ~Kernel();

  [[nodiscard]] VirtualTime now() const { return now_; }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }

  // Runs `action` at `time`, or in the next round when that isn't later than now. Actions of up to
  // three words are stored without an allocation.
  EventId schedule(VirtualTime time, const Label& label, Action action);
  EventId schedule_after(Duration delay, const Label& label, Action action);
  // As schedule; what one node schedules so during one event shares a tie and so keeps its order.
  EventId schedule_in_turn(VirtualTime time, const Label& label, Action action);
  // Forgets the event; nothing happens when it ran or was cancelled before.
  void cancel(EventId id);
  // Forgets all events of one owner (not 0).
  void cancel_all(std::uint32_t owner);
  [[nodiscard]] bool scheduled(EventId id) const { return find(id) != nullptr; }
  // When the event is due; it must be scheduled.
  [[nodiscard]] VirtualTime time_of(EventId id) const;
  // Moves a scheduled event to another time. It keeps its tie.
  void move(EventId id, VirtualTime time);
  std::uint32_t new_owner() { return ++owners_; }

  // Runs the next event; false when there is none before `limit` (included).
  bool step(VirtualTime limit = kNeverVirtual);
  // Runs all events up to and at `time`, and lets time pass until then.
  void run_until(VirtualTime time);
  void run_for(Duration duration) { run_until(now_ + duration); }
  // Runs events until `holds` says true (looked at after each event), or `limit` or the queue's end
  // is reached; the answer is what `holds` said last.
  bool run_until(const std::function<bool()>& holds, VirtualTime limit);
  // Runs until nothing is scheduled. A check fails when an instant takes more events than a real
  // program would: somebody spins.
  void run_all() {
    while (step()) {
    }
  }
  [[nodiscard]] std::size_t queued() const { return heap_.size() + parked_; }

  // A node's life begins: its draws and ties are keyed by it from now on.
  void begin_incarnation(NodeNumber node, Incarnation incarnation);
  // While a node is paused none of its own events runs (devices and links go on); they wait in
  // order.
  void pause(NodeNumber node);
  void resume(NodeNumber node);
  [[nodiscard]] bool paused(NodeNumber node) const;
  // How many of its events had to wait so far, because it was paused or busy.
  [[nodiscard]] std::uint64_t held_back(NodeNumber node) const;
  // Each event of the node keeps it busy for so long (0: infinitely fast).
  void set_cost_per_event(NodeNumber node, Duration cost);

  // How ties within a round are broken: as drawn; first those of nodes with a low priority number;
  // or first what was scheduled last. Any order is legal: these are where mistakes hide.
  enum class Preference : std::uint8_t { kNone, kPriority, kNewestFirst };
  void prefer(Preference preference) { preference_ = preference; }
  void set_priority(NodeNumber node, std::uint16_t priority) { state_of(node).priority = priority; }

  // PRF(seed, site, entity, ordinal), unless overridden.
  [[nodiscard]] std::uint64_t draw(runtime::Site site, std::uint64_t entity,
                                   std::uint64_t ordinal) const;
  // The draw with this key gives `value`: the sparse decisions of a shrunk trace.
  void override_draw(runtime::Site site, std::uint64_t entity, std::uint64_t ordinal,
                     std::uint64_t value);
  // The event that `node` schedules as its `ordinal`-th (from 0, over its lives) happens so much
  // later.
  void nudge(NodeNumber node, std::uint64_t ordinal, Duration delay);
  // Names a node's current life in draws of ties; the entity to override.
  [[nodiscard]] std::uint64_t tie_entity(NodeNumber node) const;
  static constexpr runtime::Site kTieSite{"kernel tie"};

  // Adds a fact to the hash and the log.
  void note(NodeNumber node, std::uint64_t payload) {
    record({node, EventKind::kNote, payload}, 0);
  }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::uint64_t events_run() const { return recorded_; }
  // The hash after every kEventsPerCheckpoint events.
  [[nodiscard]] std::span<const std::uint64_t> checkpoints() const { return checkpoints_; }
  // Sees every draw and its value. An empty function switches it off.
  using DrawRecorder = std::function<void(runtime::Site, std::uint64_t entity,
                                          std::uint64_t ordinal, std::uint64_t value)>;
  void set_draw_recorder(DrawRecorder recorder) { draw_recorder_ = std::move(recorder); }
  // Sees every event just before it runs. An empty function switches it off.
  void set_recorder(std::function<void(const EventRecord&)> recorder);

 private:
  struct Slot {
    std::uint32_t place = 0;  // In the heap, or kFree or kParked.
    std::uint32_t generation = 1;
    std::uint64_t tie = 0;
    Label label;
    Action action;
  };
  struct Entry {
    VirtualTime time;
    std::uint64_t tie = 0;
    std::uint64_t sequence = 0;
    std::uint32_t slot = 0;
    [[nodiscard]] bool before(const Entry& other) const {
      if (time != other.time) return time < other.time;
      if (tie != other.tie) return tie < other.tie;
      return sequence < other.sequence;
    }
  };
  struct NodeState {
    std::uint64_t entity = 0;
    std::uint64_t ties = 0;       // Drawn in this life.
    std::uint64_t scheduled = 0;  // Over all lives.
    std::uint64_t held_back = 0;  // Over all lives.
    std::uint64_t turn = ~std::uint64_t{0};
    std::uint64_t turn_tie = 0;
    bool paused = false;
    std::uint16_t priority = 0;
    Duration cost{};
    VirtualTime busy_until;
    std::deque<EventId> parked;  // May name events that were cancelled meanwhile.
    EventId gate;                // Wakes the node when it stops being busy.
  };
  static constexpr std::uint32_t kFree = ~std::uint32_t{0};
  static constexpr std::uint32_t kParked = kFree - 1;

  EventId insert(VirtualTime time, std::uint64_t tie, const Label& label, Action action);
  [[nodiscard]] std::uint64_t ranked(VirtualTime time, std::uint64_t word) const;
  [[nodiscard]] std::uint64_t next_tie(NodeState& node);
  VirtualTime nudged(NodeNumber node, VirtualTime time);
  NodeState& state_of(NodeNumber node);
  [[nodiscard]] const Slot* find(EventId id) const;
  void release(std::uint32_t slot);
  bool hold_back(const Entry& entry);
  void open_gate(NodeNumber node);
  void pass_gate(NodeNumber node);
  void execute(std::uint32_t slot);
  void record(const Label& label, std::uint64_t tie);
  void advance_to(const Entry& entry);
  void heap_insert(const Entry& entry);
  void heap_erase(std::size_t at);
  void sift_up(std::size_t at);
  void sift_down(std::size_t at);

  std::uint64_t seed_;
  Order order_;
  Preference preference_ = Preference::kNone;
  VirtualTime now_;
  std::uint64_t round_ = 0;  // Of the event that runs or ran last, within now_.
  std::uint64_t steps_ = 0;
  std::uint64_t steps_at_now_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint32_t owners_ = 0;
  std::vector<Entry> heap_;  // Four children each.
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::size_t parked_ = 0;
  std::vector<NodeState> nodes_;
  std::map<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>, std::uint64_t> overrides_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Duration> nudges_;
  std::uint64_t hash_ = 0;
  std::uint64_t recorded_ = 0;
  std::vector<std::uint64_t> checkpoints_;
  std::function<void(const EventRecord&)> recorder_;
  DrawRecorder draw_recorder_;
};

}  // namespace detcd::sim
