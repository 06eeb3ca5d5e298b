// The page of a campaign: no script, no other file; colours by Okabe and Ito, light and dark.
#include <fmt/format.h>

#include <algorithm>

#include "sim/store/summary.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark;
  --bg: #f6f6f4; --card: #fff; --fg: #1b2126; --muted: #5f6b76; --line: #dfe2e4; --soft:
  #eef0f1; --blue: #0072b2; --green: #009e73; --red: #d55e00; --redsoft: #fbe4d5; --grey:
  #7d858c; }
@media (prefers-color-scheme: dark) { :root {
  --bg: #14181b; --card: #1c2126; --fg: #e6eaed; --muted: #9ba7b1; --line: #2e363d; --soft:
  #242b31; --blue: #5bb4ea; --green: #1fb88c; --red: #ff7f32; --redsoft: #4a2a17; --grey:
  #929ba3; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 28px 20px 40px; background: var(--bg);
  color: var(--fg); font: 14px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans",
  sans-serif; font-variant-numeric: tabular-nums; }
header { display: flex; align-items: center; gap: 14px; flex-wrap: wrap; }
h1 { font-size: 21px; margin: 0; }
h2 { font-size: 15px; margin: 0 0 10px; }
.verdict { font-weight: 700; letter-spacing: .04em; padding: 3px 14px; border-radius: 999px;
  color: #fff; background: var(--grey); }
.verdict.pass { background: var(--green); } .verdict.FAIL { background: var(--red); }
.about { color: var(--muted); margin: 6px 0 20px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 16px 18px; margin-bottom: 16px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(148px, 1fr)); gap: 12px;
  margin-bottom: 16px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 11px 14px; }
.tile b { display: block; font-size: 22px; font-weight: 650; line-height: 1.2; }
.tile span { color: var(--muted); font-size: 12.5px; }
.tile.bad { border-color: var(--red); background: var(--redsoft); }
.tile.bad b { color: var(--red); }
.bar { display: flex; height: 12px; border-radius: 6px; overflow: hidden; background: var(--soft);
  margin: 2px 0 8px; }
.bar i { display: block; } .pass { background: var(--green); } .fail { background: var(--red); }
.void { background: var(--grey); }
.legend { color: var(--muted); font-size: 12.5px; margin: 0; }
.failure { border-top: 1px solid var(--line); padding: 12px 0; }
.failure:first-of-type { border-top: 0; padding-top: 0; } .failure:last-child { padding-bottom: 0; }
.failure h3 { font-size: 14px; margin: 0 0 4px; color: var(--red); }
.failure p { margin: 4px 0; overflow-wrap: anywhere; } .facts { color: var(--muted); }
code { font: 12px/1.45 ui-monospace, Menlo, "DejaVu Sans Mono", monospace; background: var(--soft);
  border-radius: 5px; padding: 2px 6px; overflow-wrap: anywhere; }
a { color: var(--blue); }
table { border-collapse: collapse; width: 100%; }
td, th { padding: 4px 10px 4px 0; text-align: left; border-top: 1px solid var(--line); }
tr:first-child > * { border-top: 0; } th { font-weight: 500; color: var(--muted); }
td.n { text-align: right; white-space: nowrap; } td.wide { width: 45%; }
.meter { height: 8px; border-radius: 4px; background: var(--soft); overflow: hidden; }
.meter i { display: block; height: 100%; background: var(--blue); }
.missed td { color: var(--red); font-weight: 600; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 0 30px;
  align-items: start; }
svg { display: block; width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif;
  fill: var(--muted); } .grid { stroke: var(--line); } .curve { fill: none; stroke: var(--blue);
  stroke-width: 2; stroke-linejoin: round; } .area { fill: var(--blue); opacity: .12; }
)css";

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (byte < 0x20 && c != '\n') {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::string tile(const std::string& number, std::string_view what, bool bad = false) {
  return fmt::format("<div class=\"tile{}\"><b>{}</b><span>{}</span></div>\n", bad ? " bad" : "",
                     number, what);
}

std::string tiles(const Story& story) {
  const Totals::Numbers& n = story.totals->numbers();
  const std::optional<std::uint64_t> planned = planned_runs(story.plan);
  std::string out = "<div class=\"tiles\">\n";
  out += tile(short_number(n.runs) + (planned && *planned != n.runs
                                          ? " <small>of " + short_number(*planned) + "</small>"
                                          : ""),
              "runs");
  const std::size_t ways = story.totals->failures().size();
  out +=
      tile(short_number(n.failed),
           ways == 0 ? "failed" : fmt::format("failed, in {} {}", ways, ways == 1 ? "way" : "ways"),
           n.failed > 0);
  out += tile(short_number(story.totals->states()), "abstract states reached");
  out += tile(short_number(n.operations), "calls of clients");
  out += tile(short_number(n.faults), "faults");
  out += tile(short_number(n.virtual_ms / 3'600'000) + "." +
                  std::to_string(n.virtual_ms / 360'000 % 10) + " h",
              "virtual time");
  return out + "</div>\n";
}

std::string outcomes(const Story& story) {
  const Totals::Numbers& n = story.totals->numbers();
  const std::uint64_t all = std::max<std::uint64_t>(n.runs, 1);
  std::string out = "<section><h2>Runs</h2><div class=\"bar\">";
  const auto piece = [&](std::string_view kind, std::uint64_t count) {
    // What is rare is still to be seen.
    const std::uint64_t permille = count == 0 ? 0 : std::max<std::uint64_t>(count * 1000 / all, 4);
    if (count > 0) out += fmt::format("<i class=\"{}\" style=\"flex:{}\"></i>", kind, permille);
  };
  piece("pass", n.passed);
  piece("fail", n.failed);
  piece("void", n.voided);
  out += fmt::format(
      "</div><p class=\"legend\">{} passed, {} failed, {} void (they prove nothing). {} were done "
      "again in another process{}.</p></section>\n",
      n.passed, n.failed, n.voided, n.twice,
      story.totals->failures().empty() ? ": every one was the same" : "");
  return out;
}

std::string failures(const Story& story) {
  if (story.totals->failures().empty()) return {};
  std::string out = "<section><h2>Failures</h2>\n";
  for (const auto& [fingerprint, failure] : story.totals->failures()) {
    const RunRecord& best = failure.best;
    std::string first;
    for (const std::uint64_t number : failure.first) {
      first += (first.empty() ? "" : ", ") + std::to_string(number);
    }
    out += fmt::format(
        "<div class=\"failure\"><h3>{}</h3><p>{}</p><p class=\"facts\">{} {}; first in run {}; the "
        "shortest is run {} with {} events and {} entries of its plan: "
        "<a href=\"failures/{}.trace\">trace</a></p><p><code>{}</code></p></div>\n",
        escape(fingerprint), escape(best.message), failure.count,
        failure.count == 1 ? "run" : "runs", first, best.number, best.events, best.entries,
        failure_name(fingerprint), escape(best.reproduce(story.plan)));
  }
  return out + "</section>\n";
}

// Distinct states over runs: a curve that has become flat says that more of the same helps little.
std::string growth(const Story& story) {
  const std::vector<Growth> curve = story.totals->growth(200);
  if (curve.size() < 2) return {};
  constexpr std::uint64_t kWidth = 960;
  constexpr std::uint64_t kHeight = 200;
  constexpr std::uint64_t kLeft = 56;
  const std::uint64_t runs = curve.back().runs;
  const std::uint64_t states = std::max<std::uint64_t>(curve.back().states, 1);
  std::string line;
  for (const Growth& point : curve) {
    line += fmt::format("{},{} ", kLeft + point.runs * kWidth / runs,
                        10 + kHeight - point.states * kHeight / states);
  }
  std::string out =
      "<section><h2>Abstract states over runs</h2><svg viewBox=\"0 0 1030 240\" "
      "role=\"img\" aria-label=\"Distinct abstract states over runs\">";
  for (std::uint64_t quarter = 0; quarter <= 4; ++quarter) {
    const std::uint64_t y = 10 + kHeight - quarter * kHeight / 4;
    const std::uint64_t x = kLeft + quarter * kWidth / 4;
    out += fmt::format(
        "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>"
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>"
        "<text x=\"{}\" y=\"{}\" text-anchor=\"{}\">{}</text>",
        kLeft, kLeft + kWidth, y, y, kLeft - 8, y + 4, short_number(states * quarter / 4), x,
        kHeight + 28, quarter == 4 ? "end" : "middle", short_number(runs * quarter / 4));
  }
  out += fmt::format("<polygon class=\"area\" points=\"{},{} {}{},{}\"/>", kLeft, 10 + kHeight,
                     line, kLeft + kWidth, 10 + kHeight);
  const Totals::Numbers& n = story.totals->numbers();
  return out + fmt::format(
                   "<polyline class=\"curve\" points=\"{}\"/></svg><p class=\"legend\">New "
                   "states were found by {} of {} drawn plans and by {} of {} plans that "
                   "change one which found something.</p></section>\n",
                   line, n.found - n.guided_found, n.runs - n.guided, n.guided_found, n.guided);
}

std::string probes(const Story& story) {
  if (story.probes.empty()) return {};
  const std::vector<std::string> missed = missed_probes(story);
  const std::uint64_t all = std::max<std::uint64_t>(story.totals->numbers().runs, 1);
  std::string out = "<section><h2>Rare things, and how many runs reached them</h2><table>";
  for (const ProbeRule& probe : story.probes) {
    const Reached reached = story.totals->reached(probe.name);
    const std::uint64_t runs = reached.runs;
    const std::string first =
        runs == 0 ? "" : fmt::format("{} times, first in run {}", reached.times, reached.first);
    out += fmt::format(
        "<tr{}><td>{}</td><td class=\"wide\"><div class=\"meter\"><i "
        "style=\"width:{}%\"></i></div></td><td class=\"n\">{}{}</td><td "
        "class=\"n\">{}</td></tr>\n",
        std::ranges::count(missed, probe.name) > 0 ? " class=\"missed\"" : "", escape(probe.name),
        runs == 0 ? 0 : std::max<std::uint64_t>(runs * 100 / all, 1), runs,
        runs == 0 && !probe.required ? " (rare)" : "", first);
  }
  return out + "</table></section>\n";
}

std::string numbers(const Story& story) {
  const Totals::Numbers& n = story.totals->numbers();
  const auto row = [](std::string_view what, const std::string& value) {
    return fmt::format("<tr><th>{}</th><td class=\"n\">{}</td></tr>", what, value);
  };
  const auto seconds = [](std::uint64_t ms) {
    return fmt::format("{}.{} s", ms / 1000, ms / 100 % 10);
  };
  std::string out = "<section><h2>Numbers</h2><div class=\"two\"><table>";
  out += row("Answers that the model confirmed", std::to_string(n.acknowledged));
  out += row("Elections won", std::to_string(n.leaders));
  out += row("Members that recovered", std::to_string(n.recoveries));
  out += row("Events", std::to_string(n.events));
  out += "</table><table>";
  out += row("Events per call", std::to_string(n.operations == 0 ? 0 : n.events / n.operations));
  out += row("Processor", seconds(n.cpu_ms));
  out += row("Virtual seconds per second of processor",
             std::to_string(n.cpu_ms == 0 ? 0 : n.virtual_ms / n.cpu_ms));
  if (story.wall_ms) out += row("Wall time of the last stretch", seconds(*story.wall_ms));
  return out + "</table></div></section>\n";
}

}  // namespace

std::string summary_page(const Story& story) {
  const CampaignPlan& plan = story.plan;
  const std::string verdict = verdict_of(story);
  const std::string last = plan.last ? std::to_string(*plan.last) : "";
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<title>{} – campaign {}</title><style>{}</style></head><body>\n",
      verdict, escape(plan.profile), kStyle);
  out += fmt::format(
      "<header><span class=\"verdict {}\">{}</span><h1>Campaign of profile "
      "{}</h1></header>\n<p class=\"about\">detcd, commit {}; runs {}..{}{}; {} % of "
      "the runs change a plan that found something, {} % are done twice</p>\n",
      verdict, verdict, escape(plan.profile), escape(plan.commit), plan.first, last,
      plan.shards > 1 ? fmt::format(", shard {}/{}", plan.shard, plan.shards) : "",
      plan.guided_percent, plan.twice_percent);
  out += tiles(story) + failures(story) + outcomes(story) + growth(story) + probes(story);
  return out + numbers(story) + "</body></html>\n";
}

}  // namespace detcd::sim
