#include "sim/timeline/page.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/check.h"
#include "sim/timeline/columns.h"
#include "sim/timeline/page_sources.h"

namespace detcd::sim {
namespace {

std::string hex16(std::uint64_t hash) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back(kDigits[(hash >> shift) & 0xFU]);
  return out;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

template <class T>
void add_once(std::vector<T>& all, std::uint64_t number) {
  const T value = static_cast<T>(number);
  if (std::ranges::count(all, value) == 0) all.push_back(value);
}

void settings(Json& json, const Settings& settings) {
  json.name("settings").open('[');
  const std::string lines = print(settings);
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    if (end > at) json.text(lines.substr(at, end - at));
    at = end + 1;
  }
  json.close();
}

void run_facts(Json& json, const Timeline& timeline, const PageFacts& facts) {
  const RunResult& result = facts.result;
  json.name("verdict").text(name_of(result.verdict));
  json.name("void").text(result.void_reason);
  json.name("seed").text(std::to_string(facts.trace.seed));
  json.name("profile").text(facts.trace.settings.profile);
  json.name("hash").text(hex16(timeline.hash));
  json.name("recordedHash").text(facts.trace.hash == 0 ? "" : hex16(facts.trace.hash));
  json.name("version").text(facts.version).name("commit").text(facts.commit);
  json.name("recordedCommit").text(facts.trace.commit);
  json.name("file").text(facts.file).name("reproduce").text(facts.reproduce);
  json.name("counts").open('[');
  const auto count = [&](std::string_view name, std::uint64_t number) {
    json.open('[').text(name).number(number).close();
  };
  count("kernel events", timeline.kernel_events);
  count("calls", timeline.calls.size());
  count("answers confirmed", result.acknowledged);
  count("faults", result.faults);
  count("elections won", result.leaders);
  count("recoveries", result.recoveries);
  count("plan entries", facts.trace.plan.size());
  json.close();
  settings(json, facts.trace.settings);
}

// The instant at which the contradiction stood: with calls, when the last of them had ended; with
// watches, when one was told what is wrong; with leases, when the log ended one.
VirtualTime violation_time(const Timeline& timeline, const Involved& involved,
                           const std::string& oracle) {
  std::optional<VirtualTime> latest;
  if (oracle == "watch") {
    for (const WatchMark& mark : timeline.watches) {
      if (std::ranges::count(involved.watches, mark.watch) > 0) latest = mark.at;
    }
  }
  if (oracle == "leases") {
    for (const std::uint64_t index : involved.indexes) {
      const auto entry = timeline.lease_entries.find(index);
      if (entry != timeline.lease_entries.end()) latest = entry->second;
    }
  }
  for (const Call& call : timeline.calls) {
    if (std::ranges::count(involved.calls, call.record.id) == 0) continue;
    const VirtualTime ended = call.record.ended.value_or(timeline.end);
    latest = std::max(latest.value_or(ended), ended);
  }
  return latest.value_or(timeline.end);
}

template <class T>
void numbers(Json& json, std::string_view name, const std::vector<T>& all) {
  json.name(name).open('[');
  for (const T number : all) json.number(static_cast<std::uint64_t>(number));
  json.close();
}

void violation(Json& json, const Timeline& timeline, const Violation& violation) {
  const Involved involved = involved_in(violation.message);
  const VirtualTime at = violation_time(timeline, involved, violation.oracle);
  json.name("violation").open('{');
  json.name("oracle").text(violation.oracle);
  json.name("message").text(violation.message);
  json.name("at").number(at.time_since_epoch().count());
  numbers(json, "calls", involved.calls);
  numbers(json, "members", involved.members);
  numbers(json, "indexes", involved.indexes);
  numbers(json, "watches", involved.watches);
  numbers(json, "leases", involved.leases);
  numbers(json, "revisions", involved.revisions);
  json.close();
}

std::string data_of(const Timeline& timeline, const PageFacts& facts) {
  const VirtualTime from = facts.from.value_or(VirtualTime{});
  const Window window{from,
                      std::max(from, std::min(facts.to.value_or(timeline.end), timeline.end))};
  Involved involved;
  if (facts.result.violation) involved = involved_in(facts.result.violation->message);
  Columns columns(timeline, facts.limits, window);
  Json json;
  json.open('{').name("format").number(std::uint64_t{1});
  json.name("nodes").number(static_cast<std::uint64_t>(facts.trace.settings.nodes));
  json.name("clients").number(static_cast<std::uint64_t>(facts.trace.settings.clients));
  json.name("from").number(window.from.time_since_epoch().count());
  json.name("to").number(window.to.time_since_epoch().count());
  json.name("end").number(timeline.end.time_since_epoch().count());
  json.name("calm").number(timeline.calm ? timeline.calm->time_since_epoch().count() : -1);
  json.name("run").open('{');
  run_facts(json, timeline, facts);
  json.close();
  if (facts.result.violation) violation(json, timeline, *facts.result.violation);
  json.name("roles");
  columns.roles(json);
  json.name("commits");
  columns.commits(json);
  json.name("messages");
  columns.messages(json);
  json.name("events");
  columns.events(json);
  json.name("faults");
  columns.faults(json);
  json.name("calls");
  columns.calls(json, involved);
  json.name("watches");
  columns.watches(json, involved);
  json.name("leftOut").open('[');
  for (const std::string& words : columns.left_out()) json.text(words);
  json.close().close();
  return json.str();
}

std::string escaped_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

}  // namespace

