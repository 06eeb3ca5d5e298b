#!/usr/bin/python3
"""The same seeded random requests, of all services at once, to real etcds and to detcd: every field
of every message and every refusal must be the same, but for what known.py explains. The etcds are
3.5.30 and 3.4.23, and 3.7.1 and 3.6.14 where `./dev peers` could build them; DETCD_ETCDS names others
of those (3.7,3.5). DETCD_SEEDS says how many seeds; DETCD_SEED replays one, or some: 41..80."""

import os
import pathlib
import random
import shutil
import sys
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "blackbox"))

from harness import PATIENCE, PEERS, QUICK, expect, main, say  # noqa: E402  The path must be set first.
from known import Ledger  # noqa: E402
from provoked import provoke  # noqa: E402
from sequences import World, some_cancel, some_create, some_request  # noqa: E402
from servers import Asked, Stream, summary  # noqa: E402

SEEDS = int(os.environ.get("DETCD_SEEDS", "10" if QUICK else "200"))
ONLY = os.environ.get("DETCD_SEED", "")
STEPS = int(os.environ.get("DETCD_STEPS", "120"))
# The newest first: it is what detcd has to be like.
VERSIONS = tuple(version for version in ("3.7", "3.6", "3.5", "3.4")
                 if version in os.environ.get("DETCD_ETCDS", version)
                 and (PEERS / version / "etcd").exists())
# etcd looks for watches that are behind ten times a second.
SETTLE = 0.25
# They wait for others, as long as the call may take.
WAITS = ("Lock", "Campaign")

# How often each kind of request comes, by the seed's number.
MOODS = [{"keys": 8, "leases": 1, "operators": 0.5, "users": 0.2},
         {"keys": 4, "leases": 6, "operators": 0.5},
         {"keys": 5, "leases": 1, "users": 6, "operators": 0.7},
         {"keys": 4, "leases": 1, "operators": 5, "members": 4},
         {"keys": 5, "leases": 2, "operators": 0.5},
         {"keys": 2, "leases": 1, "locks": 5, "members": 1}]


class Side:
    """detcd and the etcds, asked the same."""

    def __init__(self, work, ledger, where):
        self.ledger, self.where, self.log = ledger, where, []
        self.ours = Asked("detcd", work)
        self.theirs = [Asked(f"etcd-{version}", work, version) for version in VERSIONS]
        self.all = [self.ours, *self.theirs]
        for one in self.all:
            one.start()
        for one in self.all:
            one.wait_ready()
        self.asked = self.refused = 0

    def close(self):
        for one in self.all:
            one.close()

    def ask_in_parts(self, request, user):
        """Who has RangeStream is asked for the same by it. With a target but no order etcd sorts each
        of its pieces and goes on after the last key of that order, which loses keys or tells them
        twice; detcd keeps to the order of keys: this isn't compared."""
        if request.get("sort_target") and not request.get("sort_order"):
            return
        sides = [one for one in self.all if one.version is None or one.version >= "3.7"]
        finishes = [one.begin("RangeStream", request, user) for one in sides]
        answers = [finish() for finish in finishes]
        for asked, answer in zip(sides[1:], answers[1:]):
            left = self.ledger.unexplained(asked.version, "RangeStream", answers[0], answer)
            expect(not left, f"{self.where}: RangeStream {request} of {user}: against etcd "
                   f"{asked.version} (field, detcd's, etcd's): {left}")

    def alike(self, rpc, mine, answers):
        return not any(self.ledger.unexplained(asked.version, rpc, mine, answer)
                       for asked, answer in zip(self.theirs, answers) if answer is not None)

    def compare(self, rpc, what, mine, answers):
        for asked, answer in zip(self.theirs, answers):
            if answer is not None and answer != mine:
                left = self.ledger.take(asked.version, rpc, mine, answer)
                expect(not left, f"{self.where}: {rpc} {what}: against etcd {asked.version} "
                       f"(field, detcd's, etcd's): {left}")

    def ask(self, rpc, request, user=None, spared=False):
        """etcd's answer, of the newest. A spared 3.4 isn't asked for what the others refuse."""
        spared = spared and VERSIONS[-1] == "3.4"
        first = self.all[:-1] if spared else self.all
        patience = 1.5 if rpc in WAITS else PATIENCE
        finishes = [one.begin(rpc, request, user, patience) for one in first]
        answers = [finish() for finish in finishes]
        if any(answer.get("error", {}).get("code") == "DEADLINE_EXCEEDED" for answer in answers):
            time.sleep(SETTLE)  # Who waited takes its key back.
        if spared:
            answers.append(None if "error" in answers[0] else self.all[-1].ask(rpc, request, user))
        for _ in range(100 if rpc == "HashKV" else 0):
            if self.alike(rpc, answers[0], answers[1:]):
                break
            # etcd knows the hash of a compaction once it has worked it off.
            time.sleep(0.02)
            answers = [one.ask(rpc, request, user) for one in self.all]
        self.log.append((user, rpc, request, answers[0]))
        self.asked, self.refused = self.asked + 1, self.refused + ("error" in answers[1])
        self.compare(rpc, f"of {user} {request}", answers[0], answers[1:])
        return answers[1]


