// A client's watches over streams that are cut anywhere: clientv3's rule of resumption against the
// real service. Whatever happens, each watch is told each event once, in order.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "api/listener.h"
#include "base/hash.h"
#include "client/watches.h"
#include "sim/kernel/clock.h"
#include "sim/kernel/fence.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/random.h"
#include "sim/kernel/scheduler.h"
#include "tests/support/hub_node.h"
#include "tests/support/memory_network.h"

namespace detcd::api {
namespace {

using client::WatchName;
using client::WatchNews;
using mvcc::Revision;

const bool kSeedSet = setenv("RC_PARAMS", "seed=20240303 max_success=300 noshrink=1", 0) == 0;

// A connection ends after so many bytes from the server.
class CutStream final : public runtime::Stream {
 public:
  CutStream(std::unique_ptr<runtime::Stream> inner, std::size_t left)
      : inner_(std::move(inner)), left_(left) {}
  runtime::Task<Result<std::string_view>> read() override {
    const Result<std::string_view> bytes = co_await inner_->read();
    if (!bytes) co_return bytes.error();
    if (left_ == 0) {
      inner_->abort();
      co_return Error{Errc::kReset, "the connection was cut"};
    }
    const std::string_view taken = bytes->substr(0, left_);
    left_ -= taken.size();
    co_return taken;
  }
  runtime::Task<Result<void>> write(std::string bytes) override {
    co_return co_await inner_->write(std::move(bytes));
  }
  runtime::Task<Result<void>> shutdown() override { co_return co_await inner_->shutdown(); }
  void abort() noexcept override { inner_->abort(); }
  [[nodiscard]] std::string peer() const override { return inner_->peer(); }

 private:
  std::unique_ptr<runtime::Stream> inner_;
  std::size_t left_;
};

class CutNetwork final : public runtime::Network {
 public:
  explicit CutNetwork(runtime::Network& inner) : inner_(inner) {}
  runtime::Task<Result<std::unique_ptr<runtime::Listener>>> listen(std::string address) override {
    co_return co_await inner_.listen(std::move(address));
  }
  runtime::Task<Result<std::unique_ptr<runtime::Stream>>> connect(std::string address) override {
    Result<std::unique_ptr<runtime::Stream>> stream = co_await inner_.connect(std::move(address));
    ++connections;
    if (!stream || left == SIZE_MAX) co_return std::move(stream);
    std::unique_ptr<runtime::Stream> cut = std::make_unique<CutStream>(*std::move(stream), left);
    co_return std::move(cut);
  }
  std::size_t left = SIZE_MAX;  // Of new connections.
  std::size_t connections = 0;

 private:
  runtime::Network& inner_;
};

struct Change {
  Revision revision = 0;
  std::string key;
  bool erased = false;
  std::string value;
  Revision before = 0;  // The mod revision of the version before, if it lived.
};

struct Told {
  watch::Create asked;
  Revision created = 0;
  Revision compacted = 0;
  std::vector<watch::Event> events;
};

struct Service {
  explicit Service(std::uint64_t seed, watch::Limits limits = {}, std::uint64_t part_bytes = 200,
                   std::uint32_t window = 4 << 20)
      : kernel(seed + 1),
        clock(kernel, {}),
        scheduler(kernel, clock, fence, {.node = sim::NodeNumber(1)}),
        random(kernel, fence, sim::NodeNumber(1), sim::Incarnation(1)),
        memory(scheduler, {.seed = seed}),
        network(memory),
        node(scheduler, limits),
        tasks(scheduler) {
    Settings settings;
    settings.requests.watch_part_bytes = part_bytes;
    for (const char* address : {"one:2379", "two:2379"}) {
      listeners.push_back(std::make_unique<Listener>(
          Environment{.scheduler = scheduler,
                      .log = telemetry::Log(sink, telemetry::Level::kError),
                      .service = node.service(),
                      .settings = settings},
          memory.open(address)));
      listeners.back()->start();
    }
    client::Options options;
    options.endpoints = {"one:2379", "two:2379"};
    options.connections.stream_window_bytes = window;
    options.connections.keepalive_interval = 10s;
    client.emplace(scheduler, network, random, options);
    client::WatchOptions on;
    on.on_lost = [this](const http2::GrpcStatus&) { ++lost; };
    watches.emplace(scheduler, *client, std::move(on));
    tasks.spawn(listen());
  }
  ~Service() { tasks.cancel(); }

