#include "app/process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <future>

namespace detcd::app {
namespace {

TEST(Invocation, IsTakenFromTheCall) {
  char program[] = "/usr/bin/etcd";
  char flag[] = "--name=x";
  char* argv[] = {program, flag, nullptr};
  const bootstrap::Invocation called = invocation(2, argv);
  EXPECT_EQ(called.program, "etcd");
  EXPECT_EQ(called.arguments, std::vector<std::string>{"--name=x"});
  EXPECT_TRUE(std::ranges::any_of(
      called.environment, [](const std::string& entry) { return entry.starts_with("PATH="); }));
}

TEST(DefaultHost, IsAnAddressIfThereIsOne) {
  const std::optional<std::string> host = default_host();
  EXPECT_TRUE(!host || bootstrap::is_ip(*host)) << host.value_or("");
}

TEST(CarryOut, LogsAndReturnsTheCode) {
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  const int code = carry_out({bootstrap::kExitFailure,
                              "out\n",
                              "err\n",
                              {{telemetry::Level::kWarn, "c", "failed to verify flags", {}}}});
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "out\n");
  const std::string err = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(err.starts_with("err\n{\"level\":\"warn\",\"ts\":\"")) << err;
  EXPECT_NE(err.find("\"msg\":\"failed to verify flags\"}\n"), std::string::npos) << err;
  EXPECT_EQ(code, 1);
}

TEST(Signals, AreHeardOnceAndDoNotKill) {
  std::promise<int> heard;
  {
    Signals signals([&](int signal) { heard.set_value(signal); });
    ::kill(::getpid(), SIGTERM);
    EXPECT_EQ(heard.get_future().get(), SIGTERM);
  }
}

TEST(Signals, MayNeverCome) {
  bool called = false;
  {
    Signals signals([&](int) { called = true; });
  }
  EXPECT_FALSE(called);
}

TEST(SignalsDeathTest, ASecondOneEndsTheProcess) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        std::promise<void> heard;
        Signals signals([&](int) { heard.set_value(); });
        ::kill(::getpid(), SIGTERM);
        heard.get_future().get();
        ::kill(::getpid(), SIGINT);
        for (;;) ::pause();
      },
      ::testing::KilledBySignal(SIGINT), "");
}

TEST(EndBySignalDeathTest, IsSeenBySupervisors) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(end_by_signal(SIGTERM), ::testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace detcd::app
