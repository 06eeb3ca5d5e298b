"use strict";
// The run as the page has it: columns of the embedded JSON become typed arrays, times absolute.

const began = performance.now();
const data = JSON.parse(document.getElementById("data").textContent);

const kBands = ["follower", "pre-candidate", "candidate", "leader", "learner", "recovering",
  "opening", "crashed", "power lost"];
const kBandColours = ["follower", "pre-candidate", "candidate", "leader", "learner", "recovering",
  "opening", "down", "down"];
const kArrived = 1;
const kLost = 2;

function absolute(differences) {
  const times = new Float64Array(differences.length);
  let time = 0;
  for (let i = 0; i < times.length; ++i) {
    time += differences[i];
    times[i] = time;
  }
  return times;
}

const roles = { ...data.roles, at: absolute(data.roles.at), size: data.roles.at.length };
const commits = { ...data.commits, at: absolute(data.commits.at), size: data.commits.at.length };

const messages = {
  kinds: data.messages.kinds,
  size: data.messages.sent.length,
  sent: absolute(data.messages.sent),
  took: Float64Array.from(data.messages.took),
  from: Uint8Array.from(data.messages.from),
  to: Uint8Array.from(data.messages.to),
  kind: Uint8Array.from(data.messages.kind),
  fate: Uint8Array.from(data.messages.fate),
  term: data.messages.term,
  fields: data.messages.fields,
  fieldsAt: new Uint32Array(data.messages.sent.length),
};
{
  let at = 0;
  for (let i = 0; i < messages.size; ++i) {
    messages.fieldsAt[i] = at;
    at += messages.kinds[messages.kind[i]].fields.length;
  }
}
messages.field = (i, n) => messages.fields[messages.fieldsAt[i] + n];

// What the page filters calls by.
function kindOfCall(words) {
  if (/^(range|get)\b/.test(words)) return "reads";
  if (/^(grant|revoke|keep-alive) -?\d/.test(words)) return "leases";
  return /^(auth|user|role|grant|revoke)/.test(words) ? "users" : "writes";
}
const calls = data.calls.map((c, i) => ({
  type: "call", i, id: c[0], client: c[1], called: c[2], ended: c[3], outcome: c[4], index: c[5],
  node: c[6], revision: c[7], words: c[8], answer: c[9], keys: c[10],
  until: c[3] < 0 ? data.end : c[3],
  user: c[11], kind: kindOfCall(c[8]), reads: kindOfCall(c[8]) === "reads",
}));
// Which call made a revision: of those that were answered with it the first one in the log. What
// comes after it and changes nothing is answered with the same.
const writerOf = new Map();
for (const call of calls) {
  if (call.kind !== "writes" || call.outcome !== "ok" || call.index === 0) continue;
  const known = writerOf.get(call.revision);
  if (known === undefined || call.index < known.index) writerOf.set(call.revision, call);
}
const callById = new Map(calls.map((call) => [call.id, call]));

const kMarks = ["wanted", "asked", "created", "resumed", "refused", "events", "progress",
  "compacted", "canceled", "lost", "unwanted", "halted"];
const marks = data.watches.map((m, i) => ({ type: "mark", i, at: m[0], client: m[1], watch: m[2],
  kind: kMarks[m[3]], node: m[4], revision: m[5], first: m[6], last: m[7], words: m[8],
  keys: m[9] }));

const events = data.events.map((e, i) =>
  ({ type: "event", i, at: e[0], node: e[1], kind: e[2], words: e[3],
    log: ["debug", "info", "warn", "error", "fatal"].includes(e[2]) }));
const faults = data.faults.map((f, i) => ({ type: "fault", i, at: f[0], until: f[1], kind: f[2],
  words: rounded(f[3]).replace(/ leader\b/, f[4].length > 0 ? ` leader n${f[4][0]}` : " leader"),
  exact: f[3], nodes: f[4], done: f[5] }));

// Spans of one role: each ends where the member's next one begins.
const spans = Array.from({ length: data.nodes + 1 }, () => []);
for (let i = 0; i < roles.size; ++i) {
  const own = spans[roles.node[i]];
  if (own.length > 0) own[own.length - 1].until = roles.at[i];
  own.push({ type: "role", i, node: roles.node[i], at: roles.at[i], until: data.end,
    band: roles.band[i], term: roles.term[i], leader: roles.leader[i] });
}
const spanByIndex = [];
for (const own of spans) for (const span of own) spanByIndex[span.i] = span;

// Of each member: where its commit index moved.
const progress = Array.from({ length: data.nodes + 1 }, () => ({ at: [], commit: [], synced: [] }));
for (let i = 0; i < commits.size; ++i) {
  const own = progress[commits.node[i]];
  own.at.push(commits.at[i]);
  own.commit.push(commits.commit[i]);
  own.synced.push(commits.synced[i]);
}

