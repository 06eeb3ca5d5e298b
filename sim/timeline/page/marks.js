"use strict";
// Draws what lies on and between lanes: events, arrows of messages, the violation; and everything
// together, in order.

// More arrows than this would only be a grey wall.
const kArrowsMax = 1600;

function eventGlyph(event, x, lane) {
  const y = lane.y + kBand;
  const bottom = y + kTrack - 2;
  const strong = { death: colours.violation, start: colours.ok, role: colours.candidate,
    recovery: colours.recovering, snapshot: colours.snapshot, truncation: colours.violation };
  if (event.log) {
    const loud = event.kind === "error" || event.kind === "fatal";
    pen.fillStyle = loud ? colours.violation
      : event.kind === "warn" ? colours.candidate : colours.faint;
    pen.fillRect(x - 0.75, y + 1, 1.5, event.kind === "info" ? 4 : 7);
    return 7;
  }
  pen.fillStyle = strong[event.kind] || colours.muted;
  pen.beginPath();
  if (event.kind === "death") {
    pen.strokeStyle = pen.fillStyle;
    pen.lineWidth = 2;
    line(x - 4, bottom - 11, x + 4, bottom - 3);
    line(x - 4, bottom - 3, x + 4, bottom - 11);
  } else {
    pen.moveTo(x, bottom - 10);
    pen.lineTo(x + 3.5, bottom - 3);
    pen.lineTo(x - 3.5, bottom - 3);
    pen.fill();
  }
  return kTrack;
}
function drawEvents(lane) {
  for (const event of events) {
    if (event.node !== lane.node || event.at < view.from || event.at > view.to) continue;
    if (!showsEvent(event)) continue;
    const x = xOf(event.at);
    const marked = isSelected(event) || (looking() && found.events.has(event.i));
    pen.globalAlpha = looking() && !marked ? 0.3 : 1;
    const reach = eventGlyph(event, x, lane);
    pen.globalAlpha = 1;
    if (marked) {
      pen.strokeStyle = isSelected(event) ? colours.fg : colours.violation;
      pen.lineWidth = 2;
      box(x - 6, lane.y + kBand, 12, kTrack - 1, 4);
      pen.stroke();
    }
    hit(x - 4, lane.y + kBand, 8, reach, event);
  }
}
// Which faults hold for this member, as thin lines below its role.
function drawFaultsOnNode(lane) {
  if (!shows("faults")) return;
  let row = 0;
  for (const fault of faults) {
    if (!fault.done || !fault.nodes.includes(lane.node) || fault.until <= fault.at) continue;
    const seen = clipped(fault.at, fault.until);
    if (seen === null) continue;
    pen.fillStyle = faultColour(fault.kind);
    if (fault.kind === "pause") {
      hatch(seen.x, lane.y, seen.width, kBand, colours.card, 5);
      hatch(seen.x, lane.y, seen.width, kBand, colours.pause, 10);
    }
    pen.fillRect(seen.x, lane.y - 4 - (row++ % 2) * 3, seen.width, 2);
  }
}

// ---- Messages -----------------------------------------------------------------------------------

