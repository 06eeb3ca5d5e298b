#include "base/quote.h"

#include <gtest/gtest.h>

namespace detcd {
namespace {

// By the rules of appendQuotedWith in Go's strconv.
TEST(GoQuoted, EscapesAsGoDoes) {
  EXPECT_EQ(go_quoted(""), R"("")");
  EXPECT_EQ(go_quoted("a\"b\\c\n\r\t\x01"), R"("a\"b\\c\n\r\t\x01")");
  EXPECT_EQ(go_quoted("\a\b\f\v\x7f"), R"("\a\b\f\v\x7f")");
  EXPECT_EQ(go_quoted(std::string_view("\0", 1)), R"("\x00")");
}

TEST(GoQuoted, KeepsUtf8AndEscapesWhatIsNone) {
  EXPECT_EQ(go_quoted("é€😀"), "\"é€😀\"");
  EXPECT_EQ(go_quoted("\xff"), R"("\xff")");
  EXPECT_EQ(go_quoted("\xc3"), R"("\xc3")");
  EXPECT_EQ(go_quoted("\xc0\x80"), R"("\xc0\x80")");          // Overlong.
  EXPECT_EQ(go_quoted("\xed\xa0\x80"), R"("\xed\xa0\x80")");  // A surrogate.
  EXPECT_EQ(go_quoted("\xf4\x90\x80\x80"), R"("\xf4\x90\x80\x80")");
}

}  // namespace
}  // namespace detcd
