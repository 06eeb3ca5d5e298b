// Latencies in buckets of 1/32 relative width: percentiles without keeping every sample.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace detcd::bench {

class Histogram {
 public:
  void add(std::uint64_t value) {
    ++buckets_[bucket_of(value)];
    ++count_;
  }
  void add(const Histogram& other) {
    for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  // The value below which `permille` of a thousand samples lie; 0 without samples.
  [[nodiscard]] std::uint64_t percentile(std::uint64_t permille) const {
    std::uint64_t left = count_ * permille / 1000;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      if (buckets_[i] > left) return lower_bound_of(i);
      left -= buckets_[i];
    }
    return 0;
  }

 private:
  static constexpr std::uint64_t kSteps = 32;
  static constexpr std::size_t kBuckets = 60 * kSteps;
  static std::size_t bucket_of(std::uint64_t value) {
    if (value < kSteps) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 6;
    return (shift + 1) * kSteps + ((value >> shift) - kSteps);
  }
  static std::uint64_t lower_bound_of(std::size_t bucket) {
    if (bucket < kSteps) return bucket;
    const std::size_t shift = bucket / kSteps - 1;
    return (kSteps + bucket % kSteps) << shift;
  }
  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
};

}  // namespace detcd::bench