  runtime::Task<void> listen() {
    for (;;) {
      const std::optional<WatchNews> news = co_await watches->next();
      if (!news) break;
      Told& one = told.at(news->watch);
      EXPECT_FALSE(news->answer.fragment) << "parts are put together";
      if (news->answer.created) one.created = news->answer.header.revision;
      if (news->answer.canceled) one.compacted = news->answer.compact_revision;
      for (const watch::Event& event : news->answer.events) one.events.push_back(event);
      if (slow > Duration::zero()) co_await runtime::sleep_for(scheduler, slow);
    }
    halted = true;
  }
  void watch(std::uint64_t name, watch::Create request) {
    told[WatchName(name)].asked = request;
    watches->add(WatchName(name), std::move(request));
  }
  void put(const std::string& key, const std::string& value) {
    note(key, false, value);
    node.put(key, value);
  }
  void erase(const std::string& key) {
    if (node.erase(key)) note(key, true, "");
  }
  void note(const std::string& key, bool erased, std::string value) {
    Change change{node.store().write_revision(), key, erased, std::move(value), 0};
    const auto before = std::ranges::find(history.rbegin(), history.rend(), key, &Change::key);
    if (before != history.rend() && !before->erased) change.before = before->revision;
    history.push_back(std::move(change));
  }
  void run_for(Duration duration) { kernel.run_for(duration); }
  // What it must have been told by now, in order.
  [[nodiscard]] std::vector<const Change*> expected(const Told& one, Revision from) const {
    std::vector<const Change*> list;
    const watch::Create& asked = one.asked;
    for (const Change& change : history) {
      const bool inside = asked.range_end.empty() ? change.key == asked.key
                                                  : change.key >= asked.key &&
                                                        (asked.range_end == std::string(1, '\0') ||
                                                         change.key < asked.range_end);
      const bool wanted = change.erased ? !asked.no_delete : !asked.no_put;
      if (inside && wanted && change.revision >= from) list.push_back(&change);
    }
    return list;
  }
  void expect_told(const Told& one) const;

  struct NullSink final : telemetry::Sink {
    void write(const telemetry::Record&) override {}
  } sink;
  sim::Kernel kernel;
  sim::NodeClock clock;
  sim::Fence fence;
  sim::NodeScheduler scheduler;
  sim::NodeRandom random;
  testing_support::MemoryNetwork memory;
  CutNetwork network;
  testing_support::HubNode node;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::optional<client::Client> client;
  std::optional<client::Watches> watches;
  std::vector<Change> history;
  std::map<WatchName, Told> told;
  Duration slow{};
  std::size_t lost = 0;
  bool halted = false;
  runtime::TaskGroup tasks;
};

void Service::expect_told(const Told& one) const {
  Revision from = one.asked.start_revision;
  // clientv3 resumes a watch of "now" that was told nothing from the revision it was created at.
  if (from == 0) {
    const bool early = !one.events.empty() && one.events.front().kv.mod_revision == one.created;
    from = one.created + (early ? 0 : 1);
  }
  const std::vector<const Change*> wanted = expected(one, from);
  if (one.compacted == 0) ASSERT_EQ(one.events.size(), wanted.size());
  ASSERT_LE(one.events.size(), wanted.size());
  for (std::size_t i = 0; i < one.events.size(); ++i) {
    const watch::Event& event = one.events[i];
    ASSERT_EQ(event.kv.mod_revision, wanted[i]->revision);
    ASSERT_EQ(event.kv.key.str(), wanted[i]->key);
    ASSERT_EQ(event.erased, wanted[i]->erased);
    ASSERT_EQ(event.kv.value.str(), wanted[i]->value);
    if (event.prev_kv) ASSERT_EQ(event.prev_kv->mod_revision, wanted[i]->before);
  }
  if (one.compacted == 0) return;
  const Revision first = one.asked.start_revision == 0 ? one.created : from;
  const Revision next = one.events.empty() ? first : one.events.back().kv.mod_revision + 1;
  EXPECT_LT(next, one.compacted) << "who has everything isn't ended by a compaction";
}

struct Dice {
  std::uint64_t seed = 0;
  std::uint64_t drawn = 0;
  std::uint64_t below(std::uint64_t bound) { return mix64(seed, ++drawn) % bound; }
};

class Story {
 public:
  explicit Story(std::uint64_t seed)
      : dice_{seed},
        service_(seed, limits(dice_), 60 + dice_.below(400),
                 static_cast<std::uint32_t>(300 + dice_.below(5000))) {}

