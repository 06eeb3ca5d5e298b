"use strict";
// Puts the page together: header, tools, legend; pointer and keys; the address.

let selected = null;
let waiting = false;
const part = (id) => document.getElementById(id);

function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    draw();
  });
}

// `far`: it may be out of sight.
function choose(thing, far = false) {
  selected = thing;
  if (thing !== null && far) {
    if (thing.type === "violation") show(...violationView()); else reveal(thing);
  }
  const address = thing === null ? location.pathname + location.search : "#e=" + nameOf(thing);
  try {
    history.replaceState(null, "", address);
  } catch {
    // Some browsers refuse it for local files; the page works without.
  }
  tellPanel();
  redraw();
}
function followAddress() {
  const match = /[#&]e=(v|[a-z]\d+)(?=&|$)/.exec(location.hash);
  const thing = match ? thingNamed(match[1]) : null;
  if (thing === null) return false;
  if (thing.type === "message") filter.on.add(thing.kind.group);
  tellTools();
  choose(thing, true);
  return true;
}
function step(by) {
  const next = stepFrom(selected, by);
  if (next !== null) choose(next, true);
}

// ---- Header, tools, legend ----------------------------------------------------------------------

function tellHead() {
  const run = data.run;
  part("verdict").textContent = run.verdict;
  part("verdict").className = run.verdict;
  part("title").textContent = `seed ${run.seed} · ${run.profile}`;
  const same = run.recordedHash === run.hash ? "" :
    run.recordedHash === "" ? "" : ` (recorded: ${run.recordedHash})`;
  const count = Object.fromEntries(run.counts);
  const pairs = [["hash", run.hash + same], ["version", `${run.version} ${run.commit}`],
    ["virtual", seconds(data.end, 1e7)], ["calls", count["calls"]], ["faults", count["faults"]],
    ["elections", count["elections won"]]];
  for (const [name, value] of pairs) {
    const pair = element("div");
    pair.append(element("dt", name), element("dd", String(value)));
    part("facts").append(pair);
  }
  // Without the folders, which only the copy needs.
  part("command").textContent = run.reproduce.replace(/\S*\//g, "");
  part("command").title = run.reproduce;
  if (violation !== null) {
    part("banner").hidden = false;
    part("banner-judge").textContent = "✗ " + violation.oracle;
    part("banner-words").textContent = violation.message;
    part("banner").title = violation.message;
  }
}

function chip(label, on, colour, change) {
  const made = element("button", undefined, "chip");
  if (colour) {
    const swatch = element("span", undefined, "swatch");
    swatch.style.setProperty("--chip", `var(--${colour})`);
    made.append(swatch);
  }
  made.append(element("span", label));
  made.setAttribute("aria-pressed", String(on));
  made.dataset.name = label;
  made.addEventListener("click", change);
  return made;
}
function toggle(set, name) {
  if (!set.delete(name)) set.add(name);
  look(filter.words);
  tellTools();
  redraw();
}
function tellTools() {
  part("kinds").replaceChildren(...kKinds.map(([kind, colour]) =>
    chip(kind, shows(kind), colour, () => toggle(filter.on, kind))));
  const lanes = [];
  for (let node = 1; node <= data.nodes; ++node) lanes.push("n" + node);
  for (let client = 1; client <= data.clients; ++client) lanes.push("c" + client);
  part("lanes").replaceChildren(...lanes.map((lane) =>
    chip(lane, !view.hiddenLanes.has(lane), "", () => toggle(view.hiddenLanes, lane))));
}
function fillKeys() {
  const count = new Map();
  for (const thing of [...calls, ...marks]) {
    for (const key of thing.keys) count.set(key, (count.get(key) || 0) + 1);
  }
  const keys = [...count.entries()].sort((a, b) => b[1] - a[1]).slice(0, 300);
  part("key").append(new Option("every key", ""),
    ...keys.map(([key, times]) => new Option(`${key}  (${times})`, key)));
}
function tellLegend() {
  const entry = (name, colour, words, soft) => {
    const made = element("span");
    const sign = element("i", undefined, name);
    sign.style.setProperty("--swatch", `var(--${colour})`);
    if (soft) sign.style.setProperty("--swatch-soft", `var(--${soft})`);
    made.append(sign, words);
    return made;
  };
  part("legend").replaceChildren(
    entry("", "leader", "leader"), entry("", "follower", "follower"),
    entry("", "pre-candidate", "pre-candidate"), entry("", "candidate", "candidate"),
    entry("", "recovering", "recovering"), entry("hatched", "down", "down"),
    entry("", "ok", "write, ok"), entry("open", "ok", "read, ok", "ok-soft"),
    entry("", "error", "! refused"), entry("hatched", "unknown", "? unknown"),
    entry("ring", "watch", "watch created"), entry("diamond", "watch", "events"),
    entry("line", "append", "append"), entry("line", "vote", "vote"),
    entry("line", "heartbeat", "heartbeat"), entry("line", "forward", "forward"),
    entry("line", "snapshot", "snapshot"), entry("dashed", "violation", "lost ✗"),
    entry("", "violation", "violation"));
}
function tellNotes() {
  const words = [];
  const count = drawn.messagesInView.toLocaleString("en");
  if (drawn.messagesInView > kArrowsMax) {
    words.push(`${count} messages in view: zoom in to see them`);
  } else {
    words.push(`${count} messages in view`);
  }
  if (!shows("heartbeat")) words.push("heartbeats are hidden (h)");
  if (watches.length > 0 && shows("watches") && !shows("progress")) {
    words.push("progress of watches is hidden");
  }
  if (data.leftOut.length > 0) {
    words.push("left out to keep the page small (--from and --to draw a part in full): " +
      data.leftOut.join("; "));
  }
  words.push("what a member wanted to send without a connection isn't drawn");
  part("notes").textContent = words.join(" · ");
}

// ---- Pointer ------------------------------------------------------------------------------------

const pointer = { down: null, moved: false, overview: false, x: 0 };

function place(event) {
  const area = canvas.getBoundingClientRect();
  return { x: event.clientX - area.left, y: event.clientY - area.top };
}
function tell(event) {
  const { x, y } = place(event);
  const tip = part("tip");
  const thing = thingUnder(x, y);
  tip.hidden = thing === null || x < kGutter;
  canvas.style.cursor = thing === null ? "" : "pointer";
  if (tip.hidden) return;
  const words = thing.type === "words" ? thing.words : wordsOf(thing);
  tip.textContent = thing.type === "words" ? words
    : `${seconds(timeOf(thing))}  ${words.length > 260 ? words.slice(0, 260) + "…" : words}`;
  tip.style.left = Math.max(4, Math.min(x + 14, view.width - tip.offsetWidth - 8)) + "px";
  tip.style.top = Math.max(2, y + 18 + tip.offsetHeight > view.height
    ? y - tip.offsetHeight - 10 : y + 18) + "px";
}
function centreOverview(x) {
  const half = (view.to - view.from) / 2;
  const middle = overviewTime(x);
  show(middle - half, middle + half);
  redraw();
}
canvas.addEventListener("pointerdown", (event) => {
  const { x, y } = place(event);
  Object.assign(pointer, { down: { x, y, part: event.shiftKey }, moved: false,
    overview: y < kOverview, x });
  canvas.setPointerCapture(event.pointerId);
  if (pointer.overview) centreOverview(x);
});
canvas.addEventListener("pointermove", (event) => {
  if (pointer.down === null) {
    tell(event);
    return;
  }
  const { x } = place(event);
  if (pointer.overview) {
    centreOverview(x);
    return;
  }
  if (!pointer.moved && Math.abs(x - pointer.down.x) < 4) return;
  pointer.moved = true;
  part("tip").hidden = true;
  if (!pointer.down.part) {
    canvas.classList.add("dragging");
    pan(pointer.x - x);
    pointer.x = x;
    redraw();
    return;
  }
  draw();
  pen.fillStyle = colours.accent;
  pen.globalAlpha = 0.18;
  pen.fillRect(Math.min(x, pointer.down.x), kOverview, Math.abs(x - pointer.down.x), view.height);
  pen.globalAlpha = 1;
});
canvas.addEventListener("pointerup", (event) => {
  const { x, y } = place(event);
  const down = pointer.down;
  pointer.down = null;
  canvas.classList.remove("dragging");
  if (down === null || pointer.overview) return;
  if (pointer.moved && down.part) {
    show(Math.min(timeAt(x), timeAt(down.x)), Math.max(timeAt(x), timeAt(down.x)));
    redraw();
  } else if (!pointer.moved) {
    const thing = thingUnder(x, y);
    choose(thing !== null && thing.type === "words" ? null : thing);
  }
});
canvas.addEventListener("pointerleave", () => { part("tip").hidden = true; });
canvas.addEventListener("dblclick", (event) => {
  zoom(0.25, timeAt(place(event).x));
  redraw();
});
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
  if (sideways) pan(event.deltaX || event.deltaY);
  else zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * 0.002))), timeAt(place(event).x));
  redraw();
}, { passive: false });

