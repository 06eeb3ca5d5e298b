// Random histories with compactions, sweeps, slow clients, cancels and tiny budgets: every response
// is checked against the history, and in the end everybody has everything.
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/watch/world.h"

namespace detcd::watch {
namespace {

const bool kSeedSet = setenv("RC_PARAMS", "seed=20240229 max_success=300 noshrink=1", 0) == 0;

template <class Property>
void expect_property(const std::string& name, Property property) {
  const bool held = rc::check(name, std::move(property));
  const ::testing::TestInfo* const test = ::testing::UnitTest::GetInstance()->current_test_info();
  EXPECT_TRUE(held) << "reproduce: RC_PARAMS=\"" << std::getenv("RC_PARAMS")
                    << "\" test_watch --gtest_filter=" << test->test_suite_name() << '.'
                    << test->name();
}

std::string key_of(std::uint64_t number) {
  return std::string(1, static_cast<char>('a' + number % 6)) +
         std::string(number / 6, static_cast<char>('a' + number % 3));
}

class Story {
 public:
  explicit Story(std::uint64_t seed) : dice_{seed}, world_(limits(dice_), 200) {}

  void go() {
    for (int i = 0; i < 400 && !::testing::Test::HasFatalFailure(); ++i) step();
    world_.expect_complete();
  }

 private:
  static Limits limits(Dice& dice) {
    Limits limits;
    limits.credit_bytes = static_cast<std::int64_t>(1 + dice.below(600));
    limits.credit_responses = static_cast<std::int64_t>(1 + dice.below(6));
    limits.batch_bytes = 1 + dice.below(400);
    limits.batch_revisions = static_cast<std::uint32_t>(1 + dice.below(5));
    limits.owed_responses_max = static_cast<std::uint32_t>(1 + dice.below(6));
    limits.owed_log_bytes_max = 100 + dice.below(3000);
    limits.control_max = 1 + dice.below(4);
    return limits;
  }
  std::string key() { return key_of(dice_.below(14)); }

  void step() {
    switch (dice_.below(12)) {
      case 0:
      case 1:
      case 2:
        return write();
      case 3:
        return create();
      case 4:
      case 5:
      case 6:
        // Bigger budgets than a few units leave nothing half done.
        static_cast<void>(world_.advance(1 + dice_.below(dice_.below(3) == 0 ? 500 : 12)));
        return;
      case 7:
        return world_.sweep(1 + dice_.below(40));
      case 8:
        return compact();
      case 9:
        if (dice_.below(3) == 0) return world_.settle();
        return;
      default:
        return act();
    }
  }
  void write() {
    std::map<std::string, bool> keys;
    const std::uint64_t changes = 1 + dice_.below(4);
    for (std::uint64_t i = 0; i < changes; ++i) keys.emplace(key(), dice_.below(4) == 0);
    for (const auto& [key, erased] : keys) {
      if (erased) {
        world_.erase(key);
      } else {
        world_.put(key, std::string(dice_.below(30), 'v'));
      }
      // A long transaction is seen half done by nobody.
      if (dice_.below(3) == 0) static_cast<void>(world_.advance(1 + dice_.below(30)));
    }
    world_.commit();
  }
  void compact() {
    if (dice_.below(2) == 0) return;
    world_.compact(world_.store.revision() - static_cast<Revision>(dice_.below(8)));
  }
  std::uint64_t stream() {
    const std::uint64_t id = 1 + dice_.below(4);
    if (!world_.streams.contains(id)) world_.open(++opened_ * 10 + id);
    for (const auto& [open, client] : world_.streams) {
      if (open % 10 == id) return open;
    }
    return world_.streams.begin()->first;
  }
  void create() {
    Create request;
    request.key = dice_.below(8) == 0 ? "" : key();
    const std::uint64_t shape = dice_.below(4);
    if (shape == 1) request.range_end = key();
    if (shape == 2) request.range_end = std::string(1, '\0');
    if (shape == 3) request.range_end = request.key + "zz";
    const Revision now = world_.store.revision();
    if (dice_.below(2) == 0) {
      request.start_revision =
          std::max<Revision>(0, now + 3 - static_cast<Revision>(dice_.below(12)));
    }
    if (dice_.below(3) == 0) request.id = static_cast<WatchId>(dice_.below(6)) - 1;
    request.no_put = dice_.below(6) == 0;
    request.no_delete = dice_.below(6) == 0;
    request.prev_kv = dice_.below(2) == 0;
    request.progress_notify = dice_.below(2) == 0;
    // The model forgets what it knows of an id that was refused.
    if (request.id == kNoWatch) request.id = 0;
    world_.ask(stream(), request);
  }
  void act() {
    if (world_.streams.empty()) return;
    const std::uint64_t id = stream();
    switch (dice_.below(7)) {
      case 0:
        return world_.ask(id, Cancel{static_cast<WatchId>(dice_.below(8))});
      case 1:
        return world_.ask(id, AskProgress{});
      case 2:
        return world_.hub.tick(StreamId(id));
      case 3:
        if (dice_.below(6) == 0) world_.close(id);
        return;
      case 4:
        return world_.ask(id, Nothing{});
      default:
        return world_.set_slow(id, dice_.below(2) == 0);
    }
  }

  Dice dice_;
  World world_;
  std::uint64_t opened_ = 0;
};

TEST(HubProperty, EveryResponseIsTheModelsAndNothingIsMissing) {
  expect_property("watching is the naive model's", [](std::uint64_t seed) {
    Story story(seed);
    story.go();
    RC_ASSERT(!::testing::Test::HasFailure());
  });
}

TEST(RangeIndexProperty, FindsWhatLookingAtEachRangeFinds) {
  expect_property("the index is a list of ranges", [](std::uint64_t seed) {
    Dice dice{seed};
    RangeIndex index;
    std::vector<std::unique_ptr<Watcher>> watchers;
    for (int i = 0; i < 300; ++i) {
      if (watchers.empty() || dice.below(5) < 3) {
        Create request{.key = key_of(dice.below(30))};
        const std::uint64_t shape = dice.below(4);
        if (shape == 1) request.range_end = request.key + std::string(dice.below(3), '\0') + "b";
        if (shape == 2) request.range_end = std::string(1, '\0');
        if (shape == 3) request.range_end = request.key + std::string(1 + dice.below(2), '\0');
        auto watcher = std::make_unique<Watcher>();
        watcher->range = &index.acquire(request.key, request.range_end);
        RangeIndex::link(*watcher);
        watchers.push_back(std::move(watcher));
      } else {
        const std::size_t chosen = dice.below(watchers.size());
        RangeIndex::unlink(*watchers[chosen]);
        index.release(*watchers[chosen]->range);
        watchers.erase(watchers.begin() + static_cast<std::ptrdiff_t>(chosen));
      }
      index.verify();
      const std::string key = key_of(dice.below(30)) + std::string(dice.below(2), '\0');
      std::vector<Range*> found;
      index.find(key, found);
      std::size_t count = 0;
      for (const Range* range : found) {
        RC_ASSERT(range->holds(key));
        for (const Watcher* w = range->first; w != nullptr; w = w->range_next) ++count;
      }
      const auto holds = [&](const auto& watcher) { return watcher->range->holds(key); };
      RC_ASSERT(count == static_cast<std::size_t>(std::ranges::count_if(watchers, holds)));
    }
  });
}

}  // namespace
}  // namespace detcd::watch
