// Who is told whether a member serves.
#include "server/serving.h"

#include <vector>

#include <gtest/gtest.h>

#include "sim/kernel/clock.h"
#include "sim/kernel/fence.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/scheduler.h"

namespace detcd::server {
namespace {

class ServingStreamsTest : public ::testing::Test {
 protected:
  using Calls = std::vector<std::uint64_t>;
  [[nodiscard]] Calls open() const {
    Calls calls;
    for (const auto& [number, stream] : streams_.all()) calls.push_back(stream.call.value());
    return calls;
  }

  sim::Kernel kernel_{1};
  sim::NodeClock clock_{kernel_, {}};
  sim::Fence fence_;
  sim::NodeScheduler scheduler_{kernel_, clock_, fence_, {.node = sim::NodeNumber(1)}};
  runtime::Mailbox<Reply> one_{scheduler_};
  runtime::Mailbox<Reply> other_{scheduler_};
  ServingStreams streams_;
};

TEST_F(ServingStreamsTest, AreOpenUntilTheirClientsLeaveInTheOrderTheyCame) {
  streams_.open({CallId(7), 0, one_.sender()});
  streams_.open({CallId(3), 0, one_.sender()});
  streams_.open({CallId(7), 0, other_.sender()});
  EXPECT_EQ(open(), (Calls{7, 3, 7}));
  EXPECT_TRUE(streams_.close({CallId(7), one_.sender()}));
  EXPECT_EQ(open(), (Calls{3, 7}));
  EXPECT_FALSE(streams_.close({CallId(7), one_.sender()}));
  EXPECT_FALSE(streams_.close({CallId(3), other_.sender()}));
  streams_.open({CallId(7), 0, one_.sender()});
  EXPECT_EQ(open(), (Calls{3, 7, 7}));
}

}  // namespace
}  // namespace detcd::server
