// Runs a fuzz target without libFuzzer: each file of a corpus as it is, and a number of mutations
// of each that depend on a seed alone. A crash leaves its input in ./crash.input, which the program
// takes instead of a corpus, and says how to get there again.
//   fuzz_NAME CORPUS [SEED [MUTATIONS]]
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "base/hash.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::uint64_t kMutations = 300;

char last_words[1024];
const std::string* at_hand = nullptr;

// Only what a signal handler may do. The input is kept in the working directory, as libFuzzer does.
void say_last_words(int signal) {
  const int file = ::open("crash.input", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file >= 0 && at_hand != nullptr) {
    [[maybe_unused]] const auto kept = ::write(file, at_hand->data(), at_hand->size());
    ::close(file);
  }
  std::size_t length = 0;
  while (length < sizeof last_words && last_words[length] != 0) ++length;
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, last_words, length);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return detcd::mix64(seed_, ++drawn_) % bound; }

 private:
  std::uint64_t seed_;
  std::uint64_t drawn_ = 0;
};

std::string mutated(std::string bytes, const std::string& other, Dice& dice) {
  for (std::uint64_t left = 1 + dice.below(4); left > 0; --left) {
    const std::size_t at = dice.below(bytes.size() + 1);
    const std::uint64_t kind = dice.below(6);
    if (kind == 0 && at < bytes.size()) bytes[at] ^= static_cast<char>(1 << dice.below(8));
    if (kind == 1 && at < bytes.size()) bytes[at] = static_cast<char>(dice.below(256));
    if (kind == 2) bytes.resize(at);
    if (kind == 3) bytes.insert(at, 1 + dice.below(8), static_cast<char>(dice.below(256)));
    if (kind == 4) bytes.erase(at, 1 + dice.below(8));
    if (kind == 5) {
      const std::size_t from = dice.below(other.size() + 1);
      bytes.insert(at, other.substr(from, dice.below(64)));
    }
  }
  return bytes;
}

void run(const std::string& bytes) {
  at_hand = &bytes;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS [SEED [MUTATIONS]]\n", argv[0]);
    return 2;
  }
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  const std::uint64_t mutations = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : kMutations;
  std::vector<std::filesystem::path> files;
  std::error_code error;
  if (std::filesystem::is_regular_file(argv[1], error)) {
    files.emplace_back(argv[1]);
  } else {
    for (const auto& entry : std::filesystem::directory_iterator(argv[1], error)) {
      files.push_back(entry.path());
    }
  }
  if (error || files.empty()) {
    std::fprintf(stderr, "%s: no inputs in %s\n", argv[0], argv[1]);
    return 2;
  }
  std::ranges::sort(files);
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    std::signal(signal, say_last_words);
  }
  std::vector<std::string> inputs;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::snprintf(
        last_words, sizeof last_words, "\nin ./crash.input; from %s, again: %s %s %llu %llu\n",
        files[i].filename().c_str(), argv[0], argv[1], static_cast<unsigned long long>(seed),
        static_cast<unsigned long long>(mutations));
    run(inputs[i]);
    Dice dice(detcd::mix64(seed, i));
    for (std::uint64_t n = 0; n < mutations; ++n) {
      run(mutated(inputs[i], inputs[dice.below(inputs.size())], dice));
    }
  }
  std::printf("%zu inputs, %llu mutations of each, seed %llu\n", inputs.size(),
              static_cast<unsigned long long>(mutations), static_cast<unsigned long long>(seed));
  return 0;
}