// From the lower edge of one lane to the upper edge of the other, or the other way round.
function arrowEnds(i) {
  const from = nodeLane(messages.from[i]);
  const to = nodeLane(messages.to[i]);
  if (from === undefined || to === undefined) return null;
  const down = from.y < to.y;
  return {
    x1: xOf(messages.sent[i]),
    y1: down ? from.y + kNodeHeight : from.y,
    x2: xOf(messages.sent[i] + messages.took[i]),
    y2: down ? to.y : to.y + kNodeHeight,
  };
}
function drawArrow(i, strong) {
  const ends = arrowEnds(i);
  if (ends === null) return;
  let { x1, y1, x2, y2 } = ends;
  const lost = messages.fate[i] !== kArrived;
  pen.strokeStyle = colours[messages.kinds[messages.kind[i]].group];
  if (lost) {
    // It never arrived: the line ends on its way.
    x2 = x1 + Math.min(Math.max(6, x2 - x1), 26);
    y2 = y1 + (y2 - y1) * 0.42;
    pen.setLineDash([4, 3]);
  }
  pen.lineWidth = strong ? 2.4 : 1.1;
  line(x1, y1, x2, y2);
  pen.setLineDash([]);
  const angle = Math.atan2(y2 - y1, x2 - x1);
  const size = strong ? 8 : 5.5;
  if (lost) {
    pen.strokeStyle = messages.fate[i] === kLost ? colours.violation : colours.muted;
    pen.lineWidth = strong ? 2.4 : 1.5;
    line(x2 - 3.5, y2 - 3.5, x2 + 3.5, y2 + 3.5);
    line(x2 - 3.5, y2 + 3.5, x2 + 3.5, y2 - 3.5);
  } else {
    pen.fillStyle = pen.strokeStyle;
    pen.beginPath();
    pen.moveTo(x2, y2);
    pen.lineTo(x2 - size * Math.cos(angle - 0.38), y2 - size * Math.sin(angle - 0.38));
    pen.lineTo(x2 - size * Math.cos(angle + 0.38), y2 - size * Math.sin(angle + 0.38));
    pen.fill();
  }
  ++drawn.messages;
}
// Messages that carried a selected call, or that are selected, are drawn from any distance.
function chosenMessages() {
  if (selected === null) return [];
  if (selected.type === "message") return [selected.i];
  if (selected.type === "call") return carriersOf(selected).slice(0, 12);
  return [];
}
// The words of an arrow, where arrows are far apart.
function drawArrowWords(i, taken) {
  const ends = arrowEnds(i);
  if (ends === null) return;
  font(10.5);
  const kind = messages.kinds[messages.kind[i]];
  let text = kind.name;
  if (kind.group === "append" && kind.fields[2] === "entries") {
    const entries = messages.field(i, 2);
    const first = messages.field(i, 0) + 1;
    text = entries === 0 ? "append, empty"
      : "append " + first + (entries > 1 ? "–" + (first + entries - 1) : "");
  }
  if (kind.name === "append response") {
    text = (messages.field(i, 0) ? "accepted " : "refused ") + messages.field(i, 1);
  }
  const x = ends.x1 + (ends.x2 - ends.x1) * 0.3 + 4;
  const y = ends.y1 + (ends.y2 - ends.y1) * 0.3;
  const width = pen.measureText(text).width;
  // Not upon the words of another arrow.
  if (taken.some((other) => Math.abs(other.y - y) < 12 && other.x < x + width + 4 &&
      x < other.x + other.width + 4)) return;
  taken.push({ x, y, width });
  pen.strokeStyle = colours.card;
  pen.lineWidth = 3;
  pen.strokeText(text, x, y);
  pen.fillStyle = colours[kind.group];
  pen.fillText(text, x, y);
}
function drawMessages() {
  const inView = [];
  for (let i = 0; i < messages.size; ++i) {
    if (messages.sent[i] > view.to) break;
    if (messages.sent[i] + messages.took[i] < view.from || !showsMessage(i)) continue;
    if (looking() && found.messages.size > 0 && !found.messages.has(i)) continue;
    inView.push(i);
  }
  drawn.messagesInView = inView.length;
  const chosen = new Set(chosenMessages());
  pen.save();
  pen.beginPath();
  pen.rect(kGutter, kOverview + kAxis, plotWidth(), view.height);
  pen.clip();
  // From afar only the lost ones.
  let shown = inView;
  if (inView.length > kArrowsMax) shown = inView.filter((i) => messages.fate[i] === kLost);
  if (shown.length <= kArrowsMax) {
    pen.globalAlpha = chosen.size > 0 ? 0.35 : 0.85;
    for (const i of shown) {
      drawArrow(i, false);
      const ends = arrowEnds(i);
      if (ends !== null) hits.push({ ...ends, line: true, thing: { type: "message", i } });
    }
    pen.globalAlpha = 1;
    const taken = [];
    const room = shown === inView && shown.length < 150;
    if (room) for (const i of shown) drawArrowWords(i, taken);
  }
  const taken = [];
  for (const i of chosen) {
    drawArrow(i, true);
    drawArrowWords(i, taken);
  }
  pen.restore();
}

// ---- The violation ------------------------------------------------------------------------------

