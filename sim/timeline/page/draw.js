"use strict";
// Draws lanes: the overview, the axis, faults, members and clients. What was drawn can be hit with
// the pointer: `hits` holds boxes, the topmost last.

const canvas = document.getElementById("chart");
const pen = canvas.getContext("2d");
const kFont = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans'," +
  " sans-serif";
let hits = [];
let colours = {};
let drawn = { messages: 0, messagesInView: 0, calls: 0, marks: 0 };

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["bg", "card", "fg", "muted", "faint", "line", "soft", "accent", "leader",
    "on-leader", "follower", "on-follower", "pre-candidate", "candidate", "learner", "recovering",
    "opening", "down", "hatch", "on-down", "ok", "ok-soft", "error", "error-soft", "unknown",
    "unknown-soft", "violation", "violation-soft", "append", "heartbeat", "vote", "forward",
    "snapshot", "recovery", "connection", "partition", "delay", "pause", "clock", "reset", "death",
    "watch"];
  colours = Object.fromEntries(names.map((n) => [n, style.getPropertyValue("--" + n).trim()]));
}

function font(size, weight = 400) {
  pen.font = `${weight} ${size}px ${kFont}`;
}
// Text that is cut off where there is no room; false when there is none at all.
function write(text, x, y, room, colour) {
  if (room < 9) return false;
  pen.fillStyle = colour;
  if (pen.measureText(text).width > room) {
    const each = pen.measureText("0").width * 0.95;
    let length = Math.floor(room / each);
    while (length > 0 && pen.measureText(text.slice(0, length) + "…").width > room) --length;
    if (length < 2) return false;
    text = text.slice(0, length) + "…";
  }
  pen.fillText(text, x, y);
  return true;
}
function hit(x, y, width, height, thing) {
  hits.push({ x, y, width, height, thing });
}
function hatch(x, y, width, height, colour, step = 6) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  pen.strokeStyle = colour;
  pen.lineWidth = 1.4;
  pen.beginPath();
  const begin = Math.floor((x - height) / step) * step;
  for (let at = begin; at < x + width; at += step) {
    pen.moveTo(at, y + height);
    pen.lineTo(at + height, y);
  }
  pen.stroke();
  pen.restore();
}
function box(x, y, width, height, radius = 3) {
  pen.beginPath();
  pen.roundRect(x, y, width, height, Math.min(radius, width / 2));
}
function line(x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}
// The part of a span that is in sight, at least a pixel wide; nothing when it is out of sight.
function clipped(begin, end) {
  if (end < view.from || begin > view.to) return null;
  const left = Math.max(kGutter, xOf(begin));
  const right = Math.min(kGutter + plotWidth(), xOf(end));
  return { x: left, width: Math.max(1, right - left) };
}
const isSelected = (thing) => selected !== null && nameOf(selected) === nameOf(thing);
function faultColour(kind) {
  if (kind.startsWith("partition")) return colours.partition;
  if (kind === "delay" || kind === "pause" || kind === "clock" || kind === "reset") {
    return colours[kind];
  }
  return colours.death;
}

// ---- Overview and axis --------------------------------------------------------------------------

function callDensity() {
  const bins = new Float64Array(Math.ceil(plotWidth() / 2));
  const scale = bins.length / (whole.to - whole.from);
  for (const call of calls) {
    const bin = Math.floor((call.called - whole.from) * scale);
    if (bin >= 0 && bin < bins.length) ++bins[bin];
  }
  return bins;
}

