// Properties run from one fixed seed unless RC_PARAMS says otherwise, and a program that fails ends
// with the command that repeats its run: in every program that includes this.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

namespace detcd::testing_support {

class Replay : public testing::EmptyTestEventListener {
  void OnTestProgramEnd(const testing::UnitTest& program) override {
    if (program.Passed()) return;
    std::printf("replay: RC_PARAMS=\"%s\" %s --gtest_filter=%s\n", std::getenv("RC_PARAMS"),
                program_invocation_short_name, testing::GTEST_FLAG(filter).c_str());
  }
};

// Before RapidCheck reads its configuration, which it does once.
inline const bool kReplayIsTold = [] {
  setenv("RC_PARAMS", "seed=20 verbose_progress=0", 0);
  testing::UnitTest::GetInstance()->listeners().Append(new Replay);
  return true;
}();

}  // namespace detcd::testing_support
