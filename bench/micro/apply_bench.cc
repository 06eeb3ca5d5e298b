// What the state machine costs: puts of new and of old keys, and ranges, through the Applier.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "apply/applier.h"
#include "base/check.h"
#include "base/hash.h"

namespace detcd::bench {
namespace {

constexpr std::size_t kValueBytes = 256;
constexpr std::uint64_t kKeys = 100'000;
constexpr mvcc::Budget kBudget{10'000};

std::string key_name(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return "bench/" + std::string(12 - digits.size(), '0') + digits;
}

class Machine {
 public:
  void put(std::uint64_t key) {
    ++count_;
    apply::PutRequest request;
    request.key = key_name(key);
    request.value = value_;
    apply::Command command{{1, count_}, std::move(request)};
    applier_.begin({count_, 1, 0}, std::move(command));
    while (!std::holds_alternative<mvcc::Done>(applier_.advance(kBudget))) continue;
    const apply::Answer answer = applier_.take_answer();
    check(std::holds_alternative<apply::Response>(answer), "a put of the benchmark succeeds");
  }
  std::size_t range(std::uint64_t first, std::uint64_t count) {
    apply::RangeRequest request;
    request.key = key_name(first);
    if (count > 1) request.range_end = key_name(first + count);
    const std::unique_ptr<apply::RangeWork> work = applier_.range(std::move(request));
    while (!std::holds_alternative<mvcc::Done>(work->advance(kBudget))) continue;
    const apply::Answer answer = work->take();
    return std::get<apply::RangeResponse>(std::get<apply::Response>(answer)).kvs.size();
  }

 private:
  apply::Applier applier_{1};
  std::uint64_t count_ = 0;
  const std::string value_ = std::string(kValueBytes, 'v');
};

// A store grows with every put: each is measured over a fixed number.
void apply_put_new_key(benchmark::State& state) {
  Machine machine;
  std::uint64_t key = 0;
  for ([[maybe_unused]] const auto _ : state) machine.put(key++);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(apply_put_new_key)->Iterations(kKeys);

void apply_put_old_key(benchmark::State& state) {
  Machine machine;
  constexpr std::uint64_t kFew = 1'000;
  for (std::uint64_t key = 0; key < kFew; ++key) machine.put(key);
  std::uint64_t turn = 0;
  for ([[maybe_unused]] const auto _ : state) machine.put(mix64(turn++) % kFew);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(apply_put_old_key)->Iterations(kKeys);

// Argument: keys in the range.
void apply_range(benchmark::State& state) {
  Machine machine;
  for (std::uint64_t key = 0; key < kKeys; ++key) machine.put(key);
  const auto count = static_cast<std::uint64_t>(state.range(0));
  std::uint64_t turn = 0;
  for ([[maybe_unused]] const auto _ : state) {
    const std::size_t found = machine.range(mix64(turn++) % (kKeys - count), count);
    check(found == count, "a range of the benchmark finds its keys");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(apply_range)->Arg(1)->Arg(100);

}  // namespace
}  // namespace detcd::bench