class Watching:
    """One stream to each server, asked the same."""

    def __init__(self, side, user=None):
        self.side = side
        self.streams = [Stream(one, user) for one in side.all]

    def create(self, request):
        before = [sum(told.get("created", 0) for told in stream.known())
                  for stream in self.streams]
        self.ask(request)
        # What is said of the present is the same only if all are asked at the same place.
        for stream, known in zip(self.streams, before):
            came = stream.wait(lambda told, known=known: sum(
                one.get("created", 0) for one in told) > known)
            expect(came, f"{self.side.where}: {stream.asked.name} says that it watches {request}")

    def ask(self, request):
        for stream in self.streams:
            stream.ask(request)

    def same(self, what):
        """Once nothing more comes."""
        time.sleep(SETTLE)
        until = time.monotonic() + 5
        while True:
            told = [summary(stream.known()) for stream in self.streams]
            if self.side.alike("Watch", told[0], told[1:]) or time.monotonic() > until:
                break
            time.sleep(0.02)
        self.side.compare("Watch", what, told[0], told[1:])
        return told[1]

    def finish(self, world):
        """Cancels what etcd's progress would wait for in vain, as its own client does."""
        for told in self.streams[1].known():
            if told.get("created") and not told.get("canceled"):
                self.ask({"cancel_request": {"watch_id": told.get("watch_id", 0)}})
        self.same("at the end")
        self.ask({"progress_request": {}})
        for start in (max(1, world.compacted), 0):
            self.create({"create_request": {"key": b"a", "start_revision": start}})
        self.same("before progress")
        self.ask({"progress_request": {}})
        self.same("after progress")
        self.end()

    def end(self):
        for stream in self.streams:
            stream.end()


# Without rights, 3.4 does these all the same (known.py): it isn't asked then.
READS = ("Range", "LeaseTimeToLive", "LeaseLeases", "UserGet", "RoleGet", "Status")
MORE_ALLOWED = ("LeaseGrant", "Compact", "Alarm", "Txn", "LeaseRevoke", "LeaseKeepAlive")


