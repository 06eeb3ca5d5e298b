#!/usr/bin/python3
"""The services of locks and elections: as etcd's own clients see what is beneath them, through a
gRPC client that isn't ours, and beside a real etcd, answer by answer."""

import os
import random
import re
import signal
import subprocess
import threading
import time

from harness import (PEERS, QUICK, Etcdctl, Server, cluster, equal, eventually, expect, main, say,
                     start_all, with_parent)
from kv_client import Client, KeyValue, fields, grpc, message, one, signed, varint

LOCK, ELECTION = "v3lockpb.Lock", "v3electionpb.Election"
SEED = int(os.environ.get("DETCD_SEED", "1"))
SEQUENCES = int(os.environ.get("DETCD_SEQUENCES", "6" if QUICK else "60"))
Code = grpc.StatusCode
NAMES = ["n1", "n2", "n3"]


def number(tag, value):
    return varint(tag << 3) + varint(value)


def lock_request(name, lease=0):
    return message((1, name)) + (number(2, lease) if lease else b"")


def campaign_request(name, lease=0, value=""):
    return message((1, name)) + (number(2, lease) if lease else b"") + message((3, value))


def leader_key(name, key, revision, lease):
    return message((1, name), (2, key), (3, revision), (4, lease))


def header_of(answer):
    header = fields(one(answer, 1, b""))
    return signed(header.get(3, [0])[0])


class Waiting:
    """A call that may take long, in a thread of its own."""

    def __init__(self, client, service, method, request, timeout=60, metadata=None):
        stub = client.channel.unary_unary(f"/{service}/{method}")
        self.call = stub.future(request, timeout=timeout, metadata=metadata)

    def answered(self):
        return self.call.done()

    def result(self):
        """The answer, or what it was refused with."""
        try:
            return self.call.result()
        except grpc.RpcError as error:
            return error.code(), error.details()


class Observer:
    def __init__(self, client, name, metadata=None):
        stub = client.channel.unary_stream(f"/{ELECTION}/Observe")
        self.call = stub(message((1, name)), timeout=120, metadata=metadata)
        self.seen, self.status = [], None
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for data in self.call:
                kv = KeyValue(one(data, 2, b""))
                self.seen.append((kv.key, kv.value, kv.create_revision, kv.mod_revision,
                                  header_of(data)))
            self.status = (Code.OK, "")
        except grpc.RpcError as error:
            self.status = (error.code(), error.details())


def grant(client, lease, ttl=60):
    client.call("LeaseGrant", number(1, ttl) + number(2, lease), service="etcdserverpb.Lease")


def revoke(client, lease):
    client.call("LeaseRevoke", number(1, lease), service="etcdserverpb.Lease")


def keys(client, prefix):
    end = prefix[:-1] + bytes([prefix[-1] + 1])
    return [row.key for row in client.range(prefix, end).kvs]


def ours_and_theirs(work):
    ours = Server(work, "same")
    theirs = Server(work / "etcd", "same", program=PEERS / "3.5/etcd")
    theirs.work.mkdir()
    return [ours.start(), theirs.start()]


