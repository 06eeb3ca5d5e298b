#!/usr/bin/python3
"""Leases, through etcd's own client of two versions and through gRPC: commands and their words,
streams of keep-alives, what happens over restarts and with leaders, many leases at once; and random
requests that etcd 3.5.30 and detcd must answer alike."""

import os
import queue
import random
import re
import signal
import subprocess
import threading
import time

from cluster_test import NAMES, leader_of, same_hashes
from harness import (PATIENCE, PEERS, QUICK, Etcdctl, Server, cluster, equal, eventually, expect,
                     main, say, start_all, with_parent)
from kv_client import Client, fields, grpc, message, one, signed, varint

VERSIONS = ("3.4", "3.5")
SERVICE = "etcdserverpb.Lease"
SEED = int(os.environ.get("DETCD_SEED", "1"))
SEQUENCES = int(os.environ.get("DETCD_SEQUENCES", "10" if QUICK else "60"))


def granted(text, ttl):
    """The id in hexadecimal digits."""
    found = re.fullmatch(rf"lease ([0-9a-f]{{16}}) granted with TTL\({ttl}s\)\n", text)
    expect(found, f"words of a grant: {text!r}")
    return found.group(1)


class Keeping:
    """A stream of keep-alives that stays open."""

    def __init__(self, client, metadata=()):
        self.asked, self.answers = queue.Queue(), []
        call = client.channel.stream_stream(
            f"/{SERVICE}/LeaseKeepAlive", request_serializer=bytes, response_deserializer=bytes)
        self.call = call(iter(self.asked.get, None), metadata=metadata)
        self.ended = None
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            for answer in self.call:
                self.answers.append((signed(one(answer, 2)), signed(one(answer, 3))))
            self.ended = "OK"
        except grpc.RpcError as error:
            self.ended = error.code().name, error.details()

    def ask(self, lease):
        self.asked.put(message((1, lease)))

    def end_requests(self):
        self.asked.put(None)


def grant(client, ttl, lease=0, timeout=30):
    answer = client.call("LeaseGrant", message((1, ttl), (2, lease)), service=SERVICE,
                         timeout=timeout)
    return signed(one(answer, 2)), signed(one(answer, 3))


def time_to_live(client, lease, keys=False):
    answer = client.call("LeaseTimeToLive", message((1, lease), (2, int(keys))), service=SERVICE,
                         timeout=30)
    return (signed(one(answer, 3)), signed(one(answer, 4)),
            [bytes(key) for key in fields(answer).get(5, [])])


def put_with(client, key, lease):
    client.call("Put", message((1, key), (2, "v"), (3, lease)), timeout=30)


def etcdctl_grants_keeps_and_revokes(work):
    for version in VERSIONS:
        server = Server(work, f"for-{version}").start()
        ctl = Etcdctl(version, server.endpoint)
        lease = granted(ctl.ok("lease", "grant", "100"), 100)
        small = granted(ctl.ok("lease", "grant", "1"), 2)
        equal(ctl.ok("put", "b", "1", "--lease", lease), "OK\n", "put with a lease")
        equal(ctl.ok("put", "a", "1", "--lease", lease), "OK\n", "put with a lease")
        said = ctl.ok("lease", "timetolive", lease, "--keys")
        found = re.fullmatch(rf"lease {lease} granted with TTL\(100s\), remaining\((\d+)s\), "
                             r"attached keys\(\[a b\]\)\n", said)
        expect(found and 90 <= int(found.group(1)) <= 100, f"words of timetolive: {said!r}")
        equal(ctl.ok("lease", "keep-alive", "--once", lease),
              f"lease {lease} keepalived with TTL(100)\n", "keep-alive")
        listed = ctl.ok("lease", "list").splitlines()
        equal((listed[0], set(listed[1:]) | {small}), ("found 2 leases", {lease, small}), "list")
        # The small one ends by itself.
        eventually(lambda: ctl.ok("lease", "list") == f"found 1 leases\n{lease}\n", "it ends")
        equal(ctl.ok("lease", "timetolive", small), f"lease {small} already expired\n", "it ended")
        before = ctl.json("get", "a")["header"]["revision"]
        equal(ctl.ok("lease", "revoke", lease), f"lease {lease} revoked\n", "revoke")
        answer = ctl.json("get", "", "--prefix")
        equal((answer["header"]["revision"], answer.get("count", 0)), (before + 1, 0),
              "both keys went in one revision")
        equal(ctl.fails("lease", "revoke", lease),
              "Error: failed to revoke lease (etcdserver: requested lease not found)",
              "revoke again")
        equal(ctl.ok("lease", "list"), "found 0 leases\n", "list of none")
        server.end()
        say(f"etcdctl {version}")


