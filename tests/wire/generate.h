// Random requests and answers for the codecs' tests, drawn from a seed. The same seed gives the
// same values on every platform. Replaying one failure: DETCD_TEST_SEED=<seed> and the test's
// filter.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "apply/command.h"
#include "base/hash.h"

namespace detcd::wire {

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : seed_(seed) {}

  std::uint64_t draw() { return mix64(seed_, ++ordinal_); }
  std::uint64_t below(std::uint64_t bound) { return draw() % bound; }
  bool coin() { return below(2) == 0; }
  // Small, large and negative numbers, and zero.
  std::int64_t number() {
    switch (below(4)) {
      case 0:
        return 0;
      case 1:
        return static_cast<std::int64_t>(below(300));
      case 2:
        return static_cast<std::int64_t>(draw() >> below(64));
      default:
        return -static_cast<std::int64_t>(draw() >> (1 + below(63)));
    }
  }
  std::string text() {
    std::string out;
    const std::uint64_t length = below(4) == 0 ? below(200) : below(6);
    for (std::uint64_t i = 0; i < length; ++i) out.push_back(static_cast<char>(draw()));
    return out;
  }

  apply::RangeRequest range() {
    apply::RangeRequest r;
    r.key = text();
    r.range_end = text();
    r.limit = number();
    r.revision = number();
    r.sort_order = static_cast<std::int32_t>(number());
    r.sort_target = static_cast<std::int32_t>(below(6));
    r.serializable = coin();
    r.keys_only = coin();
    r.count_only = coin();
    r.min_mod_revision = number();
    r.max_mod_revision = number();
    r.min_create_revision = number();
    r.max_create_revision = number();
    return r;
  }
  apply::PutRequest put() {
    return {.key = text(),
            .value = text(),
            .lease = number(),
            .prev_kv = coin(),
            .ignore_value = coin(),
            .ignore_lease = coin()};
  }
  apply::DeleteRangeRequest delete_range() {
    return {.key = text(), .range_end = text(), .prev_kv = coin()};
  }
  apply::CompactionRequest compaction() { return {.revision = number(), .physical = coin()}; }
  apply::Compare compare() {
    apply::Compare c;
    c.result = static_cast<std::int32_t>(below(5));
    c.target = static_cast<std::int32_t>(below(6));
    c.key = text();
    c.range_end = text();
    if (c.target == static_cast<std::int32_t>(apply::CompareTarget::kValue))
      c.value = text();
    else if (c.target < 5)
      c.number = number();
    return c;
  }
  apply::TxnRequest txn(int depth = 0) {
    apply::TxnRequest t;
    for (std::uint64_t i = below(3); i > 0; --i) t.compare.push_back(compare());
    for (std::uint64_t i = below(4); i > 0; --i) t.success.push_back(op(depth));
    for (std::uint64_t i = below(3); i > 0; --i) t.failure.push_back(op(depth));
    return t;
  }
  apply::RequestOp op(int depth) {
    switch (below(depth > 3 ? 4 : 5)) {
      case 0:
        return {};
      case 1:
        return {range()};
      case 2:
        return {put()};
      case 3:
        return {delete_range()};
      default:
        return {txn(depth + 1)};
    }
  }
  std::int64_t signed_draw() { return static_cast<std::int64_t>(draw() >> below(64)); }
  apply::Command command() {
    apply::Command c;
    c.id = {.member = draw(), .ordinal = draw() >> below(64)};
    switch (below(12)) {
      case 0:
        c.request = put();
        break;
      case 1:
        c.request = delete_range();
        break;
      case 2:
        c.request = txn();
        break;
      case 3:
        c.request = compaction();
        break;
      case 4: {
        apply::PublishAttributes publish{.member_id = draw(), .name = text(), .client_urls = {}};
        for (std::uint64_t i = below(4); i > 0; --i) publish.client_urls.push_back(text());
        c.request = publish;
        break;
      }
      case 5:
        c.request = apply::AlarmRequest{.action = static_cast<std::int32_t>(number()),
                                        .member_id = draw(),
                                        .alarm = static_cast<std::int32_t>(number()),
                                        .quota_bytes = draw()};
        break;
      case 6:
        c.request = apply::DowngradeRequest{.action = static_cast<std::int32_t>(number()),
                                            .version = text()};
        break;
      case 7:
        c.request = apply::LeaseGrantRequest{signed_draw(), signed_draw()};
        break;
      case 8:
        c.request = apply::LeaseRevokeRequest{signed_draw()};
        break;
      case 9: {
        apply::LeaseRenewRequest renew;
        for (std::uint64_t i = below(5); i > 0; --i) renew.ids.push_back(signed_draw());
        c.request = std::move(renew);
        break;
      }
      case 10:
        c.request = apply::LeaseTick{draw() >> below(64), draw() >> below(64), draw()};
        break;
      default:
        c.request = apply::SetClusterVersion{.version = text()};
        break;
    }
    return c;
  }

