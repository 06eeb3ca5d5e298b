// Random clients, replies and ends against one listener. What must hold: a call that nobody gave up
// is answered exactly once with its own answer; none is forgotten more than once; and no connection
// is left of a client that went.
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/api/world.h"
#include "wire/kv_codec.h"

namespace detcd::api {
namespace {

constexpr std::string_view kPut = "/etcdserverpb.KV/Put";

class RandomRun {
 public:
  explicit RandomRun(std::uint64_t seed)
      : seed_(seed), world_(seed, {}, {.seed = seed, .capacity = 20'000}) {}

  void run() {
    for (int i = 0; i < 120; ++i) step();
    for (std::size_t call = 0; call < world_.node.calls.size(); ++call) answer(call);
    world_.run_for(100ms);
    verify();
    // Ends in the middle of whatever goes on.
    if (below(2) == 0) world_.shut_down();
    world_.run_for(Duration(below(10'000'000)));
  }

 private:
  struct Caller {
    std::unique_ptr<GrpcClient> client;
    std::map<http2::StreamId, std::string, IdOrder> kept;  // Calls nobody gave up, by their keys.
  };
  std::uint64_t below(std::uint64_t bound) { return mix64(seed_, ++draws_) % bound; }

  void step() {
    const std::uint64_t what = below(10);
    if (what == 0 && callers_.size() < 5) {
      callers_.push_back({std::make_unique<GrpcClient>(world_), {}});
    } else if (what == 1 && !callers_.empty() && below(4) == 0) {
      callers_.erase(callers_.begin() + static_cast<std::ptrdiff_t>(below(callers_.size())));
    } else if (what <= 5 && !callers_.empty()) {
      call(callers_[below(callers_.size())]);
    } else if (what == 6 && !callers_.empty()) {
      cancel(callers_[below(callers_.size())]);
    } else if (!world_.node.calls.empty()) {
      answer(below(world_.node.calls.size()));
    }
    if (below(3) == 0) world_.run_for(Duration(below(2'000'000)));
  }
  void call(Caller& caller) {
    const std::string key = std::to_string(++keys_);
    const apply::PutRequest put{.key = key, .value = std::string(below(40'000), 'x')};
    caller.kept.emplace(caller.client->call(kPut, wire::serialize(put)), key);
  }
  void cancel(Caller& caller) {
    if (caller.kept.empty()) return;
    const http2::StreamId stream = caller.kept.begin()->first;
    caller.client->session.cancel(stream);
    caller.client->flush();
    caller.kept.erase(stream);
  }
  void answer(std::size_t call) {
    if (!answered_.insert(call).second) return;
    const auto& put = std::get<apply::PutRequest>(world_.node.calls[call].request);
    apply::PutResponse response;
    response.prev_kv = apply::KeyValue{.key = Bytes(put.key), .value = Bytes(put.value)};
    world_.node.answer(call, apply::Response(response));
    if (below(2) == 0) world_.settle();
  }
  void verify() {
    for (const Caller& caller : callers_) {
      for (const auto& [stream, key] : caller.kept) {
        const RawAnswer& answer = caller.client->answer(stream);
        ASSERT_EQ(answer.status, http2::GrpcStatus{}) << "call " << key;
        ASSERT_EQ(answer.messages.size(), 1U);
        const Result<wire::ParsedResponse> parsed = wire::parse_put_response(answer.messages[0]);
        ASSERT_TRUE(parsed);
        EXPECT_EQ(std::get<apply::PutResponse>(parsed->response).prev_kv->key.view(), key);
      }
    }
    EXPECT_LE(world_.node.forgotten.size(), world_.node.calls.size());
    EXPECT_EQ(world_.listener->connections(), callers_.size());
  }

  std::uint64_t seed_;
  std::uint64_t draws_ = 0;
  World world_;
  std::vector<Caller> callers_;
  std::set<std::size_t> answered_;
  std::uint64_t keys_ = 0;
};

TEST(Random, CallsAreAnsweredOrForgottenWhateverClientsDo) {
  const char* const chosen = std::getenv("DETCD_TEST_SEED");
  const std::uint64_t first = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 1;
  const std::uint64_t last = chosen != nullptr ? first : 40;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    RandomRun(seed).run();
    if (HasFailure()) {
      FAIL() << "seed " << seed << "\nDETCD_TEST_SEED=" << seed
             << " test_api --gtest_filter=Random.CallsAreAnsweredOrForgottenWhateverClientsDo";
    }
  }
}

}  // namespace
}  // namespace detcd::api
