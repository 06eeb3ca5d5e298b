#!/usr/bin/env python3
"""Campaigns of the simulator from outside: killed and carried on, in shards and merged, on a full
disk, in a terminal; and audits."""

import json
import os
import pathlib
import pty
import random
import re
import resource
import select
import signal
import subprocess
import time

from harness import BIN, contains, equal, eventually, expect, main, run, say, with_parent

SIM = BIN / "detcd-sim"
# Short runs: what is tested is what happens to their results.
SHORT = ["--profile", "lite", "--virtual-seconds", "2", "--jobs", "2", "--guided", "60"]
SEEDS = [*SHORT, "--seeds", "1..400", "--twice", "1"]


def sim(*arguments, code=0, **options):
    done = subprocess.run(with_parent([str(SIM), *map(str, arguments)]), capture_output=True,
                          text=True, timeout=240, check=False, **options)
    equal(done.returncode, code, f"exit code of {arguments}: {done.stdout}{done.stderr}")
    return done


def results(store):
    """By number; without checksums and costs, which differ from time to time."""
    lines = (pathlib.Path(store) / "results").read_text().splitlines()
    plain = [re.sub(r" cpu-ms \d+", "", line.split(" ", 1)[1]) for line in lines]
    return sorted(plain, key=lambda line: int(line.split()[1]))


def undisturbed(work):
    """The campaign that all others are compared with."""
    done = sim("campaign", *SEEDS, "--store", work / "whole")
    contains(done.stdout, "pass runs=400/400 failed=0", "the summary")
    equal(done.stderr, "", "progress in a pipe")
    return results(work / "whole")


