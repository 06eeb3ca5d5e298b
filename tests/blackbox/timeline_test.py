#!/usr/bin/env python3
"""What the simulator draws, in a real browser: the picture of a run (`detcd-sim replay FILE --html
OUT`) and the summary of a campaign."""

import json
import os
import pathlib
import re
import subprocess
import sys

import browser
from browser import Browser
from harness import BIN, ROOT, contains, equal, expect, main, say

SIM = BIN / "detcd-sim"
# What `./dev sim canary stale-read` leaves: the trace that found that bug and, until the next one is
# planted, a simulator with it. Who names the folder wants it to be looked at.
WANTED = "DETCD_PLANTED" in os.environ
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
    program, trace = PLANTED.parent / "tree/build/release/bin/detcd-sim", PLANTED / "failure.trace"
    page, said = work / "planted.html", ""
    if program.exists() and trace.exists():
        said = sim("replay", trace, "--html", page, program=program).stdout
    if not re.search(r"^FAIL seed=", said, re.M) and not WANTED:
        say(f"not looked at: what {PLANTED} is about isn't planted; "
            "`./dev sim canary stale-read --no-shrink` plants it")
        return
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


# Watches whose streams break now and then, leases and users: what `swarm` draws only now and then.
WATCHED = """like lite
set clients 3
set watches 3
set leases 3
set watch-notify 200ms
family reset on
"""
USERS = "like lite\nset clients 3\nset users 1\n"


def profile(work, text):
    path = work / "profile.txt"
    path.write_text(text)
    return path


def shows_watches_and_leases(work):
    _, page, _ = drawn(work, "--seed", 5, "--profile", profile(work, WATCHED))
    with Browser(work) as window:
        size, cpu = opened(window, page)
        kinds = set(window.run("return marks.map((mark) => mark.kind)"))
        for kind in ("wanted", "created", "events", "progress", "lost", "resumed"):
            expect(kind in kinds, f"no watch is {kind}: {kinds}")
        expect(window.run(RGB, "watch") in window.run(COLOURS, 0, 0, 900, 550), "no watch is drawn")
        shown = redrawn(window, "drawn.marks")
        expect(shown > 10, f"{shown} marks are drawn")
        window.click("#kinds [data-name=progress]")
        fewer = redrawn(window, "drawn.marks")
        expect(0 < fewer < shown, f"without progress {fewer} of {shown} marks")
        window.click("#kinds [data-name=watches]")
        equal(redrawn(window, "drawn.marks"), 0, "marks without watches")
        window.click("#kinds [data-name=watches]")
        # A write leads to the watches that are told of it, and they lead back.
        told = window.run("choose(calls.find((c) => toldOf(c).length > 0), true);"
                          "draw(); return selected.revision")
        contains(window.run("return panel.textContent"), "told to watches", "a write's panel")
        window.run("choose(toldOf(selected)[0], true); draw()")
        told_of = window.run("return [selected.first, selected.last]")
        expect(told_of[0] <= told <= told_of[1], f"revision {told} isn't one of {told_of}")
        contains(window.run("return panel.textContent"), "writes that it tells of", "its panel")
        contains(window.run("return location.hash"), "#e=w", "its address")
        equal(window.run("draw(); const h = hits.find((h) => h.thing === selected);"
                         "return thingUnder(h.x + h.width / 2, h.y + h.height / 2).type"), "mark",
              "what is under its mark")
        leases = window.run("return calls.filter((c) => c.kind === 'leases').map((c) => c.words)")
        for words in ("grant", "keep-alive", "revoke"):
            expect(any(w.startswith(words) for w in leases), f"no {words} among {leases[:9]}")
        before = window.run("choose(null); show(whole.from, whole.to); draw(); return drawn.calls")
        window.click("#kinds [data-name=leases]")
        equal(redrawn(window, "drawn.calls"), before - len(leases), "calls without those of leases")
        window.click("#kinds [data-name=leases]")
        window.run("const s = document.getElementById('key'); s.value = 'lease 1';"
                   "s.dispatchEvent(new Event('change'))")
        words = window.run("draw(); return calls.filter(showsCall).map((c) => c.words)")
        expect(words and all(" 1" in w for w in words), f"calls of lease 1: {words[:9]}")
        equal(window.complaints(), [], "what the page logged")
    say(f"{size // 1000} KB, drawn in {cpu} ms of processor")


def shows_users(work):
    _, page, _ = drawn(work, "--seed", 3, "--profile", profile(work, USERS))
    with Browser(work) as window:
        opened(window, page)
        words = window.run("return calls.filter((c) => c.kind === 'users').map((c) => c.words)")
        for begin in ("user-add", "role-add", "auth-enable"):
            expect(any(w.startswith(begin) for w in words), f"no {begin} among {words[:9]}")
        window.run("choose(calls.find((c) => c.user !== '' && c.outcome === 'ok'), true)")
        contains(window.run("return panel.textContent"), "as user", "the panel of a user's call")
        before = redrawn(window, "drawn.calls")
        window.click("#kinds [data-name=users]")
        expect(redrawn(window, "drawn.calls") <= before, "calls without those about users")
        equal(window.complaints(), [], "what the page logged")


def judged(page, change):
    """A page whose run a judge complains about: its data, changed."""
    head, rest = page.read_text().split('id="data">', 1)
    text, tail = rest.split("</script>", 1)
    data = json.loads(text)
    data["run"]["verdict"] = "FAIL"
    lists = ("calls", "members", "indexes", "watches", "leases", "revisions")
    data["violation"] = {name: [] for name in lists} | change(data)
    page.write_text(head + 'id="data">' + json.dumps(data).replace("<", "\\u003c") + "</script>" +
                    tail)
    return data["violation"]