def etcdctl_keeps_a_lease_alive(work):
    server = Server(work).start()
    ctl = Etcdctl("3.5", server.endpoint)
    lease = granted(ctl.ok("lease", "grant", "2"), 2)
    ctl.ok("put", "k", "v", "--lease", lease)
    keeper = subprocess.Popen(
        with_parent([str(ctl.program), "--endpoints", server.endpoint, "lease", "keep-alive",
                     lease]), stdout=subprocess.PIPE, text=True)
    try:
        began = time.monotonic()
        while time.monotonic() - began < 5:
            equal(ctl.ok("get", "k"), "k\nv\n", "the key stays while its lease is kept")
            time.sleep(0.3)
    finally:
        keeper.kill()
        said = keeper.communicate()[0].splitlines()
    expect(len(said) >= 5 and set(said) == {f"lease {lease} keepalived with TTL(2)"}, f"{said}")
    began = time.monotonic()
    eventually(lambda: ctl.ok("get", "k") == "", "the key goes with its lease")
    say(f"{len(said)} keep-alives; the key went {time.monotonic() - began:.1f} s after the last")


def streams_answer_in_order_and_end_as_etcds_do(work):
    ours = Server(work, "same")
    theirs = Server(work / "etcd", "same", program=PEERS / "3.5/etcd")
    theirs.work.mkdir()
    for server in (ours.start(), theirs.start()):
        client = Client(server.endpoint)
        for lease in (5, 6):
            equal(grant(client, 60, lease), (lease, 60), "a grant with an id")
        keeping = Keeping(client)
        asked = [5, 6, 7, 5, 0, 6, 6, -1] * 20
        for lease in asked:
            keeping.ask(lease)
        wanted = [(lease, 60 if lease in (5, 6) else 0) for lease in asked]
        eventually(lambda: len(keeping.answers) == len(wanted), "each is answered")
        equal(keeping.answers, wanted, "answers in the order of the requests")
        # What is asked before the end of requests is still answered.
        for _ in range(50):
            keeping.ask(5)
        keeping.end_requests()
        eventually(lambda: keeping.ended, "the stream ends")
        equal((keeping.ended, len(keeping.answers)), ("OK", len(wanted) + 50), "end and answers")
        idle = Keeping(client)
        time.sleep(0.2)
        idle.end_requests()
        eventually(lambda: idle.ended == "OK", "a stream without requests ends")
        client.close()


def leases_outlive_restarts(work):
    server = Server(work)
    server.flags = ["--snapshot-count", "20"]
    server.start()
    client = Client(server.endpoint)
    for lease, ttl in ((1, 4), (2, 1000), (3, 1000)):
        grant(client, ttl, lease)
        put_with(client, f"k{lease}", lease)
    for number in range(100):
        client.put("fill", str(number))
    client.call("LeaseRevoke", message((1, 3)), service=SERVICE)
    client.close()
    for _ in range(2):
        server.end()
        server.start()
    client = Client(server.endpoint)
    left, whole, keys = time_to_live(client, 2, keys=True)
    expect(980 <= left <= 1000, f"the long one has about what it had: {left}")
    equal((whole, keys), (1000, [b"k2"]), "the long one")
    equal(time_to_live(client, 3), (-1, 0, []), "the revoked one")
    eventually(lambda: time_to_live(client, 1)[0] == -1, "the short one ends")
    equal([item.key for item in client.range(b"k", b"l").kvs], [b"k2"], "keys that are left")
    equal(time_to_live(client, 2, keys=True)[2], [b"k2"], "keys of the long one")
    client.close()


