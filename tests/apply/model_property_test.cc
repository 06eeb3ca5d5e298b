// Random histories against the naive model. Two stores apply them: a plain one, and a disturbed one
// with budgets down to 1, chunks that go cold, sweeps in between, reads that stay open over later
// entries, and restarts from images. Every answer, size and state hash must be the same.

#include <map>
#include <memory>
#include <vector>

#include "lease/lessor.h"
#include "tests/apply/dice.h"
#include "tests/apply/model.h"
#include "tests/apply/property.h"
#include "tests/apply/support.h"

namespace detcd::apply {
namespace {

constexpr std::uint32_t kSmallChunk = 600;

// A store whose every call is cut into pieces and whose chunks come and go.
class Disturbed {
 public:
  explicit Disturbed(std::uint64_t seed)
      : dice_(seed), applier_(std::make_unique<Applier>(Driver::kCluster, kSmallChunk)) {}

  Applier& applier() { return *applier_; }
  Dice& dice() { return dice_; }

  Answer apply(const Position& position, Command command) {
    applier_->begin(position, std::move(command));
    finish([&](mvcc::Budget budget) { return applier_->advance(budget); }, true);
    return applier_->take_answer();
  }
  template <class Work>
  auto read(Work& work) {
    finish([&](mvcc::Budget budget) { return work.advance(budget); }, false);
    return work.take();
  }
  void sweep_some() {
    for (std::uint64_t i = dice_.below(20); i > 0; --i) {
      if (supply(applier_->sweep(budget()))) return;
    }
  }
  void sweep_all() {
    finish([&](mvcc::Budget budget) { return applier_->sweep(budget); }, false);
  }
  void chill() {
    const Image image = applier_->capture();
    for (const ChunkImage& chunk : image.chunks) {
      if (!chunk.sealed || chunk.bytes.empty() || !dice_.chance(2)) continue;
      cold_[chunk.id] = chunk.bytes;
      applier_->make_cold(chunk.id);
    }
  }
  // Restarts from an image; false when the image didn't restore.
  bool restart() {
    Image image = applier_->capture();
    for (ChunkImage& chunk : image.chunks) {
      if (chunk.bytes.empty()) chunk.bytes = cold_.at(chunk.id);
    }
    Result<std::unique_ptr<Applier>> restored =
        Applier::restore(Driver::kCluster, image, kSmallChunk);
    if (!restored) return false;
    applier_ = *std::move(restored);
    return true;
  }

 private:
  mvcc::Budget budget() { return {.units = dice_.chance(2) ? 1 : 1 + dice_.below(50)}; }
  // True when done; cold chunks that are asked for are brought back.
  bool supply(const mvcc::Advance& step) {
    if (const auto* need = std::get_if<mvcc::Need>(&step)) {
      for (const mvcc::ChunkId id : need->chunks) applier_->provide(id, cold_.at(id));
    }
    return std::holds_alternative<mvcc::Done>(step);
  }
  template <class Step>
  void finish(Step step, bool reads_between) {
    for (std::uint64_t steps = 0; !supply(step(budget())); ++steps) {
      RC_ASSERT(steps < 1'000'000U);
      if (reads_between && dice_.chance(10)) sweep_some();
    }
  }

  Dice dice_;
  std::map<mvcc::ChunkId, Bytes> cold_;
  std::unique_ptr<Applier> applier_;
};

struct OpenRange {
  std::unique_ptr<RangeWork> work;
  Answer expected = ApiError::kStopped;
};
struct OpenHash {
  std::unique_ptr<HashWork> work;
  std::variant<HashKvAnswer, ApiError> expected = ApiError::kStopped;
};

bool same(const std::variant<HashKvAnswer, ApiError>& a,
          const std::variant<HashKvAnswer, ApiError>& b) {
  if (a.index() != b.index()) return false;
  if (const auto* error = std::get_if<ApiError>(&a)) return *error == *std::get_if<ApiError>(&b);
  const HashKvAnswer& x = *std::get_if<HashKvAnswer>(&a);
  const HashKvAnswer& y = *std::get_if<HashKvAnswer>(&b);
  return x.hash == y.hash && x.compact_revision == y.compact_revision &&
         x.hash_revision == y.hash_revision;
}

class Trial {
 public:
  explicit Trial(std::uint64_t seed) : plain_(kSmallChunk), disturbed_(seed) {}

