#!/usr/bin/python3
"""What operators do: a store that fills up and recovers, leadership moved, snapshots that etcd's
own tools accept and the real etcd serves, compaction by itself. With the real etcdctl of two
versions."""

import json
import os
import random
import re

from harness import (Etcdctl, PEERS, QUICK, Server, cluster, contains, equal, eventually, expect,
                     main, run, say, start_all)
from kv_client import Client, fields, grpc, message, put_op, signed, txn

VERSIONS = ("3.4", "3.5")
NO_SPACE = "etcdserver: mvcc: database space exceeded"


def hashed(ctl, revision=0):
    one, = ctl.json("endpoint", "hashkv", "--rev", str(revision))
    return one["HashKV"]["hash"], one["HashKV"].get("compact_revision")


def status(ctl):
    one, = ctl.json("endpoint", "status")
    return one["Status"]


def fill(ctl):
    """Puts until one is refused: how many were taken."""
    for number in range(200):
        done = ctl("put", f"key{number % 7}", "x" * 20_000)
        if done.returncode != 0:
            contains(done.stderr, NO_SPACE, "why a put is refused")
            return number
    expect(False, "the quota ends the puts")
    return 0


def a_full_store_refuses_and_clears_its_alarm(work):
    for version in VERSIONS:
        server = Server(work, f"for-{version}")
        server.flags = ["--quota-backend-bytes", "500000"]
        server.start()
        ctl = Etcdctl(version, server.endpoint)
        taken = fill(ctl)
        expect(20 <= taken <= 25, f"500 kB hold some 24 values of 20 kB, not {taken}")
        listed = ctl.ok("alarm", "list")
        member = status(ctl)["header"]["member_id"]
        equal(listed, f"memberID:{member} alarm:NOSPACE \n", "the alarm")
        equal(status(ctl).get("errors"), [f"memberID:{member} alarm:NOSPACE "], "errors of status")
        code, body = server.get("/health")
        equal((code, body.strip()), (503, '{"health":"false","reason":"ALARM NOSPACE"}'), "/health")
        equal(server.get("/health?exclude=NOSPACE")[0], 200, "health without the alarm")
        expect(0 < status(ctl)["dbSize"] < 500_000, "the size stays below the quota")
        # Deletes and reads go on, and so does what frees.
        equal(ctl.ok("del", "key0"), "1\n", "a delete while full")
        expect(ctl.ok("get", "key1").startswith("key1\n"), "a read while full")
        expect(NO_SPACE in ctl("put", "small", "1").stderr, "a small put is refused as well")
        equal(ctl.ok("alarm", "disarm"), f"memberID:{member} alarm:NOSPACE \n", "disarm")
        expect(NO_SPACE in ctl("put", "big", "x" * 20_000).stderr, "it is as full as before")
        revision = status(ctl)["header"]["revision"]
        ctl.ok("compaction", str(revision))
        eventually(lambda: ctl.ok("alarm", "list") == "", "the alarm clears itself")
        equal(ctl.ok("put", "big", "x" * 20_000), "OK\n", "a put after it")
        equal(server.get("/health")[0], 200, "health after it")
        contains(ctl.ok("defrag"), "Finished defragmenting etcd member", "defragmentation")
        server.end()
        say(f"etcdctl {version}: {taken} puts")


def alarms_outlive_a_restart(work):
    server = Server(work)
    server.flags = ["--quota-backend-bytes", "100000", "--snapshot-count", "5"]
    server.start()
    ctl = Etcdctl("3.5", server.endpoint)
    fill(ctl)
    listed = ctl.ok("alarm", "list")
    for _ in range(8):
        ctl.ok("del", "nothing")
    server.end()
    server.start(ready=False)
    eventually(lambda: ctl("alarm", "list").stdout == listed, "the alarm is there again")