Involved involved_in(const std::string& message) {
  struct Word {
    std::string_view before;
    std::vector<std::uint64_t> Involved::* all;
  };
  static constexpr std::array kWords = {Word{"#", &Involved::calls},
                                        Word{"index ", &Involved::indexes},
                                        Word{"w", &Involved::watches},
                                        Word{"lease ", &Involved::leases},
                                        Word{"mod ", &Involved::revisions},
                                        Word{"revision ", &Involved::revisions},
                                        Word{"n", nullptr}};
  Involved involved;
  bool quoted = false;
  for (std::size_t at = 0; at < message.size(); ++at) {
    if (message[at] == '"') quoted = !quoted;
    if (quoted || (at > 0 && is_word(message[at - 1]))) continue;
    const std::string_view rest = std::string_view(message).substr(at);
    const auto* const word =
        std::ranges::find_if(kWords, [&](const Word& w) { return rest.starts_with(w.before); });
    if (word == kWords.end()) continue;
    const std::size_t skip = word->before.size();
    std::size_t end = skip;
    std::uint64_t number = 0;
    while (end < rest.size() && end - skip < 18 &&
           std::isdigit(static_cast<unsigned char>(rest[end])) != 0) {
      number = number * 10 + static_cast<std::uint64_t>(rest[end++] - '0');
    }
    if (end == skip || (end < rest.size() && is_word(rest[end]))) continue;
    if (word->all == nullptr) {
      add_once(involved.members, number);
    } else {
      add_once(involved.*(word->all), number);
    }
  }
  return involved;
}

std::string render_page(const Timeline& timeline, const PageFacts& facts) {
  const std::string title = "detcd-sim: seed " + std::to_string(facts.trace.seed) + ", " +
                            std::string(name_of(facts.result.verdict));
  std::string page;
  std::string_view rest = page_source("page.html");
  // The data comes last: nothing in it is looked at for marks.
  while (!rest.empty()) {
    const std::size_t mark = std::min(rest.find("<!--["), rest.size());
    page += rest.substr(0, mark);
    rest.remove_prefix(mark);
    if (rest.empty()) break;
    const std::size_t end = rest.find("]-->");
    check(end != std::string_view::npos, "every mark of the page ends");
    const std::string_view name = rest.substr(5, end - 5);
    if (name == "title") {
      page += escaped_html(title);
    } else if (name == "data") {
      page += data_of(timeline, facts);
    } else {
      page += page_source(name);
    }
    rest.remove_prefix(end + 4);
  }
  return page;
}

}  // namespace detcd::sim
