#include "sim/check/search.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "sim/check/memory.h"

namespace detcd::sim {
namespace {

using Step = Specification::Step;

constexpr std::uint64_t kStepsBetweenQuestions = 4096;
constexpr std::size_t kBlockedMax = 64;
constexpr std::size_t kNone = SIZE_MAX;

// The calls that an order holds so far. Those that ended are numbered as they began, so that all
// words before `first_` are full and all after a few more are empty; the others have bits of their
// own, because one of them may stay out for ever.
class Taken {
 public:
  Taken(std::size_t ended, std::size_t open) : ended_((ended + 63) / 64), open_((open + 63) / 64) {}
  void set(std::size_t number, bool ended) {
    std::vector<std::uint64_t>& words = ended ? ended_ : open_;
    words[number / 64] |= bit(number);
    if (!ended) return;
    last_ = std::max(last_, number / 64 + 1);
    while (first_ < ended_.size() && ended_[first_] == ~std::uint64_t{0}) ++first_;
  }
  void reset(std::size_t number, bool ended) {
    std::vector<std::uint64_t>& words = ended ? ended_ : open_;
    words[number / 64] &= ~bit(number);
    if (!ended) return;
    first_ = std::min(first_, number / 64);
    while (last_ > 0 && ended_[last_ - 1] == 0) --last_;
  }
  // One sequence per set, appended to `key`.
  void append_to(std::vector<std::uint64_t>& key) const {
    key.push_back(first_);
    const std::size_t until = std::max(first_, last_);
    key.push_back(until - first_);
    const auto begin = ended_.begin();
    key.insert(key.end(), begin + static_cast<std::ptrdiff_t>(first_),
               begin + static_cast<std::ptrdiff_t>(until));
    key.insert(key.end(), open_.begin(), open_.end());
    while (!open_.empty() && key.size() > 1 && key.back() == 0) key.pop_back();
  }

 private:
  static std::uint64_t bit(std::size_t number) { return std::uint64_t{1} << (number % 64); }
  std::vector<std::uint64_t> ended_;
  std::vector<std::uint64_t> open_;
  std::size_t first_ = 0;  // The first word that isn't full.
  std::size_t last_ = 0;   // Behind the last word that isn't empty.
};

// The beginnings and ends of calls that no order holds yet, by time: a doubly linked list from
// which a call is lifted when it is taken and to which it returns when that was wrong.
struct Event {
  std::size_t call = 0;
  bool is_end = false;
  std::size_t other = kNone;  // Of a beginning: its end.
  std::size_t former = kNone;
  std::size_t next = kNone;
};

class Search {
 public:
  Search(const std::vector<Interval>& calls, Specification& specification,
         const SearchLimits& limits);
  SearchResult run();

 private:
  struct Taking {
    std::size_t event = 0;
    bool changed = false;
    // A call that fits and changes nothing can be taken at once: whatever order is possible without
    // it here is possible with it. There is no other choice to come back to.
    bool only_choice = false;
  };
  void list_events(const std::vector<Interval>& calls);
  // False when there is nothing else to try.
  bool try_call();
  bool step_back();
  void take(Taking taking);
  std::size_t take_back(const Taking& taking);
  bool remember();
  void unlink(std::size_t event);
  void relink(std::size_t event);
  // The end at `at_` can't be passed.
  void note_block();
  [[nodiscard]] bool may_go_on();
  [[nodiscard]] bool has_ended(std::size_t event) const { return events_[event].other != kNone; }