// ---- Keys and buttons ---------------------------------------------------------------------------

function turnTheme() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  readColours();
  redraw();
}
const actions = {
  "ArrowLeft": () => pan(-plotWidth() / 6), "ArrowRight": () => pan(plotWidth() / 6),
  "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "−": () => zoom(2),
  "f": () => show(whole.from, whole.to), "n": () => step(1), "p": () => step(-1),
  "v": () => { if (violation) choose(thingNamed("v"), true); },
  "h": () => toggle(filter.on, "heartbeat"), "d": turnTheme, "Escape": () => choose(null),
  "/": () => part("search").focus(),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target instanceof HTMLInputElement ||
    event.target instanceof HTMLSelectElement;
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const action = actions[event.key];
  if (action === undefined) return;
  event.preventDefault();
  action();
  redraw();
});
for (const [id, key] of [["previous", "p"], ["next", "n"], ["out", "-"], ["in", "+"], ["fit", "f"],
  ["theme", "d"], ["banner", "v"]]) {
  part(id).addEventListener("click", () => {
    actions[key]();
    redraw();
  });
}
part("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(data.run.reproduce);
    part("copy").textContent = "copied";
  } catch {
    getSelection().selectAllChildren(part("command"));
  }
});
part("key").addEventListener("change", () => {
  filter.key = part("key").value;
  redraw();
});
part("search").addEventListener("input", () => {
  look(part("search").value);
  part("found").textContent = looking() ? `${found.things.length} found` : "";
  redraw();
});
part("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && found.things.length > 0) step(event.shiftKey ? -1 : 1);
});
window.addEventListener("resize", redraw);
window.addEventListener("hashchange", followAddress);

// ---- Begin --------------------------------------------------------------------------------------

if (window.matchMedia("(prefers-color-scheme: dark)").matches) {
  document.documentElement.dataset.theme = "dark";
}
readColours();
tellHead();
tellTools();
fillKeys();
tellLegend();
if (!followAddress()) {
  selected = violation ? thingNamed("v") : null;
  tellPanel();
}
draw();
document.documentElement.dataset.readyMs = String(Math.round(performance.now()));
document.documentElement.dataset.drawMs = String(Math.round(performance.now() - began));