  apply::KeyValue kv() {
    return {.key = Bytes(text()),
            .value = Bytes(text()),
            .create_revision = number(),
            .mod_revision = number(),
            .version = number(),
            .lease = number()};
  }
  std::vector<apply::KeyValue> kvs() {
    std::vector<apply::KeyValue> out;
    for (std::uint64_t i = below(5); i > 0; --i) out.push_back(kv());
    return out;
  }
  apply::RangeResponse range_response() {
    return {.header_revision = number(), .kvs = kvs(), .more = coin(), .count = number()};
  }
  apply::PutResponse put_response() {
    apply::PutResponse response{.header_revision = number(), .prev_kv = {}};
    if (coin()) response.prev_kv = kv();
    return response;
  }
  apply::DeleteRangeResponse delete_response() {
    return {.header_revision = number(), .deleted = number(), .prev_kvs = kvs()};
  }
  apply::TxnResponse txn_response(int depth = 0) {
    apply::TxnResponse t{.header_revision = number(), .succeeded = coin(), .responses = {}};
    for (std::uint64_t i = below(4); i > 0; --i) {
      switch (below(depth > 3 ? 3 : 4)) {
        case 0:
          t.responses.push_back({range_response()});
          break;
        case 1:
          t.responses.push_back({put_response()});
          break;
        case 2:
          t.responses.push_back({delete_response()});
          break;
        default:
          t.responses.push_back({txn_response(depth + 1)});
          break;
      }
    }
    return t;
  }
  // Cuts, changes, repeats and inserts bytes.
  std::string mutate(std::string bytes) {
    for (std::uint64_t i = 1 + below(3); i > 0 && !bytes.empty(); --i) {
      const std::size_t at = below(bytes.size());
      switch (below(4)) {
        case 0:
          bytes.resize(at);
          break;
        case 1:
          bytes[at] = static_cast<char>(draw());
          break;
        case 2:
          bytes.insert(at, bytes.substr(at, below(16)));
          break;
        default:
          bytes.insert(at, 1, static_cast<char>(below(128)));
          break;
      }
    }
    return bytes;
  }

 private:
  std::uint64_t seed_;
  std::uint64_t ordinal_ = 0;
};

// Runs `property(generator)` for each seed; the last line of a failure replays it.
template <class Property>
void for_each_seed(std::uint64_t seeds, const Property& property) {
  const char* const chosen = std::getenv("DETCD_TEST_SEED");
  const std::uint64_t first = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 1;
  const std::uint64_t last = chosen != nullptr ? first : seeds;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    Generator generator(seed);
    property(generator);
    if (testing::Test::HasFailure()) {
      const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
      FAIL() << "seed " << seed << "\nDETCD_TEST_SEED=" << seed
             << " test_wire --gtest_filter=" << test.test_suite_name() << "." << test.name();
    }
  }
}

}  // namespace detcd::wire
