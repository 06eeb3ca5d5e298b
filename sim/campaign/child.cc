#include "sim/campaign/child.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/codec.h"

namespace detcd::sim {
namespace {

constexpr char kResultMark = 'R';
constexpr char kCheckMark = 'C';

int report_to = -1;
const LastWords* last_words_of_child = nullptr;

void write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written <= 0) _exit(70);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

RunResult failed(std::string oracle, std::string message) {
  RunResult result;
  result.verdict = Verdict::kFail;
  result.violation = Violation{std::move(oracle), std::move(message)};
  return result;
}

// In the child: the broken promise is the result.
void report_check(std::string_view promise, const std::source_location& where) {
  std::string_view file = where.file_name();
  for (const std::string_view root : {"src/", "sim/"}) {
    if (const auto at = file.rfind(root); at != std::string_view::npos) file = file.substr(at);
  }
  const std::string text =
      std::string(promise) + " (" + std::string(file) + ":" + std::to_string(where.line()) + ")";
  write_all(report_to, kCheckMark + text);
  // A check that fails in the last words themselves ends them.
  const LastWords* last_words = std::exchange(last_words_of_child, nullptr);
  if (last_words != nullptr && *last_words) (*last_words)(failed("check", text));
  _exit(71);
}

std::string encode(const RunResult& result) {
  Writer out;
  out.u8(static_cast<std::uint8_t>(result.verdict));
  out.bytes(result.violation ? result.violation->oracle : "");
  out.bytes(result.violation ? result.violation->message : "");
  out.bytes(result.void_reason);
  out.u64(result.hash);
  out.varint(result.checkpoints.size());
  for (const std::uint64_t hash : result.checkpoints) out.u64(hash);
  for (const std::uint64_t number :
       {result.entries, result.events, result.operations, result.acknowledged, result.faults,
        result.leaders, result.recoveries, result.cross_checked,
        static_cast<std::uint64_t>(result.virtual_time.count())}) {
    out.u64(number);
  }
  out.varint(result.states.size());
  for (const std::uint32_t state : result.states) out.u32(state);
  out.varint(result.probes.size());
  for (const auto& [name, count] : result.probes) {
    out.bytes(name);
    out.u64(count);
  }
  return kResultMark + out.take();
}

bool decode(std::string_view text, RunResult& result) {
  Reader in(text);
  result.verdict = static_cast<Verdict>(in.u8());
  Violation violation;
  violation.oracle = in.bytes();
  violation.message = in.bytes();
  if (!violation.oracle.empty()) result.violation = std::move(violation);
  result.void_reason = in.bytes();
  result.hash = in.u64();
  const std::uint64_t checkpoints = in.varint();
  for (std::uint64_t i = 0; i < checkpoints && in.ok(); ++i) result.checkpoints.push_back(in.u64());
  result.entries = in.u64();
  result.events = in.u64();
  result.operations = in.u64();
  result.acknowledged = in.u64();
  result.faults = in.u64();
  result.leaders = in.u64();
  result.recoveries = in.u64();
  result.cross_checked = in.u64();
  result.virtual_time = Duration(static_cast<std::int64_t>(in.u64()));
  const std::uint64_t states = in.varint();
  for (std::uint64_t i = 0; i < states && in.ok(); ++i) result.states.push_back(in.u32());
  const std::uint64_t probes = in.varint();
  for (std::uint64_t i = 0; i < probes && in.ok(); ++i) {
    const std::string name(in.bytes());
    result.probes[name] = in.u64();
  }
  return in.finished();
}

std::uint64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

RunResult interpret(std::string_view text, int status, bool hung) {
  RunResult result;
  if (hung) return failed("hang", "the run took too much wall time");
  if (text.starts_with(kResultMark) && decode(text.substr(1), result)) return result;
  if (text.starts_with(kCheckMark)) {
    return failed("check", std::string(text.substr(1)));
  }
  if (WIFSIGNALED(status)) {
    return failed("crash", std::string("the process was killed by ") + strsignal(WTERMSIG(status)));
  }
  return failed("crash", "the process ended with status " + std::to_string(WEXITSTATUS(status)));
}

}  // namespace