const violation = data.violation || null;
// What contradicts each other: the calls that the judge names, in his order. Where he names a
// watch, the writes of the revisions that he names and what the watch was told; where he names a
// lease that ended, the call that had asked for it last.
const contradiction = { calls: [], mark: null };
if (violation) {
  contradiction.calls = violation.calls.map((id) => callById.get(id))
    .filter((call) => call !== undefined);
}
if (violation && violation.oracle === "watch") {
  contradiction.calls.push(...violation.revisions.map((revision) => writerOf.get(revision))
    .filter((call) => call !== undefined));
  contradiction.mark = marks.findLast((mark) => violation.watches.includes(mark.watch)) || null;
}
if (violation && violation.oracle === "leases") {
  const asks = calls.filter((call) => call.kind === "leases" && call.outcome === "ok" &&
    call.called < violation.at && !call.words.startsWith("revoke") &&
    violation.leases.some((lease) => call.keys.includes("lease " + lease)));
  asks.sort((a, b) => a.called - b.called);
  contradiction.calls.push(...asks.slice(-1));
}
const named = {
  calls: new Set(contradiction.calls.map((call) => call.id)),
  members: new Set(violation ? violation.members : []),
  indexes: new Set(violation ? violation.indexes : []),
  watches: new Set(violation && ["watch", "liveness"].includes(violation.oracle)
    ? violation.watches : []),
};
const isNamed = (call) => named.calls.has(call.id) ||
  (named.calls.size === 0 && call.index > 0 && named.indexes.has(call.index));
const isNamedMark = (mark) => mark === contradiction.mark;

function messageAt(i) {
  return { type: "message", i, at: messages.sent[i], until: messages.sent[i] + messages.took[i],
    kind: messages.kinds[messages.kind[i]], from: messages.from[i], to: messages.to[i],
    fate: messages.fate[i], term: messages.term[i] };
}
const timeOf = (thing) => thing.type === "call" ? thing.called : thing.at;
const endOf = (thing) => thing.until === undefined ? thing.at : thing.until;

// ---- Names of things, for the address and the history ------------------------------------------

function nameOf(thing) {
  switch (thing.type) {
    case "call": return "c" + thing.id;
    case "message": return "m" + thing.i;
    case "event": return "n" + thing.i;
    case "fault": return "f" + thing.i;
    case "role": return "r" + thing.i;
    case "mark": return "w" + thing.i;
    default: return "v";
  }
}
function thingNamed(name) {
  const number = Number(name.slice(1));
  switch (name[0]) {
    case "c": return callById.get(number) || null;
    case "m": return number < messages.size ? messageAt(number) : null;
    case "n": return events[number] || null;
    case "f": return faults[number] || null;
    case "r": return spanByIndex[number] || null;
    case "w": return marks[number] || null;
    case "v": return violation && { type: "violation", at: violation.at, until: violation.at };
    default: return null;
  }
}

// ---- Words --------------------------------------------------------------------------------------

function seconds(ns, step = 0) {
  const digits = step === 0 ? 6 : Math.max(0, Math.min(9, Math.ceil(-Math.log10(step / 1e9))));
  return (ns / 1e9).toFixed(digits) + " s";
}
function length(ns) {
  if (ns < 1e3) return ns + " ns";
  if (ns < 1e6) return (ns / 1e3).toFixed(ns < 1e4 ? 1 : 0) + " µs";
  if (ns < 1e9) return (ns / 1e6).toFixed(ns < 1e7 ? 2 : 0) + " ms";
  return (ns / 1e9).toFixed(2) + " s";
}
// "712909724ns" is exact, but nobody can read it.
function rounded(words) {
  return words.replace(/\b\d{4,}ns\b/g, (text) => length(parseInt(text, 10)).replace(" ", ""));
}
function messageWords(message) {
  const parts = message.kind.fields.map((field, n) => [field, messages.field(message.i, n)]);
  return `n${message.from} → n${message.to}  ${message.kind.name}` +
    (message.term ? `, term ${message.term}` : "") +
    parts.map(([field, value]) => `, ${field} ${value}`).join("");
}
function wordsOf(thing) {
  switch (thing.type) {
    case "call": return `c${thing.client}  ${thing.words}`;
    case "message": return messageWords(thing) + (thing.fate === kLost ? ", lost" : "");
    case "event": return `n${thing.node}  ${thing.words}`;
    case "fault": return thing.words + (thing.done ? "" : " (didn't happen)");
    case "role": return `n${thing.node}  ${roleWords(thing)}`;
    case "mark": return `c${thing.client}  ${thing.words}`;
    default: return violation.message;
  }
}
function roleWords(span) {
  const band = kBands[span.band];
  if (span.band >= 6) return band;
  if (band === "follower" && span.leader) return `follows n${span.leader}, term ${span.term}`;
  return `${band}, term ${span.term}`;
}
