#include "bootstrap/go_value.h"

#include <gtest/gtest.h>

#include <limits>

namespace detcd::bootstrap {
namespace {

TEST(GoBool, KnowsTwelveWords) {
  for (const char* yes : {"1", "t", "T", "TRUE", "true", "True"})
    EXPECT_TRUE(*parse_bool(yes)) << yes;
  for (const char* no : {"0", "f", "F", "FALSE", "false", "False"})
    EXPECT_FALSE(*parse_bool(no)) << no;
  for (const char* other : {"", "yes", "tRUE", "2", " true"})
    EXPECT_FALSE(parse_bool(other)) << other;
}

TEST(GoUint, TakesEveryBase) {
  EXPECT_EQ(*parse_uint("0"), 0U);
  EXPECT_EQ(*parse_uint("1500"), 1500U);
  EXPECT_EQ(*parse_uint("0x10"), 16U);
  EXPECT_EQ(*parse_uint("0b101"), 5U);
  EXPECT_EQ(*parse_uint("0o17"), 15U);
  EXPECT_EQ(*parse_uint("017"), 15U);
  EXPECT_EQ(*parse_uint("1_000"), 1000U);
  EXPECT_EQ(*parse_uint("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
}

TEST(GoUint, RefusesWhatIsNoNumberOrTooLarge) {
  for (const char* text : {"", "abc", "-1", "+1", "1_", "_1", "1__0", "0x", "08", "1.5", " 1"}) {
    const Result<std::uint64_t> parsed = parse_uint(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message, "parse error") << text;
  }
  EXPECT_EQ(parse_uint("18446744073709551616").error().message, "value out of range");
  EXPECT_EQ(parse_uint("4294967296", 32).error().message, "value out of range");
  EXPECT_EQ(*parse_uint("4294967295", 32), 4294967295U);
}

TEST(GoInt, HasBothEnds) {
  EXPECT_EQ(*parse_int("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(*parse_int("+9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_FALSE(parse_int("9223372036854775808"));
  EXPECT_FALSE(parse_int("-9223372036854775809"));
  EXPECT_FALSE(parse_int("--1"));
}

TEST(GoDuration, AddsItsParts) {
  EXPECT_EQ(*parse_duration("0"), Duration(0));
  EXPECT_EQ(*parse_duration("100ms"), 100ms);
  EXPECT_EQ(*parse_duration("1h30m"), 5400s);
  EXPECT_EQ(*parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(*parse_duration(".5s"), 500ms);
  EXPECT_EQ(*parse_duration("-2m"), -120s);
  EXPECT_EQ(*parse_duration("3us"), 3us);
  EXPECT_EQ(*parse_duration("3µs"), 3us);
  EXPECT_EQ(*parse_duration("1.0000000009s"), 1s);
}

TEST(GoDuration, RefusesMissingUnitsAndOverflow) {
  for (const char* text :
       {"", "5", "s", "1d", "1.s.", "-", "ms1", "9223372037s", "1 s", "99999999999999999999h"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
  EXPECT_EQ(parse_duration("9223372036854775807ns")->count(),
            std::numeric_limits<std::int64_t>::max());
}

}  // namespace
}  // namespace detcd::bootstrap