  void go() {
    for (int i = 0; i < 120; ++i) step();
    // Nothing is cut any more, nobody is slow: what is left comes.
    service_.network.left = SIZE_MAX;
    service_.slow = {};
    service_.run_for(60s);
    ASSERT_FALSE(service_.halted) << service_.watches->status().message;
    for (const auto& [name, told] : service_.told) {
      if (!canceled_.contains(name)) service_.expect_told(told);
    }
  }
  [[nodiscard]] std::size_t lost() const { return service_.lost; }

 private:
  static watch::Limits limits(Dice& dice) {
    watch::Limits limits;
    // More than a connection gathers before it gives credit back.
    limits.credit_bytes = static_cast<std::int64_t>(9000 + dice.below(2000));
    limits.credit_responses = static_cast<std::int64_t>(33 + dice.below(6));
    limits.batch_bytes = 1 + dice.below(1000);
    limits.batch_revisions = static_cast<std::uint32_t>(1 + dice.below(5));
    limits.owed_responses_max = static_cast<std::uint32_t>(1 + dice.below(6));
    return limits;
  }
  std::string key() { return std::string(1, static_cast<char>('a' + dice_.below(6))); }

  void step() {
    switch (dice_.below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return write();
      case 4:
        return create();
      case 5:
        return service_.watches->ask_progress();
      case 6:
        service_.network.left = dice_.below(3) == 0 ? SIZE_MAX : dice_.below(1500);
        return;
      case 7:
        if (dice_.below(3) == 0) compact();
        return;
      case 8:
        service_.slow = dice_.below(2) == 0 ? Duration(30ms) : Duration();
        return;
      case 9:
        if (dice_.below(4) == 0) cancel();
        service_.node.tick();
        return;
      default:
        service_.run_for(Duration(1ms) * static_cast<std::int64_t>(1 + dice_.below(60)));
        return;
    }
  }
  void write() {
    std::map<std::string, bool> keys;
    for (std::uint64_t i = 1 + dice_.below(4); i > 0; --i) {
      keys.emplace(key(), dice_.below(4) == 0);
    }
    for (const auto& [key, erased] : keys) {
      if (erased) {
        service_.erase(key);
      } else {
        service_.put(key, std::string(dice_.below(60), 'v'));
      }
    }
    service_.node.commit();
  }
  void create() {
    if (created_ == 6) return;
    watch::Create request;
    request.key = key();
    if (dice_.below(2) == 0) request.range_end = request.key + "z";
    if (dice_.below(3) == 0) request.range_end = std::string(1, '\0');
    const Revision now = service_.node.store().revision();
    if (dice_.below(2) == 0) {
      request.start_revision =
          std::max<Revision>(1, now + 3 - static_cast<Revision>(dice_.below(12)));
    }
    request.progress_notify = dice_.below(2) == 0;
    request.no_put = dice_.below(6) == 0;
    request.no_delete = dice_.below(6) == 0;
    request.prev_kv = dice_.below(2) == 0;
    request.fragment = dice_.below(2) == 0;
    service_.watch(++created_, std::move(request));
  }
  void compact() {
    const mvcc::Store& store = service_.node.store();
    const Revision at = store.revision() - static_cast<Revision>(dice_.below(8));
    if (at > store.compact_revision() && at > 0) service_.node.compact(at);
  }
  void cancel() {
    if (created_ == 0) return;
    const WatchName name(1 + dice_.below(created_));
    service_.watches->cancel(name);
    canceled_.insert({name, true});
  }

