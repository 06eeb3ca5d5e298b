// Downgrades as replicated state, refused as etcd refuses them.

#include <gtest/gtest.h>

#include "apply/downgrade.h"
#include "tests/apply/support.h"

namespace detcd::apply {
namespace {

DowngradeRequest request(DowngradeAction action, std::string version) {
  return {.action = static_cast<std::int32_t>(action), .version = std::move(version)};
}
DowngradeRequest enable(std::string version) {
  return request(DowngradeAction::kEnable, std::move(version));
}

std::optional<ApiError> refusal(const Answer& answer) {
  const auto* const error = std::get_if<ApiError>(&answer);
  return error == nullptr ? std::nullopt : std::optional<ApiError>(*error);
}

TEST(Downgrade, GoesOneMinorVersionDownAndNoOther) {
  Driver driver;
  EXPECT_EQ(refusal(driver.apply({.request = enable("3.6")})),
            ApiError::kClusterVersionUnavailable);
  driver.apply({.request = SetClusterVersion{"3.7.0"}});
  for (const char* text : {"", "3", "x", "3.x", "3.6.1.2", "3.-6.0", "a.b.c"}) {
    EXPECT_EQ(refusal(driver.apply({.request = enable(text)})),
              ApiError::kWrongDowngradeVersionFormat)
        << text;
  }
  for (const char* text : {"3.7", "3.5.0", "4.6", "2.6.0"}) {
    EXPECT_EQ(refusal(driver.apply({.request = enable(text)})),
              ApiError::kInvalidDowngradeTargetVersion)
        << text;
  }
  EXPECT_TRUE(driver.applier().downgrade().empty());
  EXPECT_EQ(Driver::expect<DowngradeResponse>(driver.apply({.request = enable("3.6.5")})).version,
            "3.7");
  EXPECT_EQ(driver.applier().downgrade().target(), "3.6.0");
}

TEST(Downgrade, OneJobAtATimeUntilItIsCancelled) {
  Driver driver;
  driver.apply({.request = SetClusterVersion{"3.7.0"}});
  const DowngradeRequest cancel = request(DowngradeAction::kCancel, "");
  EXPECT_EQ(Driver::expect<DowngradeResponse>(driver.apply({.request = cancel})).version, "3.7");
  driver.apply({.request = enable("3.6")});
  const Answer checked =
      driver.applier().downgrade().validate(request(DowngradeAction::kValidate, "3.6"), "3.7.0");
  EXPECT_EQ(refusal(checked), ApiError::kDowngradeInProcess);
  EXPECT_EQ(refusal(driver.apply({.request = enable("3.6")})), ApiError::kDowngradeInProcess);
  driver.apply({.request = cancel});
  EXPECT_EQ(refusal(driver.applier().downgrade().validate(
                request(DowngradeAction::kValidate, "3.6.0"), "3.7.0")),
            std::nullopt);
}

TEST(Downgrade, IsInImagesAndInTheStateHash) {
  Driver driver;
  driver.apply({.request = SetClusterVersion{"3.7.0"}});
  driver.apply({.request = enable("3.6")});
  const Image image = driver.applier().capture();
  const Result<std::unique_ptr<Applier>> restored = Applier::restore(Driver::kCluster, image);
  ASSERT_TRUE(restored.ok());
  EXPECT_EQ((*restored)->downgrade().target(), "3.6.0");
  EXPECT_EQ((*restored)->state_hash(), image.state_hash);
  Driver other;
  other.apply({.request = SetClusterVersion{"3.7.0"}});
  other.applier().skip(other.next_position());
  EXPECT_NE(other.applier().state_hash(), image.state_hash);
}

}  // namespace
}  // namespace detcd::apply
