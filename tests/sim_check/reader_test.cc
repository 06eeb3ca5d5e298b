// What a file may say, and what is refused with its line and the reason.
#include "sim/import/reader.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "corpus.h"

namespace detcd::sim {
namespace {

std::string error_of(std::string_view text, std::optional<CheckedModel> model,
                     ReaderLimits limits = {}) {
  HistoryReader reader(model, limits);
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) {
    const Result<void> taken = reader.take(line);
    if (!taken) return taken.error().message;
  }
  const Result<std::vector<CheckedHistory>> histories = reader.finish();
  return histories ? "" : histories.error().message;
}

void expect_error(std::string_view text, std::string_view words,
                  CheckedModel model = CheckedModel::kRegister) {
  const std::string error = error_of(text, model);
  EXPECT_NE(error.find(words), std::string::npos) << text << "\n" << error;
}

CheckedHistory read(std::string_view text, CheckedModel model) {
  HistoryReader reader(model);
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) {
    const Result<void> taken = reader.take(line);
    EXPECT_TRUE(taken) << taken.error().message;
  }
  Result<std::vector<CheckedHistory>> histories = reader.finish();
  EXPECT_TRUE(histories);
  return histories->front();
}

constexpr std::string_view kWrite = R"({"process":0,"type":"invoke","f":"write","value":1})"
                                    "\n";

TEST(Reader, JepsensLinesAreTaken) {
  const CheckedHistory history = read(
      R"({"process":"nemesis","type":"info","f":"start","value":null,"index":0,"time":1})"
      "\n"
      R"({"process":0,"type":"invoke","f":"cas","value":[1,2],"index":1,"time":2})"
      "\n\r\n"
      R"({"process":1,"type":"invoke","f":"read","value":null,"index":2,"time":2})"
      "\n"
      R"({"process":0,"type":"info","f":"cas","value":[1,2],"index":3,"time":5,"error":":timeout"})"
      "\n"
      R"({"process":1,"type":"ok","f":"read","value":3,"index":4,"time":6})",
      CheckedModel::kCasRegister);
  ASSERT_EQ(history.plain.size(), 2U);
  EXPECT_EQ(describe(history.plain[0]), "cas 1 to 2");
  EXPECT_FALSE(history.plain[0].answered);
  EXPECT_FALSE(history.intervals[0].ended);
  EXPECT_EQ(describe(history.plain[1]), "read → 3");
  EXPECT_EQ(history.intervals[1].began, 2U);
  EXPECT_EQ(history.intervals[1].ended, 6U);
  EXPECT_EQ(history.origins[1].line_began, 4U);
  EXPECT_EQ(history.origins[1].line_ended, 6U);
}

TEST(Reader, WithoutTimesTheLinesAreTheOrder) {
  const CheckedHistory history =
      read(std::string(kWrite) + R"({"process":0,"type":"ok"})", CheckedModel::kRegister);
  ASSERT_EQ(history.intervals.size(), 1U);
  EXPECT_EQ(history.intervals[0].began, 1U);
  EXPECT_EQ(history.intervals[0].ended, 2U);
}

TEST(Reader, CallsWithoutEffectOrConsequenceAreDropped) {
  const CheckedHistory history =
      read(std::string(kWrite) + R"({"process":0,"type":"fail"})"
                                 "\n"
                                 R"({"process":1,"type":"invoke","f":"read"})",
           CheckedModel::kRegister);
  EXPECT_TRUE(history.plain.empty());
}

TEST(Reader, SaysWhichLineIsWrongAndWhy) {
  expect_error("", "no event");
  expect_error("[1]", "line 1: a line must be one JSON object");
  expect_error("{", "line 1: not JSON: column 2: ");
  expect_error(R"({"process":0,"process":1})", "stands twice");
  expect_error(R"({"type":"invoke","f":"read"})", R"(needs a "process")");
  expect_error(R"({"process":0.5,"type":"invoke","f":"read"})", R"(needs a "process")");
  expect_error(R"({"process":0,"type":"begin","f":"read"})", R"("type" must be)");
  expect_error(R"({"process":0,"type":"invoke","f":"cas","value":[1,2]})", "doesn't have");
  expect_error(R"({"process":0,"type":"invoke","f":"write"})", R"(needs a "value")");
  expect_error(R"({"process":0,"type":"ok","f":"read","value":1})", "didn't begin");
  expect_error(std::string(kWrite) + std::string(kWrite),
               "line 2: process 0 begins a call before its last one ended (line 1)");
  expect_error(std::string(kWrite) + R"({"process":0,"type":"ok","f":"read","value":1})",
               "another \"f\"");
  expect_error(std::string(kWrite) + R"({"process":0,"type":"ok","time":3})", "or none has");
  expect_error(R"({"process":0,"type":"invoke","f":"write","value":1,"time":5})"
               "\n"
               R"({"process":0,"type":"ok","f":"write","time":4})",
               "line 2: time goes backwards");
  expect_error(R"({"process":0,"type":"invoke","f":"read","time":99999999999999999999})",
               "must be a whole number");
  expect_error(R"({"type":"history","model":"tree"})", R"(known "model")");
  expect_error(R"({"type":"history","model":"set"})", "another model than --model");
  expect_error(R"({"type":"history","verdict":"perhaps"})", "legal or illegal");
  expect_error(R"({"type":"initial"})", R"(needs a "value")");
  expect_error(R"({"process":0,"type":"invoke","f":"enqueue","value":null})", "null into a queue",
               CheckedModel::kQueue);
  expect_error(R"({"process":0,"type":"invoke","f":"read"})", R"(needs a "key")",
               CheckedModel::kKv);
  EXPECT_EQ(error_of(kWrite, std::nullopt).substr(0, 20), "line 1: which model?");
}