function drawOverview() {
  const top = 5;
  const height = kOverview - 9;
  const right = kGutter + plotWidth();
  pen.fillStyle = colours.soft;
  pen.fillRect(kGutter, top, plotWidth(), height);
  const bins = callDensity();
  const most = Math.max(1, ...bins);
  pen.fillStyle = colours.faint;
  pen.globalAlpha = 0.55;
  bins.forEach((count, bin) => {
    const size = Math.sqrt(count / most) * (height - 8);
    pen.fillRect(kGutter + bin * 2, top + height - size, 2, size);
  });
  pen.globalAlpha = 1;
  for (const fault of faults) {
    const x = overviewX(fault.at);
    pen.fillStyle = faultColour(fault.kind);
    pen.globalAlpha = fault.done ? 1 : 0.3;
    pen.fillRect(x, top, Math.max(2, Math.min(overviewX(fault.until), right) - x), 4);
  }
  pen.globalAlpha = 1;
  const left = Math.max(kGutter, overviewX(view.from));
  const end = Math.min(right, overviewX(view.to));
  pen.fillStyle = colours.card;
  pen.globalAlpha = 0.6;
  pen.fillRect(kGutter, top, left - kGutter, height);
  pen.fillRect(end, top, right - end, height);
  pen.globalAlpha = 1;
  pen.strokeStyle = colours.accent;
  pen.lineWidth = 1.5;
  box(left, top - 1, Math.max(3, end - left), height + 2, 4);
  pen.stroke();
  if (violation) {
    const x = overviewX(violation.at);
    pen.fillStyle = colours.violation;
    pen.fillRect(x - 1, top - 3, 3, height + 6);
    pen.beginPath();
    pen.moveTo(x - 5, top - 4);
    pen.lineTo(x + 6, top - 4);
    pen.lineTo(x + 0.5, top + 3);
    pen.fill();
  }
  font(10.5);
  pen.fillStyle = colours.faint;
  pen.textAlign = "right";
  pen.fillText("run", kGutter - 8, top + height / 2);
  pen.textAlign = "left";
}

function tickStep() {
  const wanted = perPixel() * 95;
  const power = 10 ** Math.floor(Math.log10(wanted));
  for (const times of [1, 2, 5]) if (power * times >= wanted) return power * times;
  return power * 10;
}
function drawAxis() {
  const step = tickStep();
  const flag = violationFlag();
  const y = kOverview + kAxis;
  pen.lineWidth = 1;
  font(11);
  for (let k = Math.ceil(view.from / step); k * step <= view.to; ++k) {
    const x = Math.round(xOf(k * step)) + 0.5;
    pen.strokeStyle = colours.line;
    line(x, y - 5, x, view.height);
    pen.fillStyle = colours.muted;
    const text = seconds(k * step, step);
    const width = pen.measureText(text).width;
    const hidden = flag !== null && Math.abs(x - flag.middle) < (width + flag.width) / 2 + 4;
    if (!hidden && x + width / 2 < view.width && x - width / 2 > kGutter - 20) {
      pen.fillText(text, x - width / 2, y - 13);
    }
  }
  if (data.calm >= view.from && data.calm <= view.to) {
    const x = xOf(data.calm);
    pen.strokeStyle = colours.faint;
    pen.setLineDash([2, 4]);
    line(x, y, x, view.height);
    pen.setLineDash([]);
    write("all faults end", x + 4, view.height - 9, 120, colours.muted);
    hit(x - 3, view.height - 16, 90, 16, { type: "words",
      words: "From here on no fault happens: the cluster must recover within a bounded time" });
  }
}

// ---- Faults -------------------------------------------------------------------------------------

function faultWords(fault) {
  return fault.words + (fault.done ? "" : "  (didn't happen)");
}
function drawFaults() {
  font(10.5);
  pen.textAlign = "right";
  pen.fillStyle = colours.faint;
  if (faults.length > 0 && shows("faults")) {
    pen.fillText("faults", kGutter - 10, view.faultsAt + kFaultHeight / 2);
  }
  pen.textAlign = "left";
  font(11, 500);
  for (const { fault, row, room } of view.faultRows) {
    const seen = clipped(fault.at, Math.max(fault.until, fault.at + perPixel() * 3));
    if (seen === null) continue;
    const y = view.faultsAt + row * (kFaultHeight + 2);
    const colour = faultColour(fault.kind);
    const strength = fault.done ? 1 : 0.5;
    pen.fillStyle = colour;
    pen.globalAlpha = strength * 0.2;
    box(seen.x, y, seen.width, kFaultHeight);
    pen.fill();
    pen.globalAlpha = strength;
    pen.strokeStyle = isSelected(fault) ? colours.fg : colour;
    pen.lineWidth = isSelected(fault) ? 2 : 1;
    if (!fault.done) pen.setLineDash([3, 3]);
    pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = colour;
    pen.fillRect(seen.x, y, 3, kFaultHeight);
    const end = kGutter + plotWidth();
    write(faultWords(fault), seen.x + 7, y + kFaultHeight / 2 + 0.5,
      room === 0 ? 0 : Math.min(end - seen.x - 8, Math.max(seen.width - 10, room - 8)),
      looking() && found.faults.has(fault.i) ? colours.violation : colours.fg);
    pen.globalAlpha = 1;
    hit(seen.x, y, Math.max(seen.width, room - 4, 8), kFaultHeight, fault);
  }
}

