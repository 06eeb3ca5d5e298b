#include "app/log_sink.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace detcd::app {
namespace {

using telemetry::Level;
using telemetry::Record;

// 2026-01-02T03:04:05.000006789Z.
constexpr WallTime kAt(Duration(1'767'323'045'000'006'789));

TEST(JsonLine, HasEtcdsShape) {
  EXPECT_EQ(
      json_line({Level::kInfo, "a/b.cc:1", "hello", {}}, kAt),
      R"({"level":"info","ts":"2026-01-02T03:04:05.000006Z","caller":"a/b.cc:1","msg":"hello"})");
  EXPECT_EQ(json_line({Level::kWarn, "c", "q\"\n", {{"n", 3}, {"ok", true}, {"s", "x\\"}}}, kAt),
            R"({"level":"warn","ts":"2026-01-02T03:04:05.000006Z","caller":"c","msg":"q\"\n",)"
            R"("n":3,"ok":true,"s":"x\\"})");
}

TEST(JsonLine, TakesTimesBeforeTheEpoch) {
  EXPECT_NE(json_line({}, WallTime(Duration(-1))).find("1969-12-31T23:59:59.999999Z"),
            std::string::npos);
}

TEST(ConsoleLine, IsTabbed) {
  EXPECT_EQ(console_line({Level::kError, "c", "m", {{"a", 1}, {"b", "x"}}}, kAt),
            "2026-01-02T03:04:05.000Z\terror\tc\tm\t{\"a\": 1, \"b\": \"x\"}");
  EXPECT_EQ(console_line({Level::kDebug, "c", "m", {}}, kAt),
            "2026-01-02T03:04:05.000Z\tdebug\tc\tm");
}

class LogFile : public ::testing::Test {
 protected:
  LogFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "detcd-log-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~LogFile() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path() const { return (folder_ / "log").string(); }
  [[nodiscard]] std::string content() const {
    std::ifstream in(path());
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  std::filesystem::path folder_;
};

TEST_F(LogFile, IsAppendedToLineByLine) {
  for (int run = 0; run < 2; ++run) {
    const Result<std::unique_ptr<LogSink>> sink =
        LogSink::open({path()}, bootstrap::LogFormat::kJson);
    ASSERT_TRUE(sink);
    const telemetry::Log log(**sink, Level::kInfo);
    log.info("kept {braces}", {{"run", run}});
    log.debug("not kept");
    // The line is there before the sink is closed.
    EXPECT_NE(content().find("\"run\":" + std::to_string(run) + "}\n"), std::string::npos);
  }
  EXPECT_EQ(content().find("not kept"), std::string::npos);
  EXPECT_NE(content().find("kept {braces}"), std::string::npos);
  EXPECT_NE(content().find("\"run\":0"), std::string::npos);
}

TEST_F(LogFile, ThatCannotBeOpenedIsAnError) {
  const Result<std::unique_ptr<LogSink>> sink =
      LogSink::open({"/proc/nowhere/log"}, bootstrap::LogFormat::kJson);
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().code, Errc::kIo);
}

TEST_F(LogFile, InAMissingDirectoryIsAnErrorAndMakesNone) {
  const std::string missing = (folder_ / "mistyped").string();
  const Result<std::unique_ptr<LogSink>> sink =
      LogSink::open({missing + "/log"}, bootstrap::LogFormat::kJson);
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().message, "open sink \"" + missing + "/log\": open " + missing +
                                      "/log: No such file or directory");
  EXPECT_FALSE(std::filesystem::exists(missing));
}

}  // namespace
}  // namespace detcd::app
