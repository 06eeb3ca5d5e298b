#include "bench/report.h"

#include <fmt/core.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <thread>

namespace detcd::bench {
namespace {

std::string machine() {
  std::string model = "unknown CPU";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) {
      model = line.substr(line.find(':') + 2);
      break;
    }
  }
  utsname name{};
  uname(&name);
  return fmt::format("{} x {}, Linux {}", std::thread::hardware_concurrency(), model, name.release);
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::gmtime(&now));
  return text;
}

std::uint64_t median(const std::vector<Sample>& samples, std::size_t figure) {
  std::vector<std::uint64_t> values;
  for (const Sample& sample : samples) values.push_back(sample[figure]);
  std::ranges::sort(values);
  return values[values.size() / 2];
}

std::string in_hundredths(std::uint64_t hundredths) {
  return fmt::format("{}.{:02}", hundredths / 100, hundredths % 100);
}

std::string ratio(std::uint64_t a, std::uint64_t b) {
  return b == 0 ? "-" : in_hundredths(a * 100 / b);
}

std::string shown(std::uint64_t value, const Figure& figure) {
  if (figure.per_unit == 1) return std::to_string(value);
  return in_hundredths(value * 100 / figure.per_unit);
}

bool is_load(const MeasuredRow& row) {
  return row.row.shape == Row::Shape::kLoad;
}

std::string load_line(const MeasuredRow& row, const std::string& who,
                      const std::vector<Sample>& samples) {
  std::string out = fmt::format("| {} |", who);
  for (std::size_t i = 0; i < row.row.figures.size(); ++i) {
    out += fmt::format(" {} |", shown(median(samples, i), row.row.figures[i]));
  }
  return out + "\n";
}

std::string load_table(const Report& report) {
  std::string out;
  for (const MeasuredRow& row : report.rows) {
    if (!is_load(row)) continue;
    const std::vector<Figure>& figures = row.row.figures;
    if (out.empty()) {
      out = "| load | |";
      for (const Figure& figure : figures) out += fmt::format(" {} |", figure.name);
      out += "\n|---|---|";
      for (std::size_t i = 0; i < figures.size(); ++i) out += "---:|";
      out += "\n";
    }
    out += fmt::format("| {} ", row.row.name);
    if (!row.peer.empty()) out += load_line(row, report.peer, row.peer) + "| ";
    out += load_line(row, report.detcd, row.detcd);
    if (row.peer.empty()) continue;
    out += "| | **ratio** |";
    for (std::size_t i = 0; i < figures.size(); ++i) {
      const std::string value = ratio(median(row.detcd, i), median(row.peer, i));
      out += i == 0 ? fmt::format(" **{}** |", value) : fmt::format(" {} |", value);
    }
    out += "\n";
  }
  return out;
}

// What was aimed at, and whether it was reached.
std::string aim(const Figure& figure, std::uint64_t ours, std::optional<std::uint64_t> theirs) {
  const std::uint64_t wanted = figure.aim.hundredths;
  switch (figure.aim.of) {
    case Aim::Of::kNothing:
      return "";
    case Aim::Of::kRatio:
      if (!theirs) return "";
      return fmt::format("ratio ≤ {}: {}", in_hundredths(wanted),
                         ours * 100 <= wanted * *theirs ? "met" : "**missed**");
    case Aim::Of::kValue:
      return fmt::format("≤ {}: {}", in_hundredths(wanted),
                         ours * 100 <= wanted * figure.per_unit ? "met" : "**missed**");
  }
  return "";
}

std::string special_table(const Report& report) {
  std::string out;
  for (const MeasuredRow& row : report.rows) {
    if (is_load(row)) continue;
    for (std::size_t i = 0; i < row.row.figures.size(); ++i) {
      const Figure& figure = row.row.figures[i];
      const std::uint64_t ours = median(row.detcd, i);
      std::optional<std::uint64_t> theirs;
      if (!row.peer.empty()) theirs = median(row.peer, i);
      out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", i == 0 ? row.row.name : "",
                         figure.name, theirs ? shown(*theirs, figure) : "-", shown(ours, figure),
                         theirs ? ratio(ours, *theirs) : "-", aim(figure, ours, theirs));
    }
  }
  if (out.empty()) return out;
  return fmt::format("| what | | {} | {} | ratio | aimed at |\n|---|---|---:|---:|---:|---|\n",
                     report.peer.empty() ? "-" : report.peer, report.detcd) +
         out;
}

std::string samples_in_json(const Row& row, const std::vector<Sample>& samples) {
  std::string list;
  for (const Sample& sample : samples) {
    std::string one;
    for (std::size_t i = 0; i < sample.size(); ++i) {
      one += fmt::format("{}\"{}\":{}", one.empty() ? "" : ",", row.figures[i].name,
                         shown(sample[i], row.figures[i]));
    }
    list += fmt::format("{}{{{}}}", list.empty() ? "" : ",", one);
  }
  return list;
}

}  // namespace

std::string tables(const Report& report) {
  const std::string beside = report.peer.empty() ? "" : " beside " + report.peer;
  std::size_t rounds = 0;
  for (const MeasuredRow& row : report.rows) rounds = std::max(rounds, row.detcd.size());
  std::string out =
      fmt::format("{}{}, {}, {} ({}); medians of at most {} rounds in turn.\n\n", report.detcd,
                  beside, today(), machine(), report.filesystem, rounds);
  const std::string loads = load_table(report);
  const std::string specials = special_table(report);
  return out + loads + (loads.empty() || specials.empty() ? "" : "\n") + specials;
}

std::string json(const Report& report) {
  std::string out = fmt::format(
      "{{\"date\":\"{}\",\"machine\":\"{}\",\"filesystem\":\"{}\",\"peer\":\"{}\",\"detcd\":\"{}\","
      "\"rows\":[",
      today(), machine(), report.filesystem, report.peer, report.detcd);
  bool first = true;
  for (const MeasuredRow& row : report.rows) {
    out += fmt::format("{}{{\"name\":\"{}\",\"peer\":[{}],\"detcd\":[{}]}}", first ? "" : ",",
                       row.row.name, samples_in_json(row.row, row.peer),
                       samples_in_json(row.row, row.detcd));
    first = false;
  }
  return out + "]}\n";
}

bool write_between_marks(const std::string& path, const std::string& text) {
  constexpr std::string_view kBegin = "<!-- benchmark: begin -->\n";
  constexpr std::string_view kEnd = "<!-- benchmark: end -->";
  std::ifstream in(path);
  std::stringstream whole;
  whole << in.rdbuf();
  std::string readme = whole.str();
  const auto begin = readme.find(kBegin);
  const auto end = readme.find(kEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin) return false;
  readme.replace(begin + kBegin.size(), end - begin - kBegin.size(), text);
  std::ofstream(path) << readme;
  return true;
}

}  // namespace detcd::bench