def marks_what_a_watch_and_a_lease_contradict(work):
    _, page, _ = drawn(work, "--seed", 5, "--profile", profile(work, WATCHED))
    clean = page.read_text()

    def by_watch(data):
        events = [mark for mark in data["watches"] if mark[3] == 5]
        at, _, name, _, _, _, _, last, words, _ = events[len(events) // 2]
        data["watches"] = [mark for mark in data["watches"] if mark[0] <= at]
        return {"oracle": "watch", "message": words, "at": at, "watches": [name],
                "revisions": [last]}

    def by_lease(data):
        asks = [call for call in data["calls"] if call[8].startswith("keep-alive")]
        last = [call for call in asks if call[4] == "ok"][-1]
        lease = int(last[8].split()[1])
        return {"oracle": "leases", "message": f"lease {lease} ended", "at": last[3] + 500_000_000,
                "leases": [lease]}

    for change in (by_watch, by_lease):
        page.write_text(clean)
        said = judged(page, change)
        with Browser(work, 1600, 950) as window:
            opened(window, page, "#e=v")
            colour = window.run(RGB, "violation")
            ids = window.run("return contradiction.calls.map((call) => call.id)")
            expect(ids, f"no call contradicts {said}")
            marked = ["(h) => h.thing.type === 'call' && h.thing.id === " + str(ids[0])]
            if said["watches"]:
                marked.append("(h) => h.thing === contradiction.mark")
                contains(window.run("return panel.textContent"), "what the watch was told", "panel")
            for box in marked:
                place = window.run(f"draw(); const h = hits.find({box});"
                                   "return h && [Math.floor(h.x) - 4, Math.floor(h.y) - 4, 24, 24]")
                expect(place is not None, f"it isn't in sight: {box}")
                expect(colour in window.run(COLOURS, *place), f"it isn't marked: {box}")
            expect(window.run("return panel.querySelectorAll('.item.named').length") > 0, "no item")


# Links of this latency let nobody win an election: every run fails.
SLOW = "like lite\nset link-latency 40s\n"


def the_page_of_a_campaign(work):
    """Numbers equal those of summary.json, it asks for nothing, and fits a narrow window."""
    short = ["--virtual-seconds", 2, "--jobs", 2]
    sim("campaign", "--store", work / "good", "--seeds", "1..40", "--profile", "lite", *short)
    sim("campaign", "--store", work / "bad", "--seeds", "1..3", "--profile", profile(work, SLOW),
        *short)
    tile = "return [...document.querySelectorAll('.tile')].find((t) =>" \
           "t.textContent.includes(arguments[0])).querySelector('b').textContent"
    with Browser(work, 1280, 900) as window:
        for name, verdict in (("good", "pass"), ("bad", "FAIL")):
            summary = json.loads((work / name / "summary.json").read_text())
            equal(summary["verdict"], verdict, "the campaign's verdict")
            window.open(work / name / "summary.html")
            equal(window.complaints(), [], "what the page logged")
            equal(window.run("return performance.getEntriesByType('resource').length"), 0,
                  "files that the page asked for")
            equal(window.run("return document.querySelector('.verdict').textContent"), verdict,
                  "the page's verdict")
            runs, work_done = summary["runs"], summary["work"]
            for words, number in (("runs", runs["done"]), ("failed", runs["failed"]),
                                  ("abstract states", summary["states"]["distinct"]),
                                  ("calls of clients", work_done["operations"]),
                                  ("faults", work_done["faults"])):
                expect(number < 10_000, f"{number} {words} are shown rounded")
                equal(window.run(tile, words), str(number), words)
            said = window.run("return document.body.textContent")
            contains(said, f"{runs['passed']} passed, {runs['failed']} failed, {runs['void']} void",
                     "outcomes")
            contains(said, str(work_done["events"]), "events")
            for failure in summary["failures"]:
                contains(said, failure["shortest"]["reproduce"], "how to see it again")
                equal(window.run("return [...document.links].map((a) => a.getAttribute('href'))"),
                      [failure["shortest"]["trace"]], "links")
                expect((work / name / failure["shortest"]["trace"]).exists(), "the trace is there")
            hit = summary["probes"]["runs"]
            shown = window.run("return Object.fromEntries([...document.querySelectorAll('tr')]"
                               ".filter((r) => r.querySelector('.meter')).map((r) =>"
                               "[r.cells[0].textContent, parseInt(r.cells[2].textContent)]))")
            for probe, times in hit.items():
                equal(shown.get(probe), times, f"runs that reached: {probe}")
            boxes = window.run("return [...document.querySelectorAll('section, svg, .tile')]"
                               ".map((e) => e.getBoundingClientRect()).map((b) =>"
                               "[b.width, b.height])")
            expect(len(boxes) > 8 and all(w > 50 and h > 20 for w, h in boxes), f"boxes: {boxes}")
            expect(window.run("return document.documentElement.scrollWidth <= innerWidth"),
                   "it's too wide")
        curve = window.run("return [...document.querySelectorAll('.curve')].length")
        expect(curve <= 1, f"{curve} curves")


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
         marks_what_a_planted_bug_broke, shows_watches_and_leases, shows_users,
         marks_what_a_watch_and_a_lease_contradict, the_page_of_a_campaign,
         hostile_keys_and_values_stay_text, the_page_changes_nothing_and_is_the_same_again,
         from_and_to_bound_the_log_and_the_page)
