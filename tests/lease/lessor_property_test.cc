// Random histories against a model that looks at every lease in every step: ends, order, keys and
// what an image restores must be the same.
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/hash.h"
#include "lease/lessor.h"

namespace detcd::lease {
namespace {

// Before RapidCheck reads its configuration, which it does once.
const bool kSeedSet = setenv("RC_PARAMS", "seed=20240301 max_success=300 noshrink=1", 0) == 0;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return mix64(seed_, ++draws_) % bound; }

 private:
  std::uint64_t seed_;
  std::uint64_t draws_ = 0;
};

struct Model {
  struct Row {
    std::int64_t ttl = 0;
    std::uint64_t end_ms = 0;
  };
  std::map<LeaseId, Row> leases;
  std::map<std::string, LeaseId> keys;
  std::uint64_t term = 0;

  void grant(LeaseId id, std::int64_t ttl, const Lessor::Moment& now) {
    if (leases.empty()) term = now.term;
    leases[id] = {ttl, now.time_ms + static_cast<std::uint64_t>(ttl) * 1000};
  }
  void begin_term(std::uint64_t begun, const Beginning& beginning) {
    if (leases.empty() || begun <= term) return;
    term = begun;
    for (auto& [id, row] : leases) {
      const std::uint64_t left =
          row.end_ms > beginning.time_ms ? row.end_ms - beginning.time_ms : 0;
      const std::uint64_t granted = static_cast<std::uint64_t>(row.ttl) * 1000;
      row.end_ms =
          beginning.time_ms +
          std::min(granted, std::max(left + beginning.election_timeout_ms, beginning.minimum_ms));
    }
  }
  void end(LeaseId id) {
    std::erase_if(keys, [id](const auto& key) { return key.second == id; });
    leases.erase(id);
    if (leases.empty()) term = 0;
  }
  std::vector<std::string> keys_of(LeaseId id) const {
    std::vector<std::string> own;
    for (const auto& [key, lease] : keys) {
      if (lease == id) own.push_back(key);
    }
    return own;
  }
};

class Trial {
 public:
  explicit Trial(std::uint64_t seed) : dice_(seed) {}

  void step() {
    now_.time_ms += dice_.below(4) == 0 ? dice_.below(4'000) : dice_.below(50);
    switch (dice_.below(9)) {
      case 0:
      case 1:
        return grant();
      case 2:
      case 3:
        return attach();
      case 4:
        return renew();
      case 5:
        return revoke();
      case 6:
        ++now_.term;
        return begin_term();
      case 7:
        return end();
      default:
        return restart();
    }
  }

  [[nodiscard]] std::vector<Lease> listed_in_threes() const {
    std::vector<Lease> leases;
    std::optional<LeaseId> last;
    while (lessor_.list_some(last, 3, leases)) last = leases.back().id;
    return leases;
  }

  void compare() const {
    std::vector<Lease> wanted;
    for (const auto& [id, row] : model_.leases) wanted.push_back({id, row.ttl, row.end_ms});
    RC_ASSERT(lessor_.list() == wanted);
    RC_ASSERT(listed_in_threes() == wanted);
    RC_ASSERT(lessor_.attached() == model_.keys.size());
    RC_ASSERT(lessor_.term() == model_.term);
    for (const auto& [id, row] : model_.leases) {
      RC_ASSERT(lessor_.keys(id) == model_.keys_of(id));
      std::vector<std::string> keys;
      while (lessor_.keys_some(id, 2, keys)) {
      }
      RC_ASSERT(keys == model_.keys_of(id));
    }
  }

 private:
  LeaseId id() { return static_cast<LeaseId>(dice_.below(12)) - 4; }

  void grant() {
    const LeaseId wanted = id();
    if (wanted == 0 || lessor_.contains(wanted)) return;
    const auto ttl = static_cast<std::int64_t>(2 + dice_.below(20));
    lessor_.grant(wanted, ttl, now_);
    model_.grant(wanted, ttl, now_);
  }
  void attach() {
    const std::string key(1, static_cast<char>('a' + dice_.below(8)));
    const LeaseId wanted = id();
    const LeaseId lease = lessor_.contains(wanted) ? wanted : 0;
    lessor_.attach(key, lease);
    model_.keys.erase(key);
    if (lease != 0) model_.keys[key] = lease;
  }
  void renew() {
    const LeaseId wanted = id();
    const auto row = model_.leases.find(wanted);
    const std::optional<std::int64_t> ttl = lessor_.renew(wanted, now_.time_ms);
    RC_ASSERT(ttl.has_value() == (row != model_.leases.end()));
    if (!ttl) return;
    RC_ASSERT(*ttl == row->second.ttl);
    row->second.end_ms = now_.time_ms + static_cast<std::uint64_t>(*ttl) * 1000;
  }
  void take(LeaseId wanted) {
    while (const std::optional<std::string_view> key = lessor_.first_key(wanted)) {
      lessor_.detach(*key);
    }
    lessor_.revoke(wanted);
    model_.end(wanted);
  }
  void revoke() {
    const LeaseId wanted = id();
    if (lessor_.contains(wanted)) take(wanted);
  }
  void begin_term() {
    const Beginning beginning{now_.time_ms, dice_.below(3'000), dice_.below(4'000)};
    lessor_.begin_term(now_.term, beginning);
    model_.begin_term(now_.term, beginning);
    while (!lessor_.fold(1 + dice_.below(5))) {
    }
  }
  void end() {
    std::vector<LeaseId> ended;
    while (const std::optional<LeaseId> next = lessor_.next_ended(now_.time_ms)) {
      if (*next == 0) continue;
      const auto row = model_.leases.find(*next);
      RC_ASSERT(row != model_.leases.end());
      RC_ASSERT(row->second.end_ms < now_.time_ms);
      ended.push_back(*next);
    }
    for (const LeaseId lease : ended) take(lease);
    for (const auto& [lease, row] : model_.leases) RC_ASSERT(row.end_ms >= now_.time_ms);
    if (const std::optional<std::uint64_t> earliest = lessor_.earliest_end_ms()) {
      for (const auto& [lease, row] : model_.leases) RC_ASSERT(row.end_ms >= *earliest);
    }
  }
  void restart() {
    if (lessor_.empty()) return;
    Writer out;
    lessor_.encode(out);
    const std::string bytes = out.take();
    Reader in(bytes);
    Result<Lessor> restored = Lessor::decode(in);
    RC_ASSERT(static_cast<bool>(restored));
    RC_ASSERT(restored->hash() == lessor_.hash());
    for (const auto& [key, lease] : model_.keys) restored->attach(key, lease);
    lessor_ = *std::move(restored);
  }

  Dice dice_;
  Lessor lessor_;
  Model model_;
  Lessor::Moment now_{1, 0};
};

TEST(LessorProperty, LeasesAreTheModelsWhateverHappens) {
  const bool held = rc::check("leases are the model's", [](std::uint64_t seed) {
    Trial trial(seed);
    for (int i = 0; i < 400; ++i) {
      trial.step();
      trial.compare();
    }
  });
  EXPECT_TRUE(held) << "reproduce: RC_PARAMS=\"" << std::getenv("RC_PARAMS")
                    << "\" test_lease --gtest_filter=LessorProperty."
                    << "LeasesAreTheModelsWhateverHappens";
}

}  // namespace
}  // namespace detcd::lease