  void step(std::uint64_t number) {
    Dice dice(number);
    // Time passes, and sometimes there is another leader.
    plain_.pause_ms = dice.chance(3) ? 1 + dice.below(2'000) : 1;
    if (dice.chance(20)) ++plain_.term;
    apply(draw_command(dice, around()));
    read(draw_range(dice, around()));
    if (dice.chance(4)) read_txn(dice);
    if (dice.chance(4)) hash(dice);
    disturb();
  }
  void end() {
    close_reads();
    disturbed_.sweep_all();
    compare_states();
    RC_ASSERT(disturbed_.restart());
    compare_states();
    read({.key = std::string(1, '\0'), .range_end = std::string(1, '\0')});
  }

 private:
  Around around() const { return {model_.revision(), model_.compacted(), plain_.term}; }

  void apply(const Command& command) {
    const Position position = plain_.next_position();
    const Answer expected = model_.apply(position, command);
    RC_ASSERT(plain_.apply(command) == expected);
    RC_ASSERT(disturbed_.apply(position, command) == expected);
    compare_states();
  }
  void compare_states() {
    RC_ASSERT(plain_.applier().revision() == model_.revision());
    RC_ASSERT(plain_.applier().compact_revision() == model_.compacted());
    RC_ASSERT(plain_.applier().sizes().size == model_.bytes());
    RC_ASSERT(disturbed_.applier().sizes().size == model_.bytes());
    RC_ASSERT(disturbed_.applier().state_hash() == plain_.applier().state_hash());
    for (const lease::Lessor* lessor :
         {&plain_.applier().leases(), &disturbed_.applier().leases()}) {
      RC_ASSERT(lessor->size() == model_.leases().size());
      for (const auto& [id, lease] : model_.leases()) {
        RC_ASSERT(lessor->find(id) == (lease::Lease{id, lease.ttl, lease.end_ms}));
        RC_ASSERT(lessor->keys(id) == model_.keys_of(id));
      }
    }
  }
  void read(const RangeRequest& request) {
    const Answer expected = model_.range(request);
    RC_ASSERT(plain_.read(request) == expected);
    std::unique_ptr<RangeWork> work = disturbed_.applier().range(request);
    if (disturbed_.dice().chance(3)) {
      ranges_.push_back({std::move(work), expected});
    } else {
      RC_ASSERT(disturbed_.read(*work) == expected);
    }
  }
  void read_txn(Dice& dice) {
    TxnRequest txn{.compare = {draw_compare(dice, around())},
                   .success = {{draw_range(dice, around())}, {draw_range(dice, around())}},
                   .failure = {{draw_range(dice, around())}}};
    const Answer expected = model_.txn_read(txn);
    RC_ASSERT(plain_.read(txn) == expected);
    ranges_.push_back({disturbed_.applier().read_txn(txn), expected});
  }
  void hash(Dice& dice) {
    const auto revision =
        static_cast<Revision>(dice.below(static_cast<std::uint64_t>(model_.revision()) + 3));
    const std::variant<HashKvAnswer, ApiError> expected = model_.hash(revision);
    RC_ASSERT(same(plain_.hash(revision), expected));
    hashes_.push_back({disturbed_.applier().hash_kv(revision), expected});
  }
  void disturb() {
    Dice& dice = disturbed_.dice();
    if (dice.chance(2)) disturbed_.sweep_some();
    if (dice.chance(4)) disturbed_.chill();
    if (dice.chance(5)) close_reads();
    if (!dice.chance(12)) return;
    close_reads();
    RC_ASSERT(disturbed_.restart());
  }
  void close_reads() {
    for (OpenRange& open : ranges_) RC_ASSERT(disturbed_.read(*open.work) == open.expected);
    for (OpenHash& open : hashes_) RC_ASSERT(same(disturbed_.read(*open.work), open.expected));
    ranges_.clear();
    hashes_.clear();
  }

  Model model_;
  Driver plain_;
  Disturbed disturbed_;
  std::vector<OpenRange> ranges_;
  std::vector<OpenHash> hashes_;
};

TEST(ModelProperty, EveryAnswerIsTheModels) {
  expect_property("answers, sizes and state hashes are the model's", [](std::uint64_t seed) {
    const auto length = *rc::gen::inRange<std::size_t>(1, 300);
    const auto numbers = *rc::gen::container<std::vector<std::uint64_t>>(
        length, rc::gen::arbitrary<std::uint64_t>());
    Trial trial(seed);
    for (const std::uint64_t number : numbers) trial.step(number);
    trial.end();
  });
}

}  // namespace
}  // namespace detcd::apply
