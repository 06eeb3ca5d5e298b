// What a power loss may leave, checked against a model that remembers every state of every sector.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/hash.h"
#include "sim/disk/image.h"
#include "sim/kernel/distribution.h"

namespace detcd::sim {
namespace {

constexpr std::uint64_t kFileBytes = 16 * kSectorBytes;

std::uint64_t draw(std::uint64_t seed, std::uint64_t step, std::uint64_t part) {
  return keyed_draw(seed, 42, step, part);
}

// One file of a fixed size: each sector's durable content, its content now, and what it was
// between.
struct Model {
  std::string durable = std::string(kFileBytes, '\0');
  std::string shown = durable;
  std::vector<std::string> between;
  [[nodiscard]] static std::string_view sector(const std::string& text, std::uint64_t i) {
    return std::string_view(text).substr(i * kSectorBytes, kSectorBytes);
  }
};

bool is_mixture(std::string_view found, std::string_view a, std::string_view b) {
  std::size_t cut = 0;
  while (cut < found.size() && found[cut] == a[cut]) ++cut;
  return found.substr(cut) == b.substr(cut);
}

void write_randomly(FileContent& content, Model& model, std::uint64_t seed, std::uint64_t step) {
  const std::uint64_t offset = below(draw(seed, step, 1), kFileBytes - 1);
  const std::uint64_t length =
      1 + below(draw(seed, step, 2), std::min<std::uint64_t>(2000, kFileBytes - offset));
  const std::string bytes(length, static_cast<char>('a' + draw(seed, step, 3) % 26));
  model.between.push_back(model.shown);
  content.write(offset, bytes);
  model.shown.replace(offset, length, bytes);
}

enum class Found : std::uint8_t { kOld, kNew, kTorn, kGarbage, kBetween };

Found judge(std::string_view found, std::string_view was, std::string_view written) {
  if (found == was) return Found::kOld;
  if (found == written) return Found::kNew;
  if (is_mixture(found, written, was) || is_mixture(found, was, written)) return Found::kTorn;
  return Found::kGarbage;
}

// The device may have taken any version since the last sync, whole or torn by the newest one.
Found judge(std::string_view found, const Model& model, std::uint64_t i) {
  const std::string_view written = Model::sector(model.shown, i);
  Found kind = judge(found, Model::sector(model.durable, i), written);
  for (const std::string& version : model.between) {
    if (kind != Found::kGarbage) break;
    kind = judge(found, Model::sector(version, i), written);
    if (kind == Found::kOld) kind = Found::kBetween;
  }
  return kind;
}

TEST(PowerLoss, KeepsSyncedSectorsAndLeavesLegalMixturesOfTheRest) {
  std::map<Found, std::uint64_t> counts;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FileContent content;
    Model model;
    content.allocate(kFileBytes);
    content.sync();
    for (std::uint64_t step = 0; step < 30; ++step) {
      if (draw(seed, step, 0) % 8 == 0) {
        content.sync();
        model.durable = model.shown;
        model.between.clear();
      } else {
        write_randomly(content, model, seed, step);
      }
      ASSERT_EQ(content.read(0, kFileBytes), model.shown);
    }
    content.lose_power({}, [&](std::uint64_t key) { return keyed_draw(seed, 43, 0, key); });
    EXPECT_FALSE(content.dirty());
    const std::string after = content.read(0, kFileBytes * 2);
    ASSERT_EQ(after.size(), kFileBytes);
    for (std::uint64_t i = 0; i < kFileBytes / kSectorBytes; ++i) {
      const std::string_view was = Model::sector(model.durable, i);
      const std::string_view written = Model::sector(model.shown, i);
      const std::string_view found = Model::sector(after, i);
      if (was == written) {
        const bool rewritten = found != was;
        // Rewritten with the same bytes, a sector is unsynced all the same and may be garbage.
        if (!rewritten) continue;
        ++counts[judge(found, model, i)];
        continue;
      }
      ++counts[judge(found, model, i)];
    }
  }
  for (const Found kind :
       {Found::kOld, Found::kNew, Found::kTorn, Found::kGarbage, Found::kBetween}) {
    EXPECT_GT(counts[kind], 20U) << "outcome " << static_cast<int>(kind) << " is reached";
  }
}

TEST(PowerLoss, LeavesASizeThatTheFileHadSinceItsLastSync) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    FileContent content;
    content.write(0, std::string(1000, 'a'));
    content.sync();
    content.write(1000, std::string(500, 'b'));
    content.truncate(200);
    content.write(200, std::string(5000, 'c'));
    content.lose_power({}, [&](std::uint64_t key) { return keyed_draw(seed, 44, 0, key); });
    seen.insert(content.size());
    EXPECT_EQ(content.read(0, 10'000).size(), content.size());
  }
  EXPECT_EQ(seen, (std::set<std::uint64_t>{200, 1000, 1500, 5200}));
}

TEST(PowerLoss, WithAnOrderedJournalAFileThatGrewHasItsData) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    FileContent content;
    content.write(0, std::string(1024, 'a'));
    content.sync();
    content.write(1024, std::string(4096, 'b'));
    PowerLossModel model;
    model.ordered_journal = true;
    content.lose_power(model, [&](std::uint64_t key) { return keyed_draw(seed, 45, 0, key); });
    const std::string after = content.read(0, 10'000);
    ASSERT_EQ(after, std::string(1024, 'a') + std::string(after.size() - 1024, 'b'));
  }
}

