#!/usr/bin/env python3
"""The picture of a simulated run in a real browser: `detcd-sim replay FILE --html OUT`."""

import os
import pathlib
import re
import subprocess
import sys

import browser
from browser import Browser
from harness import BIN, ROOT, contains, equal, expect, main, say

SIM = BIN / "detcd-sim"
# What `./dev sim canary stale-read` leaves: a simulator with that bug, and the trace that found it.
PLANTED = pathlib.Path(os.environ.get("DETCD_PLANTED", ROOT / "build/plants/stale-read"))
BYTES_MAX = 5_000_000
MS_MAX = 2000


def sim(*arguments, program=SIM, codes=(0, 1)):
    done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, check=False)
    expect(done.returncode in codes, f"{arguments}: {done.returncode}: {done.stdout}{done.stderr}")
    return done


def drawn(work, *flags, change=None, name="run"):
    """A run's trace, changed by a function of its lines or not, as a page."""
    trace, page = work / f"{name}.trace", work / f"{name}.html"
    sim("run", *flags, "--plain", "--trace-out", trace)
    edited = []
    if change is not None:
        lines = change(trace.read_text().splitlines())
        trace.write_text("\n".join(lines) + "\n")
        edited = ["--edited"]
    said = sim("replay", trace, "--html", page, *edited).stdout
    contains(said, "drawn: ", "the replay's words")
    return trace, page, said


def failing(work):
    """On links this slow nobody wins an election: the judge of liveness complains."""
    slow = lambda lines: [re.sub(r"^set link-latency .*", "set link-latency 40s", line)
                          for line in lines]
    trace, page, said = drawn(work, "--seed", 7, "--profile", "lite", change=slow)
    contains(said, "FAIL seed=7", "the verdict")
    return trace, page, said


def opened(window, page, fragment=""):
    """Its bytes, and the milliseconds of processor that the browser took to load and draw it."""
    before = window.renderers_cpu_ms()
    window.open(page, fragment)
    ready = int(window.run("return document.documentElement.dataset.readyMs || '-1'"))
    after = window.renderers_cpu_ms()
    expect(after, "the page has a process of its own")
    cpu = sum(ms - before.get(pid, 0) for pid, ms in after.items())
    size = page.stat().st_size
    equal(window.complaints(), [], "what the page logged")
    expect(ready >= 0, "the page says that it was drawn")
    expect(0 < cpu < MS_MAX, f"drawing took {cpu} ms of processor; {MS_MAX} are allowed")
    expect(size <= BYTES_MAX, f"{size} bytes; {BYTES_MAX} are allowed")
    equal(window.run("return performance.getEntriesByType('resource').length"), 0,
          "files that the page asked for")
    return size, cpu


COLOURS = """
  const seen = new Map();
  const [x, y, width, height] = arguments;
  const pixels = pen.getImageData(x, y, width, height).data;
  for (let i = 0; i < pixels.length; i += 4) {
    const key = [pixels[i], pixels[i + 1], pixels[i + 2]].join();
    seen.set(key, (seen.get(key) || 0) + 1);
  }
  return [...seen.entries()].sort((a, b) => b[1] - a[1]).map(([key]) => key);
"""
RGB = "const d = document.createElement('div'); d.style.color = colours[arguments[0]];" \
      "document.body.append(d); const c = getComputedStyle(d).color; d.remove();" \
      "return c.match(/\\d+/g).join();"


def redrawn(window, value):
    """Drawing follows in the next frame; what it counted is asked for after that."""
    return window.run(f"draw(); return {value}")


def draws_a_run_offline(work):
    _, page, _ = drawn(work, "--seed", 7, "--profile", "swarm")
    with Browser(work) as window:
        size, cpu = opened(window, page)
        whole = window.run(COLOURS, 0, 0, 900, 550)
        expect(len(whole) > 20, f"only {len(whole)} colours: is it blank?")
        for role in ("leader", "follower", "ok"):
            expect(window.run(RGB, role) in whole, f"nothing has the colour of {role}")
        equal(window.run("return document.getElementById('verdict').textContent"), "pass", "verdict")
        expect(window.run("return document.documentElement.scrollWidth <= innerWidth"), "it's too wide")
        say(f"{size // 1000} KB, drawn in {cpu} ms of processor")
    with Browser(work, 2560, 1300, dark=True) as window:
        opened(window, page)
        expect(window.run("return view.width") > 2000, "a wide screen is used")


def a_minute_of_three_members_is_small_and_quick(work):
    _, page, said = drawn(work, "--seed", 11, "--profile", "lite", "--virtual-seconds", 60)
    with Browser(work) as window:
        size, cpu = opened(window, page)
        left = window.run("return data.leftOut")
        told = window.run("return document.getElementById('notes').textContent")
        for words in left:
            contains(told, words, "the page's notes")
    say(f"{size // 1000} KB, drawn in {cpu} ms of processor, {len(left)} kinds of things left out")
    contains(said, "pass", "the verdict")


