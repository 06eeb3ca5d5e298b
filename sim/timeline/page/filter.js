"use strict";
// What is shown: kinds of things, lanes, one key, and the words that are looked for.

const kKinds = [
  ["reads", "ok"], ["writes", "ok"], ["leases", "ok"], ["users", "ok"], ["watches", "watch"],
  ["progress", "watch"], ["faults", "partition"], ["append", "append"],
  ["vote", "vote"], ["heartbeat", "heartbeat"], ["forward", "forward"],
  ["snapshot", "snapshot"], ["recovery", "recovery"], ["connection", "connection"],
  ["lost", "violation"], ["events", "candidate"], ["log", "muted"],
];
const filter = { on: new Set(kKinds.map(([kind]) => kind)), key: "", words: "" };
filter.on.delete("heartbeat");
filter.on.delete("connection");
// So many would only be a grey wall, and nobody could step through.
if (marks.filter((mark) => mark.kind === "progress").length > 400) filter.on.delete("progress");

const shows = (kind) => filter.on.has(kind);
// "lost" shows the lost ones of every kind.
function showsMessage(i) {
  if (view.hiddenLanes.has("n" + messages.from[i]) || view.hiddenLanes.has("n" + messages.to[i])) {
    return false;
  }
  return shows(messages.kinds[messages.kind[i]].group) ||
    (messages.fate[i] === kLost && shows("lost"));
}
function showsCall(call) {
  if (view.hiddenLanes.has("c" + call.client)) return false;
  if (!shows(call.kind)) return isNamed(call);
  return filter.key === "" || call.keys.includes(filter.key);
}
// What was told of other keys is left out, what became of the watch isn't.
function showsMark(mark, watch = watchByName.get(mark.watch)) {
  if (!shows("watches") || view.hiddenLanes.has("c" + mark.client)) return false;
  const ofAll = mark.watch === 0 && kOfAll.has(mark.kind);
  if (mark.at < data.from || (watch === undefined && !ofAll)) return false;
  if (mark.kind === "progress" && !shows("progress")) return isNamedMark(mark);
  const own = watch !== undefined && watch.range === filter.key;
  return filter.key === "" || mark.kind !== "events" || own || mark.keys.includes(filter.key);
}
function showsEvent(event) {
  return shows(event.log ? "log" : "events") && !view.hiddenLanes.has("n" + event.node);
}
function showsThing(thing) {
  switch (thing.type) {
    case "call": return showsCall(thing);
    case "message": return showsMessage(thing.i);
    case "event": return showsEvent(thing);
    case "fault": return shows("faults");
    case "mark": return showsMark(thing);
    default: return true;
  }
}

// ---- Search -------------------------------------------------------------------------------------

const found = { calls: new Set(), events: new Set(), faults: new Set(), messages: new Set(),
  marks: new Set(), things: [] };

function look(words) {
  filter.words = words.trim().toLowerCase();
  found.things = [];
  for (const kind of ["calls", "events", "faults", "messages", "marks"]) found[kind].clear();
  if (filter.words === "") return;
  const has = (text) => text.toLowerCase().includes(filter.words);
  for (const call of calls) {
    if (!has(`c${call.client} #${call.id} ${call.words} ${call.answer} ${call.outcome} ` +
        call.user)) continue;
    found.calls.add(call.i);
    found.things.push(call);
  }
  for (const event of events) {
    if (!has(`n${event.node} ${event.kind} ${event.words}`)) continue;
    found.events.add(event.i);
    found.things.push(event);
  }
  for (const mark of marks) {
    if (!showsMark(mark) || !has(`c${mark.client} ${mark.words} ${mark.kind}`)) continue;
    found.marks.add(mark.i);
    found.things.push(mark);
  }
  for (const fault of faults) {
    if (!has(fault.words + " " + fault.exact)) continue;
    found.faults.add(fault.i);
    found.things.push(fault);
  }
  for (let i = 0; i < messages.size; ++i) {
    if (!showsMessage(i) || !has(wordsOf(messageAt(i)))) continue;
    found.messages.add(i);
    found.things.push(messageAt(i));
  }
  found.things.sort((a, b) => timeOf(a) - timeOf(b));
}
const looking = () => filter.words !== "";

// ---- Stepping -----------------------------------------------------------------------------------

// Everything that is shown, by time. Things of one instant keep the order of their names.
function steps() {
  const all = [];
  for (const call of calls) if (showsCall(call)) all.push(call);
  for (const fault of faults) if (shows("faults")) all.push(fault);
  for (const event of events) if (showsEvent(event)) all.push(event);
  for (const mark of marks) if (showsMark(mark)) all.push(mark);
  for (let i = 0; i < messages.size; ++i) if (showsMessage(i)) all.push(messageAt(i));
  if (violation) all.push(thingNamed("v"));
  return all.sort((a, b) => timeOf(a) - timeOf(b));
}
// The next shown thing after the selected one, or after the middle of the view; `by` is 1 or -1.
function stepFrom(selected, by) {
  const all = looking() ? found.things : steps();
  const time = selected ? timeOf(selected) : (view.from + view.to) / 2;
  let at = selected ? all.findIndex((thing) => nameOf(thing) === nameOf(selected)) : -1;
  if (at < 0) {
    at = all.findIndex((thing) => timeOf(thing) > time);
    if (at < 0) at = all.length;
    return all[by > 0 ? at : at - 1] || null;
  }
  return all[at + by] || null;
}
