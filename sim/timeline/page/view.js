"use strict";
// Which part of the run is shown, and where each lane lies. Pixels are CSS pixels.

const kGutter = 58;
const kOverview = 34;
const kAxis = 24;
const kBand = 20;
const kTrack = 22;
const kNodeHeight = kBand + kTrack;
const kCallLeast = 18;
const kCallMost = 28;
const kCallGap = 7;
const kFaultHeight = 17;
const kFaultRowsMax = 6;

const view = {
  from: data.from,
  to: Math.max(data.to, data.from + 1000),
  width: 800,
  height: 600,
  nodes: [],    // {node, y}
  clients: [],  // {client, y}
  callHeight: kCallLeast,
  faultRows: [],
  faultsAt: 0,
  hiddenLanes: new Set(),
};
const whole = { from: view.from, to: view.to };
const kShortest = 2000;  // Of what can be shown, in nanoseconds.

const plotWidth = () => Math.max(50, view.width - kGutter - 8);
const perPixel = () => (view.to - view.from) / plotWidth();
const xOf = (time) => kGutter + (time - view.from) / perPixel();
const timeAt = (x) => view.from + (x - kGutter) * perPixel();
const overviewX = (time) =>
  kGutter + (time - whole.from) / (whole.to - whole.from) * plotWidth();
const overviewTime = (x) =>
  whole.from + (x - kGutter) / plotWidth() * (whole.to - whole.from);

function show(from, to) {
  const margin = (whole.to - whole.from) * 0.02;
  let span = Math.max(kShortest, Math.min(to - from, whole.to - whole.from + 2 * margin));
  const middle = (from + to) / 2;
  from = Math.max(whole.from - margin, middle - span / 2);
  from = Math.min(from, whole.to + margin - span);
  view.from = from;
  view.to = from + span;
}
function zoom(factor, around = (view.from + view.to) / 2) {
  const span = Math.max(kShortest, (view.to - view.from) * factor);
  const share = (around - view.from) / (view.to - view.from);
  const from = around - share * span;
  show(from, from + span);
}
function pan(pixels) {
  const by = pixels * perPixel();
  show(view.from + by, view.to + by);
}
// Brings a thing into sight; from afar also nearer, so that it can be told from its neighbours.
function reveal(thing) {
  const begin = timeOf(thing);
  const end = Math.max(begin, endOf(thing));
  const span = view.to - view.from;
  const wanted = Math.max((end - begin) * 4, 2e6);
  const seen = begin >= view.from + span * 0.03 && end <= view.to - span * 0.03;
  if (seen && span < Math.max(wanted * 60, 4e8)) return;
  const near = Math.min(span, Math.max(wanted, 1e8));
  show((begin + end) / 2 - near / 2, (begin + end) / 2 + near / 2);
}
function violationView() {
  const own = calls.filter(isNamed);
  let from = Math.min(violation.at, ...own.map((call) => call.called));
  let to = Math.max(violation.at, ...own.map((call) => call.until));
  const margin = Math.max((to - from) * 0.35, 5e7);
  return [from - margin, to + margin];
}

// Faults whose boxes or words overlap lie below each other.
function packFaults(shown, leftOf, rightOf) {
  const ends = [];
  pen.font = `500 11px ${kFont}`;
  return shown.map((fault) => {
    const left = leftOf(fault);
    const words = Math.min(190, pen.measureText(faultWords(fault)).width + 14);
    let row = ends.findIndex((end) => end <= left);
    if (row < 0) row = ends.length;
    ends[row] = Math.max(rightOf(fault), left + words) + 4;
    return { fault, row, room: words };
  });
}
// As many rows as the whole run needs: lanes don't jump while one zooms.
function layFaults() {
  const shown = shows("faults") ? faults : [];
  const all = packFaults(shown, (f) => overviewX(f.at), (f) => overviewX(f.until));
  const rows = Math.min(kFaultRowsMax, Math.max(-1, ...all.map((laid) => laid.row)) + 1);
  view.faultRows = packFaults(
    shown.filter((f) => f.until >= view.from && f.at <= view.to),
    (f) => Math.max(kGutter, xOf(f.at)), (f) => xOf(f.until));
  for (const laid of view.faultRows) {
    if (laid.row < rows) continue;
    laid.row = rows - 1;
    laid.room = 0;  // Its words would lie upon another's.
  }
  return rows;
}

function layOut(available) {
  const nodes = [];
  const clients = [];
  for (let node = 1; node <= data.nodes; ++node) {
    if (!view.hiddenLanes.has("n" + node)) nodes.push(node);
  }
  for (let client = 1; client <= data.clients; ++client) {
    if (!view.hiddenLanes.has("c" + client)) clients.push(client);
  }
  const faultRows = layFaults();
  let y = kOverview + kAxis + 6;
  view.faultsAt = y;
  y += faultRows * (kFaultHeight + 2) + (faultRows > 0 ? 12 : 4);
  const gaps = Math.max(0, nodes.length - 1) + 0.6;
  const fixed = y + nodes.length * kNodeHeight + clients.length * (kCallLeast + kCallGap) + 12 +
    clients.reduce((sum, client) => sum + watchHeight(client), 0);
  // What is left goes between the members, where the messages are, and to the calls.
  const spare = Math.max(0, available - fixed - gaps * 28);
  view.callHeight = Math.floor(
    Math.min(kCallMost, kCallLeast + spare * 0.3 / Math.max(1, clients.length)));
  const rest = spare - clients.length * (view.callHeight - kCallLeast);
  const gap = 28 + Math.min(150, rest / gaps);
  view.nodes = nodes.map((node, n) => ({ node, y: y + n * (kNodeHeight + gap) }));
  y += nodes.length * kNodeHeight + gaps * gap;
  view.clients = clients.map((client) => {
    const lane = { client, y };
    y += view.callHeight + watchHeight(client) + kCallGap;
    return lane;
  });
  y += 4;
  view.height = Math.max(available, Math.ceil(y));
}
const nodeLane = (node) => view.nodes.find((lane) => lane.node === node);
const clientLane = (client) => view.clients.find((lane) => lane.client === client);
