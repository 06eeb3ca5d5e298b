#include "corpus.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sim/import/reader.h"

namespace detcd::sim {

std::vector<CheckedHistory> read_corpus(const std::string& text) {
  HistoryReader reader(std::nullopt);
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const Result<void> taken = reader.take(line);
    if (!taken) ADD_FAILURE() << taken.error().message << "\n" << line;
    if (!taken) return {};
  }
  Result<std::vector<CheckedHistory>> histories = reader.finish();
  if (!histories) ADD_FAILURE() << histories.error().message;
  return histories ? std::move(*histories) : std::vector<CheckedHistory>{};
}

std::vector<CheckedHistory> whole_corpus() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(DETCD_TEST_DATA)) {
    files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::vector<CheckedHistory> all;
  for (const std::filesystem::path& file : files) {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    for (CheckedHistory& history : read_corpus(text.str())) all.push_back(std::move(history));
  }
  return all;
}

}  // namespace detcd::sim
