// Locks and elections against a node that is but an applier and its watches: who holds what, who
// waits for whom, and what is left behind.
#include "server/elections.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "server/watches.h"
#include "sim/kernel/clock.h"
#include "sim/kernel/fence.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/scheduler.h"
#include "tests/apply/support.h"

namespace detcd::server {
namespace {

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};

// Answers what a service asks from an applier of its own, one message after the other.
class SmallNode {
 public:
  explicit SmallNode(runtime::Scheduler& scheduler)
      : inbox_(scheduler), watches_({}, 600s), tasks_(scheduler) {
    tasks_.spawn(run());
  }
  ~SmallNode() { tasks_.cancel(); }
  [[nodiscard]] runtime::Mailbox<ToNode>::Sender sender() const { return inbox_.sender(); }
  void serve_watches() {
    std::vector<Watches::Sent> sent;
    while (!std::holds_alternative<mvcc::Done>(
        watches_.advance(driver.applier().store(), {.units = 10'000}, sent))) {
    }
    for (Watches::Sent& told : sent) reply(told.to, std::move(told.answer));
  }
  [[nodiscard]] std::size_t watching() const { return watches_.hub().watchers(); }

  apply::Driver driver;
  std::optional<apply::ApiError> refuse_writes;
  int held_back = 0;  // So many answers stay here until release().
  void release() {
    held_back = 0;
    for (Reply& waiting : std::exchange(waiting_, {})) {
      const bool sent = addresses_.at(waiting.call.value()).send(std::move(waiting));
      static_cast<void>(sent);
    }
  }

 private:
  runtime::Task<void> run() {
    for (;;) {
      std::optional<ToNode> message = co_await inbox_.receive();
      if (!message) co_return;
      if (auto* const call = std::get_if<Call>(&*message)) serve(*call);
      if (const auto* const forget = std::get_if<Forget>(&*message)) {
        const bool closed = watches_.close(*forget);
        static_cast<void>(closed);
      }
      if (const auto* const credit = std::get_if<Credit>(&*message)) watches_.grant(*credit);
      serve_watches();
    }
  }
  void serve(Call& call) {
    const ReturnAddress origin{call.call, 0, call.reply};
    std::visit(
        Overload{
            [&](WatchOpen&) { watches_.open(origin, false); },
            [&](watch::Request& asked) {
              watches_.ask(origin, std::move(asked), driver.applier().store(), {});
            },
            [&](apply::RangeRequest& range) { answer(origin, driver.read(std::move(range))); },
            [&](apply::TxnRequest& txn) { write(origin, {{}, std::move(txn)}); },
            [&](apply::DeleteRangeRequest& erase) { write(origin, {{}, std::move(erase)}); },
            [&](apply::LeaseGrantRequest& grant) {
              grant.id = 0xabc;
              write(origin, {{}, grant});
            },
            [&](auto&) { ADD_FAILURE() << "a service asks for nothing else"; },
        },
        call.request);
  }
  void write(const ReturnAddress& origin, apply::Command command) {
    if (refuse_writes) {
      reply(origin, *refuse_writes);
    } else {
      answer(origin, driver.apply(std::move(command)));
    }
  }
  void answer(const ReturnAddress& origin, apply::Answer result) {
    if (const auto* const error = std::get_if<apply::ApiError>(&result)) {
      reply(origin, *error);
    } else {
      reply(origin, std::get<apply::Response>(std::move(result)));
    }
  }
  void reply(const ReturnAddress& origin, Outcome outcome) {
    Reply made{origin.call, {1, 2, driver.applier().revision(), 3}, std::move(outcome), nullptr};
    if (held_back > 0) {
      --held_back;
      addresses_.insert_or_assign(origin.call.value(), origin.reply);
      waiting_.push_back(std::move(made));
      return;
    }
    const bool sent = origin.reply.send(std::move(made));
    static_cast<void>(sent);
  }

  runtime::Mailbox<ToNode> inbox_;
  Watches watches_;
  std::vector<Reply> waiting_;
  std::map<std::uint64_t, runtime::Mailbox<Reply>::Sender> addresses_;
  runtime::TaskGroup tasks_;
};

class ElectionsTest : public testing::Test {
 protected:
  ElectionsTest()
      : kernel(1),
        clock(kernel, {}),
        scheduler(kernel, clock, fence, {.node = sim::NodeNumber(1)}),
        node(scheduler),
        connection(scheduler),
        elections(scheduler, options, node.sender(),
                  [this](const ReturnAddress& origin, Outcome outcome) {
                    answers[origin.call.value()].push_back(std::move(outcome));
                  }) {
    for (const std::int64_t lease : {1, 2, 3, 0x63, -1}) {
      node.driver.apply({.request = apply::LeaseGrantRequest{.id = lease, .ttl = 60}});
    }
  }
  ~ElectionsTest() override { elections.stop(); }

  void settle() { kernel.run_for(1us); }
  std::uint64_t begin(ElectionRequest request) {
    const std::uint64_t call = ++last_call;
    elections.begin(
        Call{.call = CallId(call), .request = std::move(request), .reply = connection.sender()});
    settle();
    return call;
  }
  void close(std::uint64_t call) {
    EXPECT_TRUE(elections.close({CallId(call), connection.sender()}));
    settle();
  }
  void erase(const std::string& key) {
    node.driver.erase({.key = key});
    node.serve_watches();
    settle();
  }
  void put(const std::string& key, const std::string& value) {
    node.driver.put(key, value);
    node.serve_watches();
    settle();
  }
  [[nodiscard]] bool answered(std::uint64_t call) { return !answers[call].empty(); }
  template <class T>
  T got(std::uint64_t call) {
    if (answers[call].empty()) {
      ADD_FAILURE() << "call " << call << " isn't answered";
      return {};
    }
    const auto* const answer = std::get_if<ElectionAnswer>(&answers[call].back());
    const auto* const wanted = answer == nullptr ? nullptr : std::get_if<T>(&answer->what);
    if (wanted == nullptr) {
      ADD_FAILURE() << "call " << call << " has another answer";
      return {};
    }
    header = answer->header;
    return *wanted;
  }
  std::string refusal(std::uint64_t call) { return got<ElectionRefusal>(call).text; }
  std::string keys() {
    std::string all;
    for (const apply::KeyValue& row :
         node.driver.range({.key = std::string(1, '\0'), .range_end = std::string(1, '\0')}).kvs) {
      all += row.key.str() + "=" + row.value.str() + " ";
    }
    return all;
  }
  static wire::LockRequest lock(std::int64_t lease) { return {"l", lease}; }

  sim::Kernel kernel;
  sim::NodeClock clock;
  sim::Fence fence;
  sim::NodeScheduler scheduler;
  SmallNode node;
  NodeOptions options;
  runtime::Mailbox<Reply> connection;
  std::map<std::uint64_t, std::vector<Outcome>> answers;
  std::uint64_t last_call = 0;
  wire::Header header;
  Elections elections;
};

// ETCD.md §2.15: name, a slash, and the lease as Go's %x has it.
TEST_F(ElectionsTest, KeysAreNamedByTheirLeases) {
  EXPECT_EQ(got<LockAnswer>(begin(wire::LockRequest{"a", 0x63})).key, "a/63");
  EXPECT_EQ(got<LockAnswer>(begin(wire::LockRequest{"b", -1})).key, "b/-1");
  EXPECT_EQ(got<LockAnswer>(begin(wire::LockRequest{"", 0})).key, "/abc");
  EXPECT_EQ(node.driver.applier().leases().find(0xabc)->ttl_seconds, 60);
  EXPECT_EQ(elections.size(), 0U);
}

TEST_F(ElectionsTest, AWaiterWaitsForTheKeyBeforeItsOwnOnly) {
  const std::uint64_t first = begin(lock(1));
  const std::uint64_t second = begin(lock(2));
  const std::uint64_t third = begin(lock(3));
  EXPECT_TRUE(answered(first));
  EXPECT_EQ(got<LockAnswer>(first).key, "l/1");
  EXPECT_EQ(node.watching(), 2U);
  erase("l/1");
  EXPECT_TRUE(answered(second));
  EXPECT_FALSE(answered(third));
  erase("l/2");
  EXPECT_EQ(got<LockAnswer>(third).key, "l/3");
  EXPECT_EQ(header, (wire::Header{1, 2, node.driver.applier().revision(), 3}));
  EXPECT_EQ(node.watching(), 0U);
}

TEST_F(ElectionsTest, AWaiterThatIsCalledOffLeavesNothing) {
  begin(lock(1));
  const std::uint64_t second = begin(lock(2));
  const std::uint64_t third = begin(lock(3));
  close(second);
  EXPECT_EQ(keys(), "l/1= l/3= ");
  EXPECT_FALSE(answered(third)) << "the first still holds it";
  EXPECT_EQ(elections.size(), 1U);
  erase("l/1");
  EXPECT_TRUE(answered(third));
}

// Its client may ask again with the same lease, and then holds it: the key must not go behind its
// back.
TEST_F(ElectionsTest, AHolderWhoseCallIsCalledOffTooLateKeepsItsKey) {
  node.held_back = 1;
  const std::uint64_t call = begin(lock(1));
  close(call);
  node.release();
  settle();
  EXPECT_EQ(keys(), "l/1= ");
  const std::uint64_t again = begin(lock(1));
  EXPECT_TRUE(answered(again));
}

TEST_F(ElectionsTest, AWaiterThatIsCalledOffBeforeItIsInLineLeavesNothing) {
  begin(lock(1));
  node.held_back = 1;
  const std::uint64_t call = begin(lock(2));
  close(call);
  node.release();
  settle();
  EXPECT_EQ(keys(), "l/1= ");
  EXPECT_EQ(elections.size(), 0U);
}

TEST_F(ElectionsTest, TheSameLeaseEntersAgain) {
  const std::uint64_t first = begin(lock(1));
  const std::uint64_t again = begin(lock(1));
  EXPECT_EQ(got<LockAnswer>(again).key, got<LockAnswer>(first).key);
}

TEST_F(ElectionsTest, AWaiterWhoseKeyIsGoneHasNoSession) {
  begin(lock(1));
  const std::uint64_t second = begin(lock(2));
  erase("l/2");
  EXPECT_FALSE(answered(second));
  erase("l/1");
  EXPECT_EQ(refusal(second), "mutex: session is expired");
}

TEST_F(ElectionsTest, AWaiterOutlivesCompactions) {
  begin(lock(1));
  const std::uint64_t second = begin(lock(2));
  put("other", "v");
  node.driver.compact(node.driver.applier().revision());
  erase("l/1");
  EXPECT_TRUE(answered(second));
}

TEST_F(ElectionsTest, RefusalsAreTextsOnly) {
  EXPECT_EQ(refusal(begin(wire::LockRequest{"l", 98})), "etcdserver: requested lease not found");
  EXPECT_EQ(refusal(begin(wire::UnlockRequest{""})), "etcdserver: key is not provided");
  EXPECT_EQ(refusal(begin(LeaderRequest{"none"})), "election: no leader");
  const wire::LeaderKey stranger{"e", "e/1", 7, 1};
  EXPECT_EQ(refusal(begin(wire::ProclaimRequest{stranger, "v"})), "election: not leader");
  EXPECT_EQ(refusal(begin(wire::CampaignRequest{"e", 1, std::string(2'000'000, 'v')})),
            "etcdserver: request is too large");
  begin(wire::ResignRequest{stranger});
  got<HeaderAnswer>(last_call);
  node.refuse_writes = apply::ApiError::kTimeout;
  EXPECT_EQ(refusal(begin(lock(1))), "etcdserver: request timed out");
  EXPECT_EQ(refusal(begin(wire::LockRequest{"l", 0})), "etcdserver: request timed out");
}

TEST_F(ElectionsTest, TheWinnerLeadsUntilItResigns) {
  const wire::LeaderKey leader =
      got<CampaignAnswer>(begin(wire::CampaignRequest{"e", 1, "a"})).leader;
  EXPECT_EQ(leader, (wire::LeaderKey{"e", "e/1", node.driver.applier().revision(), 1}));
  const std::uint64_t second = begin(wire::CampaignRequest{"e", 2, "b"});
  begin(wire::ProclaimRequest{leader, "news"});
  EXPECT_EQ(header.revision, leader.revision);
  EXPECT_EQ(got<LeaderAnswer>(begin(LeaderRequest{"e"})).kv.value, Bytes("news"));
  EXPECT_FALSE(answered(second));
  begin(wire::ResignRequest{leader});
  EXPECT_EQ(got<CampaignAnswer>(second).leader.key, "e/2");
  EXPECT_EQ(header.revision, leader.revision + 1) << "that of the beginning";
  EXPECT_EQ(refusal(begin(wire::ProclaimRequest{leader, "late"})), "election: not leader");
}

TEST_F(ElectionsTest, CampaigningAgainProclaims) {
  const wire::LeaderKey leader =
      got<CampaignAnswer>(begin(wire::CampaignRequest{"e", 1, "a"})).leader;
  EXPECT_EQ(got<CampaignAnswer>(begin(wire::CampaignRequest{"e", 1, "b"})).leader, leader);
  EXPECT_EQ(keys(), "e/1=b ");
}

TEST_F(ElectionsTest, ACandidateThatIsCalledOffLeavesNothing) {
  begin(wire::CampaignRequest{"e", 1, "a"});
  const std::uint64_t second = begin(wire::CampaignRequest{"e", 2, "b"});
  close(second);
  EXPECT_EQ(keys(), "e/1=a ");
}

TEST_F(ElectionsTest, AnObserverSeesEachLeaderAndWhatItProclaims) {
  const std::uint64_t observer = begin(ObserveRequest{"e"});
  EXPECT_FALSE(answered(observer));
  const wire::LeaderKey leader =
      got<CampaignAnswer>(begin(wire::CampaignRequest{"e", 1, "a"})).leader;
  node.serve_watches();
  settle();
  EXPECT_EQ(got<LeaderAnswer>(observer).kv.value, Bytes("a"));
  EXPECT_EQ(header.revision, leader.revision);
  begin(wire::CampaignRequest{"e", 2, "b"});
  begin(wire::ProclaimRequest{leader, "a2"});
  node.serve_watches();
  settle();
  EXPECT_EQ(got<LeaderAnswer>(observer).kv.value, Bytes("a2"));
  erase("e/1");
  EXPECT_EQ(got<LeaderAnswer>(observer).kv.value, Bytes("b"));
  EXPECT_EQ(answers[observer].size(), 3U);
  close(observer);
  EXPECT_EQ(node.watching(), 0U);
  EXPECT_EQ(elections.size(), 0U);
}

TEST_F(ElectionsTest, AnObserverThatTakesNothingIsToldNoMoreThanItsCredit) {
  put("e/x", std::string(20'000, 'v'));
  const std::uint64_t observer = begin(ObserveRequest{"e"});
  for (int i = 0; i < 100; ++i) put("e/x", std::string(20'000, 'w'));
  EXPECT_EQ(answers[observer].size(), 2U);
  for (int i = 0; i < 400; ++i) {
    EXPECT_TRUE(elections.grant({CallId(observer), connection.sender(), 1, 20'067}));
    settle();
    node.serve_watches();
    settle();
  }
  EXPECT_EQ(answers[observer].size(), 101U);
}

}  // namespace
}  // namespace detcd::server
