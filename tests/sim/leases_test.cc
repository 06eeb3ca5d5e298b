// Histories with leases, written down entry by entry: the model must know who has a lease and what
// goes with it, and the judge of times must see a lease that ends too early.
#include <gtest/gtest.h>

#include "sim/oracles/leases.h"
#include "sim/oracles/linearizability.h"

namespace detcd::sim {
namespace {

using Outcome = CallRecord::Outcome;

class Story {
 public:
  // Called at `called_ms`, stands at the next index, stamped `time_ms`; answered.
  Story& grant(std::int64_t called_ms, std::uint64_t time_ms, std::int64_t id, std::int64_t ttl) {
    call(called_ms, apply::LeaseGrantRequest{id, 1}, apply::LeaseGrantResponse{revision, id, ttl});
    history.proposed[append(time_ms, apply::LeaseGrantRequest{id, ttl})] = last_;
    return *this;
  }
  Story& put(std::int64_t called_ms, std::string key, std::int64_t lease) {
    ++revision;
    apply::PutRequest request;
    request.key = std::move(key);
    request.lease = lease;
    call(called_ms, request, apply::PutResponse{revision, std::nullopt});
    const apply::RequestId id{1, ++index_};
    history.log[index_] = {1, id, 0, 1};
    history.proposed[id] = last_;
    return *this;
  }
  Story& keep(std::int64_t called_ms, std::uint64_t time_ms, std::int64_t id, std::int64_t ttl) {
    call(called_ms, KeepAlive{id}, apply::LeaseRenewResponse{{ttl}});
    history.renewed[append(time_ms, apply::LeaseRenewRequest{{id}})].push_back(last_);
    return *this;
  }
  // Applied at the time it is stamped with.
  Story& tick(std::uint64_t time_ms, std::uint64_t term = 1) {
    append(time_ms, apply::LeaseTick{term, 1'000, 2'000}, term);
    return *this;
  }
  Story& get(std::int64_t called_ms, std::string key, std::int64_t count) {
    apply::RangeRequest request;
    request.key = std::move(key);
    request.count_only = true;
    call(called_ms, request, apply::RangeResponse{revision, {}, false, count});
    history.read_at[last_].push_back({1, index_});
    return *this;
  }
  [[nodiscard]] std::string judged() const {
    const Judgement judgement = judge_linearizability(history);
    return judgement.violation ? judgement.violation->message : "";
  }
  [[nodiscard]] std::string timed() const {
    const std::optional<Violation> early = judge_lease_times(history);
    return early ? early->message : "";
  }

  History history;
  apply::Revision revision = 1;

 private:
  void call(std::int64_t called_ms, Operation operation, apply::Response response) {
    CallRecord call;
    call.id = ++last_;
    call.operation = std::move(operation);
    call.called = VirtualTime(called_ms * 1ms);
    call.ended = call.called + 1ms;
    call.outcome = Outcome::kAnswered;
    call.response = std::move(response);
    call.header.revision = revision;
    call.header.raft_term = 9;
    history.calls.emplace(last_, std::move(call));
  }
  template <class Command>
  apply::RequestId append(std::uint64_t time_ms, Command command, std::uint64_t term = 1) {
    const apply::RequestId id{1, ++index_};
    history.log[index_] = {term, id, 0, 1};
    history.leases[index_] = {term, time_ms, std::move(command),
                              VirtualTime(static_cast<std::int64_t>(time_ms) * 1ms)};
    return id;
  }

  std::uint64_t last_ = 0;
  std::uint64_t index_ = 0;
};

TEST(LeaseHistories, KeysGoWithTheirLease) {
  Story story;
  story.grant(0, 0, 1, 2).put(10, "a", 1).put(20, "b", 0).get(30, "a", 1).tick(2'001);
  ++story.revision;
  story.get(3'000, "a", 0).get(3'001, "b", 1);
  EXPECT_EQ(story.judged(), "");
  story.get(3'002, "a", 1);
  EXPECT_NE(story.judged().find("differs from the model's"), std::string::npos);
}

TEST(LeaseHistories, ALeaseThatWasKeptDoesntEnd) {
  Story story;
  story.grant(0, 0, 1, 2).put(10, "a", 1).keep(1'500, 1'500, 1, 2).tick(2'500).get(3'000, "a", 1);
  EXPECT_EQ(story.judged(), "");
  EXPECT_EQ(story.timed(), "");
}

TEST(LeaseHistories, AKeepAliveOfALeaseThatIsGoneMustSaySo) {
  Story story;
  story.grant(0, 0, 1, 2).tick(2'001).keep(2'500, 2'500, 1, 0);
  EXPECT_EQ(story.judged(), "");
  story.keep(2'600, 2'600, 1, 2);
  EXPECT_NE(story.judged().find("a keep-alive's answer differs"), std::string::npos);
}

TEST(LeaseHistories, AKeepAliveThatNoMemberAppliedIsSeen) {
  Story story;
  story.grant(0, 0, 1, 2).keep(10, 10, 1, 2);
  story.history.renewed.clear();
  EXPECT_NE(story.judged().find("in no member's log"), std::string::npos);
}

TEST(LeaseHistories, OneThatWasProposedTwiceMayHaveEitherAnswer) {
  Story story;
  story.grant(0, 0, 1, 2).keep(10, 2'000, 1, 2).tick(4'001);
  // The same call once more, after the lease has ended.
  story.keep(4'500, 4'500, 1, 0);
  auto& renewed = story.history.renewed;
  renewed.begin()->second.push_back(renewed.rbegin()->second.front());
  EXPECT_EQ(story.judged(), "");
}

TEST(LeaseHistories, AnotherLeaseThanWasAskedForIsSeen) {
  Story story;
  story.grant(0, 0, 1, 2);
  std::get<apply::LeaseGrantRequest>(story.history.leases.at(1).command).id = 2;
  EXPECT_NE(story.judged().find("another lease is granted"), std::string::npos);
}

TEST(LeaseTimes, ALeaseHasItsTimeFromWhenItsClientAsked) {
  // By the log's clock two seconds have passed; by the world's only one.
  Story story;
  story.grant(1'000, 0, 1, 2).tick(2'001);
  EXPECT_NE(story.timed().find("ended before its time"), std::string::npos);
  story.history.clock_jumps = 1;
  EXPECT_EQ(story.timed(), "") << "an election timeout may have been gained";
  Story kept;
  kept.grant(0, 0, 1, 2).keep(1'900, 500, 1, 2).tick(2'501);
  EXPECT_NE(kept.timed().find("601 ms after"), std::string::npos) << kept.timed();
}

TEST(LeaseTimes, ALeaseThatIsRevokedMayEndAtOnce) {
  Story story;
  story.grant(0, 0, 1, 2);
  story.history.log[2] = {1, apply::RequestId{7, 7}, 0, 1};
  story.history.leases[2] = {1, 10, apply::LeaseRevokeRequest{1}, VirtualTime(10ms)};
  EXPECT_EQ(story.timed(), "");
}

}  // namespace
}  // namespace detcd::sim
