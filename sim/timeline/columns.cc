#include "sim/timeline/columns.h"

#include <algorithm>
#include <utility>

#include "sim/plan/text.h"
#include "sim/timeline/recorder.h"

namespace detcd::sim {
namespace {

std::int64_t ns(VirtualTime time) {
  return time.time_since_epoch().count();
}

std::string time_words(VirtualTime time) {
  return print_duration(
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()));
}

// One column of an array of records; times as differences, which are shorter.
template <class Records, class Field>
void column(Json& json, std::string_view name, const Records& records, Field field) {
  json.name(name).open('[');
  for (const auto& record : records) json.number(static_cast<std::int64_t>(field(record)));
  json.close();
}
template <class Records, class Field>
void times(Json& json, std::string_view name, const Records& records, Field field) {
  std::int64_t last = 0;
  column(json, name, records, [&](const auto& record) {
    const std::int64_t now = ns(field(record));
    return now - std::exchange(last, now);
  });
}

bool is_heartbeat(const MessageRecord& message) {
  return message.kind == MessageKind::kHeartbeat || message.kind == MessageKind::kHeartbeatResponse;
}

// What a lane shows needs what was so when the window begins, and every change in it.
template <class Record>
std::vector<Record> changes(const std::vector<Record>& all, const Window& window) {
  std::map<std::uint32_t, Record> before;
  std::vector<Record> chosen;
  for (const Record& record : all) {
    if (record.at < window.from) before[record.node] = record;
  }
  for (const auto& [node, record] : before) chosen.push_back(record);
  std::ranges::stable_sort(chosen, {}, &Record::at);
  for (const Record& record : all) {
    if (record.at >= window.from && record.at <= window.to) chosen.push_back(record);
  }
  return chosen;
}

// The newest `most`, and of each node the one before: a lane goes on from there.
template <class Record>
std::vector<Record> newest(std::vector<Record> all, std::size_t most) {
  if (all.size() <= most) return all;
  const VirtualTime from = all[all.size() - most].at;
  return changes(all, {from, VirtualTime::max()});
}

std::string outcome_letter(CallRecord::Outcome outcome) {
  switch (outcome) {
    case CallRecord::Outcome::kAnswered:
      return "ok";
    case CallRecord::Outcome::kRefused:
      return "error";
    case CallRecord::Outcome::kUnknown:
      return "unknown";
    case CallRecord::Outcome::kPending:
      return "pending";
  }
  return "pending";
}

}  // namespace

std::string shortened(std::string text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  const std::string rest = " … and " + std::to_string(text.size() - bytes_max) + " bytes more";
  // Not in the middle of a character.
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0U) == 0x80U) {
    --bytes_max;
  }
  return text.substr(0, bytes_max) + rest;
}

std::string with_names(std::string text, const Timeline& timeline) {
  for (const auto& [id, node] : timeline.members) {
    const std::string name = "n" + std::to_string(node);
    for (const std::string& written : {telemetry::hex(id), std::to_string(id)}) {
      for (std::size_t at = text.find(written); at != std::string::npos;
           at = text.find(written, at + name.size())) {
        text.replace(at, written.size(), name);
      }
    }
  }
  return text;
}

void Columns::roles(Json& json) {
  std::vector<RoleRecord> chosen = changes(timeline_.roles, window_);
  const std::size_t all = chosen.size();
  chosen = newest(std::move(chosen), limits_.changes_max);
  if (chosen.size() < all) {
    left_out_.push_back(std::to_string(all - chosen.size()) + " changes of roles before " +
                        time_words(chosen.back().at));
  }
  json.open('{');
  times(json, "at", chosen, [](const RoleRecord& r) { return r.at; });
  column(json, "node", chosen, [](const RoleRecord& r) { return r.node; });
  column(json, "band", chosen, [](const RoleRecord& r) { return static_cast<int>(r.band); });
  column(json, "term", chosen, [](const RoleRecord& r) { return r.term; });
  column(json, "leader", chosen, [&](const RoleRecord& r) {
    const auto known = timeline_.members.find(r.leader);
    return known == timeline_.members.end() ? 0U : known->second;
  });
  json.close();
}

void Columns::commits(Json& json) {
  std::vector<CommitRecord> chosen = changes(timeline_.commits, window_);
  const std::size_t all = chosen.size();
  chosen = newest(std::move(chosen), limits_.changes_max);
  if (chosen.size() < all) {
    left_out_.push_back(std::to_string(all - chosen.size()) +
                        " steps of commit indexes, the "
                        "earliest ones");
  }
  json.open('{');
  times(json, "at", chosen, [](const CommitRecord& r) { return r.at; });
  column(json, "node", chosen, [](const CommitRecord& r) { return r.node; });
  column(json, "commit", chosen, [](const CommitRecord& r) { return r.commit; });
  column(json, "synced", chosen, [](const CommitRecord& r) { return r.synced; });
  json.close();
}