def killed_at_any_moment(work):
    """kill -9 twenty times; whatever was under way, the end is the undisturbed campaign's."""
    wanted = undisturbed(work)
    guided = sum(" changes - " not in line for line in wanted)
    expect(100 < guided < 300, f"{guided} of 400 runs changed a plan")
    dice, store, kills = random.Random(7), work / "killed", 0
    for _ in range(20):
        process = subprocess.Popen(
            with_parent([str(SIM), "campaign", *SEEDS, "--store", str(store)]),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        # However slow the machine is, something was begun before the last kill.
        if kills == 19:
            eventually((store / "results").exists, "there are results", patience=60)
        try:
            process.wait(dice.uniform(0.05, 0.8))
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    # A line that was being written: half of it is there.
    with open(store / "results", "ab") as file:
        file.write(b"0badc0de run 399 seed")
    done = sim("campaign", *SEEDS, "--store", store)
    expect(kills > 3, f"{kills} kills")
    contains(done.stdout, "cut short", "what it says of the torn line")
    contains(done.stdout, "pass runs=400/400", "the summary")
    equal(results(store), wanted, "the results after kills")
    # Once more there is nothing to do.
    contains(sim("campaign", *SEEDS, "--store", store).stdout, "carrying on after 400 runs", "words")
    say(f"{kills} kills")


def stopped_by_a_scheduler(work):
    """SIGTERM: a summary, a word, an exit code; then it carries on."""
    arguments = [str(SIM), "campaign", *SEEDS, "--store", str(work / "store")]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    while not (work / "store/results").exists():
        time.sleep(0.01)
    time.sleep(0.3)
    process.terminate()
    said, _ = process.communicate(timeout=30)
    equal(process.returncode, 128 + signal.SIGTERM, "exit code")
    contains(said, "incomplete runs=", "the summary")
    expect((work / "store/summary.html").stat().st_size > 2000, "the page is there")
    contains(sim("campaign", *SEEDS, "--store", work / "store").stdout, "pass runs=400/400", "words")


def shards_are_the_whole(work):
    wanted = undisturbed(work)
    stores = [work / f"shard-{i}" for i in range(1, 4)]
    for i, store in enumerate(stores, 1):
        sim("campaign", *SEEDS, "--store", store, "--shard", f"{i}/3")
    done = sim("merge", *stores, "-o", work / "merged")
    contains(done.stdout, "pass runs=400/400", "the merged summary")
    equal(results(work / "merged"), wanted, "the merged results")
    summary = json.loads((work / "merged/summary.json").read_text())
    whole = json.loads((work / "whole/summary.json").read_text())
    for part in ("runs", "states", "probes", "failures"):
        equal(summary[part], whole[part], part)
    some = sim("merge", *stores[:2], code=1)
    contains(some.stderr, "shard 3/3 is missing", "words")
    contains(some.stdout, "incomplete", "the verdict")
    # The merged store is a campaign to carry on with; a shard isn't the whole one.
    sim("campaign", *SEEDS, "--store", work / "merged")
    contains(sim("campaign", *SEEDS, "--store", stores[0], code=3).stderr, "another campaign", "words")
    sim("campaign", *SHORT, "--seeds", "1..9", "--store", work / "other")
    contains(sim("merge", work / "whole", work / "other", code=3).stderr, "another campaign", "words")


def a_full_disk(work):
    """Files may not grow beyond 20 kB: a clear error, and nothing is lost."""
    store = work / "store"
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    done = sim("campaign", *SEEDS, "--store", store, code=3, preexec_fn=limit)
    contains(done.stderr, f"can't write {store}/results: File too large", "the error")
    safe = int(re.search(r"(\d+) runs are safe", done.stderr).group(1))
    expect(safe > 10, f"{safe} runs are safe")
    equal(len(results(store)), safe, "lines in the file")
    contains(sim("campaign", *SEEDS, "--store", store).stdout, "pass runs=400/400", "the summary")
    equal(results(store), undisturbed(work), "the results after all")


def a_full_filesystem(work):
    place = work / "tiny"
    place.mkdir()
    mounted = run(["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", place])
    if mounted.returncode != 0:
        say("not run: no file system can be mounted here")
        return
    try:
        done = sim("campaign", *SEEDS, "--store", place / "store", code=3)
        contains(done.stderr, "No space left on device", "the error")
        safe = int(re.search(r"(\d+) runs are safe", done.stderr).group(1))
        equal(len(results(place / "store")), safe, "lines in the file")
        equal(run(["mount", "-o", "remount,size=8m", place]).returncode, 0, "more space")
        done = sim("campaign", *SEEDS, "--store", place / "store")
        contains(done.stdout, "pass runs=400/400", "the summary")
    finally:
        run(["umount", place])


def refusals(work):
    store = ["--store", str(work / "store")]
    for arguments, words in (
            (["--seeds", "1..5"], "needs --store"),
            (["--store", str(work)], "either --seeds A..B or --minutes M"),
            ([*store, "--seeds", "1..5", "--minutes", "1"], "either --seeds A..B or --minutes M"),
            ([*store, "--seeds", "5..1"], "--seeds must be A..B"),
            ([*store, "--seeds", "1..5", "--shard", "4/3"], "--shard must be I/N"),
            ([*store, "--seeds", "1..5", "--shard", "0/3"], "--shard must be I/N"),
            ([*store, "--seeds", "1..5", "--shard", "1/65"], "--shard must be I/N"),
            ([*store, "--seeds", "1..5", "--profile", "none"], "none"),
            ([*store, "--seeds", "1..5", "--jobs", "0"], "--jobs must be"),
            ([*store, "--seeds", "1..5", "--guided", "101"], "--guided must be at most 100"),
            ([*store, "--minutes", "0"], "--minutes must be"),
            ([*store, "--seeds", "1..5", "--colour"], "unknown flag"),
            ([*store, "--seeds", "1..5", "word"], "flags only")):
        contains(sim("campaign", *arguments, code=2).stderr.splitlines()[0], words, "the complaint")
        expect(not (work / "store").exists(), "nothing was written")
    contains(sim("merge", code=2).stderr, "needs the directories", "the complaint")
    contains(sim("merge", work, code=3).stderr, "holds no campaign", "the complaint")
    contains(sim("audit", "--seeds", "1..2", "--with", work / "none", code=2).stderr,
             "can't be run", "the complaint")
    contains(sim("audit", code=2).stderr, "audit needs --seeds", "the complaint")
    sim("campaign", *SHORT, "--seeds", "1..5", *store)
    other = ["campaign", *SHORT[2:], "--profile", "swarm", "--seeds", "1..5", *store]
    contains(sim(*other, code=3).stderr, "profile lite is not swarm", "the complaint")
    path = work / "store/results"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"pass", b"FAIL")
    path.write_bytes(b"".join(lines))
    contains(sim("campaign", *SHORT, "--seeds", "1..5", *store, code=3).stderr,
             "line 2 isn't what was written there", "the complaint")
    del lines[1]  # As it advises.
    path.write_bytes(b"".join(lines))
    contains(sim("campaign", *SHORT, "--seeds", "1..5", *store).stdout, "pass runs=5/5", "words")