// ---- Members ------------------------------------------------------------------------------------

function drawRoles(lane) {
  font(11, 500);
  for (const span of spans[lane.node]) {
    const seen = clipped(span.at, span.until);
    if (seen === null) continue;
    const name = kBandColours[span.band];
    const down = name === "down";
    pen.fillStyle = colours[name];
    pen.fillRect(seen.x, lane.y, seen.width, kBand);
    if (down || name === "opening") {
      hatch(seen.x, lane.y, seen.width, kBand, name === "opening" ? colours.line : colours.hatch);
    }
    if (seen.width > 3) {
      pen.fillStyle = colours.card;
      pen.fillRect(seen.x, lane.y, 1, kBand);
    }
    let ink = colours.fg;
    if (name === "leader") ink = colours["on-leader"];
    if (name === "follower") ink = colours["on-follower"];
    if (down) ink = colours["on-down"];
    const text = seen.width < 90 && span.band < 6 ? "t" + span.term : roleWords(span);
    write(text, seen.x + 5, lane.y + kBand / 2 + 0.5, seen.width - 9, ink);
    if (isSelected(span)) {
      pen.strokeStyle = colours.fg;
      pen.lineWidth = 2;
      pen.strokeRect(seen.x, lane.y, seen.width, kBand);
    }
    hit(seen.x, lane.y, seen.width, kBand, span);
  }
}

function lastAtOrBefore(times, time) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle + 1; else high = middle;
  }
  return low - 1;
}

// The commit index, on one scale for all members in sight, so that who lags is lower.
function commitScale() {
  let least = Infinity;
  let most = 0;
  for (const { node } of view.nodes) {
    const own = progress[node];
    const first = lastAtOrBefore(own.at, view.from);
    const last = lastAtOrBefore(own.at, view.to);
    for (let i = Math.max(0, first); i <= last; ++i) {
      if (own.commit[i] === 0) continue;  // It is down.
      least = Math.min(least, own.commit[i]);
      most = Math.max(most, own.commit[i]);
    }
  }
  if (least === Infinity) return { least: 0, most: 1 };
  return { least, most: Math.max(most, least + 1) };
}
function drawCommits(lane, scale) {
  const own = progress[lane.node];
  const bottom = lane.y + kBand + kTrack - 2;
  const height = kTrack - 5;
  const yOf = (commit) =>
    bottom - Math.max(0, Math.min(1, (commit - scale.least) / (scale.most - scale.least))) * height;
  const first = Math.max(0, lastAtOrBefore(own.at, view.from));
  const last = lastAtOrBefore(own.at, view.to);
  if (last < 0) return;
  const right = Math.min(kGutter + plotWidth(), xOf(data.end));
  pen.beginPath();
  let x = Math.max(kGutter, xOf(own.at[first]));
  pen.moveTo(x, bottom);
  pen.lineTo(x, yOf(own.commit[first]));
  for (let i = first + 1; i <= last; ++i) {
    const next = Math.max(kGutter, xOf(own.at[i]));
    if (next - x < 0.4 && i < last) continue;
    // What was passed over happened where the line stands.
    pen.lineTo(x, yOf(own.commit[i - 1]));
    pen.lineTo(next, yOf(own.commit[i - 1]));
    pen.lineTo(next, yOf(own.commit[i]));
    x = next;
  }
  pen.lineTo(right, yOf(own.commit[last]));
  pen.lineTo(right, bottom);
  pen.closePath();
  pen.fillStyle = colours.accent;
  pen.globalAlpha = 0.16;
  pen.fill();
  pen.globalAlpha = 1;
  font(10.5);
  for (let at = kGutter + 4; at < right - 30; at += 150) {
    const i = lastAtOrBefore(own.at, timeAt(at));
    if (i < 0 || own.commit[i] === 0) continue;
    pen.strokeStyle = colours.card;
    pen.lineWidth = 3;
    pen.strokeText(own.commit[i], at, bottom - 5);
    write(String(own.commit[i]), at, bottom - 5, 60, colours.muted);
  }
}