def a_killed_leader_ends_no_lease_that_is_kept(work):
    members = cluster(work, NAMES)
    start_all(members)
    lease = 77
    client = Client(members[0].endpoint)
    grant(client, 3, lease)
    put_with(client, "kept", lease)
    grant(client, 4, 78)
    put_with(client, "left", 78)
    client.close()
    done, answers = threading.Event(), []

    def keep():
        """Through one member after another, twice a second."""
        turn = 0
        while not done.is_set():
            keeper = Client(members[turn % 3].endpoint, timeout=1)
            turn += 1
            try:
                stream = Keeping(keeper)
                stream.ask(lease)
                stream.end_requests()
                stream.reader.join(1)
                answers.extend(stream.answers)
            finally:
                keeper.close()
            time.sleep(0.3)
    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    for _ in range(1 if QUICK else 3):
        leader = leader_of(members)
        leader.end()
        time.sleep(3)
        leader.start()
    time.sleep(4)
    equal({ttl for _, ttl in answers}, {3}, f"each of {len(answers)} keep-alives found the lease")
    for member in members:
        client = Client(member.endpoint, timeout=30)
        equal([item.key for item in client.range(b"k", b"m").kvs], [b"kept"],
              f"keys as {member.name} sees them")
        client.close()
    done.set()
    thread.join()
    client = Client(members[0].endpoint, timeout=30)
    eventually(lambda: not client.range(b"kept").kvs, "what nobody keeps ends")
    client.close()
    same_hashes(members)
    say(f"{len(answers)} keep-alives were answered")


def a_paused_leader_ends_no_lease_that_is_kept(work):
    """The pause is longer than the lease: its keep-alives wait in the leader's sockets."""
    server = Server(work).start()
    client = Client(server.endpoint)
    grant(client, 2, 9)
    put_with(client, "k", 9)
    keeping = Keeping(client)
    for _ in range(2 if QUICK else 6):
        server.process.send_signal(signal.SIGSTOP)
        for _ in range(8):
            time.sleep(0.5)
            keeping.ask(9)
        server.process.send_signal(signal.SIGCONT)
        time.sleep(0.5)
        keeping.ask(9)
    eventually(lambda: len(keeping.answers) >= 9 * (2 if QUICK else 6), "all are answered")
    equal({ttl for _, ttl in keeping.answers}, {2}, "what keep-alives say")
    equal(len(client.range(b"k").kvs), 1, "the key is there")
    client.close()


