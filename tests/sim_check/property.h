// Runs a RapidCheck property from a fixed seed (RC_PARAMS overrides it), and ends a failure with
// the command that replays it.
#pragma once

#include <cstdlib>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace detcd::sim {

// Before RapidCheck reads its configuration, which it does once.
inline const bool kSeedSet =
    setenv("RC_PARAMS", "seed=20240817 max_success=100 noshrink=1", 0) == 0;

template <class Property>
void expect_property(const std::string& name, Property property) {
  const bool held = rc::check(name, std::move(property));
  const ::testing::TestInfo* const test = ::testing::UnitTest::GetInstance()->current_test_info();
  EXPECT_TRUE(held) << "reproduce: RC_PARAMS=\"" << std::getenv("RC_PARAMS")
                    << "\" test_sim_check --gtest_filter=" << test->test_suite_name() << '.'
                    << test->name();
}

// Below `bound`, uniformly.
inline int draw(int bound) {
  return *rc::gen::resize(100, rc::gen::inRange(0, bound));
}

}  // namespace detcd::sim
