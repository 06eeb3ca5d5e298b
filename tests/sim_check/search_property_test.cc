// The search against brute force: every order of a small history is tried, without a memory and
// without cleverness.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "property.h"
#include "sim/check/plain.h"

namespace detcd::sim {
namespace {

using Step = Specification::Step;
using Function = PlainFunction;

enum class Object { kRegister, kSet, kQueue };

struct Small {
  Object object = Object::kRegister;
  std::vector<PlainCall> calls;
  std::vector<Interval> intervals;
};

std::unique_ptr<Specification> specification(const Small& history) {
  if (history.object == Object::kSet) return set_specification(history.calls);
  if (history.object == Object::kQueue) return queue_specification(history.calls);
  return register_specification(history.calls, kNothing);
}

// Whether the calls that aren't in `taken` can follow.
bool any_order(const std::vector<Interval>& calls, std::vector<bool>& taken,
               Specification& object) {
  std::uint64_t first_end = UINT64_MAX;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (!taken[i] && calls[i].ended) first_end = std::min(first_end, *calls[i].ended);
  }
  if (first_end == UINT64_MAX) return true;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (taken[i] || calls[i].began > first_end) continue;
    const Step step = object.apply(i);
    if (step == Step::kRefused) continue;
    taken[i] = true;
    const bool found = any_order(calls, taken, object);
    taken[i] = false;
    if (step == Step::kChanged) object.undo();
    if (found) return true;
  }
  return false;
}

bool is_legal(const Small& history) {
  const std::unique_ptr<Specification> object = specification(history);
  std::vector<bool> taken(history.calls.size());
  return any_order(history.intervals, taken, *object);
}

std::string value(int bound) {
  const int drawn = draw(bound);
  return drawn == 0 ? std::string(kNothing) : std::to_string(drawn);
}

PlainCall any_call(Object object) {
  PlainCall call;
  const int kind = draw(4);
  switch (object) {
    case Object::kRegister:
      call.function = std::vector{Function::kRead, Function::kWrite, Function::kCompareAndSet,
                                  Function::kRead}[static_cast<std::size_t>(kind)];
      call.value = value(3);
      call.expected = value(3);
      call.swapped = draw(4) != 0;
      break;
    case Object::kSet:
      call.function = kind == 0   ? Function::kAdd
                      : kind == 1 ? Function::kRemove
                                  : Function::kReadAll;
      call.value = std::to_string(draw(3));
      for (int element = 0; element < 3; ++element) {
        if (draw(2) == 0) call.elements.push_back(std::to_string(element));
      }
      break;
    case Object::kQueue:
      call.function = kind < 2 ? Function::kEnqueue : Function::kDequeue;
      call.value = kind < 2 ? std::to_string(1 + draw(2)) : value(3);
      break;
  }
  return call;
}

// Nothing makes it legal: about every other one isn't.
Small any_history() {
  Small history;
  history.object = static_cast<Object>(draw(3));
  const int count = 1 + draw(7);
  for (int i = 0; i < count; ++i) {
    PlainCall call = any_call(history.object);
    const auto began = static_cast<std::uint64_t>(draw(12));
    Interval interval{began, began + static_cast<std::uint64_t>(draw(8))};
    const bool reads = call.function == Function::kRead || call.function == Function::kReadAll;
    if (!reads && draw(4) == 0) {
      interval.ended.reset();
      call.answered = false;
    }
    history.calls.push_back(std::move(call));
    history.intervals.push_back(interval);
  }
  return history;
}

std::string text(const Small& history) {
  std::string out;
  for (std::size_t i = 0; i < history.calls.size(); ++i) {
    const Interval& interval = history.intervals[i];
    out += std::to_string(interval.began) + "-" +
           (interval.ended ? std::to_string(*interval.ended) : "") + " " +
           describe(history.calls[i]) + "\n";
  }
  return out;
}