def many_leases_end_at_once_without_a_stall(work):
    count = 5_000 if QUICK else 100_000
    server = Server(work).start()
    client = Client(server.endpoint)
    before = server.memory("VmRSS")
    began = time.monotonic()
    calls = threading.Semaphore(512)
    stub = client.channel.unary_unary(f"/{SERVICE}/LeaseGrant", request_serializer=bytes,
                                      response_deserializer=bytes)
    failed = []

    def finished(call):
        calls.release()
        if call.code() != grpc.StatusCode.OK:
            failed.append(call.details())
    last_grant = began
    for number in range(count):
        calls.acquire()
        ttl = 30 if not QUICK else 10
        stub.future(message((1, ttl), (2, number + 1))).add_done_callback(finished)
    for _ in range(512):
        calls.acquire()
    last_grant = time.monotonic()
    equal(failed[:3], [], "grants that failed")
    each = (server.memory("VmRSS") - before) / count
    say(f"{count / (last_grant - began):.0f} grants per second, {each:.0f} bytes each")

    def puts(seconds):
        took = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            start = time.monotonic()
            client.put("p", "v", timeout=30)
            took.append(time.monotonic() - start)
            time.sleep(0.001)
        took.sort()
        return took[len(took) * 99 // 100], took[-1]
    normal = puts(3)
    # One batch of keep-alives gives all of them the same end.
    keeping = Keeping(client)
    for number in range(count):
        keeping.ask(number + 1)
    eventually(lambda: len(keeping.answers) == count, "all are kept", patience=120)
    renewed = time.monotonic()

    def left():
        answer = client.call("LeaseLeases", b"", service=SERVICE, timeout=60)
        return len(fields(answer).get(2, []))
    worst = (0, 0)
    while left() > 0:
        expect(time.monotonic() - renewed < 120, "all have ended")
        worst = max(worst, puts(1))
    say(f"all ended {time.monotonic() - renewed:.1f} s after the last was kept; a put's 99th "
        f"percentile and worst were {normal[0] * 1e3:.2f} and {normal[1] * 1e3:.2f} ms before, "
        f"{worst[0] * 1e3:.2f} and {worst[1] * 1e3:.2f} ms in the worst second then")
    client.close()


def ask(client, service, method, request):
    try:
        return fields(client.call(method, request, service=service, timeout=30))
    except grpc.RpcError as error:
        return error.code(), error.details()


def meaning(method, answer):
    """What must be equal: ids of the cluster, terms and passing seconds apart."""
    if isinstance(answer, tuple):
        return answer
    header = fields(answer.pop(1)[0])
    said = {number: values for number, values in answer.items()}
    said["revision"] = header.get(3)
    if method == "LeaseTimeToLive":
        said[5] = sorted(said.get(5, []))
        left = signed(said.get(3, [0])[0])
        said[3] = "some" if left > 0 else left
    if method == "LeaseLeases":
        # Which of two that were granted or kept in the same moment ends first isn't said.
        said[2] = sorted(bytes(item) for item in said.get(2, []))
    return said


def some_lease_request(dice, keep):
    def lease():
        return dice.choice([1, 2, 3, -1, -(1 << 63), (1 << 63) - 1])

    def number(tag, value):
        return varint(tag << 3) + varint(value)
    kind = dice.choices(["grant", "revoke", "ttl", "list", "keep", "put", "delete", "txn", "get"],
                        [5, 2, 4, 1, 3, 8, 2, 4, 2])[0]
    key = dice.choice([b"a", b"b", b"c", b"d"])
    if kind == "grant":
        ttl = dice.choice([60, 100, 1000, 9_000_000_000, 9_000_000_001, 1 << 62])
        return SERVICE, "LeaseGrant", number(1, ttl) + number(2, lease())
    if kind == "revoke":
        return SERVICE, "LeaseRevoke", number(1, dice.choice([lease(), 0]))
    if kind == "ttl":
        return SERVICE, "LeaseTimeToLive", number(1, dice.choice([lease(), 0])) + number(
            2, dice.randrange(2))
    if kind == "list":
        return SERVICE, "LeaseLeases", b""
    if kind == "keep":
        return SERVICE, keep, number(1, lease())
    kv = "etcdserverpb.KV"
    put = message((1, key), (2, "v")) + number(3, dice.choice([0, lease(), lease()]))
    if kind == "put":
        if dice.random() < 0.1:
            put = message((1, key), (2, "w"), (6, 1))
        return kv, "Put", put
    if kind == "delete":
        return kv, "DeleteRange", message((1, key), (2, dice.choice([b"", b"c", b"e"])), (3, 1))
    if kind == "get":
        return kv, "Range", message((1, b"a"), (2, b"z"))
    compare = message((2, 4), (3, key)) + number(8, lease())
    other = dice.choice([b"e", b"f"])
    return kv, "Txn", message((1, compare), (2, message((2, put))),
                              (3, message((2, message((1, other)) + number(3, lease())))))


def etcd_and_detcd_answer_alike(work):
    ours = Server(work, "same")
    theirs = Server(work / "etcd", "same", program=PEERS / "3.5/etcd")
    theirs.work.mkdir()
    clients = [Client(server.start().endpoint) for server in (ours, theirs)]
    asked = refused = 0
    for sequence in range(SEQUENCES):
        dice = random.Random(SEED * 7_000_003 + sequence)
        for step in range(40):
            service, method, request = some_lease_request(dice, "LeaseKeepAlive")
            answers = []
            for client in clients:
                if method == "LeaseKeepAlive":
                    stream = Keeping(client)
                    stream.asked.put(request)
                    stream.end_requests()
                    stream.reader.join(PATIENCE)
                    answers.append((stream.answers, stream.ended))
                else:
                    answers.append(meaning(method, ask(client, service, method, request)))
            equal(answers[0], answers[1], f"DETCD_SEED={SEED}, sequence {sequence}, step {step}: "
                  f"{method} {request.hex()}")
            asked, refused = asked + 1, refused + isinstance(answers[1], tuple)
        # Less than the least becomes the least; such a lease may not live on, as it ends by itself.
        for ttl in (-5, 0, 1, 2, 3):
            mine, wanted = (grant(client, ttl, 99) for client in clients)
            equal(mine, wanted, f"a grant of {ttl} s")
            for client in clients:
                client.call("LeaseRevoke", message((1, 99)), service=SERVICE)
        # Drawn ids are positive, of no meaning, and last.
        mine, wanted = (grant(client, 60) for client in clients)
        expect(mine[0] > 0 and wanted[0] > 0 and mine[1] == wanted[1], f"{mine} {wanted}")
        for client, (lease, _) in zip(clients, (mine, wanted)):
            client.call("LeaseRevoke", message((1, lease)), service=SERVICE)
    for client in clients:
        client.close()
    say(f"{asked} requests in {SEQUENCES} sequences, {refused} of them refused or kept alive")


if __name__ == "__main__":
    main(etcdctl_grants_keeps_and_revokes, etcdctl_keeps_a_lease_alive,
         streams_answer_in_order_and_end_as_etcds_do, leases_outlive_restarts,
         a_killed_leader_ends_no_lease_that_is_kept, a_paused_leader_ends_no_lease_that_is_kept,
         many_leases_end_at_once_without_a_stall, etcd_and_detcd_answer_alike)
