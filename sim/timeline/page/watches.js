"use strict";
// Watches: below the calls of its client each has a line of its own, from when it was wanted to its
// end, solid while a member serves it, with a mark for everything that it was told.

const kWatchRow = 17;
const kWatchRowsMax = 8;
const kWatchTop = 4;  // Between the calls and the first watch.
const kOfAll = new Set(["lost", "progress", "halted"]);  // What is told of no watch is of all.
const kWatchEnds = new Set(["refused", "compacted", "canceled", "unwanted", "halted"]);

// Each watch as it went: when a member served it, and its marks.
const watches = [];
const watchByName = new Map();
{
  const served = new Map();  // Client → its watches that may be told something.
  for (const mark of marks) {
    const own = served.get(mark.client) || new Set();
    served.set(mark.client, own);
    if (mark.kind === "wanted" && !watchByName.has(mark.watch)) {
      const made = { name: mark.watch, client: mark.client, at: mark.at, until: data.end,
        range: mark.keys[0] || "", wanted: mark.words, spans: [], marks: [],
        over: false, row: 0 };
      watches.push(made);
      watchByName.set(mark.watch, made);
    }
    let about = [watchByName.get(mark.watch)];
    if (mark.watch === 0) about = kOfAll.has(mark.kind) ? [...own] : [];
    for (const watch of about) {
      // Answers may come for one that its client wants no more.
      if (watch === undefined || watch.over) continue;
      const last = watch.spans[watch.spans.length - 1];
      const open = last !== undefined && last.until === Infinity;
      if (mark.kind === "created" || mark.kind === "resumed") {
        own.add(watch);
        watch.spans.push({ at: mark.at, until: Infinity });
      }
      if (mark.kind === "lost" && open) last.until = mark.at;
      if (kWatchEnds.has(mark.kind)) {
        if (open) last.until = mark.at;
        watch.until = mark.at;
        watch.over = true;
        own.delete(watch);
      }
      if (mark.kind !== "wanted" && mark.kind !== "asked") watch.marks.push(mark);
    }
    if (mark.kind === "lost") own.clear();
  }
}
const watchWords = (watch) => `w${watch.name} ${watch.range}`;

// Those of one client that don't overlap share a row; the last row takes what has none.
const watchRows = Array(data.clients + 1).fill(0);
{
  const ends = Array.from({ length: data.clients + 1 }, () => []);
  const words = (data.to - data.from) * 0.08;
  for (const watch of watches) {
    const own = ends[watch.client];
    let row = own.findIndex((end) => end <= watch.at);
    if (row < 0) row = Math.min(own.length, kWatchRowsMax - 1);
    own[row] = Math.max(own[row] || 0, watch.until, watch.at + words);
    watch.row = row;
    watchRows[watch.client] = own.length;
  }
}
const watchHeight = (client) => !shows("watches") || watchRows[client] === 0 ? 0
  : kWatchTop + watchRows[client] * kWatchRow;
function watchY(watch) {
  const lane = clientLane(watch.client);
  return lane === undefined ? undefined
    : lane.y + view.callHeight + kWatchTop + watch.row * kWatchRow + kWatchRow - 5;
}
function markY(mark) {
  const watch = watchByName.get(mark.watch) || watches.find((w) => w.marks.includes(mark));
  return watch === undefined ? undefined : watchY(watch);
}

// ---- Which writes a mark tells of --------------------------------------------------------------

function writesTold(mark) {
  const writes = [];
  if (mark.kind !== "events") return writes;
  for (let revision = mark.first; revision <= mark.last && writes.length < 20; ++revision) {
    const call = writerOf.get(revision);
    if (call !== undefined && touchesKeys(call, mark)) writes.push(call);
  }
  return writes;
}
function toldOf(call) {
  if (writerOf.get(call.revision) !== call) return [];
  return marks.filter((mark) => mark.kind === "events" && mark.first <= call.revision &&
    call.revision <= mark.last && touchesKeys(call, mark)).slice(0, 20);
}
// A deleted range names its bounds, a transaction both of its branches: in doubt they do.
function touchesKeys(call, mark) {
  return call.keys.some((key) => key.includes("..") || mark.keys.includes(key));
}

