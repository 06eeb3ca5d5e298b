// Properties run from one fixed seed unless RC_PARAMS says otherwise, and a program that fails ends
// with the command that repeats its run.
#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

namespace {

class Replay : public testing::EmptyTestEventListener {
  void OnTestProgramEnd(const testing::UnitTest& program) override {
    if (program.Passed()) return;
    std::printf("replay: RC_PARAMS=\"%s\" test_http1 --gtest_filter=%s\n", std::getenv("RC_PARAMS"),
                testing::GTEST_FLAG(filter).c_str());
  }
};

const bool installed = [] {
  setenv("RC_PARAMS", "seed=20 verbose_progress=0", 0);
  testing::UnitTest::GetInstance()->listeners().Append(new Replay);
  return true;
}();

}  // namespace
