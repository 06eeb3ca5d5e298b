#include "sim/campaign/story.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <string_view>
#include <utility>

#include "sim/campaign/child.h"
#include "sim/campaign/report.h"
#include "sim/plan/text.h"

namespace detcd::sim {
namespace {

constexpr std::size_t kLinesMost = 48;
constexpr std::size_t kBeginning = 12;  // Of a story that is too long all the same.
constexpr std::size_t kWidth = 160;

// What a child tells survives it in a file without a name: it may die while it speaks.
class Notes {
 public:
  Notes() : file_(std::tmpfile()) {}
  ~Notes() {
    if (file_ != nullptr) std::fclose(file_);
  }
  Notes(const Notes&) = delete;
  Notes& operator=(const Notes&) = delete;

  void write(VirtualTime at, const std::string& who, const std::string& what) const {
    if (file_ == nullptr) return;
    const std::string line = fmt::format("{} {} {}\n", at.time_since_epoch().count(), who, what);
    std::fwrite(line.data(), 1, line.size(), file_);
    std::fflush(file_);
  }

  [[nodiscard]] std::vector<Happening> read() const {
    std::string text;
    if (file_ != nullptr) {
      std::rewind(file_);
      std::array<char, 4096> buffer{};
      for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), file_)) > 0;) {
        text.append(buffer.data(), got);
      }
    }
    std::vector<Happening> happenings;
    for (std::string_view rest = text; rest.find('\n') != std::string_view::npos;) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(line.size() + 1);
      const std::size_t who = line.find(' ') + 1;
      const std::size_t what = line.find(' ', who) + 1;
      std::int64_t ns = 0;
      std::from_chars(line.data(), line.data() + who, ns);
      happenings.push_back({Duration(ns), std::string(line.substr(who, what - who - 1)),
                            std::string(line.substr(what))});
    }
    return happenings;
  }

 private:
  std::FILE* file_;
};

bool is_small_talk(const Happening& happening, std::size_t level) {
  constexpr std::array<std::string_view, 4> kFirstToGo{"commits up to", "asks", "votes for",
                                                       "stands for"};
  return level > 0 &&
         std::any_of(kFirstToGo.begin(), kFirstToGo.begin() + static_cast<std::ptrdiff_t>(level),
                     [&](std::string_view start) { return happening.what.starts_with(start); });
}

std::vector<std::string> lines_of(const std::vector<Happening>& happenings, std::size_t level) {
  std::vector<std::string> lines;
  std::size_t repeated = 0;
  for (std::size_t n = 0; n < happenings.size(); ++n) {
    const Happening& now = happenings[n];
    if (is_small_talk(now, level)) continue;
    const bool again = n + 1 < happenings.size() && happenings[n + 1].who == now.who &&
                       happenings[n + 1].what == now.what;
    if (again) {
      ++repeated;
      continue;
    }
    const auto us = static_cast<std::uint64_t>(now.at / 1us);
    std::string line =
        fmt::format("{:>5}.{:06}s  {:<5} {}", us / 1'000'000, us % 1'000'000, now.who, now.what);
    if (line.size() > kWidth) line = line.substr(0, kWidth - 2) + " …";
    if (repeated > 0) line += fmt::format(" ({} times)", repeated + 1);
    repeated = 0;
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string cast_of(const RunOptions& options) {
  const Settings& settings = options.settings;
  return fmt::format(
      "{} member{}, {} client{}; election timeout {}, seed {}; {} fault{}, {} operation{} and {} "
      "watch{}.\n",
      settings.nodes, settings.nodes == 1 ? "" : "s", settings.clients,
      settings.clients == 1 ? "" : "s", print_duration(settings.election), options.seed,
      options.plan.faults.size(), options.plan.faults.size() == 1 ? "" : "s",
      options.plan.operations.size(), options.plan.operations.size() == 1 ? "" : "s",
      options.plan.watches.size(), options.plan.watches.size() == 1 ? "" : "es");
}

}  // namespace

std::string write_story(const RunOptions& options, const std::vector<Happening>& happenings,
                        const std::string& failure) {
  std::vector<std::string> lines = lines_of(happenings, 0);
  for (std::size_t level = 1; level <= 4 && lines.size() > kLinesMost; ++level) {
    lines = lines_of(happenings, level);
  }
  if (lines.size() > kLinesMost) {
    const std::size_t goes = lines.size() - kLinesMost + 1;
    const auto from = lines.begin() + kBeginning;
    *from = fmt::format("       … {} more …", goes);
    lines.erase(from + 1, from + static_cast<std::ptrdiff_t>(goes));
  }
  std::string page = cast_of(options);
  for (const std::string& line : lines) page += line + "\n";
  return page + "Then it went wrong: " + (failure.empty() ? "no, it didn't." : failure) + "\n";
}

std::string story_of(const RunOptions& options) {
  const Notes notes;
  RunOptions told = options;
  told.on_happening = [&](VirtualTime at, const std::string& who, const std::string& what) {
    notes.write(at, who, what);
  };
  const ChildResult child = run_in_child(told);
  return write_story(options, notes.read(), failure_text(child.result));
}

}  // namespace detcd::sim
