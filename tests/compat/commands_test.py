#!/usr/bin/python3
"""etcd's own command line client, 3.4 and 3.5: every command that talks to a server, against etcd
of its version and against detcd. What is printed and the exit codes must be the same, after ids,
sizes and times have become words; the table at the end says of which commands that is so."""

import concurrent.futures
import json
import pathlib
import queue
import re
import subprocess
import sys
import threading
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "blackbox"))

from harness import (Etcdctl, Failure, PATIENCE, QUICK, equal, expect, main, run,  # noqa: E402
                     say, with_parent)
from servers import OWN, Asked  # noqa: E402

READS = ("simple", "json", "fields")
TABLES = (*READS, "table")
ROOT = ("--user", "root:pw")

# Of the commands of etcdctl 3.7: those that the older ones don't have, or that need no server.
ELSEWHERE = {
    "downgrade validate": "since 3.6", "downgrade enable": "since 3.6",
    "downgrade cancel": "since 3.6", "options": "since 3.7",
    "completion": "asks no server", "version": "asks no server", "help": "asks no server"}
LONG = {"check perf": "takes a minute: nightly", "check datascale": "megabytes: nightly"}


class Side:
    """A server, and the client that is asked about it."""

    def __init__(self, asked, version):
        self.asked, self.version = asked, version
        self.ctl = Etcdctl(version, asked.server.endpoint)
        self.ids = {}

    def word(self, found):
        """Ids by the order in which they are seen, in either base."""
        text = found.group(0)
        number = int(text, 10 if text.isdecimal() and len(text) > 16 else 16)
        return self.ids.setdefault(number, f"ID{len(self.ids)}")

    def mapped(self, text):
        text = text.replace(self.asked.server.endpoint, "ENDPOINT").replace(
            self.asked.server.peer_url, "PEER").replace(str(self.asked.server.work), "WORK")
        text = re.sub(r"\b[1-9][0-9]{16,19}\b|\b[0-9a-f]{15,16}\b", self.word, text)
        for what, word in (
                (r"\b3\.[0-9]+\.[0-9]+\b", "VERSION"), (r"\b[0-9]+(\.[0-9]+)?[mµ]s\b", "TIME"),
                (r"\b[0-9.]+ [kM]?B\b", "SIZE"),
                (r"(true|false), [0-9]+, [0-9]+, [0-9]+, ", r"\1, TERM, INDEX, INDEX, "),
                (r"[-─]{3,}", "---"), (" {2,}", " "),
                (r"([|│] (?:true|false)) [|│] [0-9]+ [|│] [0-9]+ [|│] [0-9]+", r"\1 | NUMBERS"),
                (r'"(raft_term|raftTerm|RaftTerm|raftIndex|raftAppliedIndex|RaftIndex'
                 r'|RaftAppliedIndex|dbSize|dbSizeInUse|DBSize|DBSizeInUse)"( ?: ?)[0-9]+',
                 r'"\1"\2NUMBER'), (r'"[Tt][Tt][Ll]"( ?: ?)[0-9]+', r'"TTL"\1LEFT'),
                (r"remaining\([0-9]+s\)", "remaining(LEFT)"),
                (r"^\{\"level\".*\n", "")):
            text = re.sub(what, word, text, flags=re.MULTILINE)
        return unordered(text)

    def run(self, arguments, text=None):
        done = self.ctl(*[self.own(one) for one in arguments], text=text)
        last = done.stderr.strip().splitlines()[-1:] if done.returncode else []
        return done.returncode, self.mapped(done.stdout), self.mapped("".join(last))

    def own(self, argument):
        return f"{self.asked.own:x}" if argument is OWN else argument.replace(
            "WORK", str(self.asked.server.work)).replace("ENDPOINT", self.asked.server.endpoint)

    def lines(self, arguments, count, text=""):
        """The first lines of a command that goes on until it is ended."""
        process = subprocess.Popen(
            with_parent([str(self.ctl.program), "--endpoints", self.ctl.endpoints,
                         *[self.own(one) for one in arguments]]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={"ETCDCTL_API": "3"})
        came = queue.Queue()
        threading.Thread(target=lambda: [came.put(line) for line in process.stdout],
                         daemon=True).start()
        try:
            process.stdin.write(text)
            process.stdin.flush()
            return self.mapped("".join(came.get(timeout=PATIENCE) for _ in range(count)))
        except queue.Empty:
            raise Failure(f"{arguments} prints fewer than {count} lines") from None
        finally:
            process.kill()
            process.wait()


def unordered(text):
    """Members come in the order of their ids, which the time is part of: sorted otherwise here."""
    cluster = re.search('ETCD_INITIAL_CLUSTER="(.*)"', text)
    if cluster:
        text = text.replace(cluster.group(1), ",".join(sorted(cluster.group(1).split(","))))
    if '"IsLearner" : ' in text:
        header, *members = re.split(r'(?=^"ID" : )', text, flags=re.MULTILINE)
        return header + "".join(sorted(members, key=lambda one: one.partition("\n")[2]))
    lines = text.splitlines(keepends=True)
    if any(", started, " in line or "│ started │" in line or "| started |" in line
           for line in lines):
        lines.sort(key=lambda line: re.sub(r"ID[0-9]+", "ID", line))
    if '"members":[' in text:
        said = json.loads(re.sub(r"\bID([0-9]+)\b|\b(NUMBER)\b", r'"\1\2"', text))
        said["members"].sort(key=lambda member: member.get("name", ""))
        return json.dumps(said)
    return "".join(lines)


class Script:
    """Commands for both sides, and what came of each."""

    def __init__(self, sides, known):
        self.sides, self.known = sides, known
        self.pool = concurrent.futures.ThreadPoolExecutor(len(sides))
        self.alike, self.different, self.explained, self.seen = {}, {}, {}, set()

    def compare(self, command, what, ask):
        answers = list(self.pool.map(ask, self.sides))
        if answers[0] == answers[1]:
            self.alike[command] = self.alike.get(command, 0) + 1
        elif (command, what[-1]) in self.known:
            self.explained[command] = self.known[command, what[-1]]
            self.seen.add((command, what[-1]))
        else:
            self.different.setdefault(command, (what, *answers))

    def __call__(self, command, *arguments, text=None, formats=("simple",), flags=()):
        for form in formats:
            full = [*flags, *command.split(), *arguments,
                    *(["-w", form] if form != "simple" else [])]
            self.compare(command, full, lambda side, full=full: side.run(full, text))

    def first_lines(self, command, count, *arguments, text=""):
        full = [*command.split(), *arguments]
        self.compare(command, full, lambda side: side.lines(full, count, text))


def keys(script):
    script("put", "a", "1")
    script("put", "a", "2", "--prev-kv", formats=READS)
    script("put", "b", text="from standard input")
    script("put", "c", "--ignore-value", text="")
    script("put", "", "v")
    script("put", "d", "x", "--lease", "77")
    script("get", "a", formats=READS)
    script("get", "", "--prefix", "--order", "DESCEND", "--sort-by", "MODIFY", formats=READS)
    for flags in (["--rev", "2"], ["--rev", "999"], ["--count-only"], ["--keys-only"],
                  ["--from-key", "--limit", "1"], ["--print-value-only"], ["--consistency", "s"],
                  ["b"], ["--sort-by", "nothing"]):
        script("get", "a", *flags)
    script("del", "b", "--prev-kv", formats=READS)
    script("del", "a", "z", "--prev-kv")
    script("del", "x", "--prefix")
    script("put", "k", "v")
    script("txn", text='value("k") = "v"\nver("k") > "0"\n\nput k w\nget k\n\nget k\n\n')
    script("txn", text='mod("k") < "1"\n\nput k w\n\nget k\ndel k --prev-kv\n\n', formats=("json",))
    script("txn", text='lease("k") = "0"\n\nput k w\n\nget k\n\n', formats=("fields",))
    script("txn", text="\nput a 1\nput a 2\n\n\n")
    script("txn", text='value("k")\n\n\n\n')
    script.first_lines("watch", 9, "--rev=2", "a", "--prev-kv")
    script.first_lines("watch", 1, "--rev=2", "a", "-w", "json")
    script.first_lines("watch", 3, "-i", text="watch k --rev=7\n")
    script.first_lines("watch", 4, "k", "--rev=7", "--", "env", "LC_ALL=C", "echo", "told")
    script("endpoint hashkv", formats=READS)
    script("endpoint hashkv", "--rev", "5")
    script("compaction", "5")
    script("compaction", "6", "--physical")
    script("compaction", "6")
    script("compaction", "99")
    script("watch", "a", "--rev=2")
    script("get", "a", "--rev", "2")


def leases(script):
    script("lease grant", "100", formats=READS)
    script("lease grant", "9000000001")
    script("lease list", formats=READS)
    script("lease revoke", "77")
    for number, side in enumerate(script.sides):
        side.asked.ask("LeaseGrant", {"TTL": 1000, "ID": 0x70000000000000AA})
        equal(side.run(["put", "leased", "v", "--lease", "70000000000000aa"])[0], 0, str(number))
    script("lease timetolive", "70000000000000aa", "--keys", formats=READS)
    script("lease timetolive", "77", formats=READS)
    script("lease keep-alive", "--once", "70000000000000aa", formats=READS)
    script("lease keep-alive", "--once", "77")
    script.first_lines("lease keep-alive", 1, "70000000000000aa")
    script("lease revoke", "70000000000000aa", formats=("json",))
    script("get", "leased")


def cluster(script):
    script("member list", formats=TABLES)
    script("member add", "x", "--peer-urls", "nonsense")
    script("member add", "x", "--peer-urls", "http://127.0.0.1:9", "--learner")
    script("member add", "y", "--peer-urls", "http://127.0.0.1:9")
    script("member add", "y", "--peer-urls", "http://127.0.0.1:7", "--learner")
    script("member list", formats=TABLES)
    learner = {}
    for side in script.sides:
        listed = json.loads(side.ctl.ok("member", "list", "-w", "json"))["members"]
        ids = [one["ID"] for one in listed if one["ID"] != side.asked.own % (1 << 64)]
        learner[side] = f"{ids[0]:x}" if ids else "77"
    for command, *flags in (["member update", "--peer-urls", "http://127.0.0.1:8"],
                            ["member promote"], ["member remove"], ["member remove"]):
        words = command.split()
        script.compare(command, command, lambda side, words=words, flags=flags: side.run(
            [*words, learner[side], *flags]))
        script(command, "77", *flags)
    script("endpoint health", formats=("simple", "json", "table"))
    script("endpoint health", "--cluster")
    script("endpoint status", formats=TABLES)
    script("endpoint hashkv", "--cluster", formats=("table",))
    script("move-leader", "77")
    script("defrag")
    script("defrag", "--cluster")
    script("snapshot save", "WORK/saved.db")
    script("snapshot save", "WORK/no/such/folder/saved.db")
    for side in script.sides:
        side.asked.ask("Alarm", {"action": 1, "memberID": OWN, "alarm": 1})
    script("alarm list", formats=READS)
    script("put", "full", "v")
    script("endpoint health")
    script("endpoint status")
    script("alarm disarm", formats=READS)
    script("alarm list", formats=READS)


def locks(script):
    script("lock", "m", "echo", "held")
    script("lock", "m", "false")
    script("lock", "m", "--ttl", "5", "printenv", "ETCD_LOCK_KEY")
    script.first_lines("lock", 1, "other")
    script.first_lines("elect", 2, "e", "proposal")
    script("get", "m", "--prefix")

    def mirrored(side):
        for number in range(3):
            side.run(["put", f"src/{number}", "v"])
        environment = {"ETCDCTL_API": "3"}
        process = subprocess.Popen(
            with_parent([str(side.ctl.program), "--endpoints", side.ctl.endpoints, "make-mirror",
                         "--prefix", "src/", "--dest-prefix", "dest/", side.ctl.endpoints]),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=environment)
        deadline = time.monotonic() + PATIENCE
        try:
            side.run(["put", "src/3", "later"])
            while side.run(["get", "dest/3"])[1] == "" and time.monotonic() < deadline:
                time.sleep(0.1)
            return side.run(["get", "dest/", "--prefix"])
        finally:
            process.kill()
            process.wait()
    script.compare("make-mirror", "make-mirror", mirrored)


def users(script):
    script("auth enable")
    script("user add", "root:pw", formats=("simple", "json"))
    for name in ("u1:pw", "u2:pw", ":pw"):
        script("user add", name)
    script("user add", "u3", "--no-password")
    script("user add", "u4", "--new-user-password", "x")
    script("user add", "u5", "--interactive=false", text="pw\n")
    script("user delete", "u4")
    script("user delete", "u4")
    script("user list", formats=READS)
    script("user passwd", "u2", "--interactive=false", text="new\n")
    for name in ("root", "r1", "r2", "r1", ""):
        script("role add", name)
    for arguments in (["r1", "read", "k"], ["r1", "write", "a", "z"], ["r1", "readwrite", "p/",
                      "--prefix"], ["r1", "read", "q", "--from-key"], ["none", "read", "k"]):
        script("role grant-permission", *arguments)
    script("role get", "r1", formats=READS)
    script("role get", "none")
    script("role revoke-permission", "r1", "k")
    script("role revoke-permission", "r1", "a", "z")
    script("role revoke-permission", "r1", "q", "--from-key")
    script("role revoke-permission", "r1", "nothing")
    script("role list", formats=READS)
    script("role delete", "r2")
    script("role delete", "r2")
    for user, role in (("root", "root"), ("u1", "r1"), ("u1", "none"), ("none", "r1")):
        script("user grant-role", user, role)
    script("user revoke-role", "u2", "r1")
    script("user get", "u1", formats=READS)
    script("user get", "u1", "--detail")
    script("user get", "none")
    script("auth enable", formats=("simple",))
    for flags in ((), ("--user", "u1:pw"), ("--user", "u1:wrong"), ("--user", "u2:new"), ROOT):
        script("put", "p/1", "v", flags=flags)
        script("get", "p/", "--prefix", flags=flags)
        script("user list", flags=flags)
        script("member list", flags=("--user", "u1:pw"))
    script("auth status", flags=ROOT, formats=("simple", "json"))
    script("endpoint health", flags=ROOT)
    script("user revoke-role", "u1", "r1", flags=ROOT)
    script("user delete", "root", flags=ROOT)
    script("auth disable", flags=("--user", "u1:pw"))
    script("auth disable", flags=ROOT)
    script("get", "p/1")


def load(script):
    """Only its form: every number is the machine's."""
    def checked(*arguments):
        def ask(side):
            done = run([side.ctl.program, "--endpoints", side.ctl.endpoints, *arguments],
                       patience=300, environment={"ETCDCTL_API": "3"})
            lines = [re.sub(r"[0-9]+(\.[0-9]+)?(ms|s|MB)?", "N", line)
                     for line in re.split("[\r\n]+", done.stdout) if "%" not in line]
            return done.returncode, lines
        return ask
    for command in LONG:
        words = command.split()
        script.compare(command, words, checked(*words, "--load", "s"))


def compare_commands(work, version, known):
    servers = [Asked("detcd", work), Asked(f"etcd-{version}", work, version)]
    for one in servers:
        one.start()
    for one in servers:
        one.wait_ready()
    script = Script([Side(one, version) for one in servers], known)
    for part in (keys, leases, cluster, locks, users):
        part(script)
    if not QUICK:
        load(script)
    for one in servers:
        one.close()
    return script


def report(version, script):
    commands = {*script.alike, *script.different, *script.explained}
    good = commands - {*script.different} - {*script.explained}
    skipped = {**ELSEWHERE, **(LONG if QUICK else {})}
    say(f"etcdctl {version}: {len(good)} of {len(commands)} commands print the same as with etcd, "
        f"in {sum(script.alike.values())} uses")
    for command, why in sorted({**script.explained, **skipped}.items()):
        say(f"  {command}: {why}")
    for command, (what, mine, theirs) in sorted(script.different.items()):
        say(f"  DIFFERENT: {command}: {what}\n       detcd {mine}\n       etcd  {theirs}")
    gone = sorted(row for row in {*script.known} - script.seen if row[0] not in skipped)
    expect(not gone, f"differences that are known but no longer occur: {gone}")
    expect(not script.different, f"{len(script.different)} commands differ, of etcdctl {version}")


# Why it prints something else than with etcd of this version: {(command, its last argument): why}.
NO_HEADER = "3.4's AlarmResponse has no header, of which etcdctl dies (ETCD.md §11)"
NO_METRICS = {("check datascale", "datascale"): "it reads /metrics, which detcd doesn't serve yet"}
KNOWN = {"3.4": {("alarm list", "json"): NO_HEADER, ("alarm list", "fields"): NO_HEADER,
                 **NO_METRICS}, "3.5": NO_METRICS}


def etcdctl_34_prints_the_same(work):
    report("3.4", compare_commands(work, "3.4", KNOWN["3.4"]))


def etcdctl_35_prints_the_same(work):
    report("3.5", compare_commands(work, "3.5", KNOWN["3.5"]))


if __name__ == "__main__":
    main(etcdctl_34_prints_the_same, etcdctl_35_prints_the_same)