function drawNodes() {
  const scale = commitScale();
  for (const lane of view.nodes) {
    pen.fillStyle = colours.soft;
    pen.globalAlpha = 0.5;
    pen.fillRect(kGutter, lane.y, plotWidth(), kNodeHeight);
    pen.globalAlpha = 1;
    drawRoles(lane);
    drawEvents(lane);
    drawCommits(lane, scale);
    drawFaultsOnNode(lane);
    const bad = named.members.has(lane.node);
    font(13, 650);
    pen.textAlign = "right";
    pen.fillStyle = bad ? colours.violation : colours.fg;
    pen.fillText("n" + lane.node, kGutter - 10, lane.y + kBand / 2);
    font(10.5);
    pen.fillStyle = colours.faint;
    pen.fillText("commit", kGutter - 10, lane.y + kBand + kTrack / 2 + 1);
    pen.textAlign = "left";
    if (bad) {
      pen.strokeStyle = colours.violation;
      pen.lineWidth = 2;
      box(kGutter - 32, lane.y - 2, 26, kBand + 4, 5);
      pen.stroke();
    }
  }
}

// ---- Clients ------------------------------------------------------------------------------------

function drawCall(call, y, dim) {
  const seen = clipped(call.called, call.until);
  if (seen === null) return;
  ++drawn.calls;
  const bad = isNamed(call);
  const width = Math.max(seen.width, bad ? 5 : 1.5);
  const tone = call.outcome === "pending" ? "unknown" : call.outcome;
  pen.globalAlpha = dim && !bad ? 0.28 : 1;
  pen.fillStyle = colours[tone + (call.reads || tone === "unknown" ? "-soft" : "")];
  if (width < 3) {
    pen.fillStyle = colours[tone];
    pen.fillRect(seen.x, y, width, view.callHeight);
  } else {
    box(seen.x, y, width - 0.5, view.callHeight);
    pen.fill();
    if (tone === "unknown") hatch(seen.x, y, width - 0.5, view.callHeight, colours.unknown, 7);
    pen.strokeStyle = colours[tone];
    pen.lineWidth = 1;
    box(seen.x, y, width - 0.5, view.callHeight);
    pen.stroke();
  }
  if (width > 26) {
    font(11, bad ? 650 : 400);
    const sign = { ok: "", error: "! ", unknown: "? ", pending: "… " }[call.outcome];
    const solid = tone !== "unknown" && !call.reads;
    const ink = solid && tone === "ok" ? "#ffffff" : colours.fg;
    write(sign + call.words, seen.x + 5, y + view.callHeight / 2, width - 9, ink);
  }
  if (bad || isSelected(call) || (looking() && found.calls.has(call.i))) {
    pen.globalAlpha = 1;
    pen.strokeStyle = isSelected(call) ? colours.fg : colours.violation;
    pen.lineWidth = 2.5;
    box(seen.x - 2, y - 2, width + 3, view.callHeight + 4, 4);
    pen.stroke();
  }
  pen.globalAlpha = 1;
  hit(seen.x - 1, y, Math.max(width, 4), view.callHeight, call);
}
// So near that what doesn't belong to the violation may step back.
const near = () => view.to - view.from < (whole.to - whole.from) * 0.7;
function drawClients() {
  const about = selected !== null && selected.type === "violation" && named.calls.size > 0;
  const dim = (about && near()) || (looking() && found.calls.size > 0);
  for (const lane of view.clients) {
    pen.fillStyle = colours.soft;
    pen.globalAlpha = 0.45;
    pen.fillRect(kGutter, lane.y, plotWidth(), view.callHeight);
    pen.globalAlpha = 1;
    font(12, 600);
    pen.textAlign = "right";
    pen.fillStyle = colours.fg;
    pen.fillText("c" + lane.client, kGutter - 10, lane.y + view.callHeight / 2);
    pen.textAlign = "left";
  }
  const late = [];
  for (const call of calls) {
    if (call.until < view.from || call.called > view.to || !showsCall(call)) continue;
    const lane = clientLane(call.client);
    const matches = looking() && found.calls.has(call.i);
    if (isNamed(call) || isSelected(call) || matches) late.push([call, lane]);
    else drawCall(call, lane.y, dim);
  }
  for (const [call, lane] of late) drawCall(call, lane.y, dim && !found.calls.has(call.i));
}
