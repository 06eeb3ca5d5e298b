"use strict";
// The panel beside the lanes: what is selected, in full, and what has to do with it. All of the
// run's words become text nodes, never markup.

const panel = document.getElementById("panel");

function element(tag, words, className) {
  const made = document.createElement(tag);
  if (words !== undefined) made.textContent = words;
  if (className) made.className = className;
  return made;
}
function facts(pairs) {
  const list = element("dl");
  for (const [name, value] of pairs) {
    if (value === undefined || value === "") continue;
    list.append(element("dt", name), element("dd", String(value)));
  }
  return list;
}
function items(title, things) {
  if (things.length === 0) return [];
  const made = [element("h3", title)];
  for (const thing of things) {
    const bad = thing.type === "mark" ? isNamedMark(thing)
      : thing.type === "call" && isNamed(thing);
    const item = element("button", undefined,
      "item" + (bad ? " named" : "") + (isSelected(thing) ? " here" : ""));
    item.append(element("span", seconds(timeOf(thing)).replace(" s", "")),
      element("span", wordsOf(thing)));
    item.title = wordsOf(thing);
    item.addEventListener("click", () => choose(thing, true));
    made.push(item);
  }
  return made;
}
function link(thing) {
  const made = element("a", "link to this: #e=" + nameOf(thing), "link");
  made.href = "#e=" + nameOf(thing);
  return made;
}

// Appends that carried the call's entry, and the first answers that took it in.
function carriersOf(call) {
  if (call.index === 0 || call.reads) return [];
  const carriers = [];
  for (let i = 0; i < messages.size && carriers.length < 24; ++i) {
    const kind = messages.kinds[messages.kind[i]];
    if (kind.name !== "append" || messages.sent[i] < call.called) continue;
    const previous = messages.field(i, 0);
    if (previous < call.index && call.index <= previous + messages.field(i, 2)) carriers.push(i);
  }
  return carriers;
}
function callsCarriedBy(message) {
  if (message.kind.name !== "append") return [];
  const previous = messages.field(message.i, 0);
  const last = previous + messages.field(message.i, 2);
  return calls.filter((call) => !call.reads && call.index > previous && call.index <= last)
    .slice(0, 20);
}
// What else happened to the call's keys, in the order of the log.
function neighboursOf(call) {
  const same = calls.filter((other) =>
    other.index > 0 && other.keys.some((key) => call.keys.includes(key)));
  same.sort((a, b) => a.index - b.index || a.called - b.called);
  const at = same.indexOf(call);
  return at < 0 ? same.slice(0, 12) : same.slice(Math.max(0, at - 6), at + 7);
}
function around(time, node) {
  return events.filter((event) => event.node === node && Math.abs(event.at - time) < 2e8)
    .slice(0, 14);
}