def one_writer_at_a_time(work):
    arguments = [str(SIM), "campaign", *SEEDS, "--store", str(work / "store")]
    first = subprocess.Popen(with_parent(arguments), stdout=subprocess.DEVNULL)
    while not (work / "store/results").exists():
        time.sleep(0.01)
    contains(sim(*arguments[1:], code=3).stderr, "another campaign is writing", "the complaint")
    first.kill()
    first.wait()


def progress_on_a_terminal(work):
    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        say(f"left out, no terminal can be had here: {error}")
        return
    process = subprocess.Popen(with_parent([str(SIM), "campaign", *SEEDS, "--store",
                                            str(work / "store")]),
                               stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    seen = b""
    while process.poll() is None or select.select([ours], [], [], 0)[0]:
        if not select.select([ours], [], [], 0.1)[0]:
            continue
        try:
            seen += os.read(ours, 4096)
        except OSError:
            break
    said = process.communicate(timeout=60)[0].decode()
    expect(re.search(rb"\d+/400 runs, \d+\.\d/s on \d processes, \d+ states", seen), seen[-300:])
    expect("\r" not in said and "/s on" not in said, "the summary is without progress")


def changed_plans_replay(work):
    """A run of a changed plan is a run like others."""
    trace = work / "run.trace"
    sim("run", "--seed", 1, "--profile", "lite", "--virtual-seconds", 2, "--trace-out", trace)
    changed = sim("run", "--seed", 1, "--profile", "lite", "--virtual-seconds", 2, "--changes",
                  "7,8", "--trace-out", trace)
    line = changed.stdout.splitlines()[-1]
    again = sim("replay", trace).stdout.splitlines()[-1]
    equal(re.findall(r"hash=\S+", again), re.findall(r"hash=\S+", line), "hash of a changed plan")


def audited(work):
    done = sim("audit", "--seeds", "1..4", "--jobs", "2", "--with", SIM)
    contains(done.stdout, "pass audit seeds=1..4 processes=12 builds=2 differed=0", "words")
    # A program that answers something else: the first event is found and shown.
    liar = work / "liar"
    liar.write_text(f'#!/bin/sh\nshift 2\nexec {SIM} run --seed 99 "${{@:2}}"\n'
                    .replace('"${@:2}"', '$(shift; echo "$@")'))
    liar.chmod(0o755)
    done = sim("audit", "--seeds", "3..3", "--profile", "lite", "--with", liar, code=1)
    contains(done.stdout, "seed 3: determinism:", "whose run differs")
    contains(done.stdout, "differ after event 0", "where")
    expect(re.search(r"then one: +(draw|event) ", done.stdout), done.stdout)
    contains(done.stdout, f"reproduce: {SIM} audit --seeds 3..3", "how to see it again")


if __name__ == "__main__":
    main(killed_at_any_moment, stopped_by_a_scheduler, shards_are_the_whole, a_full_disk,
         a_full_filesystem, refusals, one_writer_at_a_time, progress_on_a_terminal,
         changed_plans_replay, audited)