// All, if there is room. Else heartbeats that arrived are thinned evenly; then the earliest go.
std::vector<MessageRecord> Columns::chosen_messages() {
  std::vector<MessageRecord> chosen;
  std::size_t heartbeats = 0;
  for (const MessageRecord& message : timeline_.messages) {
    if (!window_.touches(message.sent, message.ended)) continue;
    chosen.push_back(message);
    if (is_heartbeat(message) && message.fate == Fate::kArrived) ++heartbeats;
  }
  if (chosen.size() <= limits_.messages_max) return chosen;
  const std::size_t others = chosen.size() - heartbeats;
  const std::size_t room = limits_.messages_max - std::min(others, limits_.messages_max);
  const std::size_t every = room == 0 ? 0 : (heartbeats + room - 1) / room;
  std::size_t seen = 0;
  const std::size_t thinned = std::erase_if(chosen, [&](const MessageRecord& message) {
    if (!is_heartbeat(message) || message.fate != Fate::kArrived) return false;
    return every == 0 || seen++ % every != 0;
  });
  if (thinned > 0) {
    left_out_.push_back(std::to_string(thinned) + " of " + std::to_string(heartbeats) +
                        " heartbeats and their answers that arrived" +
                        (every == 0 ? "" : ", evenly"));
  }
  if (chosen.size() > limits_.messages_max) {
    const std::size_t early = chosen.size() - limits_.messages_max;
    chosen.erase(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(early));
    left_out_.push_back(std::to_string(early) + " messages before " +
                        time_words(chosen.front().sent));
  }
  return chosen;
}

void Columns::messages(Json& json) {
  const std::vector<MessageRecord> chosen = chosen_messages();
  json.open('{').name("kinds").open('[');
  for (const MessageKindWords& kind : kinds_of_messages()) {
    json.open('{').name("name").text(kind.name).name("group").text(kind.group);
    json.name("fields").open('[');
    for (const std::string& field : kind.fields) json.text(field);
    json.close().close();
  }
  json.close();
  times(json, "sent", chosen, [](const MessageRecord& m) { return m.sent; });
  column(json, "took", chosen, [](const MessageRecord& m) { return ns(m.ended) - ns(m.sent); });
  column(json, "from", chosen, [](const MessageRecord& m) { return m.from; });
  column(json, "to", chosen, [](const MessageRecord& m) { return m.to; });
  column(json, "kind", chosen, [](const MessageRecord& m) { return static_cast<int>(m.kind); });
  column(json, "fate", chosen, [](const MessageRecord& m) { return static_cast<int>(m.fate); });
  column(json, "term", chosen, [](const MessageRecord& m) { return m.term; });
  json.name("fields").open('[');
  for (const MessageRecord& message : chosen) {
    const auto& kind = kinds_of_messages()[static_cast<std::size_t>(message.kind)];
    for (std::size_t i = 0; i < kind.fields.size(); ++i) json.number(message.fields.at(i));
  }
  json.close().close();
}

void Columns::events(Json& json) {
  std::vector<std::string> chosen;
  std::size_t bytes = 0;
  std::size_t left = 0;
  VirtualTime first = window_.from;
  // The newest are taken first: most runs that fail end with what was wrong.
  for (auto event = timeline_.events.rbegin(); event != timeline_.events.rend(); ++event) {
    if (!window_.touches(event->at, event->at)) continue;
    Json line;
    line.open('[').number(ns(event->at)).number(static_cast<std::uint64_t>(event->node));
    line.text(event->kind);
    line.text(with_names(shortened(event->text, limits_.text_bytes_max), timeline_)).close();
    bytes += line.size();
    if (bytes > limits_.events_bytes_max) {
      ++left;
      continue;
    }
    first = event->at;
    chosen.push_back(line.str());
  }
  if (left > 0) {
    left_out_.push_back(std::to_string(left) + " events and log lines of members before " +
                        time_words(first));
  }
  json.open('[');
  for (auto line = chosen.rbegin(); line != chosen.rend(); ++line) json.raw(*line);
  json.close();
}

void Columns::faults(Json& json) const {
  json.open('[');
  for (const FaultRecord& fault : timeline_.faults) {
    VirtualTime until = std::min(fault.until, timeline_.end);
    if (timeline_.calm) until = std::min(until, std::max(fault.at, *timeline_.calm));
    if (!window_.touches(fault.at, until)) continue;
    json.open('[').number(ns(fault.at)).number(ns(until)).text(fault.kind).text(fault.text);
    json.open('[');
    for (const std::uint32_t node : fault.nodes) json.number(static_cast<std::uint64_t>(node));
    json.close().boolean(fault.done).close();
  }
  json.close();
}