TEST(Reader, RequestsAndAnswersOfEtcdAreTakenWordForWord) {
  const auto expect_request = [](std::string_view f, std::string_view value,
                                 std::string_view says) {
    expect_error(R"({"process":0,"type":"invoke","f":")" + std::string(f) + R"(","value":)" +
                     std::string(value) + "}",
                 says, CheckedModel::kEtcd);
  };
  expect_request("range", R"({"key":"a","limits":1})",
                 R"("limits" of a range request is no field)");
  expect_request("range", R"({})", "needs a key");
  expect_request("range", R"({"key":1})", R"("key" of a range request must be a text)");
  expect_request("range", R"({"key":"a","sort_order":"UP"})", "NONE, ASCEND, DESCEND");
  expect_request("put", R"({"key":"a","lease":7})", "grants none");
  expect_request("put", "[]", "must be an object");
  expect_request("get", R"({"key":"a"})", R"("f" must be range, put)");
  expect_request("compact", "{}", "needs a revision");
  expect_request("txn", R"({"success":[{"request_cas":{}}]})", "request_range, _put");
  std::string nested = R"({"success":[]})";
  for (int i = 0; i < 9; ++i) nested = R"({"success":[{"request_txn":)" + nested + "}]}";
  expect_request("txn", nested, "nested too deep");
  std::string brackets(100, '[');
  expect_request("txn", brackets, "nested deeper");
  constexpr std::string_view kPut = R"({"process":0,"type":"invoke","f":"put","value":{"key":"a"}})"
                                    "\n";
  expect_error(std::string(kPut) + R"({"process":0,"type":"ok","value":{"rev":2}})",
               R"("rev" of an answer is no field)", CheckedModel::kEtcd);
  const CheckedHistory history =
      read(std::string(kPut) +
               R"({"process":0,"type":"fail","error":"rpc error: code = OutOfRange desc = )"
               R"(etcdserver: mvcc: required revision is a future revision"})",
           CheckedModel::kEtcd);
  ASSERT_EQ(history.etcd.size(), 1U);
  EXPECT_EQ(history.etcd[0].outcome, EtcdCall::Outcome::kRefused);
}

// The examples of FORMAT.md, each under the heading of its model.
TEST(Reader, TheDocumentedExamplesAreLegal) {
  std::ifstream in(DETCD_TEST_DATA "/../../../sim/check/FORMAT.md");
  std::string heading;
  std::string block;
  bool inside = false;
  int examples = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) heading = line.substr(3);
    if (line != "```") {
      if (inside) block += line + "\n";
      continue;
    }
    inside = !inside;
    const std::string whole = std::exchange(block, "");
    if (inside || whole.find("\"process\":") == std::string::npos) continue;
    const bool keyed = whole.find("\"key\":\"x\"") != std::string::npos;
    const std::optional<CheckedModel> model =
        checked_model(heading.starts_with("register") ? (keyed ? "kv" : "cas-register") : heading);
    ASSERT_TRUE(model) << heading;
    const CheckResult result = judge(read(whole, *model), {});
    EXPECT_EQ(name_of(result.finding), "legal") << whole;
    ++examples;
  }
  EXPECT_EQ(examples, 5);
}

TEST(Reader, EverythingIsBounded) {
  const std::string error = error_of(kWrite, CheckedModel::kRegister, {.line_bytes_max = 10});
  EXPECT_EQ(error, "line 1: it is too long");
  const std::string many = std::string(kWrite) + "\n\n\n";
  EXPECT_EQ(error_of(many, CheckedModel::kRegister, {.lines_max = 3}),
            "line 4: there are more lines than can be judged");
}

}  // namespace
}  // namespace detcd::sim