  Dice dice_;
  Service service_;
  std::uint64_t created_ = 0;
  std::map<WatchName, bool> canceled_;
};

TEST(WatchResume, EachEventComesOnceInOrderWhereverStreamsAreCut) {
  std::size_t lost = 0;
  const bool held = rc::check("resumption", [&lost] {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    SCOPED_TRACE("story " + std::to_string(seed));
    Story story(seed);
    story.go();
    lost += story.lost();
    RC_ASSERT(!::testing::Test::HasFailure());
  });
  EXPECT_GT(lost, 500U) << "streams were cut";
  EXPECT_TRUE(held) << "reproduce: RC_PARAMS=\"" << std::getenv("RC_PARAMS")
                    << "\" test_api --gtest_filter=WatchResume.*";
}

// Every byte that the server sends may be the last one.
TEST(WatchResume, AnyCutOfOneStreamLosesAndRepeatsNothing) {
  for (std::size_t cut = 0; cut < 900; ++cut) {
    Service service(7, {}, 80);
    service.network.left = cut;
    service.watch(1, {.key = "a", .range_end = "z", .start_revision = 1, .fragment = true});
    service.watch(2, {.key = "a", .no_delete = true, .prev_kv = true});
    service.run_for(1ms);
    for (int i = 0; i < 4; ++i) {
      service.put("a", std::string(20, 'v'));
      service.put("b", std::to_string(i));
      service.node.commit();
      service.run_for(1ms);
      service.erase("b");
      service.node.commit();
    }
    service.run_for(1ms);
    service.network.left = SIZE_MAX;
    service.put("a", "last");
    service.node.commit();
    service.run_for(1s);
    for (const auto& [name, told] : service.told) {
      if (told.created == 0) ADD_FAILURE() << "never created";
      service.expect_told(told);
    }
    ASSERT_FALSE(::testing::Test::HasFailure()) << "cut after " << cut << " bytes";
  }
}

TEST(WatchResume, ACompactionWhileAwayEndsTheWatchWithItsRevision) {
  Service service(3);
  service.network.left = 400;
  service.watch(1, {.key = "a"});
  service.run_for(1ms);
  for (int i = 0; i < 20; ++i) {
    service.put("a", std::string(30, 'v'));
    service.node.commit();
  }
  service.run_for(100us);
  service.network.left = 0;
  service.run_for(500ms);
  const Revision now = service.node.store().revision();
  service.node.compact(now);
  service.network.left = SIZE_MAX;
  service.run_for(2s);
  EXPECT_EQ(service.told.at(WatchName(1)).compacted, now);
  EXPECT_GT(service.lost, 1U);
  EXPECT_FALSE(service.halted);
}

TEST(WatchResume, AServerThatAnswersPingsIsKept) {
  Service service(5);
  service.watch(1, {.key = "a"});
  service.run_for(1ms);
  const std::size_t before = service.network.connections;
  service.run_for(60s);
  EXPECT_EQ(service.network.connections, before);
  EXPECT_EQ(service.lost, 0U);
}

}  // namespace
}  // namespace detcd::api