function callPanel(call) {
  const outcome = { ok: "answered", error: "refused", unknown: "unknown: it may have happened",
    pending: "pending at the end" }[call.outcome];
  return [
    element("h2", `c${call.client}: call #${call.id}`, isNamed(call) ? "bad" : ""),
    element("pre", call.words),
    facts([
      ["called", seconds(call.called)],
      ["ended", call.ended < 0 ? "never" : seconds(call.ended)],
      ["took", length(call.until - call.called)],
      ["outcome", outcome],
      [call.reads ? "served by" : "answered by", call.node ? "n" + call.node : "nobody known"],
      [call.reads ? "served at index" : "in the log at index", call.index || "nowhere"],
      ["revision", call.revision || ""],
      ["as user", call.user],
    ]),
    ...(call.answer === "" ? [] : [element("h3", "answer"), element("pre", call.answer)]),
    ...items("carried by", carriersOf(call).slice(0, 8).map(messageAt)),
    ...items("told to watches", toldOf(call)),
    ...items("same keys, in the order of the log", neighboursOf(call)),
  ];
}
function messagePanel(message) {
  const fate = ["under way at the end", "arrived", "lost: its connection broke before"];
  return [
    element("h2", `${message.kind.name}: n${message.from} → n${message.to}`),
    facts([
      ["sent", seconds(message.at)],
      [message.fate === kArrived ? "arrived" : "until", seconds(message.until)],
      ["took", length(messages.took[message.i])],
      ["fate", fate[message.fate]],
      ["term", message.term || ""],
      ...message.kind.fields.map((field, n) => [field, messages.field(message.i, n)]),
    ]),
    ...items("calls whose entries it carried", callsCarriedBy(message)),
  ];
}
function violationPanel() {
  const card = element("div", undefined, "card");
  card.append(element("p", violation.message));
  const titles = { watch: "what was written", leases: "who asked for the lease last" };
  const own = contradiction.calls;
  const watched = contradiction.mark === null ? [] : [contradiction.mark];
  const before = marks.filter((mark) => named.watches.has(mark.watch) &&
    mark.kind !== "progress" && !watched.includes(mark)).slice(-8);
  const atIndex = calls.filter((call) => named.indexes.has(call.index) && !own.includes(call));
  const deaths = events.filter((event) => named.members.has(event.node) &&
    ["death", "start", "recovery"].includes(event.kind)).slice(-8);
  return [
    element("h2", "✗ " + violation.oracle, "bad"),
    card,
    facts([
      ["at", seconds(violation.at)],
      ["members", [...named.members].map((node) => "n" + node).join(", ")],
      ["indexes", violation.indexes.join(", ")],
    ]),
    ...items(titles[violation.oracle] || "calls that contradict each other", own),
    ...items("what the watch was told", watched),
    ...items("the watch until then", before),
    ...items("calls at the same index", atIndex.slice(0, 12)),
    ...items("lives of the members named", deaths),
    ...items("faults until then", faults.filter((fault) => fault.done && fault.at <= violation.at)
      .slice(-12)),
  ];
}
function runPanel() {
  const keys = [["wheel", "zoom"], ["drag", "pan"], ["shift drag", "zoom to a part"],
    ["← →", "pan"], ["+ −", "zoom"], ["n p", "next, previous event"], ["f", "whole run"],
    ["v", "violation"], ["h", "heartbeats"], ["/", "search"], ["d", "dark, light"], ["Esc", "nothing selected"]];
  const help = element("dl");
  for (const [key, meaning] of keys) {
    const name = element("dt");
    name.append(...key.split(" ").map((k) => element("kbd", k)));
    help.append(name, element("dd", meaning));
  }
  return [
    element("h2", "This run"),
    element("p", data.run.void || (violation ? "" : "No judge found a contradiction.")),
    facts(data.run.counts),
    element("h3", "keys"), help,
    element("h3", "settings"),
    facts(data.run.settings.map((text) => {
      const space = text.indexOf(" ");
      return [text.slice(0, space), rounded(text.slice(space + 1))];
    })),
  ];
}
function thingPanel(thing) {
  switch (thing.type) {
    case "call": return callPanel(thing);
    case "message": return messagePanel(thing);
    case "violation": return violationPanel();
    case "mark": return markPanel(thing);
    case "event": return [
      element("h2", `n${thing.node}: ${thing.kind}`), element("pre", thing.words),
      facts([["at", seconds(thing.at)]]),
      ...items("around it on this member", around(thing.at, thing.node)),
    ];
    case "fault": return [
      element("h2", thing.kind), element("pre", thing.exact),
      facts([["from", seconds(thing.at)],
        ["to", thing.until > thing.at ? seconds(thing.until) : ""],
        ["hits", thing.nodes.map((node) => "n" + node).join(", ")],
        ["happened", thing.done ? "yes" : "no: nobody there to be hit, or over the budget"]]),
    ];
    default: return [
      element("h2", `n${thing.node}: ${roleWords(thing)}`),
      facts([["from", seconds(thing.at)], ["to", seconds(thing.until)],
        ["for", length(thing.until - thing.at)], ["term", thing.term]]),
      ...items("on this member then",
        events.filter((event) => event.node === thing.node && event.at >= thing.at &&
          event.at <= thing.until).slice(0, 24)),
    ];
  }
}
function tellPanel() {
  panel.replaceChildren(...(selected === null ? runPanel()
    : [...thingPanel(selected), link(selected)]));
  panel.scrollTop = 0;
}