Children::~Children() {
  for (const Running& child : running_) end(child);
}

void Children::end(const Running& child) {
  kill(child.process, SIGKILL);
  waitpid(child.process, nullptr, 0);
  close(child.pipe);
}

void Children::abandon_above(std::uint64_t seed) {
  std::erase_if(running_, [seed](const Running& child) {
    if (child.seed <= seed) return false;
    end(child);
    return true;
  });
}

void Children::begin(std::uint64_t seed, const RunOptions& options, const LastWords& last_words) {
  begin(seed, Work([&options] { return run(options); }), last_words);
}

void Children::begin(std::uint64_t seed, const Work& work, const LastWords& last_words) {
  std::array<int, 2> ends{};
  check(pipe(ends.data()) == 0, "the system gives a pipe");
  std::fflush(stdout);  // What waits there is the parent's to write.
  const pid_t process = fork();
  check(process >= 0, "the system gives a process");
  if (process == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    for (const Running& other : running_) close(other.pipe);
    report_to = ends[1];
    set_check_handler(report_check);
    last_words_of_child = &last_words;
    const RunResult result = work();
    last_words_of_child = nullptr;
    if (last_words) last_words(result);
    std::fflush(stdout);
    write_all(report_to, encode(result));
    _exit(0);
  }
  close(ends[1]);
  running_.push_back({seed, process, ends[0], {}, now_ms()});
}

Children::Ended Children::reap(std::size_t at, bool hung) {
  Running child = std::move(running_[at]);
  running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(at));
  if (hung) kill(child.process, SIGKILL);
  int status = 0;
  rusage usage{};
  wait4(child.process, &status, 0, &usage);
  close(child.pipe);
  Ended ended;
  ended.seed = child.seed;
  ended.child.result = interpret(child.text, status, hung);
  ended.child.wall_ms = now_ms() - child.began_ms;
  const auto ms = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1000 +
           static_cast<std::uint64_t>(time.tv_usec) / 1000;
  };
  ended.child.cpu_ms = ms(usage.ru_utime) + ms(usage.ru_stime);
  ended.child.peak_kb = static_cast<std::uint64_t>(usage.ru_maxrss);
  return ended;
}

std::optional<Children::Ended> Children::finish() {
  while (!running_.empty()) {
    std::optional<Ended> ended = finish_within(1000);
    if (ended) return ended;
  }
  return std::nullopt;
}

std::optional<Children::Ended> Children::finish_within(int wait_ms) {
  std::array<char, 65536> buffer{};
  const std::uint64_t until = now_ms() + static_cast<std::uint64_t>(wait_ms);
  for (std::uint64_t now = now_ms(); now <= until && !running_.empty(); now = now_ms()) {
    std::vector<pollfd> waiting;
    for (const Running& child : running_) waiting.push_back({child.pipe, POLLIN, 0});
    const int ready = poll(waiting.data(), waiting.size(), static_cast<int>(until - now));
    if (ready < 0) return std::nullopt;  // A signal: the caller may want to know.
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (now_ms() - running_[i].began_ms > patience_s_ * 1000ULL) return reap(i, true);
      if (ready <= 0 || waiting[i].revents == 0) continue;
      const ssize_t length = read(waiting[i].fd, buffer.data(), buffer.size());
      if (length > 0) {
        running_[i].text.append(buffer.data(), static_cast<std::size_t>(length));
      } else {
        return reap(i, false);
      }
    }
  }
  return std::nullopt;
}

ChildResult run_in_child(const RunOptions& options, unsigned patience_s,
                         const LastWords& last_words) {
  Children children(patience_s);
  children.begin(options.seed, options, last_words);
  return children.finish()->child;
}

}  // namespace detcd::sim