  Specification& specification_;
  const SearchLimits& limits_;
  std::vector<Event> events_;  // 0: the head of the list.
  std::vector<std::size_t> number_;
  std::size_t ended_ = 0;
  std::size_t left_ = 0;  // Ended calls not taken.
  Taken taken_{0, 0};
  Memory memory_;
  std::vector<std::uint64_t> key_;
  std::vector<Taking> order_;
  std::size_t at_ = kNone;
  SearchResult result_;
  std::size_t furthest_ = 0;  // The last end that blocked, as an event.
  std::size_t ordered_max_ = 0;
  std::size_t common_ = 0;  // So many calls of order_ are those of result_.order.
};

Search::Search(const std::vector<Interval>& calls, Specification& specification,
               const SearchLimits& limits)
    : specification_(specification), limits_(limits) {
  list_events(calls);
  taken_ = Taken(ended_, calls.size() - ended_);
  left_ = ended_;
}

void Search::list_events(const std::vector<Interval>& calls) {
  // (instant, is it an end, call): at one instant beginnings come first, so that the calls overlap.
  std::vector<std::tuple<std::uint64_t, bool, std::size_t>> moments;
  for (std::size_t call = 0; call < calls.size(); ++call) {
    const Interval& interval = calls[call];
    moments.emplace_back(interval.began, false, call);
    if (!interval.ended) continue;
    check(*interval.ended >= interval.began, "no call ends before it begins");
    moments.emplace_back(*interval.ended, true, call);
  }
  std::ranges::sort(moments);
  events_.resize(moments.size() + 1);
  number_.resize(calls.size());
  std::vector<std::size_t> beginning(calls.size());
  std::size_t open = 0;
  for (std::size_t i = 1; i < events_.size(); ++i) {
    const auto& [instant, is_end, call] = moments[i - 1];
    Event& event = events_[i];
    event.call = call;
    event.is_end = is_end;
    event.former = i - 1;
    events_[i - 1].next = i;
    if (is_end) {
      events_[beginning[call]].other = i;
    } else {
      beginning[call] = i;
      number_[call] = calls[call].ended ? ended_++ : open++;
    }
  }
}

void Search::unlink(std::size_t event) {
  const Event& gone = events_[event];
  events_[gone.former].next = gone.next;
  if (gone.next != kNone) events_[gone.next].former = gone.former;
}

void Search::relink(std::size_t event) {
  const Event& back = events_[event];
  events_[back.former].next = event;
  if (back.next != kNone) events_[back.next].former = event;
}

void Search::take(Taking taking) {
  unlink(taking.event);
  if (has_ended(taking.event)) {
    unlink(events_[taking.event].other);
    --left_;
  }
  order_.push_back(taking);
  ordered_max_ = std::max(ordered_max_, ended_ - left_);
  at_ = events_[0].next;
}

std::size_t Search::take_back(const Taking& taking) {
  const bool ended = has_ended(taking.event);
  if (ended) {
    relink(events_[taking.event].other);
    ++left_;
  }
  relink(taking.event);
  taken_.reset(number_[events_[taking.event].call], ended);
  if (taking.changed) specification_.undo();
  return events_[taking.event].next;
}

bool Search::remember() {
  key_.clear();
  key_.push_back(specification_.state());
  taken_.append_to(key_);
  return memory_.insert(key_);
}

bool Search::try_call() {
  const Event& event = events_[at_];
  const bool ended = has_ended(at_);
  const Step step = specification_.apply(event.call);
  const bool changed = step == Step::kChanged;
  if (step == Step::kRefused) {
    at_ = event.next;
    return true;
  }
  taken_.set(number_[event.call], ended);
  if (remember()) {
    take({at_, changed, !changed});
    return true;
  }
  taken_.reset(number_[event.call], ended);
  if (changed) specification_.undo();
  at_ = event.next;
  return changed || step_back();
}

bool Search::step_back() {
  while (!order_.empty()) {
    const Taking last = order_.back();
    order_.pop_back();
    common_ = std::min(common_, order_.size());
    at_ = take_back(last);
    if (!last.only_choice) return true;
  }
  return false;
}

void Search::note_block() {
  const bool further =
      at_ > furthest_ || (at_ == furthest_ && order_.size() > result_.order.size());
  if (!further) return;
  furthest_ = at_;
  result_.order.resize(common_);
  for (std::size_t i = common_; i < order_.size(); ++i) {
    result_.order.push_back(events_[order_[i].event].call);
  }
  common_ = order_.size();
  result_.blocked = {events_[at_].call};
  for (std::size_t event = events_[0].next; event != at_; event = events_[event].next) {
    if (result_.blocked.size() == kBlockedMax) break;
    if (events_[event].call != events_[at_].call) result_.blocked.push_back(events_[event].call);
  }
}

bool Search::may_go_on() {
  if (result_.steps >= limits_.steps_max) {
    result_.limit = "after " + std::to_string(result_.steps) + " steps";
  } else if (result_.steps % kStepsBetweenQuestions == 0) {
    if (memory_.bytes() + specification_.memory_bytes() > limits_.memory_bytes_max) {
      result_.limit = "with " + std::to_string(memory_.size()) + " configurations in memory";
    } else if (limits_.go_on && !limits_.go_on({result_.steps, ordered_max_, ended_})) {
      result_.limit = "when time was up";
    }
  }
  return result_.limit.empty();
}

SearchResult Search::run() {
  at_ = events_[0].next;
  result_.finding = Finding::kLegal;
  while (left_ > 0) {
    if (!may_go_on()) {
      result_.finding = Finding::kUnknown;
      break;
    }
    ++result_.steps;
    const bool is_end = events_[at_].is_end;
    if (is_end) note_block();
    const bool goes_on = is_end ? step_back() : try_call();
    if (!goes_on) {
      result_.finding = Finding::kIllegal;
      break;
    }
  }
  if (result_.finding != Finding::kIllegal) result_.blocked.clear();
  if (result_.finding == Finding::kLegal) {
    result_.order.clear();
    for (const Taking& taking : order_) result_.order.push_back(events_[taking.event].call);
  }
  while (!order_.empty()) {
    take_back(order_.back());
    order_.pop_back();
  }
  result_.remembered = memory_.size();
  return std::move(result_);
}

}  // namespace

SearchResult search(const std::vector<Interval>& calls, Specification& specification,
                    const SearchLimits& limits) {
  return Search(calls, specification, limits).run();
}

}  // namespace detcd::sim
