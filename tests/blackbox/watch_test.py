#!/usr/bin/python3
"""Watches against the real binary: by etcd's own command line client, of two versions; by a gRPC
client that isn't ours; and the same random watches of etcd 3.5.30 and of detcd, which must be told
the same."""

import os
import queue
import random
import signal
import subprocess
import threading

from harness import (Etcdctl, PATIENCE, PEERS, QUICK, Server, cluster, equal, eventually, expect,
                     main, say, start_all, with_parent)
from kv_client import Client, grpc, header_revision, message, operation, put_op, txn
from watch_client import PROGRESS, Watches, cancel, create

ROUNDS = int(os.environ.get("DETCD_SEQUENCES", "10" if QUICK else "25"))
SEED = int(os.environ.get("DETCD_SEED", "1"))
STEPS = 25
# etcd looks for those who are behind ten times a second.
QUIET = 0.4


class Watching:
    """`etcdctl watch` in the background, and the lines it prints."""

    def __init__(self, ctl, *arguments):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ETCD")}
        self.process = subprocess.Popen(
            with_parent([str(ctl.program), "--endpoints", ctl.endpoints, "watch", *arguments]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment | {"ETCDCTL_API": "3"})
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def next(self, count):
        return [self.lines.get(timeout=PATIENCE) for _ in range(count)]

    def end(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def with_each_version(work, check, flags=()):
    for version in ("3.4", "3.5"):
        server = Server(work, f"for-{version}")
        server.flags = list(flags)
        check(Etcdctl(version, server.start().endpoint))
        server.end()
        say(f"etcdctl {version}")


def etcdctl_watches_the_past_a_prefix_and_by_lines(work):
    def check(ctl):
        for command in (["put", "a", "1"], ["put", "a", "2"], ["del", "a"]):
            ctl.ok(*command)
        past = Watching(ctl, "a", "--rev=2", "--prev-kv")
        equal(past.next(13), ["PUT", "a", "1", "PUT", "a", "1", "a", "2",
                              "DELETE", "a", "2", "a", ""], "the past, with former pairs")
        past.end()
        prefix = Watching(ctl, "--prefix", "k/", "--rev=5")
        for command in (["put", "k/1", "x"], ["put", "l", "not this"], ["put", "k/2", "y"]):
            ctl.ok(*command)
        equal(prefix.next(6), ["PUT", "k/1", "x", "PUT", "k/2", "y"], "a prefix")
        prefix.end()
        lines = Watching(ctl, "-i")
        lines.say("watch k/1 --rev=5")
        equal(lines.next(3), ["PUT", "k/1", "x"], "a watch by line")
        lines.say("watch l --rev=6")
        equal(lines.next(3), ["PUT", "l", "not this"], "another one")
        lines.say("progress")
        equal(lines.next(1), ["progress notify: 7"], "progress, when asked for")
        lines.end()
    with_each_version(work, check)


def etcdctl_hears_of_progress_and_of_compaction(work):
    def check(ctl):
        for value in "123456":
            ctl.ok("put", "a", value)
        # The older one can't ask for it.
        if ctl.program.parent.name == "3.5":
            notified = Watching(ctl, "nothing", "--progress-notify")
            equal(notified.next(1), ["progress notify: 7"], "progress, as time passes")
            notified.end()
        ctl.ok("compact", "5")
        done = ctl("watch", "a", "--rev=3")
        expect("required revision has been compacted" in done.stderr, done.stderr)
        equal(done.returncode, 5, "exit code of a watch that the server ended")
    with_each_version(work, check, ["--watch-progress-notify-interval=300ms"])


def a_stream_holds_many_watches(work):
    server = Server(work).start()
    client = Client(server.endpoint)
    stream = Watches(client)
    for number in range(300):
        stream.ask(create(f"k{number % 10}", watch_id=number + 1))
    created = [stream.next() for _ in range(300)]
    equal([told.id for told in created], list(range(1, 301)), "ids, in the order of the requests")
    for number in range(10):
        client.put(f"k{number}", "v")
    seen = {}
    for _ in range(300):
        told = stream.next()
        seen.setdefault(told.id, []).extend(told.revisions)
    equal(seen, {n + 1: [n % 10 + 2] for n in range(300)}, "each watch has its event")
    stream.half_close()
    client.put("k3", "after the requests have ended")
    equal(sorted(stream.next().id for _ in range(30)), list(range(4, 301, 10)), "it goes on")
    stream.end()
    client.close()


def a_client_that_reads_nothing_holds_up_nobody(work):
    server = Server(work).start()
    client, slow_client = Client(server.endpoint), Client(server.endpoint)
    call = slow_client.channel.stream_stream("/etcdserverpb.Watch/Watch")(
        iter([create("a", "z")]))
    equal(next(call) is not None, True, "created")
    quick = Watches(client)
    quick.ask(create("a", "z"))
    equal(quick.next().created, 1, "created")
    value = "v" * (256 << 10)
    for _ in range(10):
        client.put("k", value)
    settled = server.memory("VmRSS")
    for _ in range(190):
        client.put("k", value)
        client.compact(client.put("l", "w"))
    seen = 0
    while seen < 390:
        seen += len(quick.next().events)
    equal(seen, 390, "events of who reads")
    grown = server.memory("VmRSS") - settled
    # The slow one's are let go by compaction once more is kept for it than is bounded.
    expect(grown < 200 << 20, f"the server has grown by {grown >> 20} MiB")
    call.cancel()
    quick.end()
    client.close()
    slow_client.close()


def a_lost_leader_ends_the_streams_that_want_one(work):
    members = cluster(work, ["a", "b", "c"], ["--election-timeout", "500"])
    start_all(members)
    client = Client(members[0].endpoint)
    wanting, plain = Watches(client, metadata=[("hasleader", "true")]), Watches(client)
    for stream in (wanting, plain):
        stream.ask(create("k"))
        equal(stream.next().created, 1, "created")
    client.put("k", "v")
    for stream in (wanting, plain):
        equal(stream.next().revisions, [2], "an event")
    for one in members[1:]:
        one.end()
    equal(wanting.next(), None, "the end")
    equal(wanting.status, (grpc.StatusCode.UNAVAILABLE, "etcdserver: no leader"), "its status")
    refused = Watches(client, metadata=[("hasleader", "true")])
    equal(refused.next(), None, "refused at once")
    equal(refused.status, (grpc.StatusCode.UNAVAILABLE, "etcdserver: no leader"), "refusal")
    equal(plain.status, None, "who wants no leader stays")
    # Every member serves them without one, from what it has.
    past = Watches(client)
    past.ask(create("k", start=1))
    past.ask(create("k", start=2))
    told = [past.next() for _ in range(4)]
    equal([one.revisions for one in told if not one.created], [[2], [2]], "the past")
    for stream in (plain, past):
        stream.end()
    client.close()


def a_server_that_stops_gives_streams_no_status_that_ends_a_watch(work):
    """Go's client comes back after Unavailable and Internal only."""
    server = Server(work).start()
    client = Client(server.endpoint)
    stream = Watches(client)
    stream.ask(create("k"))
    equal(stream.next().created, 1, "created")
    server.end(signal.SIGTERM)
    equal(stream.next(), None, "the end")
    expect(stream.status[0] == grpc.StatusCode.UNAVAILABLE, f"{stream.status}")
    client.close()


class Pair:
    """etcd and detcd, asked the same."""

    def __init__(self, work):
        ours = Server(work, "same")
        theirs = Server(work / "etcd", "same", program=PEERS / "3.5/etcd")
        theirs.work.mkdir()
        self.clients = [Client(one.start().endpoint) for one in (ours, theirs)]
        self.streams = []
        self.revision, self.compacted = 1, 0

    def call(self, method, request):
        answers = []
        for client in self.clients:
            try:
                answers.append(header_revision(client.call(method, request)))
            except grpc.RpcError as error:
                answers.append(error.details())
        equal(answers[0], answers[1], f"answers to {method}")
        if isinstance(answers[1], int):
            self.revision = answers[1]

    def open(self):
        self.streams = [Watches(client) for client in self.clients]

    def ask(self, request):
        for stream in self.streams:
            stream.ask(request)

    def drain(self):
        for stream in reversed(self.streams):
            stream.drain(QUIET if stream is self.streams[1] else 0.01)

    def same(self, where):
        """What the watches of both streams were told, once nothing more comes."""
        def summary(stream):
            other, events, cut = [], {}, False
            for told in stream.all:
                if told.events:
                    known = events.setdefault(told.id, [])
                    if known and told.revisions[0] == known[-1][0] and not cut:
                        equal(True, False, f"{where}: a revision is split")
                    known.extend(zip(told.revisions, told.events))
                    cut = told.fragment
                else:
                    other.append(told.kind())
            return sorted(other, key=repr), events
        try:
            eventually(lambda: [self.drain(), summary(self.streams[0]) == summary(
                self.streams[1])][1], "the same is told", patience=5)
        except Exception:
            mine, theirs = (summary(stream) for stream in self.streams)
            equal(mine, theirs, where)

    def close(self):
        for stream in self.streams:
            stream.end()


KEYS = [b"a", b"ab", b"b", b"c", b"\x00", b"\xff"]


def some_create(dice, pair):
    end = dice.choice([b"", b"", b"\x00", b"b", b"c", b"\xff\xff"])
    start = 0
    if dice.random() < 0.5:
        start = dice.randrange(-1, 2) if dice.random() < 0.1 else dice.randrange(
            max(1, pair.compacted - 2), pair.revision + 4)
    return create(dice.choice(KEYS), end, start=start, prev=dice.random() < 0.5,
                  filters=dice.sample([0, 1], dice.choice([0, 0, 0, 1, 1, 2])),
                  watch_id=dice.choice([0, 0, 0, 1, 2, 5, -7]), fragment=dice.random() < 0.3,
                  progress=dice.random() < 0.3)


def some_write(dice, pair):
    def put():
        return message((1, dice.choice(KEYS)), (2, dice.choice(["v", "w", ""])))
    kind = dice.randrange(4)
    if kind == 0:
        return pair.call("DeleteRange", message((1, dice.choice(KEYS)), (
            2, dice.choice([b"", b"b", b"\x00"]))))
    if kind == 1:
        keys = dice.sample(KEYS, dice.randrange(1, 5))
        erased = operation(3, message((1, keys[0])))
        puts = [put_op(key, "t") for key in keys[1:]]
        return pair.call("Txn", txn([], [erased, *puts], []))
    return pair.call("Put", put())


def etcd_and_detcd_tell_the_same(work):
    pair = Pair(work)
    asked = events = 0
    for number in range(ROUNDS):
        dice = random.Random(SEED * 1_000_003 + number)
        where = f"DETCD_SEED={SEED}, round {number}"
        pair.open()
        for _ in range(STEPS):
            step = dice.random()
            if step < 0.3:
                before = [len(stream.all) for stream in pair.streams]
                pair.ask(some_create(dice, pair))
                asked += 1
                # What it says of the present is the same only if both are asked at the same place.
                for stream, known in zip(pair.streams, before):
                    while not any(told.created for told in stream.all[known:]):
                        stream.next()
            elif step < 0.4:
                # etcd drops what is still to be sent to a watch that is canceled: on a slow machine
                # that may be much.
                pair.same(where)
                pair.ask(dice.choice([b"", cancel(dice.choice([0, 1, 2, 5, -7, 99]))]))
            elif step < 0.45:
                # etcd looks for former pairs when it sends: not before all is sent.
                pair.same(where)
                if pair.revision > pair.compacted:
                    revision = dice.randrange(pair.compacted + 1, pair.revision + 1)
                    pair.call("Compact", message((1, revision)))
                    pair.compacted = revision
            else:
                some_write(dice, pair)
        pair.same(where)
        # Those that etcd's progress would wait for in vain are canceled, as its own client does.
        for told in list(pair.streams[1].all):
            if told.created and not told.canceled:
                pair.ask(cancel(told.id))
        pair.same(where)
        for request in (PROGRESS, create(b"a", start=max(1, pair.compacted)), create(b"c")):
            pair.ask(request)
        pair.same(where)
        pair.ask(PROGRESS)
        pair.same(f"{where}, progress")
        events += sum(len(told.events) for told in pair.streams[0].all)
        pair.close()
    for client in pair.clients:
        client.close()
    say(f"{asked} watches in {ROUNDS} rounds, told of {events} events")


if __name__ == "__main__":
    main(etcdctl_watches_the_past_a_prefix_and_by_lines,
         etcdctl_hears_of_progress_and_of_compaction, a_stream_holds_many_watches,
         a_client_that_reads_nothing_holds_up_nobody,
         a_lost_leader_ends_the_streams_that_want_one,
         a_server_that_stops_gives_streams_no_status_that_ends_a_watch,
         etcd_and_detcd_tell_the_same)
