// Bounds of the search, its scale, and its words.
#include "sim/check/search.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "corpus.h"
#include "sim/check/judge.h"
#include "sim/check/memory.h"
#include "sim/check/plain.h"

namespace detcd::sim {
namespace {

PlainCall write(int value) {
  PlainCall call;
  call.function = PlainFunction::kWrite;
  call.value = std::to_string(value);
  return call;
}
PlainCall read(int value) {
  PlainCall call;
  call.value = std::to_string(value);
  return call;
}

// Writes of unknown fate, which later reads may or may not tell of: the worst that there is. The
// last read is of nobody's value, so that everything must be tried.
CheckedHistory hard(int writes) {
  CheckedHistory history;
  history.model = CheckedModel::kRegister;
  const auto add = [&](PlainCall call, Interval interval) {
    history.plain.push_back(std::move(call));
    history.intervals.push_back(interval);
    history.origins.push_back({"0", 1, 2});
  };
  for (int i = 0; i < writes; ++i) {
    PlainCall open = write(i);
    open.answered = false;
    add(open, {0, std::nullopt});
  }
  for (int i = 0; i < writes; ++i) {
    const auto at = static_cast<std::uint64_t>(10 + i * 2);
    add(read(i), {at, at + 1});
  }
  add(read(-1), {100'000, 100'001});
  return history;
}

TEST(Search, GivesUpHonestly) {
  SearchLimits steps;
  steps.steps_max = 1000;
  const CheckResult by_steps = judge(hard(40), steps);
  EXPECT_EQ(by_steps.finding, Finding::kUnknown);
  EXPECT_EQ(by_steps.steps, 1000U);
  EXPECT_NE(by_steps.lines.back().find("given up after 1000 steps"), std::string::npos);
  SearchLimits memory;
  memory.memory_bytes_max = 1 << 20;
  const CheckResult by_memory = judge(hard(40), memory);
  EXPECT_EQ(by_memory.finding, Finding::kUnknown);
  EXPECT_NE(by_memory.lines.back().find("configurations in memory"), std::string::npos);
  SearchLimits time;
  int asked = 0;
  time.go_on = [&](const SearchProgress& progress) {
    EXPECT_LE(progress.ordered, progress.calls);
    return ++asked < 3;
  };
  const CheckResult by_time = judge(hard(40), time);
  EXPECT_EQ(by_time.finding, Finding::kUnknown);
  EXPECT_NE(by_time.lines.back().find("when time was up"), std::string::npos);
  EXPECT_EQ(asked, 3);
}

TEST(Search, EndsWhereItCan) {
  const CheckResult result = judge(hard(8), {});
  EXPECT_EQ(result.finding, Finding::kIllegal);
}

// 20,000 calls, four at a time.
TEST(Search, LongHistoriesTakeLittle) {
  std::vector<PlainCall> calls;
  std::vector<Interval> intervals;
  for (int i = 0; i < 20'000; ++i) {
    const auto at = static_cast<std::uint64_t>(i) * 10;
    calls.push_back(i % 2 == 0 ? write(i) : read(i - 1));
    intervals.push_back({at, at + 35});
  }
  const auto object = register_specification(calls, kNothing);
  const SearchResult found = search(intervals, *object, {});
  EXPECT_EQ(found.finding, Finding::kLegal);
  EXPECT_EQ(found.order.size(), calls.size());
  EXPECT_LT(found.steps, 800'000U);
}

// Twenty writes of unknown fate, in the order opposite to that in which they began, as reads of old
// revisions tell in the end: each write is found by what was seen of it, not by trying all orders.
TEST(Search, UnknownWritesAreFoundByWhatWasSeenOfThem) {
  constexpr int kWrites = 20;
  CheckedHistory history;
  history.model = CheckedModel::kEtcd;
  const auto add = [&](EtcdCall call, Interval interval) {
    history.etcd.push_back(std::move(call));
    history.intervals.push_back(interval);
    history.origins.push_back({"0", 1, 2});
  };
  for (int i = 0; i < kWrites; ++i) {
    apply::PutRequest put;
    put.key = "a";
    put.value = std::to_string(i);
    EtcdCall call;
    call.operation = put;
    add(call, {0, std::nullopt});
  }
  for (int i = 0; i < kWrites; ++i) {
    apply::RangeRequest range;
    range.key = "a";
    range.revision = 2 + i;
    EtcdCall call;
    call.operation = range;
    call.outcome = EtcdCall::Outcome::kAnswered;
    call.told.revision = 1 + kWrites;
    ToldKeyValue kv;
    kv.key = "a";
    kv.value = std::to_string(kWrites - 1 - i);
    kv.mod_revision = 2 + i;
    call.told.kvs = std::vector{kv};
    add(call, {100, 200});
  }
  const CheckResult result = judge(history, {});
  EXPECT_EQ(result.finding, Finding::kLegal);
  EXPECT_LT(result.steps, 20'000U);
}

TEST(Search, AnEmptyHistoryIsLegal) {
  const std::vector<PlainCall> none;
  const auto object = queue_specification(none);
  EXPECT_EQ(search({}, *object, {}).finding, Finding::kLegal);
}

TEST(Search, SaysWhatBlocks) {
  const std::vector<CheckedHistory> histories =
      read_corpus(R"({"type":"history","model":"register"})"
                  "\n"
                  R"({"process":0,"type":"invoke","f":"write","value":1})"
                  "\n"
                  R"({"process":0,"type":"ok"})"
                  "\n"
                  R"({"process":1,"type":"invoke","f":"read"})"
                  "\n"
                  R"({"process":1,"type":"ok","value":null})"
                  "\n");
  ASSERT_EQ(histories.size(), 1U);
  const CheckResult result = judge(histories[0], {});
  const std::vector<std::string> expected = {
      "no order of the calls explains every answer. 1 of 2 calls can be ordered, and no order gets "
      "further; the last of them:",
      "  lines 2–3, process 0: write 1",
      "the object then holds 1. What can't follow:",
      "  lines 4–5, process 1: read → null — it holds 1",
      "the contradiction lies in lines 4–5; cut off before line 5, the history is legal",
  };
  EXPECT_EQ(result.lines, expected);
}

TEST(Memory, KnowsWhatItHolds) {
  Memory memory;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const std::vector<std::uint64_t> words(i % 7, i);
    EXPECT_EQ(memory.insert(words), i % 7 != 0 || i == 0);
  }
  for (std::uint64_t i = 1; i < 20'000; ++i) {
    const std::vector<std::uint64_t> words(i % 7, i);
    EXPECT_FALSE(memory.insert(words));
  }
  EXPECT_GT(memory.bytes(), 20'000 * 4 * sizeof(std::uint64_t));
  const std::vector<std::uint64_t> long_one(100'000, 1);
  EXPECT_TRUE(memory.insert(long_one));
  EXPECT_FALSE(memory.insert(long_one));
}

}  // namespace
}  // namespace detcd::sim