def etcdctl_locks_and_elects(work):
    """etcdctl's own locks are clientv3's, made of transactions, watches and leases."""
    for version in ("3.4", "3.5"):
        server = Server(work / version, "default")
        server.work.mkdir()
        server.start()
        ctl = Etcdctl(version, server.endpoint)
        client = Client(server.endpoint)

        def run(*arguments):
            return subprocess.Popen(
                with_parent([str(ctl.program), "--endpoints", server.endpoint, *arguments]),
                stdout=subprocess.PIPE, text=True, env={**os.environ, "ETCDCTL_API": "3"})
        first = run("lock", "name")
        held = first.stdout.readline().strip()
        expect(re.fullmatch(r"name/[0-9a-f]+", held), f"the key of a lock: {held!r}")
        second = run("lock", "name")
        # A waiter of the service is in the same line.
        third = eventually(lambda: len(keys(client, b"name/")) == 2, "the second waits") and \
            Waiting(client, LOCK, "Lock", lock_request("name"))
        eventually(lambda: len(keys(client, b"name/")) == 3, "the third waits")
        first.send_signal(signal.SIGINT)
        first.wait()
        then = second.stdout.readline().strip()
        expect(then != held and not third.answered(), "the second has it")
        second.send_signal(signal.SIGINT)
        second.wait()
        equal(keys(client, b"name/"), [one(third.result(), 2, b"")], "the third has it")
        elected = run("elect", "post", "me")
        lines = [elected.stdout.readline().strip() for _ in range(2)]
        equal(lines[1], "me", "the winner's words")
        leader = client.call("Leader", message((1, "post")), service=ELECTION)
        found = KeyValue(one(leader, 2, b""))
        equal((found.key.decode(), found.value), (lines[0], b"me"), "whom the service sees")
        listening = run("elect", "--listen", "post")
        equal([listening.stdout.readline().strip() for _ in range(2)], lines, "who listens")
        elected.send_signal(signal.SIGINT)
        elected.wait()
        eventually(lambda: keys(client, b"post/") == [], "it resigned")
        won = client.call("Campaign", campaign_request("post", 0, "other"), service=ELECTION)
        key = one(one(won, 2, b""), 2, b"").decode()
        equal([listening.stdout.readline().strip() for _ in range(2)], [key, "other"], "the next")
        listening.kill()
        listening.wait()
        client.close()
        server.end()
        say(f"etcdctl {version}")


def waiters_follow_each_other_and_leave_nothing(work):
    for server in ours_and_theirs(work):
        client = Client(server.endpoint)
        others = [Client(server.endpoint) for _ in range(2)]
        for lease in range(1, 7):
            grant(client, lease)
        held = client.call("Lock", lock_request("l", 1), service=LOCK)
        equal(one(held, 2, b""), b"l/1", "the key")
        waiting = {}
        for lease in range(2, 7):
            waiting[lease] = Waiting(others[lease % 2], LOCK, "Lock", lock_request("l", lease),
                                     timeout=3 if lease == 3 else 60)
            eventually(lambda: len(keys(client, b"l/")) == lease, "it waits")
        # One's time is over, one is called off, of one the lease ends.
        eventually(lambda: b"l/3" not in keys(client, b"l/"), "what is over leaves its key")
        equal(waiting[3].result()[0], Code.DEADLINE_EXCEEDED, "whose time is over")
        waiting[4].call.cancel()
        eventually(lambda: b"l/4" not in keys(client, b"l/"), "what is called off leaves its key")
        revoke(client, 5)
        equal(keys(client, b"l/"), [b"l/1", b"l/2", b"l/6"], "who is left")
        expect(not waiting[2].answered(), "the first still has it")
        client.call("Unlock", message((1, "l/1")), service=LOCK)
        equal(one(waiting[2].result(), 2, b""), b"l/2", "the next")
        expect(not waiting[6].answered() and not waiting[5].answered(), "the others wait")
        client.call("Unlock", message((1, "l/2")), service=LOCK)
        equal(one(waiting[6].result(), 2, b""), b"l/6", "the last")
        equal(waiting[5].result(), (Code.UNKNOWN, "mutex: session is expired"), "without a lease")
        # A connection that is lost takes its waiters along.
        grant(client, 7)
        left = Client(server.endpoint)
        lost = Waiting(left, LOCK, "Lock", lock_request("l", 7))
        eventually(lambda: b"l/7" in keys(client, b"l/"), "it waits")
        left.close()
        equal(lost.result()[0], Code.CANCELLED, "what is lost")
        eventually(lambda: b"l/7" not in keys(client, b"l/"), "what is lost leaves its key")
        # Campaigns likewise.
        client.call("Campaign", campaign_request("e", 1, "a"), service=ELECTION)
        second = Waiting(client, ELECTION, "Campaign", campaign_request("e", 2, "b"))
        eventually(lambda: len(keys(client, b"e/")) == 2, "it waits")
        second.call.cancel()
        eventually(lambda: keys(client, b"e/") == [b"e/1"], "what is called off leaves its key")
        for each in [client, *others]:
            each.close()
        server.end()