def filters_what_is_shown(work):
    _, page, _ = drawn(work, "--seed", 7, "--profile", "swarm")
    with Browser(work) as window:
        opened(window, page)
        before = redrawn(window, "drawn")
        window.click("#kinds [data-name=heartbeat]")
        after = redrawn(window, "drawn")
        expect(after["messagesInView"] > before["messagesInView"], f"{before} {after}")
        window.click("#kinds [data-name=reads]")
        expect(redrawn(window, "drawn.calls") < before["calls"], "calls without reads")
        window.click("#kinds [data-name=reads]")
        window.click("#lanes [data-name=c1]")
        equal(redrawn(window, "view.clients.length"), window.run("return data.clients - 1"),
              "lanes of clients")
        window.click("#lanes [data-name=n1]")
        equal(redrawn(window, "view.nodes.map((lane) => lane.node)"), [2, 3], "lanes of members")
        window.click("#lanes [data-name=n1]")
        window.click("#lanes [data-name=c1]")
        key = window.run("const s = document.getElementById('key'); s.selectedIndex = 1;"
                         "s.dispatchEvent(new Event('change')); return s.value")
        expect(0 < redrawn(window, "drawn.calls") < before["calls"], f"calls of {key}")
        equal(window.run("return calls.filter(showsCall).every((c) => c.keys.includes(arguments[0]))",
                         key), True, f"only calls of {key}")
        window.run("const s = document.getElementById('search'); s.value = 'vote for';"
                   "s.dispatchEvent(new Event('input'))")
        contains(window.run("return document.getElementById('found').textContent"), " found", "search")
        expect(window.run("return found.events.size") > 0, "votes are found")
        equal(window.complaints(), [], "what the page logged")


def zooms_pans_and_steps(work):
    _, page, _ = drawn(work, "--seed", 7, "--profile", "swarm")
    span = "view.to - view.from"
    with Browser(work) as window:
        opened(window, page)
        whole = redrawn(window, span)
        window.wheel(500, 400, -400)
        near = redrawn(window, span)
        expect(near < whole * 0.7, f"the wheel zooms: {whole} to {near}")
        for _ in range(6):
            window.keys("+")
        nearer = redrawn(window, span)
        expect(nearer < near / 30, f"keys zoom: {near} to {nearer}")
        begin = window.run("return view.from")
        window.drag(600, 350, 400, 350)
        expect(redrawn(window, "view.from") > begin, "a drag pans")
        window.keys("f")
        expect(abs(redrawn(window, span) - whole) < whole * 0.01, "f shows the whole run")
        times = []
        for _ in range(5):
            window.keys("n")
            times.append(window.run("return selected && timeOf(selected)"))
        expect(None not in times and times == sorted(times), f"steps go on in time: {times}")
        window.keys("p")
        equal(window.run("return timeOf(selected)"), times[-2], "a step back")
        expect(redrawn(window, "drawn.messages") > 0, "near enough, messages are drawn")
        window.run("choose(calls.find((c) => c.outcome === 'ok' && !c.reads), true)")
        lane = window.run("draw(); const box = hits.find((h) => h.thing === selected);"
                          "const at = canvas.getBoundingClientRect();"
                          "choose(null); draw();"
                          "return [Math.round(at.left + box.x + box.width / 2),"
                          "Math.round(at.top + box.y + box.height / 2)]")
        window.click_at(*lane)
        equal(window.run("return selected && selected.type"), "call", "a click selects")


def a_link_leads_to_its_event(work):
    _, page, _ = drawn(work, "--seed", 7, "--profile", "swarm")
    with Browser(work) as window:
        opened(window, page)
        names = window.run("return [nameOf(calls[calls.length >> 1]), nameOf(faults[3]),"
                           "nameOf(events[50]), nameOf(messageAt(messages.size >> 1)), 'r5']")
        for name in names:
            opened(window, page, "#e=" + name)
            equal(window.run("return selected && nameOf(selected)"), name, "what is selected")
            expect(window.run("return timeOf(selected) >= view.from && timeOf(selected) <= view.to"),
                   f"{name} is in sight")
            contains(window.run("return panel.textContent"), "#e=" + name, "the panel's link")
        for nonsense in ("#e=c999999999999", "#e=zzz", "#e=m-1", "#e=", "#x"):
            opened(window, page, nonsense)
            equal(window.run("return selected"), None, f"what {nonsense} selects")
        opened(window, page)
        window.run("choose(calls[7])")
        contains(window.run("return location.hash"), "#e=c", "the address after a choice")


def marks_the_violation(work):
    _, page, said = failing(work)
    with Browser(work) as window:
        opened(window, page)
        equal(window.run("return document.getElementById('verdict').textContent"), "FAIL", "verdict")
        words = window.run("return violation.message")
        contains(said, words, "the judge's words")
        contains(window.run("return document.getElementById('banner').textContent"), words, "banner")
        contains(window.run("return panel.textContent"), words, "the panel")
        window.click("#banner")
        contains(window.run("return location.hash"), "#e=v", "the address")
        x = redrawn(window, "Math.round(xOf(violation.at))")
        colour = window.run(RGB, "violation")
        expect(colour in window.run(COLOURS, x - 2, 200, 4, 100), "no line where it stands")
        contains(window.run("return document.getElementById('command').title"), "replay", "command")