// ---- Drawing ------------------------------------------------------------------------------------

function cross(x, y, size) {
  line(x - size, y - size, x + size, y + size);
  line(x - size, y + size, x + size, y - size);
}
function markGlyph(mark, x, y, slim) {
  pen.strokeStyle = pen.fillStyle = colours.watch;
  pen.lineWidth = 1.6;
  switch (mark.kind) {
    case "events":
      pen.beginPath();
      pen.moveTo(x, y - 5);
      pen.lineTo(x + (slim ? 2 : 4), y);
      pen.lineTo(x, y + 5);
      pen.lineTo(x - (slim ? 2 : 4), y);
      pen.fill();
      return;
    case "progress":
      pen.globalAlpha *= 0.75;
      pen.fillRect(x - 0.5, y - 3, 1.2, 6);
      return;
    case "created":
    case "resumed":
      pen.fillStyle = colours.card;
      pen.beginPath();
      pen.arc(x, y, 4, 0, 2 * Math.PI);
      pen.fill();
      pen.stroke();
      if (mark.kind === "created") return;
      pen.fillStyle = colours.watch;
      pen.beginPath();
      pen.arc(x, y, 1.6, 0, 2 * Math.PI);
      pen.fill();
      return;
    case "unwanted":
      pen.fillRect(x - 1, y - 5, 2, 10);
      return;
    case "lost":
      pen.strokeStyle = colours.unknown;
      cross(x, y, 3);
      return;
    default:
      pen.strokeStyle = colours.error;
      pen.lineWidth = 2;
      cross(x, y, 4);
  }
}
function drawLife(watch, y) {
  const seen = clipped(watch.at, watch.until);
  if (seen === null) return false;
  pen.strokeStyle = colours.faint;
  pen.lineWidth = 1;
  pen.setLineDash([2, 3]);
  line(seen.x, y, seen.x + seen.width, y);
  pen.setLineDash([]);
  pen.strokeStyle = colours.watch;
  pen.lineWidth = 2;
  pen.globalAlpha = 0.5;
  for (const span of watch.spans) {
    const part = clipped(span.at, Math.min(span.until, data.end));
    if (part !== null) line(part.x, y, part.x + part.width, y);
  }
  pen.globalAlpha = 1;
  return true;
}
const spanOf = (mark) => mark.first === mark.last ? String(mark.first)
  : mark.first + "–" + mark.last;