def leadership_moves_when_asked(work):
    members = cluster(work, ("n1", "n2", "n3"))
    start_all(members)
    for version in VERSIONS:
        ctl = Etcdctl(version, *(one.endpoint for one in members))
        of = {}
        for one in ctl.json("endpoint", "status"):
            of[one["Status"]["header"]["member_id"]] = one["Endpoint"]
            leader = one["Status"]["leader"]
        target = next(member for member in of if member != leader)
        equal(ctl.ok("move-leader", f"{target:x}"),
              f"Leadership transferred from {leader:x} to {target:x}\n", "move-leader")
        now = {one["Status"]["leader"] for one in ctl.json("endpoint", "status")}
        equal(now, {target}, "who leads")
        done = ctl("move-leader", "77")
        contains(done.stderr, "etcdserver: bad leader transferee", "nobody's id")
        done = Etcdctl(version, of[leader])("move-leader", f"{leader:x}")
        contains(done.stderr, "no leader endpoint given", "asked on a follower")
        say(f"etcdctl {version}")


def some_history(ctl):
    for number in range(60):
        ctl.ok("put", f"k{number % 13:02}", f"v{number}")
    ctl.ok("del", "k03")
    ctl.ok("put", "large", text="y" * 300_000)
    ctl.ok("txn", text='\n\nput a 1\nput b 2\ndel k05\n\n\n')
    ctl.ok("compaction", "40")
    ctl.ok("del", "k07")
    ctl.ok("put", "k07", "again")


def restored(work, version, saved, restore):
    """The real etcd of this version on a directory that its own tool made from the file."""
    peer = Server(work, f"etcd-{version}", program=PEERS / version / "etcd")
    made = run([*restore, "snapshot", "restore", saved, "--data-dir", peer.data,
                "--name", peer.name, "--initial-cluster", f"{peer.name}={peer.peer_url}",
                "--initial-advertise-peer-urls", peer.peer_url],
               environment={"ETCDCTL_API": "3"})
    equal(made.returncode, 0, f"restore by {version} ({made.stderr.strip()[-300:]})")
    return peer.start()


def snapshots_are_what_etcd_loads(work):
    for version in VERSIONS:
        folder = work / version
        folder.mkdir()
        server = Server(folder)
        server.flags = ["--snapshot-storage-version", version]
        server.start()
        ctl = Etcdctl(version, server.endpoint)
        some_history(ctl)
        saved = folder / "saved.db"
        ctl.ok("snapshot", "save", str(saved))
        equal(saved.stat().st_size % 512, 32, "pages, and a checksum")
        tool = PEERS / version / ("etcdutl" if version == "3.5" else "etcdctl")
        told = run([tool, "snapshot", "status", saved, "-w", "simple"],
                   environment={"ETCDCTL_API": "3"})
        equal(told.returncode, 0, f"status by {version} ({told.stderr.strip()[-300:]})")
        _, revision, keys, _ = re.split(", *", told.stdout.strip())
        wanted = status(ctl)["header"]["revision"]
        equal(int(revision), wanted, "revision of the file")
        expect(int(keys) > 30, f"records in the file, not {keys}")
        peer = restored(folder, version, saved, [tool])
        other = Etcdctl(version, peer.endpoint)
        equal(other.ok("get", "", "--prefix"), ctl.ok("get", "", "--prefix"), "the data")
        for at in (0, 45, wanted):
            equal(hashed(other, at), hashed(ctl, at), f"hash at {at}")
        for at in (40, 50):
            equal(other.ok("get", "", "--prefix", "--rev", str(at)),
                  ctl.ok("get", "", "--prefix", "--rev", str(at)), f"the data at {at}")
        # It is a file that etcd can go on with.
        for number in range(30):
            other.ok("put", f"later{number}", "z" * 10_000)
        other.ok("compaction", str(wanted + 10))
        other.ok("defrag")
        equal(other.ok("get", "k07"), "k07\nagain\n", "a key after writes and defragmentation")
        server.end()
        peer.end()
        say(f"etcd {version}: {keys} records, {saved.stat().st_size} bytes")