def observers_see_every_leader(work):
    seen = []
    for server in ours_and_theirs(work):
        client = Client(server.endpoint)
        for lease in (1, 2):
            grant(client, lease)
        early = Observer(client, "o")
        time.sleep(0.3)
        client.put("o/", "a key that is put counts")
        eventually(lambda: len(early.seen) == 1, "whoever is put first leads")
        client.delete("o/")
        won = client.call("Campaign", campaign_request("o", 1, "one"), service=ELECTION)
        eventually(lambda: len(early.seen) == 2, "the first campaign")
        leader = one(won, 2, b"")
        second = Waiting(client, ELECTION, "Campaign", campaign_request("o", 2, "two"))
        eventually(lambda: len(keys(client, b"o/")) == 2, "the second waits")
        late = Observer(client, "o")
        eventually(lambda: len(late.seen) == 1, "who comes late sees the leader")
        for words in ("again", "once more"):
            client.call("Proclaim", message((1, leader), (2, words)), service=ELECTION)
        eventually(lambda: len(early.seen) == 4, "what it proclaims")
        client.call("Resign", message((1, leader)), service=ELECTION)
        equal(one(one(second.result(), 2, b""), 2, b""), b"o/2", "the second leads")
        eventually(lambda: len(early.seen) == 5 and len(late.seen) == 4, "the next leader")
        time.sleep(0.3)
        seen.append((early.seen, late.seen))
        # The end of Observe is its client's.
        equal((early.status, late.status), (None, None), "they are open")
        early.call.cancel()
        client.close()
        server.end()
    equal(seen[0], seen[1], "what observers saw here and there")


def who_may_not_is_told_so(work):
    """With users: what a service asks is asked in its caller's name."""
    said = []
    for server in ours_and_theirs(work):
        client = Client(server.endpoint)

        def auth(method, *parts):
            return client.call(method, message(*parts), service="etcdserverpb.Auth", timeout=30)
        for user in ("root", "some", "none"):
            auth("UserAdd", (1, user), (2, "word"))
        auth("UserGrantRole", (1, "root"), (2, "root"))
        auth("RoleAdd", (1, "mine"))
        auth("RoleGrantPermission", (1, "mine"), (2, message((1, 2), (2, "mine/"), (3, "mine0"))))
        auth("UserGrantRole", (1, "some"), (2, "mine"))
        auth("AuthEnable")
        tokens = {user: one(auth("Authenticate", (1, user), (2, "word")), 2, b"").decode()
                  for user in ("root", "some", "none")}
        out = []
        for user in ("root", "some", "none", None):
            metadata = [("token", tokens[user])] if user else None
            for name in ("mine", "other"):
                for service, method, request in (
                        (LOCK, "Lock", lock_request(name)),
                        (LOCK, "Unlock", message((1, f"{name}/1"))),
                        (ELECTION, "Campaign", campaign_request(f"{name}/e")),
                        (ELECTION, "Leader", message((1, f"{name}/e"))),
                        (ELECTION, "Proclaim", message((1, leader_key(name, f"{name}/k", 5, 1)))),
                        (ELECTION, "Resign", message((1, leader_key(name, f"{name}/k", 5, 1))))):
                    result = Waiting(client, service, method, request, timeout=2,
                                     metadata=metadata).result()
                    refused = result if isinstance(result, tuple) else "served"
                    # Who may lock waits for what root has locked: the text is gRPC's.
                    if refused[0] == Code.DEADLINE_EXCEEDED:
                        refused = "waits"
                    out.append((user, name, method, refused))
            watcher = Observer(client, "other/e", metadata)
            time.sleep(0.3)
            out.append((user, "Observe", len(watcher.seen), watcher.status))
            watcher.call.cancel()
        said.append(out)
        client.close()
        server.end()
    for mine, wanted in zip(*said):
        equal(mine, wanted, "who may what")
    served = sum(1 for entry in said[0] if entry[-1] == "served")
    say(f"{len(said[0])} questions, {served} served")


