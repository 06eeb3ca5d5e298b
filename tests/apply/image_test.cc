// Images: damage of every kind is found, and what isn't ours is refused.

#include <gtest/gtest.h>

#include "tests/apply/support.h"

namespace detcd::apply {
namespace {

constexpr std::uint32_t kSmallChunk = 600;

Image sample() {
  Driver store(kSmallChunk);
  for (int i = 0; i < 40; ++i) store.put("k" + std::to_string(i % 7), std::to_string(i));
  store.erase({.key = "k3"});
  store.compact(20);
  return store.applier().capture();
}

Errc restore_error(const Image& image, std::uint64_t cluster = Driver::kCluster) {
  const Result<std::unique_ptr<Applier>> restored = Applier::restore(cluster, image, kSmallChunk);
  if (restored.ok()) {
    ADD_FAILURE() << "restored";
    return Errc::kInternal;
  }
  return restored.error().code;
}

TEST(Image, OfAnotherClusterIsRefused) {
  EXPECT_EQ(restore_error(sample(), Driver::kCluster + 1), Errc::kIncompatible);
}

TEST(Image, OfANewerFormatIsRefused) {
  Image image = sample();
  image.small_state[0] = 4;
  EXPECT_EQ(restore_error(image), Errc::kIncompatible);
}

TEST(Image, WithAnyFlippedByteInAChunkIsDamaged) {
  const Image image = sample();
  ASSERT_GT(image.chunks.size(), 2U);
  for (std::size_t c = 0; c < image.chunks.size(); ++c) {
    for (std::size_t at = 0; at < image.chunks[c].bytes.size(); at += 5) {
      Image damaged = image;
      std::string bytes = image.chunks[c].bytes.str();
      bytes[at] = static_cast<char>(bytes[at] ^ 4);
      damaged.chunks[c].bytes = Bytes::adopt(std::move(bytes));
      EXPECT_EQ(restore_error(damaged), Errc::kDamaged) << c << " at " << at;
    }
  }
}

TEST(Image, WithCutSmallStateIsDamaged) {
  const Image image = sample();
  for (std::size_t length = 0; length < image.small_state.size(); ++length) {
    Image damaged = image;
    damaged.small_state.resize(length);
    EXPECT_EQ(restore_error(damaged), Errc::kDamaged) << length;
  }
}

TEST(Image, WithMissingOrSwappedChunksIsDamaged) {
  Image missing = sample();
  missing.chunks.erase(missing.chunks.begin() + 1);
  EXPECT_EQ(restore_error(missing), Errc::kDamaged);
  Image swapped = sample();
  std::swap(swapped.chunks[0], swapped.chunks[1]);
  EXPECT_EQ(restore_error(swapped), Errc::kDamaged);
  Image cold = sample();
  cold.chunks[0].bytes = Bytes();
  EXPECT_EQ(restore_error(cold), Errc::kDamaged);
}

TEST(Image, OfAnotherPositionOrHashIsDamaged) {
  Image moved = sample();
  ++moved.position.index;
  EXPECT_EQ(restore_error(moved), Errc::kDamaged);
  Image lied = sample();
  lied.state_hash ^= 1;
  EXPECT_EQ(restore_error(lied), Errc::kDamaged);
}

TEST(Image, SharesBytesAndIsntChangedByLaterWrites) {
  Driver store(kSmallChunk);
  store.put("a", "1");
  const Image image = store.applier().capture();
  const std::string before = image.chunks.at(0).bytes.str();
  store.put("a", "2");
  EXPECT_EQ(image.chunks.at(0).bytes.view(), before);
  EXPECT_TRUE(Applier::restore(Driver::kCluster, image, kSmallChunk).ok());
}

TEST(Image, RestoredStoreGoesOnWithTheSameChunks) {
  Driver one(kSmallChunk);
  for (int i = 0; i < 20; ++i) one.put("k", std::to_string(i));
  Result<std::unique_ptr<Applier>> restored =
      Applier::restore(Driver::kCluster, one.applier().capture(), kSmallChunk);
  ASSERT_TRUE(restored.ok());
  Driver two(*std::move(restored));
  for (int i = 0; i < 20; ++i) {
    one.put("k", std::to_string(i));
    two.put("k", std::to_string(i));
  }
  const Image a = one.applier().capture();
  const Image b = two.applier().capture();
  ASSERT_EQ(a.chunks.size(), b.chunks.size());
  for (std::size_t i = 0; i < a.chunks.size(); ++i) EXPECT_EQ(a.chunks[i].hash, b.chunks[i].hash);
  EXPECT_EQ(a.state_hash, b.state_hash);
}

}  // namespace
}  // namespace detcd::apply