// The revisions of a mark, where there is room before the next one.
function writeRevisions(shown, y) {
  font(9.5);
  let free = -Infinity;
  shown.forEach((mark, k) => {
    if (mark.kind !== "events") return;
    const x = xOf(mark.at);
    const next = k + 1 < shown.length ? xOf(shown[k + 1].at) : Infinity;
    const words = spanOf(mark);
    const width = pen.measureText(words).width;
    if (x < free || x + width + 8 > next || x + width + 6 > kGutter + plotWidth()) return;
    pen.strokeStyle = colours.card;
    pen.lineWidth = 3;
    pen.strokeText(words, x + 5, y - 6);
    pen.fillStyle = colours.watch;
    pen.fillText(words, x + 5, y - 6);
    free = x + width + 10;
  });
  return shown.some((mark) => mark.kind === "events") ? free : -Infinity;
}
function drawWatch(watch, dim) {
  const y = watchY(watch);
  if (y === undefined || !drawLife(watch, y)) return;
  const shown = watch.marks.filter((mark) => mark.at >= view.from && mark.at <= view.to &&
    showsMark(mark, watch));
  let drawnAt = { x: -Infinity, kind: "" };
  for (const mark of shown) {
    const x = xOf(mark.at);
    ++drawn.marks;
    const told = isSelected(mark) || isNamedMark(mark) || (looking() && found.marks.has(mark.i));
    hit(x - 5, y - 8, 10, 14, mark);
    if (!told && mark.kind === drawnAt.kind && x - drawnAt.x < 1.5) continue;
    pen.globalAlpha = dim && !told ? 0.3 : 1;
    markGlyph(mark, x, y, x - drawnAt.x < 7);
    drawnAt = { x, kind: mark.kind };
    pen.globalAlpha = 1;
    if (!told) continue;
    pen.strokeStyle = isSelected(mark) && !isNamedMark(mark) ? colours.fg : colours.violation;
    pen.lineWidth = 2.2;
    box(x - 7, y - 8, 14, 16, 5);
    pen.stroke();
  }
  if (!dim) writeRevisions(shown, y);
  const seen = clipped(watch.at, watch.until);
  const bad = named.watches.has(watch.name);
  font(9.5, bad ? 700 : 400);
  const first = shown.find((mark) => xOf(mark.at) > seen.x + 6 && mark.kind === "events");
  const room = Math.min(first === undefined ? Infinity : xOf(first.at) - seen.x - 4,
    seen.width + 40, 190);
  let text = watchWords(watch);
  if (pen.measureText(text).width > room) text = "w" + watch.name;
  if (pen.measureText(text).width > room) return;
  pen.strokeStyle = colours.card;
  pen.lineWidth = 3;
  pen.strokeText(text, seen.x + 7, y - 7);
  pen.fillStyle = bad ? colours.violation : colours.muted;
  pen.fillText(text, seen.x + 7, y - 7);
}
function drawWatches() {
  if (!shows("watches")) return;
  const about = selected !== null && selected.type === "violation" && named.watches.size > 0;
  const dim = looking() && found.things.length > 0;
  for (const lane of view.clients) {
    if (watchRows[lane.client] === 0) continue;
    font(9.5);
    pen.textAlign = "right";
    pen.fillStyle = colours.faint;
    pen.fillText("watches", kGutter - 10, lane.y + view.callHeight + kWatchTop + kWatchRow - 6);
    pen.textAlign = "left";
  }
  for (const watch of watches) {
    drawWatch(watch, dim || (about && near() && !named.watches.has(watch.name)));
  }
}
// From the end of a write to where a watch is told of it.
function drawTold(call, mark, colour) {
  const lane = clientLane(call.client);
  const y2 = markY(mark);
  if (lane === undefined || y2 === undefined) return;
  const x1 = xOf(call.until);
  const x2 = xOf(mark.at);
  const y1 = lane.y + view.callHeight / 2;
  const bow = Math.max(24, Math.min(90, Math.abs(x2 - x1) / 2));
  pen.strokeStyle = colour;
  pen.lineWidth = 1.6;
  pen.setLineDash([6, 4]);
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.bezierCurveTo(x1 + bow, y1, x2 - bow, y2, x2 - 4, y2);
  pen.stroke();
  pen.setLineDash([]);
}
function drawToldOfSelected() {
  if (selected === null || !shows("watches")) return;
  if (selected.type === "call") {
    for (const mark of toldOf(selected)) drawTold(selected, mark, colours.watch);
  }
  if (selected.type === "mark") {
    for (const call of writesTold(selected)) drawTold(call, selected, colours.watch);
  }
}

// ---- The panel ----------------------------------------------------------------------------------

const kMarkWords = { wanted: "wanted", asked: "asked for", created: "created",
  resumed: "resumed on another stream", refused: "refused", events: "events",
  progress: "progress", compacted: "ended by a compaction", canceled: "canceled by the server",
  lost: "stream lost", unwanted: "canceled", halted: "over for good" };
function markPanel(mark) {
  const watch = watchByName.get(mark.watch);
  const life = watch === undefined ? [] : watch.marks.filter((other) => other.kind !== "progress");
  const at = life.findIndex((other) => other.at >= mark.at);
  const name = mark.watch === 0 ? "all watches" : "watch w" + mark.watch;
  return [
    element("h2", `c${mark.client}, ${name}: ${kMarkWords[mark.kind]}`,
      isNamedMark(mark) ? "bad" : ""),
    element("pre", mark.words),
    facts([
      ["at", seconds(mark.at)],
      ["told by", mark.node ? "n" + mark.node : ""],
      ["as of revision", mark.revision || ""],
      ["events of", mark.last ? spanOf(mark) : ""],
      ["wanted", watch === undefined ? "" : watch.wanted.replace(/^wants w\d+ /, "")],
    ]),
    ...items("writes that it tells of", writesTold(mark)),
    ...items("this watch, before and after", life.slice(Math.max(0, at - 7), at + 8)),
  ];
}