def one_holds_it_while_leaders_are_killed(work):
    """Three members, whoever leads dies again and again; the revisions of the keys fence."""
    members = cluster(work, NAMES)
    start_all(members)
    done = threading.Event()
    entered, broken, holders, leases = [], [], [0], [1000]
    guard = threading.Lock()

    def work_on(index):
        turn = index
        while not done.is_set():
            client = Client(members[turn % 3].endpoint, timeout=5)
            turn += 1
            try:
                # Short enough that a lock nobody knows of is soon free, and long beside the work.
                leases[0] += 1
                lease = leases[0]
                grant(client, lease, ttl=15)
                held = client.call("Lock", lock_request("m", lease), service=LOCK, timeout=8)
                key = one(held, 2, b"")
                row = client.range(key, timeout=5).kvs
                if not row:
                    continue
                with guard:
                    holders[0] += 1
                    if holders[0] > 1:
                        broken.append(key)
                    entered.append(row[0].create_revision)
                time.sleep(0.02)
                with guard:
                    holders[0] -= 1
                while not done.is_set():
                    try:
                        client.call("Unlock", message((1, key)), service=LOCK, timeout=5)
                        break
                    except grpc.RpcError:
                        # The server may be down: it is released through another.
                        client.close()
                        client = Client(members[turn % 3].endpoint, timeout=5)
                        turn += 1
            except grpc.RpcError:
                time.sleep(0.05)
            finally:
                client.close()
    threads = [threading.Thread(target=work_on, args=(index,), daemon=True) for index in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(2 if QUICK else 4):
        time.sleep(2)
        before = len(entered)
        victim = members[turn % 3]
        victim.end()
        time.sleep(1)
        victim.start()
        eventually(lambda: len(entered) > before, "locks are still given", patience=120)
    done.set()
    for thread in threads:
        thread.join(60)
    equal(broken, [], "keys of those who held it with another")
    equal(entered, sorted(set(entered)), "each holder's key is younger than the one before")
    say(f"{len(entered)} locks were held, one after the other")


def both_answer(calls):
    """False when both have to wait for others. If one doesn't, the other one may be slow."""
    patience = time.monotonic() + 0.5
    while not all(call.answered() for call in calls) and time.monotonic() < patience:
        time.sleep(0.005)
    if not any(call.answered() for call in calls):
        return False
    eventually(lambda: all(call.answered() for call in calls), "both have an answer")
    return True


def call_off(calls, clients):
    """Which takes their keys away, on both in the end."""
    for call in calls:
        call.call.cancel()
    time.sleep(0.05)
    ask = message((1, "a"))
    eventually(lambda: len({header_of(client.call("Range", ask)) for client in clients}) == 1,
               "both have taken the key of who doesn't wait any more away")


def etcd_and_detcd_answer_alike(work):
    servers = ours_and_theirs(work)
    clients = [Client(server.endpoint) for server in servers]
    asked = refused = 0
    for sequence in range(SEQUENCES):
        dice = random.Random(SEED * 7_000_003 + sequence)
        drawn = [{}, {}]  # Leases that a server drew, by their order.
        known = [{}, {}]  # The revision in which a key was made.
        for client in clients:
            for lease in (11, 12, 13):
                grant(client, lease, 600)
        for step in range(30):
            kind = dice.choices(["Lock", "Unlock", "Campaign", "Proclaim", "Resign", "Leader",
                                 "bare", "Put", "Delete"], [5, 5, 5, 4, 3, 3, 1, 1, 1])[0]
            name = dice.choice(["a", "b", "b/c", ""])
            lease = dice.choice([11, 12, 13, 99, 0])
            key = f"{name}/{dice.choice(['b', 'c', 'd', 'd', '63'])}"
            value = dice.choice(["", "v", "w"])
            current, old = dice.random() < 0.8, dice.choice([0, 3])
            bare = dice.choice(["Proclaim", "Resign"])
            answers, calls = [], []
            for at, client in enumerate(clients):
                shown = leader_key(name, key, known[at].get(key, 7) if current else old, lease)
                service, request = {
                    "Lock": (LOCK, lock_request(name, lease)),
                    "Unlock": (LOCK, message((1, key if step % 9 else ""))),
                    "Campaign": (ELECTION, campaign_request(name, lease, value)),
                    "Proclaim": (ELECTION, message((1, shown), (2, value))),
                    "Resign": (ELECTION, message((1, shown))),
                    "Leader": (ELECTION, message((1, name))),
                    "bare": (ELECTION, message((2, value))),
                    "Put": ("etcdserverpb.KV", message((1, key), (2, value))),
                    "Delete": ("etcdserverpb.KV", message((1, key))),
                }[kind]
                method = {"bare": bare, "Delete": "DeleteRange"}.get(kind, kind)
                calls.append(Waiting(client, service, method, request))
                if method not in ("Lock", "Campaign"):
                    calls[-1].result()  # One after the other, as their effects are compared.
            has_to_wait = method in ("Lock", "Campaign") and not both_answer(calls)
            if has_to_wait:
                call_off(calls, clients)
            for at in range(2):
                if has_to_wait:
                    answers.append(("waited",))
                    continue
                result = calls[at].result()
                if isinstance(result, tuple):
                    answers.append(result)
                    continue
                said = {tag: list(values) for tag, values in fields(result).items()}
                said[1] = [header_of(result)]
                if method == "Campaign":
                    inner = fields(said[2][0])
                    lease_said = inner.get(4, [0])[0]
                    if lease == 0:
                        drawn[at][lease_said] = len(drawn[at])
                        suffix = f"/{signed(lease_said):x}".encode()
                        expect(inner[2][0].endswith(suffix), f"{inner}")
                        inner[2] = [inner[2][0][:-len(suffix)]]
                        inner[4] = ["drawn"]
                    else:
                        known[at][inner[2][0].decode()] = inner[3][0]
                    said[2] = inner
                if method == "Lock" and lease == 0:
                    said[2] = [said[2][0].rsplit(b"/", 1)[0]]
                if method == "Lock" and lease != 0:
                    known[at].setdefault(said[2][0].decode(), said[1][0])
                if method == "Leader":
                    row = fields(said[2][0])
                    if row.get(6, [0])[0] in drawn[at] or len(row[1][0].rsplit(b"/")[-1]) > 4:
                        row[1], row[6] = [row[1][0].rsplit(b"/", 1)[0]], ["drawn"]
                    said[2] = row
                answers.append(said)
            equal(answers[0], answers[1],
                  f"DETCD_SEED={SEED}, sequence {sequence}, step {step}: {kind} {name!r} {lease} "
                  f"{key!r}")
            asked, refused = asked + 1, refused + isinstance(answers[1], tuple)
        # All keys of both, with what belongs to them.
        rows = []
        for client in clients:
            answer = client.range(b"\0", b"\0")
            rows.append(sorted((row.create_revision, row.mod_revision, row.version, row.value)
                               for row in answer.kvs))
            for lease in (11, 12, 13):
                revoke(client, lease)
            client.delete(b"\0", b"\0")
        equal(rows[0], rows[1], f"DETCD_SEED={SEED}, sequence {sequence}: all keys")
    for client in clients:
        client.close()
    say(f"{asked} requests in {SEQUENCES} sequences, {refused} of them refused or called off")


if __name__ == "__main__":
    main(etcdctl_locks_and_elects, waiters_follow_each_other_and_leave_nothing,
         observers_see_every_leader, who_may_not_is_told_so, one_holds_it_while_leaders_are_killed,
         etcd_and_detcd_answer_alike)