class Sequence:
    """One seed."""

    def __init__(self, side, seed):
        self.side, self.seed = side, seed
        self.dice = random.Random(seed * 1_000_003)
        self.mood = MOODS[seed % len(MOODS)]
        self.world = World(self.dice, "users" in self.mood)
        self.watching = []

    def caller(self, rpc):
        # 3.4 looks at tokens also while users aren't asked for; it would do less then.
        if rpc == "Authenticate":
            return None  # 3.4 takes no wrong token here.
        if not self.world.auth:
            return self.dice.choice([None] * 9 + ["u1"]) if rpc in READS else None
        return self.dice.choice(["root"] * 6 + ["u1"] * 3 + ["u2", "u2", "u3", None, "x"])

    def note(self, rpc, request, answer):
        if "error" in answer:
            return
        header = answer.get("header", {})
        # What isn't of a cluster's service has the revision.
        if rpc in ("Put", "DeleteRange", "Txn", "LeaseRevoke", "Range"):
            self.world.revision = header.get("revision", 0)
        kinds = {kind for one in answer.get("responses", []) for kind in one}
        if kinds & {"response_txn", "response_delete_range"} and kinds & {
                "response_txn", "response_put"}:
            self.world.mixed.add(self.world.revision)
        if rpc == "Compact":
            self.world.compacted = request.get("revision", 0)
        if rpc == "LeaseGrant" and not request.get("ID"):
            self.world.drawn += 1
        if rpc in ("AuthEnable", "AuthDisable"):
            self.world.auth = rpc == "AuthEnable"

    def avoided(self, rpc, request):
        """Since 3.5.16 etcd loses a key that one transaction deletes and puts anew when just that
        revision is compacted, and forgets it in that revision's hash."""
        return (rpc in ("Compact", "HashKV")
                and (request.get("revision", 0) or self.world.revision) in self.world.mixed)

    def ask(self, rpc, request, user=None):
        spared = self.world.auth and user != "root" and rpc in MORE_ALLOWED
        if rpc == "RoleGrantPermission":
            span = request.get("perm", {})
            spared = not b"" < span.get("key", b"") < span.get("range_end", b"\xff" * 9)
        answer = self.side.ask(rpc, request, user, spared)
        if rpc == "Range":
            self.side.ask_in_parts(request, user)
        self.note(rpc, request, answer)
        return answer

    def enable_auth(self):
        """Root with its role, and tokens for all that there are."""
        self.ask("UserAdd", {"name": "root", "password": "pw"})
        self.ask("UserGrantRole", {"user": "root", "role": "root"})
        self.ask("AuthEnable", {})
        for user in ("root", "u1", "u2", "u3"):
            self.ask("Authenticate", {"name": user, "password": "pw"})

    def watch(self):
        """Opens a stream, or asks something of one."""
        if len(self.watching) < 2 and self.dice.random() < 0.5 or not self.watching:
            self.watching.append(Watching(self.side))
        watching = self.dice.choice(self.watching)
        if self.dice.random() < 0.75:
            watching.create(some_create(self.world))
            return
        # etcd drops what is still to be sent to a watch that is canceled.
        watching.same("before a cancellation")
        watching.ask(some_cancel(self.world) if self.dice.random() < 0.9 else {})

    def watch_as(self, user):
        """A watch of somebody, for as long as it takes to be told of it."""
        watching = Watching(self.side, user)
        watching.create(some_create(self.world))
        watching.same(f"of {user}")
        watching.end()

    def step(self):
        rpc, request = some_request(self.world, self.mood)
        if self.avoided(rpc, request):
            return
        if rpc == "Compact":
            # etcd looks for former pairs when it sends: not before all is sent.
            for watching in self.watching:
                watching.same("before a compaction")
        if rpc == "AuthEnable":
            self.enable_auth()
            return
        self.ask(rpc, request, self.caller(rpc))

    def run(self):
        watches = "users" not in self.mood
        for _ in range(4):
            self.ask("Put", {"key": self.dice.choice([b"a", b"b"]), "value": b"v"})
        for _ in range(STEPS):
            if watches and self.dice.random() < 0.08:
                self.watch()
            elif self.world.auth and self.dice.random() < 0.02:
                self.watch_as(self.dice.choice(["root", "u1", "u2", None]))
            else:
                self.step()
        self.finish()

    def finish(self):
        """Without alarms and with root's rights: everything there is."""
        root = "root" if self.world.auth else None
        if root:
            self.ask("Authenticate", {"name": "root", "password": "pw"})
        for watching in self.watching:
            watching.same("once nothing more happens")
            watching.finish(self.world)
        last = ("HashKV", {"revision": self.world.revision})
        hashes = [last] if self.world.hashes and not self.avoided(*last) else []
        for rpc, request in (("Range", {"key": b"\x00", "range_end": b"\x00"}), ("LeaseLeases", {}),
                             ("UserList", {}), ("RoleList", {}), ("Alarm", {}), ("AuthStatus", {}),
                             *hashes):
            self.ask(rpc, request, root)


def seeds():
    first, _, last = (ONLY or f"1..{SEEDS}").partition("..")
    return range(int(first), int(last or first) + 1)


def run_seed(work, ledger, seed):
    side = Side(work / str(seed), ledger, f"seed {seed}")
    try:
        Sequence(side, seed).run()
    except Exception:
        print(*side.log[-5:], sep="\n", flush=True)
        print(f"replay: DETCD_SEED={seed} {' '.join(sys.argv)}", flush=True)
        raise
    finally:
        side.close()
    # Three servers' files are 277 MiB.
    shutil.rmtree(work / str(seed))
    return side.asked, side.refused


def etcd_and_detcd_answer_alike(work):
    ledger = Ledger()
    if not ONLY:
        side = Side(work / "provoked", ledger, "what is provoked")
        provoke(side)
        side.close()
    asked = refused = 0
    for seed in seeds():
        more, of_them = run_seed(work, ledger, seed)
        asked, refused = asked + more, refused + of_them
    for line in ledger.lines():
        say(line)
    gone = [] if ONLY else ledger.gone(VERSIONS)
    expect(not gone, f"differences that are known but no longer occur: {gone}")
    say(f"{asked} requests of {len(seeds())} seeds to each, {refused} of them refused")


if __name__ == "__main__":
    main(etcd_and_detcd_answer_alike)