def users_and_leases(ctl):
    """Two leases with keys and one without; root, users of all kinds, roles; and auth enabled."""
    leases = [ctl.ok("lease", "grant", str(ttl)).split()[1] for ttl in (5000, 600, 7000)]
    for number, lease in enumerate([0, 1, 0, 0]):
        ctl.ok("put", f"leased{number}", "v", "--lease", leases[lease])
    ctl.ok("put", "leased3", "of no lease any more")
    for user in ("root", "alice", "bob"):
        ctl.ok("user", "add", f"{user}:{user}-password")
    ctl.ok("user", "add", "cert", "--no-password")
    for role in ("root", "reader", "writer"):
        ctl.ok("role", "add", role)
    ctl.ok("role", "grant-permission", "reader", "read", "leased", "--prefix")
    ctl.ok("role", "grant-permission", "reader", "read", "q", "--from-key")
    ctl.ok("role", "grant-permission", "writer", "readwrite", "w", "x")
    ctl.ok("role", "grant-permission", "writer", "write", "leased9")
    for user, role in (("root", "root"), ("alice", "reader"), ("alice", "writer"), ("bob", "reader")):
        ctl.ok("user", "grant-role", user, role)
    ctl.ok("auth", "enable")
    return leases


def as_root(ctl, *arguments):
    return ctl.ok("--user", "root:root-password", *arguments)


def security(ctl, version):
    """All that etcdctl tells of users and roles."""
    told = [as_root(ctl, "user", "list"), as_root(ctl, "role", "list")]
    told += [as_root(ctl, "user", "get", user, "--detail") for user in ("alice", "bob", "cert")]
    told += [as_root(ctl, "role", "get", role) for role in ("reader", "writer")]
    if version != "3.4":
        told.append(as_root(ctl, "auth", "status"))
    return told


def told_of_leases(ctl, leases):
    """The ids of all, and what each was granted and its keys; each has some time left."""
    told = [sorted(as_root(ctl, "lease", "list").splitlines())]
    for lease in leases:
        one = json.loads(as_root(ctl, "lease", "timetolive", lease, "--keys", "-w", "json"))
        expect(0 < one["ttl"] <= one["granted-ttl"], f"time left of {one}")
        told.append((one["granted-ttl"], sorted(one.get("keys") or [])))
    return told


def users_roles_and_leases_are_in_snapshots(work):
    for version in VERSIONS:
        folder = work / version
        folder.mkdir()
        server = Server(folder)
        server.flags = ["--snapshot-storage-version", version, "--bcrypt-cost", "4"]
        ctl = Etcdctl(version, server.start().endpoint)
        leases = users_and_leases(ctl)
        saved = folder / "saved.db"
        as_root(ctl, "snapshot", "save", str(saved))
        tool = PEERS / version / ("etcdutl" if version == "3.5" else "etcdctl")
        peer = restored(folder, version, saved, [tool])
        other = Etcdctl(version, peer.endpoint)
        equal(security(other, version), security(ctl, version), "users and roles")
        equal(told_of_leases(other, leases), told_of_leases(ctl, leases), "leases")
        for one in (ctl, other):
            alice, bob = ["--user", "alice:alice-password"], ["--user", "bob:bob-password"]
            equal(one.ok(*alice, "put", "w1", "v"), "OK\n", "a put with the password")
            equal(one.ok(*bob, "get", "leased0"), "leased0\nv\n", "a get with the password")
            equal(one.ok(*bob, "get", "q", "--from-key"), "w1\nv\n", "a get from a key on")
            for refused in ([*bob, "put", "w1", "v"], [*alice, "put", "x", "v"],
                            [*alice, "get", "leased", "m"]):
                equal(one.fails(*refused), "Error: etcdserver: permission denied", f"{refused}")
            for stranger in ("alice:bob-password", "cert:x", "root:x", "nobody:x"):
                done = one("--user", stranger, "get", "w1")
                expect(done.returncode != 0 and "authentication failed" in done.stderr,
                       f"{stranger} with a wrong password: {done.stderr}")
            equal(one.fails("put", "w1", "v"), "Error: etcdserver: user name is empty", "nobody")
            # What belongs to a lease goes with it.
            equal(as_root(one, "lease", "revoke", leases[0]), f"lease {leases[0]} revoked\n", "it")
            equal(as_root(one, "get", "leased", "--prefix", "--keys-only"),
                  "leased1\n\nleased3\n\n", "what is left without the lease")
        server.end()
        peer.end()
        say(f"etcd {version}")