std::string Columns::call(const Call& call) const {
  const CallRecord& record = call.record;
  const bool answered = record.outcome == CallRecord::Outcome::kAnswered;
  std::string answer = answered ? describe(record.response) : record.message;
  if (!answered && !answer.empty()) {
    answer = "code " + std::to_string(record.code) + ": " + answer;
  }
  Json json;
  json.open('[').number(record.id).number(static_cast<std::uint64_t>(record.client));
  json.number(ns(record.called)).number(record.ended ? ns(*record.ended) : -1);
  json.text(outcome_letter(record.outcome)).number(call.index);
  json.number(static_cast<std::uint64_t>(call.node));
  json.number(answered ? record.header.revision : 0);
  json.text(shortened(describe(record.operation), limits_.text_bytes_max));
  json.text(shortened(std::move(answer), limits_.text_bytes_max)).open('[');
  for (const std::string& key : keys_of(record.operation)) json.text(key);
  json.close().text(record.user).close();
  return json.str();
}

void Columns::calls(Json& json, const Involved& involved) {
  std::vector<const Call*> by_time;
  for (const Call& call : timeline_.calls) {
    const VirtualTime ended = call.record.ended.value_or(timeline_.end);
    if (window_.touches(call.record.called, ended)) by_time.push_back(&call);
  }
  std::ranges::stable_sort(by_time, {}, [](const Call* call) { return call->record.called; });
  std::vector<std::string> chosen;
  std::size_t bytes = 0;
  std::size_t left = 0;
  for (auto each = by_time.rbegin(); each != by_time.rend(); ++each) {
    std::string line = call(**each);
    const bool named = std::ranges::count(involved.calls, (*each)->record.id) > 0;
    if (!named && bytes + line.size() > limits_.calls_bytes_max) {
      ++left;
      continue;
    }
    bytes += line.size();
    chosen.push_back(std::move(line));
  }
  calls_room_ = limits_.calls_bytes_max - std::min(bytes, limits_.calls_bytes_max);
  if (left > 0) left_out_.push_back(std::to_string(left) + " calls, the earliest ones");
  json.open('[');
  for (auto line = chosen.rbegin(); line != chosen.rend(); ++line) json.raw(*line);
  json.close();
}

// All but progress; of that as much as fits, evenly.
std::vector<const WatchMark*> Columns::chosen_marks() {
  std::vector<const WatchMark*> chosen;
  std::size_t progress = 0;
  for (const WatchMark& mark : timeline_.watches) {
    if (!window_.touches(mark.at, mark.at)) continue;
    chosen.push_back(&mark);
    if (mark.kind == WatchMarkKind::kProgress) ++progress;
  }
  const std::size_t every = (progress + limits_.progress_max - 1) / limits_.progress_max;
  std::size_t seen = 0;
  const std::size_t thinned = std::erase_if(chosen, [&](const WatchMark* mark) {
    return mark->kind == WatchMarkKind::kProgress && seen++ % every != 0;
  });
  if (thinned > 0) {
    left_out_.push_back(std::to_string(thinned) + " of " + std::to_string(progress) +
                        " times that watches were told of progress, evenly");
  }
  return chosen;
}

std::string Columns::mark(const WatchMark& mark) const {
  Json json;
  json.open('[').number(ns(mark.at)).number(static_cast<std::uint64_t>(mark.client));
  json.number(mark.watch).number(static_cast<std::uint64_t>(mark.kind));
  json.number(static_cast<std::uint64_t>(mark.node)).number(mark.revision);
  json.number(mark.first).number(mark.last);
  json.text(shortened(mark.words, limits_.text_bytes_max)).open('[');
  for (const std::string& key : mark.keys) json.text(shortened(key, limits_.text_bytes_max));
  json.close().close();
  return json.str();
}

// What makes and ends a watch stays: a lane would be wrong without. Of the rest the earliest go.
void Columns::watches(Json& json, const Involved& involved) {
  const std::vector<const WatchMark*> all = chosen_marks();
  std::vector<std::string> chosen;
  std::size_t bytes = 0;
  std::size_t left = 0;
  for (auto each = all.rbegin(); each != all.rend(); ++each) {
    const WatchMark& one = **each;
    std::string line = mark(one);
    const bool told = one.kind == WatchMarkKind::kEvents || one.kind == WatchMarkKind::kProgress;
    const bool named = std::ranges::count(involved.watches, one.watch) > 0;
    if (bytes + line.size() > limits_.watches_bytes_max + calls_room_ && told && !named) {
      ++left;
      continue;
    }
    bytes += line.size();
    chosen.push_back(std::move(line));
  }
  if (left > 0)
    left_out_.push_back(std::to_string(left) + " answers to watches, the earliest ones");
  json.open('[');
  for (auto line = chosen.rbegin(); line != chosen.rend(); ++line) json.raw(*line);
  json.close();
}

}  // namespace detcd::sim