def marks_what_a_planted_bug_broke(work):
    program, trace = PLANTED / "tree/build/release/bin/detcd-sim", PLANTED / "failure.trace"
    if not program.exists() or not trace.exists():
        say(f"not looked at: {PLANTED} isn't there; `./dev sim canary stale-read` makes it")
        return
    page = work / "planted.html"
    said = sim("replay", trace, "--html", page, program=program, codes=(1,)).stdout
    contains(said, "linearizability", "the judge")
    with Browser(work, 1600, 950) as window:
        size, cpu = opened(window, page, "#e=v")
        ids = window.run("return violation.calls")
        expect(len(ids) == 2, f"two calls contradict each other: {ids}")
        colour = window.run(RGB, "violation")
        for call in ids:
            box = window.run("draw(); const h = hits.find((h) => h.thing.id === arguments[0]);"
                             "return h && [Math.floor(h.x) - 2, Math.floor(h.y) - 3, 8, 12]", call)
            expect(box is not None, f"call {call} isn't in sight")
            expect(colour in window.run(COLOURS, *box), f"call {call} isn't marked")
            contains(window.run("return panel.textContent"), f"#{call}", "the panel")
        listed = window.run("return panel.querySelectorAll('.item.named').length")
        expect(listed >= 2, f"{listed} calls are listed as contradicting")
    say(f"{size // 1000} KB, drawn in {cpu} ms of processor")


def hostile_keys_and_values_stay_text(work):
    evil = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked=1">'
    quoted = "".join(f"\\x{ord(c):02x}" for c in evil)

    def planted(lines):
        ops = [i for i, line in enumerate(lines) if line.startswith("op ") and ' put "' in line]
        head = lines[ops[0]].split(' put "')[0]
        lines[ops[0]] = f'{head} put "{quoted}" value "{quoted}"'
        return lines

    _, page, _ = drawn(work, "--seed", 7, "--profile", "lite", change=planted)
    expect("<script>window.hacked" not in page.read_text(), "it stands in the page as it is")
    with Browser(work) as window:
        opened(window, page)
        window.run("choose(calls.find((c) => c.words.includes('hacked')), true)")
        contains(window.run("return panel.textContent"), "window.hacked", "the panel")
        equal(window.run("return typeof window.hacked"), "undefined", "what the key's script did")
        equal(window.run("return document.images.length"), 0, "images")


def the_page_changes_nothing_and_is_the_same_again(work):
    trace, page, said = drawn(work, "--seed", 9, "--profile", "swarm")
    again = work / "again.html"
    plain = sim("replay", trace).stdout
    expect(sim("replay", trace, "--html", again).returncode == 0, "the replay passes")
    verdict = lambda text: re.search(r"^(pass|FAIL|VOID) .*?hash=\w+", text, re.M).group(0)
    equal(verdict(said), verdict(plain), "hash and verdict with and without a page")
    expect(page.read_bytes() == again.read_bytes(), "two pages of one trace differ")
    done = sim("replay", trace, "--html", work / "no" / "such" / "folder.html", codes=(1,))
    contains(done.stderr, "wasn't drawn", "a page that can't be written")


def from_and_to_bound_the_log_and_the_page(work):
    trace, _, _ = drawn(work, "--seed", 7, "--profile", "swarm")
    said = sim("replay", trace, "--log", "--from", "1s", "--to", "2500ms").stdout
    times = [float(at) for at in re.findall(r"^ +(\d+\.\d{6}) +n\d", said, re.M)]
    expect(times and min(times) >= 1 and max(times) <= 2.5, f"{len(times)} lines: {times[:3]}")
    page = work / "part.html"
    sim("replay", trace, "--html", page, "--from", "1s", "--to", "2500ms")
    with Browser(work) as window:
        opened(window, page)
        equal(window.run("return [data.from, data.to]"), [1e9, 2.5e9], "the page's part")
        expect(window.run("return events.every((e) => e.at >= 1e9 && e.at <= 2.5e9)"), "its events")
    expect(sim("replay", trace, "--from", "soon", codes=(2,)).stderr, "a wrong time is explained")


if __name__ == "__main__":
    if browser.MISSING:
        print("not run: install " + " and ".join(browser.MISSING) + " (Debian packages)")
        sys.exit(77)
    main(draws_a_run_offline, a_minute_of_three_members_is_small_and_quick, filters_what_is_shown,
         zooms_pans_and_steps, a_link_leads_to_its_event, marks_the_violation,
         marks_what_a_planted_bug_broke, hostile_keys_and_values_stay_text,
         the_page_changes_nothing_and_is_the_same_again, from_and_to_bound_the_log_and_the_page)