def an_empty_store_has_a_snapshot(work):
    server = Server(work).start()
    ctl = Etcdctl("3.5", server.endpoint)
    saved = work / "saved.db"
    ctl.ok("snapshot", "save", str(saved))
    tool = PEERS / "3.5" / "etcdutl"
    told = run([tool, "snapshot", "status", saved])
    equal(told.returncode, 0, f"status ({told.stderr.strip()[-300:]})")


def history_is_compacted_by_itself(work):
    server = Server(work)
    server.flags = ["--auto-compaction-retention", "1s"]
    server.start()
    ctl = Etcdctl("3.5", server.endpoint)
    for number in range(5):
        ctl.ok("put", "k", str(number))

    def compacted():
        done = ctl("get", "k", "--rev", "2")
        return done.returncode != 0 and "required revision has been compacted" in done.stderr
    eventually(compacted, "the first revision is gone")
    equal(ctl.ok("get", "k"), "k\n4\n", "what is there now")


# --- etcd and detcd, side by side ---------------------------------------------------------------

SEED = int(os.environ.get("DETCD_SEED", "1"))
SEQUENCES = 8 if QUICK else 40


def some_request(dice, kind):
    """(method, request): alarms of one type, and what they stop or don't. A type at a time, because
    etcd 3.5 forgets the other one when it disarms one."""
    key = dice.choice([b"a", b"b", b"c"])
    return dice.choice([
        ("Alarm", message((1, 1), (2, dice.choice([77, 78])), (3, kind))),
        ("Alarm", message((1, 2), (2, dice.choice([77, 78])), (3, kind))),
        ("Alarm", message((3, dice.choice([0, 1, 2])))),
        ("Alarm", message((1, 1), (2, 77))),
        ("Put", message((1, key), (2, b"v"))), ("Put", message((1, key), (2, b"w"))),
        ("DeleteRange", message((1, key))), ("Range", message((1, key))),
        ("Txn", txn([], [put_op(key, b"t")], [])), ("Txn", txn([], [], [put_op(key, b"t")])),
        ("Txn", message((2, b"\x1a\x03" + message((1, key))))),
        ("Compact", message((1, dice.randrange(1, 60)))),
        ("Defragment", b""), ("MoveLeader", message((1, 77))),
        ("Downgrade", message((1, dice.randrange(2)), (2, dice.choice(["", "x", "1.0"]))))])


def told(client, method, request):
    service = "KV" if method in ("Put", "DeleteRange", "Range", "Txn", "Compact") else "Maintenance"
    try:
        answer = client.call(method, request, service=f"etcdserverpb.{service}", timeout=30)
    except grpc.RpcError as error:
        return error.code(), error.details()
    parsed = fields(answer)
    if method == "Alarm":
        # etcd lists alarms in no order.
        header = fields(parsed[1][0])
        return signed(header.get(3, [0])[0]), sorted(parsed.get(2, []))
    if 1 in parsed:
        parsed[1] = [fields(parsed[1][0]).get(3)]
    return parsed


def etcd_and_detcd_answer_maintenance_alike(work):
    ours = Server(work, "same")
    theirs = Server(work / "etcd", "same", program=PEERS / "3.5/etcd")
    theirs.work.mkdir()
    clients = [Client(one.start().endpoint) for one in (ours, theirs)]
    asked = 0
    for sequence in range(SEQUENCES):
        dice = random.Random(SEED * 1_000_003 + sequence)
        kind = 1 + sequence % 2
        requests = [some_request(dice, kind) for _ in range(25)]
        requests += [("Alarm", message((1, 2), (2, member), (3, kind))) for member in (77, 78)]
        for step, (method, request) in enumerate(requests):
            mine, wanted = (told(client, method, request) for client in clients)
            equal(mine, wanted, f"DETCD_SEED={SEED}, sequence {sequence}, step {step}: {method} "
                  f"{request.hex()}")
            asked += 1
    for client in clients:
        client.close()
    say(f"{asked} requests in {SEQUENCES} sequences")


main(etcd_and_detcd_answer_maintenance_alike, a_full_store_refuses_and_clears_its_alarm,
     alarms_outlive_a_restart, leadership_moves_when_asked, snapshots_are_what_etcd_loads,
     users_roles_and_leases_are_in_snapshots, an_empty_store_has_a_snapshot,
     history_is_compacted_by_itself)
