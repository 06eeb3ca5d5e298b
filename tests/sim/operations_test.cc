// What clients do: every operation is one that the server takes, and every field of the API is
// asked for now and then.
#include "sim/plan/operations.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <variant>

#include "apply/validate.h"
#include "sim/plan/resolve.h"
#include "sim/profile/generate.h"

namespace detcd::sim {
namespace {

// How often each thing was seen.
struct Seen {
  std::map<std::string, int> times;
  void count(const std::string& what, bool is) { times[what] += is ? 1 : 0; }

  void look(const apply::RangeRequest& range) {
    count("range: to the end of keys", range.range_end == std::string("\0", 1));
    count("range: limit", range.limit > 0);
    count("range: relative revision", range.revision < 0);
    count("range: absolute revision", range.revision > 0);
    count("range: serializable", range.serializable);
    count("range: keys only", range.keys_only);
    count("range: count only", range.count_only);
    count("range: min mod", range.min_mod_revision != 0);
    count("range: max mod", range.max_mod_revision != 0);
    count("range: min create", range.min_create_revision != 0);
    count("range: max create", range.max_create_revision != 0);
    count("range: order " + std::to_string(range.sort_order), true);
    count("range: target " + std::to_string(range.sort_target), true);
  }
  void look(const apply::PutRequest& put) {
    count("put: prev_kv", put.prev_kv);
    count("put: ignore_value", put.ignore_value);
    count("put: ignore_lease", put.ignore_lease);
    count("put: lease", put.lease != 0);
  }
  void look(const apply::LeaseGrantRequest& grant) {
    count("lease: grant of " + std::to_string(grant.ttl), true);
  }
  void look(const apply::LeaseRevokeRequest&) { count("lease: revoke", true); }
  void look(const KeepAlive&) { count("lease: keep-alive", true); }
  void look(const auth::Change& change) {
    const std::string words = print(OperationEntry{Duration{}, 0, 0, change});
    const std::size_t kind = words.find('#') + 3;  // "at 0s c0 #0 "
    count("access: " + words.substr(kind, words.find_first_of(" \n", kind) - kind), true);
  }
  void look(const apply::DeleteRangeRequest& erase) {
    count("delete: range", !erase.range_end.empty());
    count("delete: prev_kv", erase.prev_kv);
  }
  void look(const apply::CompactionRequest& compact) {
    count("compact: physical", compact.physical);
    count("compact: relative", compact.revision < 0);
  }
  void look(const apply::TxnRequest& txn) {
    count("txn: several compares", txn.compare.size() > 1);
    count("txn: many operations", txn.success.size() > 64);
    for (const apply::Compare& compare : txn.compare) {
      count("compare: range", !compare.range_end.empty());
      count("compare: target " + std::to_string(compare.target), true);
      count("compare: result " + std::to_string(compare.result), true);
    }
    for (const auto* branch : {&txn.success, &txn.failure}) {
      for (const apply::RequestOp& operation : *branch) {
        count("txn: nested", std::holds_alternative<apply::TxnRequest>(operation.request));
        std::visit(
            [this](const auto& inner) {
              if constexpr (requires { look(inner); }) look(inner);
            },
            operation.request);
      }
    }
  }
};

TEST(Operations, AreValidAndAskForEveryFieldNowAndThen) {
  Seen seen;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Result<Settings> settings = draw_settings(seed, "swarm");
    ASSERT_TRUE(settings.ok());
    Settings drawn = *settings;
    drawn.leases = seed % 2 * 5;
    drawn.users = seed % 2 == 0;
    for (const OperationEntry& entry : draw_operations(seed, drawn)) {
      std::visit([&](const auto& known) { seen.look(known); }, entry.operation);
      const auto* txn = std::get_if<apply::TxnRequest>(&entry.operation);
      if (txn == nullptr) continue;
      EXPECT_FALSE(apply::validate(*txn, apply::Limits{}).has_value()) << print(entry);
      EXPECT_EQ(apply::validate(std::get<apply::TxnRequest>(resolve(entry.operation, 100)),
                                apply::Limits{}),
                std::nullopt);
    }
  }
  for (const auto& [what, times] : seen.times) EXPECT_GE(times, 5) << what;
  EXPECT_EQ(seen.times.size(), 56U);
}

TEST(Operations, RevisionsBelowZeroCountBackFromWhatTheClientHasSeen) {
  apply::RangeRequest range;
  const auto asked = [&](std::int64_t revision, apply::Revision seen) {
    range.revision = revision;
    return std::get<apply::RangeRequest>(resolve(range, seen)).revision;
  };
  EXPECT_EQ(asked(-1, 17), 17);
  EXPECT_EQ(asked(-5, 17), 13);
  EXPECT_EQ(asked(-50, 17), 1) << "there is no revision before the first";
  EXPECT_EQ(asked(4, 17), 4);
  EXPECT_EQ(asked(0, 17), 0);
}

TEST(Operations, RevisionsInsideOfATxnAreResolvedAtEveryDepth) {
  apply::RangeRequest range;
  range.revision = -2;
  apply::Compare compare;
  compare.number = -1;
  apply::TxnRequest inner;
  inner.compare.push_back(compare);
  inner.failure.push_back({range});
  apply::TxnRequest outer;
  outer.success.push_back({inner});
  const auto asked = std::get<apply::TxnRequest>(resolve(outer, 9));
  const auto& nested = std::get<apply::TxnRequest>(asked.success.front().request);
  EXPECT_EQ(nested.compare.front().number, 9);
  EXPECT_EQ(std::get<apply::RangeRequest>(nested.failure.front().request).revision, 8);
}

}  // namespace
}  // namespace detcd::sim