// What contradicts each other is joined: the end of one call and the beginning of the next; writes
// and what a watch was told; the call that asked for a lease and the lease's end.
function drawContradiction() {
  const own = contradiction.calls;
  if (contradiction.mark !== null) {
    for (const call of own) drawTold(call, contradiction.mark, colours.violation);
    return;
  }
  for (let k = 0; k + 1 < own.length; ++k) {
    const from = clientLane(own[k].client);
    const to = clientLane(own[k + 1].client);
    if (from === undefined || to === undefined) continue;
    const x1 = xOf(own[k].until);
    const x2 = xOf(own[k + 1].called);
    const y1 = from.y + view.callHeight / 2;
    const y2 = to.y + view.callHeight / 2;
    const bow = Math.max(30, Math.abs(x2 - x1) / 2);
    pen.strokeStyle = colours.violation;
    pen.lineWidth = 2;
    pen.setLineDash([6, 4]);
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.bezierCurveTo(x1 + bow, y1, x2 - bow, y2, x2, y2);
    pen.stroke();
    pen.setLineDash([]);
  }
  if (violation.oracle === "leases" && own.length > 0) drawLeaseTime(own[own.length - 1]);
}
// From when a client could count on its lease to when the lease was over.
function drawLeaseTime(call) {
  const lane = clientLane(call.client);
  if (lane === undefined) return;
  const x1 = xOf(call.called);
  const x2 = xOf(violation.at);
  const y = lane.y - 4;
  pen.strokeStyle = pen.fillStyle = colours.violation;
  pen.lineWidth = 2;
  line(x1, y, x2, y);
  line(x1, y - 4, x1, y + 4);
  line(x2, y - 4, x2, y + 4);
  font(11, 600);
  const text = length(violation.at - call.called) + ", then the lease was over";
  pen.strokeStyle = colours.card;
  pen.lineWidth = 4;
  const left = Math.max(kGutter + 4, (x1 + x2 - pen.measureText(text).width) / 2);
  pen.strokeText(text, left, y - 9);
  pen.fillText(text, left, y - 9);
}
// Who answered a call that matters now: from the call's end to the member's lane.
function drawAnswered(call) {
  const lane = nodeLane(call.node);
  const own = clientLane(call.client);
  if (lane === undefined || own === undefined || call.outcome === "pending") return;
  const x = xOf(call.until);
  if (x < kGutter || x > kGutter + plotWidth()) return;
  const y = lane.y + kNodeHeight;
  pen.strokeStyle = isNamed(call) ? colours.violation : colours.fg;
  pen.fillStyle = pen.strokeStyle;
  pen.lineWidth = 1.5;
  pen.setLineDash([2, 3]);
  line(x, y + 3, x, own.y - 2);
  pen.setLineDash([]);
  pen.beginPath();
  pen.arc(x, y + 1, 3.5, 0, 2 * Math.PI);
  pen.fill();
  font(11, 600);
  const text = (call.reads ? "served by n" : "answered by n") + call.node +
    (call.index ? " at index " + call.index : "");
  const width = pen.measureText(text).width;
  const left = x + 6 + width < view.width ? x + 6 : x - 6 - width;
  pen.strokeStyle = colours.card;
  pen.lineWidth = 4;
  pen.strokeText(text, left, own.y - 11);
  pen.fillText(text, left, own.y - 11);
}
// The flag above the lanes, while the violation is in sight.
function violationFlag() {
  if (violation === null) return null;
  const x = xOf(violation.at);
  if (x < kGutter - 1 || x > view.width) return null;
  font(11.5, 650);
  const text = "✗ " + violation.oracle;
  const width = pen.measureText(text).width + 14;
  const left = Math.max(kGutter, Math.min(x - width / 2, view.width - width - 4));
  return { x, text, width, left, middle: left + width / 2 };
}
function drawViolation() {
  pen.save();
  pen.beginPath();
  pen.rect(kGutter, kOverview, plotWidth() + 8, view.height);
  pen.clip();
  if (violation !== null) {
    drawContradiction();
    if (near()) for (const call of calls) if (named.calls.has(call.id)) drawAnswered(call);
  }
  drawToldOfSelected();
  if (selected !== null && selected.type === "call") drawAnswered(selected);
  const flag = violationFlag();
  if (flag !== null) {
    pen.strokeStyle = colours.violation;
    pen.lineWidth = 2;
    line(flag.x, kOverview + kAxis - 4, flag.x, view.height);
    font(11.5, 650);
    pen.fillStyle = colours.violation;
    box(flag.left, kOverview + 3, flag.width, 18, 4);
    pen.fill();
    pen.fillStyle = "#ffffff";
    pen.fillText(flag.text, flag.left + 7, kOverview + 12.5);
    hit(flag.left, kOverview + 3, flag.width, 18, thingNamed("v"));
  }
  pen.restore();
}

// ---- Everything ---------------------------------------------------------------------------------

function sizeCanvas() {
  const stage = document.getElementById("stage");
  view.width = stage.clientWidth;
  layOut(stage.clientHeight);
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(view.width * ratio);
  const height = Math.round(view.height * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
    canvas.style.width = view.width + "px";
    canvas.style.height = view.height + "px";
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
}
function draw() {
  sizeCanvas();
  hits = [];
  drawn = { messages: 0, messagesInView: 0, calls: 0, marks: 0 };
  pen.textBaseline = "middle";
  pen.fillStyle = colours.card;
  pen.fillRect(0, 0, view.width, view.height);
  drawAxis();
  drawMessages();
  drawFaults();
  drawNodes();
  drawClients();
  drawWatches();
  drawViolation();
  drawOverview();
  tellNotes();
}
// The topmost thing at a place; arrows within a few pixels.
function thingUnder(x, y) {
  let nearest = null;
  let least = 5;
  for (let k = hits.length - 1; k >= 0; --k) {
    const h = hits[k];
    if (!h.line) {
      if (x >= h.x && x <= h.x + h.width && y >= h.y && y <= h.y + h.height) return h.thing;
      continue;
    }
    const dx = h.x2 - h.x1;
    const dy = h.y2 - h.y1;
    const t = Math.max(0, Math.min(1, ((x - h.x1) * dx + (y - h.y1) * dy) / (dx * dx + dy * dy)));
    const away = Math.hypot(x - h.x1 - t * dx, y - h.y1 - t * dy);
    if (away < least) {
      least = away;
      nearest = messageAt(h.thing.i);
    }
  }
  return nearest;
}