// The order holds every call once, agrees with real time, and the object answers so.
void expect_proof(const Small& history, const SearchResult& found) {
  const std::unique_ptr<Specification> object = specification(history);
  std::vector<bool> taken(history.calls.size());
  std::uint64_t latest = 0;
  for (const std::size_t call : found.order) {
    RC_ASSERT(!taken[call]);
    taken[call] = true;
    const Interval& interval = history.intervals[call];
    RC_ASSERT(!interval.ended || *interval.ended >= latest);
    latest = std::max(latest, interval.began);
    RC_ASSERT(object->apply(call) != Step::kRefused);
  }
  for (std::size_t i = 0; i < taken.size(); ++i) {
    RC_ASSERT(taken[i] || !history.intervals[i].ended);
  }
}

// Cut off before an instant: what hasn't ended by then has no answer.
Small cut_off(Small history, std::uint64_t before) {
  Small out;
  out.object = history.object;
  for (std::size_t i = 0; i < history.calls.size(); ++i) {
    Interval interval = history.intervals[i];
    if (interval.began > before) continue;
    PlainCall call = history.calls[i];
    if (interval.ended && *interval.ended >= before) {
      interval.ended.reset();
      call.answered = false;
      if (call.function == Function::kRead || call.function == Function::kReadAll) continue;
    }
    out.calls.push_back(std::move(call));
    out.intervals.push_back(interval);
  }
  return out;
}

TEST(SearchProperty, AgreesWithBruteForceAndProvesIt) {
  int legal = 0;
  int illegal = 0;
  expect_property("search = brute force", [&] {
    for (int i = 0; i < 20; ++i) {
      const Small history = any_history();
      const bool expected = is_legal(history);
      const std::unique_ptr<Specification> object = specification(history);
      const SearchResult found = search(history.intervals, *object, {});
      RC_LOG() << text(history);
      RC_ASSERT((found.finding == Finding::kLegal) == expected);
      if (expected) {
        expect_proof(history, found);
        ++legal;
        continue;
      }
      ++illegal;
      // What is said to be legal without the end that blocks is so.
      RC_ASSERT(!found.blocked.empty());
      const std::optional<std::uint64_t> end = history.intervals[found.blocked.front()].ended;
      RC_ASSERT(end.has_value());
      RC_ASSERT(is_legal(cut_off(history, *end)));
    }
  });
  EXPECT_GT(legal, 400);
  EXPECT_GT(illegal, 400);
}

// A run of one real object: calls take effect at instants of their own, inside their intervals.
Small real_history(int count, int overlap) {
  Small history;
  history.object = static_cast<Object>(draw(3));
  std::string held(kNothing);
  std::vector<std::string> elements;
  for (int i = 0; i < count; ++i) {
    PlainCall call = any_call(history.object);
    if (call.function == Function::kRead) call.value = held;
    if (call.function == Function::kCompareAndSet) call.swapped = held == call.expected;
    const bool writes = call.function == Function::kWrite ||
                        (call.function == Function::kCompareAndSet && call.swapped);
    if (writes) held = call.value;
    if (call.function == Function::kRemove) std::erase(elements, call.value);
    if (call.function == Function::kAdd) {
      std::erase(elements, call.value);
      elements.push_back(call.value);
    }
    if (call.function == Function::kReadAll) call.elements = elements;
    if (call.function == Function::kEnqueue) elements.push_back(call.value);
    if (call.function == Function::kDequeue) {
      call.value = elements.empty() ? std::string(kNothing) : elements.front();
      if (!elements.empty()) elements.erase(elements.begin());
    }
    const auto effect = static_cast<std::uint64_t>(overlap + i);
    const auto before = static_cast<std::uint64_t>(draw(overlap + 1));
    history.calls.push_back(std::move(call));
    history.intervals.push_back(
        {effect - before, effect + static_cast<std::uint64_t>(draw(overlap + 1))});
  }
  return history;
}

TEST(SearchProperty, FindsTheOrderOfARealRun) {
  expect_property("a real run is legal", [] {
    const Small history = real_history(80, 1 + draw(3));
    const std::unique_ptr<Specification> object = specification(history);
    const SearchResult found = search(history.intervals, *object, {});
    RC_LOG() << text(history);
    RC_ASSERT(found.finding == Finding::kLegal);
    expect_proof(history, found);
  });
}

}  // namespace
}  // namespace detcd::sim
