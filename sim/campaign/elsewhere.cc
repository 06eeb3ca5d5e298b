#include "sim/campaign/elsewhere.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "base/hash.h"

namespace detcd::sim {
namespace {

std::vector<std::string> environment(std::uint64_t number) {
  constexpr std::array<const char*, 4> kLocales{"C", "C.UTF-8", "POSIX", "en_US.UTF-8"};
  constexpr std::array<const char*, 4> kZones{"UTC", "Asia/Tokyo", "America/St_Johns",
                                              "Africa/Cairo"};
  const char* const path = std::getenv("PATH");
  const std::uint64_t word = mix64(number, 1);
  const std::uint64_t fill = 1 + word % 255;
  // glibc fills fresh and freed blocks with this byte, the sanitizers' allocator fresh ones.
  return {
      std::string("PATH=") + (path == nullptr ? "/usr/bin:/bin" : path),
      std::string("LC_ALL=") + kLocales[number % kLocales.size()],
      std::string("TZ=") + kZones[word / 256 % kZones.size()],
      fmt::format("MALLOC_PERTURB_={}", fill),
      fmt::format("MALLOC_ARENA_MAX={}", 1 + number % 3),
      fmt::format("MIMALLOC_EAGER_COMMIT={}", number % 2),
      fmt::format("MIMALLOC_EAGER_REGION_COMMIT={}", number / 2 % 2),
      fmt::format("MIMALLOC_PAGE_RESET={}", number / 2 % 2),
      fmt::format("ASAN_OPTIONS=allow_user_poisoning=0:detect_leaks=0:max_malloc_fill_size=4096:"
                  "malloc_fill_byte={}",
                  fill),
      "PADDING=" + std::string(number == 0 ? 0 : word / 65536 % 3000, 'x'),
  };
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

[[noreturn]] void become(const std::string& program, std::vector<std::string> arguments,
                         const Surroundings& surroundings) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (surroundings.number == 0) personality(ADDR_NO_RANDOMIZE);
  rlimit stack{};
  getrlimit(RLIMIT_STACK, &stack);
  stack.rlim_cur = std::min<rlim_t>(stack.rlim_max, (8 + 4 * (surroundings.number % 4)) << 20);
  setrlimit(RLIMIT_STACK, &stack);
  if (surroundings.number % 2 == 1 && chdir("/") != 0) _exit(72);
  std::vector<std::string> variables = environment(surroundings.number);
  arguments.insert(arguments.begin(), program);
  execve(program.c_str(), pointers(arguments).data(), pointers(variables).data());
  _exit(72);
}

bool parse_hex(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

Result<std::string> run_elsewhere(const std::string& program,
                                  const std::vector<std::string>& arguments,
                                  const Surroundings& surroundings) {
  const auto failed = [&program](const std::string& why) {
    return Error{Errc::kIo, program + ": " + why};
  };
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return failed(std::strerror(errno));
  const pid_t process = fork();
  if (process < 0) return failed(std::strerror(errno));
  if (process == 0) {
    if (dup2(ends[1], 1) < 0) _exit(72);
    become(program, arguments, surroundings);
  }
  close(ends[1]);
  std::string text;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t length = read(ends[0], buffer.data(), buffer.size());
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(length));
  }
  close(ends[0]);
  int status = 0;
  waitpid(process, &status, 0);
  if (WIFSIGNALED(status))
    return failed(std::string("was killed by ") + strsignal(WTERMSIG(status)));
  if (WEXITSTATUS(status) > 1) return failed(fmt::format("ended with {}", WEXITSTATUS(status)));
  return text;
}

// Blocks of every usual size are taken and given back in a drawn order, some kept for ever: free
// lists hand out what was given back last, so neighbours in time are no neighbours in memory.
void stir_heap(std::uint64_t number) {
  if (number == 0) return;
  // More than a run takes before its first elections: what comes later is mixed with what it gave
  // back itself.
  constexpr std::size_t kBlocks = 400'000;
  static std::vector<std::unique_ptr<char[]>> kept;
  std::vector<std::pair<std::uint64_t, std::unique_ptr<char[]>>> blocks;
  for (std::size_t i = 0; i < kBlocks; ++i) {
    const std::uint64_t word = mix64(number, i);
    const std::size_t size = 8 + 8 * (word % (i % 8 == 0 ? 512 : 48));
    auto block = std::make_unique_for_overwrite<char[]>(size);
    std::memset(block.get(), static_cast<int>(word >> 56), size);
    blocks.emplace_back(mix64(word), std::move(block));
  }
  std::ranges::sort(blocks, {}, [](const auto& block) { return block.first; });
  for (auto& [order, block] : blocks) {
    if (order % 16 == 0) {
      kept.push_back(std::move(block));
    } else {
      block.reset();
    }
  }
}

std::string own_program() {
  std::array<char, 4096> path{};
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size() - 1);
  const std::string name(path.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  // A build may have replaced the file meanwhile: this is still the one that runs here.
  return length <= 0 || name.ends_with(" (deleted)") ? "/proc/self/exe" : name;
}

std::string print(const RunHashes& hashes) {
  std::string text;
  for (const std::uint64_t hash : hashes.checkpoints)
    text += fmt::format("checkpoint {:016x}\n", hash);
  return text + fmt::format("hash {:016x} {} {}\n", hashes.hash, hashes.events, hashes.end);
}

std::optional<RunHashes> parse_hashes(const std::string& text) {
  RunHashes hashes;
  constexpr std::size_t kDigits = 16;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    std::uint64_t hash = 0;
    if (line.starts_with("checkpoint ")) {
      if (!parse_hex(line.substr(11), hash)) return std::nullopt;
      hashes.checkpoints.push_back(hash);
    } else if (line.starts_with("hash ") && line.size() > 5 + kDigits + 1) {
      if (!parse_hex(line.substr(5, kDigits), hashes.hash)) return std::nullopt;
      line.remove_prefix(5 + kDigits + 1);
      const std::string_view events = line.substr(0, line.find(' '));
      const auto [end, error] =
          std::from_chars(events.data(), events.data() + events.size(), hashes.events);
      if (error != std::errc() || end != events.data() + events.size()) return std::nullopt;
      hashes.end = line.substr(std::min(events.size() + 1, line.size()));
      return hashes;
    }
  }
  return std::nullopt;
}

}  // namespace detcd::sim
