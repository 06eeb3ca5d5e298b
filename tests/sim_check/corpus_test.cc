// Every planted history gets the verdict that its name deserves, from every judge that applies.
#include "corpus.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "sim/check/revisions.h"
#include "sim/oracles/linearizability.h"
#include "with_log.h"

namespace detcd::sim {
namespace {

std::string title(const CheckedHistory& history) {
  return std::string(name_of(history.model)) + ", \"" + history.name + "\": it is " +
         std::string(name_of(*history.expected)) + ", because " + history.why;
}

std::string text(const CheckResult& result) {
  std::string out;
  for (const std::string& line : result.lines) out += "\n  " + line;
  return out;
}

TEST(Corpus, EveryJudgeSaysWhatIsPlanted) {
  std::map<std::string_view, std::map<Finding, int>> counts;
  int by_revision = 0;
  int exactly = 0;  // By the simulator's own judge.
  for (const CheckedHistory& history : whole_corpus()) {
    ASSERT_TRUE(history.expected);
    SCOPED_TRACE(title(history));
    const CheckResult judged = judge(history, {});
    EXPECT_EQ(name_of(judged.finding), name_of(*history.expected)) << text(judged);
    const CheckResult searched = judge_by_search(history, {});
    EXPECT_EQ(name_of(searched.finding), name_of(*history.expected)) << text(searched);
    if (history.model == CheckedModel::kEtcd) {
      const RevisionOrder order = judge_by_revision(history.etcd, history.intervals);
      if (order.finding) {
        ++by_revision;
        EXPECT_EQ(name_of(*order.finding), name_of(*history.expected)) << order.message;
      }
    }
    if (const std::optional<History> logged = with_log(history)) {
      ++exactly;
      const Judgement exact = judge_linearizability(*logged);
      EXPECT_EQ(!exact.violation, *history.expected == Finding::kLegal)
          << (exact.violation ? exact.violation->message : "the exact judge sees nothing wrong");
    }
    ++counts[name_of(history.model)][*history.expected];
  }
  int all = 0;
  for (const auto& [model, verdicts] : counts) {
    EXPECT_GE(verdicts.at(Finding::kLegal), 4) << model;
    EXPECT_GE(verdicts.at(Finding::kIllegal), 4) << model;
    all += verdicts.at(Finding::kLegal) + verdicts.at(Finding::kIllegal);
  }
  EXPECT_GE(all, 300);
  EXPECT_EQ(counts.size(), 6U);
  EXPECT_GE(by_revision, 100);
  EXPECT_GE(exactly, 100);
}

TEST(Corpus, AnIllegalHistoryNamesLinesAndReasons) {
  for (const CheckedHistory& history : whole_corpus()) {
    if (*history.expected == Finding::kLegal) continue;
    SCOPED_TRACE(title(history));
    const CheckResult judged = judge_by_search(history, {});
    const std::string words = text(judged);
    EXPECT_NE(words.find("What can't follow:"), std::string::npos) << words;
    EXPECT_NE(words.find("the contradiction lies in lines"), std::string::npos) << words;
    EXPECT_NE(words.find(" — "), std::string::npos) << words;
  }
}

}  // namespace
}  // namespace detcd::sim