TEST(PowerLoss, MaySpoilZerosThatNobodySynced) {
  bool spoiled = false;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    FileContent content;
    content.allocate(64 * kSectorBytes);
    content.lose_power({}, [&](std::uint64_t key) { return keyed_draw(seed, 46, 0, key); });
    const std::string after = content.read(0, 64 * kSectorBytes);
    spoiled = spoiled || after.find_first_not_of('\0') != std::string::npos;
  }
  EXPECT_TRUE(spoiled);
}

// Each name has a value (the file's content). After a power loss every name shows a value that it
// had at or after its directory's last sync.
TEST(PowerLoss, NamesShowAStateThatTheyHadSinceTheDirectorySync) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    DiskImage image;
    std::map<std::string, std::string> shown;
    std::map<std::string, std::set<std::string>> allowed;
    const std::vector<std::string> names{"/a", "/b", "/c"};
    for (const std::string& name : names) allowed[name] = {"(missing)"};
    for (std::uint64_t step = 0; step < 25; ++step) {
      const std::string& name = names[draw(seed, step, 1) % names.size()];
      const std::string& other = names[draw(seed, step, 2) % names.size()];
      const std::uint64_t what = draw(seed, step, 0) % 8;
      if (what < 3 && !shown.contains(name)) {
        const Result<FileNumber> file = image.open(name, runtime::OpenMode::kCreateNew);
        ASSERT_TRUE(file.ok());
        image.content(*file).write(0, std::to_string(step));
        image.content(*file).sync();
        shown[name] = std::to_string(step);
      } else if (what < 5 && shown.contains(name) && name != other) {
        ASSERT_TRUE(image.rename(name, other).ok());
        shown[other] = shown[name];
        shown.erase(name);
      } else if (what == 5 && shown.contains(name)) {
        ASSERT_TRUE(image.remove(name).ok());
        shown.erase(name);
      } else if (what == 6) {
        ASSERT_TRUE(image.sync_directory("/", false).ok());
        for (const std::string& each : names) allowed[each].clear();
      }
      for (const std::string& each : names) {
        allowed[each].insert(shown.contains(each) ? shown[each] : "(missing)");
      }
    }
    PowerLossModel model;
    model.ordered_journal = seed % 2 == 0;
    image.lose_power(model, [&](std::uint64_t key) { return keyed_draw(seed, 47, 0, key); });
    for (const std::string& name : names) {
      EXPECT_TRUE(allowed[name].contains(image.read_file(name).value_or("(missing)"))) << name;
    }
  }
}

TEST(DiskImage, IsAValue) {
  DiskImage image;
  const Result<FileNumber> file = image.open("/a", runtime::OpenMode::kCreate);
  image.content(*file).write(0, "before");
  const DiskImage backup = image;
  image.content(*file).write(0, "after!");
  EXPECT_EQ(backup.read_file("/a"), "before");
  EXPECT_EQ(image.read_file("/a"), "after!");
  EXPECT_EQ(image.durable_only().files(), std::vector<std::string>{});
}

}  // namespace
}  // namespace detcd::sim
