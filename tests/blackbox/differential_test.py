#!/usr/bin/python3
"""The same random requests, as bytes, to etcd 3.5.30 and to detcd: every field of every message of
the KV service, and HashKV, must be answered alike, refusals with the same code and text."""

import os
import random

from harness import PEERS, QUICK, Failure, Server, equal, eventually, main, say
from kv_client import Client, fields, grpc, operation, signed, varint

SEQUENCES = int(os.environ.get("DETCD_SEQUENCES", "40" if QUICK else "300"))
SEED = int(os.environ.get("DETCD_SEED", "1"))
STEPS = 20
KEYS = [b"a", b"ab", b"abc", b"b", b"c/1", b"c/2", b"\x00", b"\xc3\xbc", b"\xff"]
COMPARE_END = 64


class Around:
    """What the numbers in requests are drawn close to."""

    def __init__(self):
        self.revision, self.compacted = 1, -1


def field(number, value):
    """A field that is written also when it is zero or empty."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def sometimes(dice, chance, number, value):
    return field(number, value) if dice.random() < chance else b""


def some_key(dice):
    return field(1, dice.choice(KEYS)) if dice.random() < 0.97 else b""


def some_end(dice, number=2):
    if dice.random() < 0.45:
        return b""
    return field(number, dice.choice([b"", b"\x00", b"b", b"c0", b"\xff\xff", *KEYS]))


def some_revision(dice, around):
    low = max(around.compacted, 0) - 2
    return dice.randrange(low, max(around.revision, low) + 3)


def some_span(dice):
    """One key, some, or most."""
    if dice.random() < 0.4:
        return field(1, dice.choice([b"\x00", b"a"])) + field(2, dice.choice([b"\x00", b"\xff\xff"]))
    return some_key(dice) + some_end(dice)


def some_range(dice, around):
    def bound(number):
        return sometimes(dice, 0.12, number, some_revision(dice, around))
    return b"".join([
        some_span(dice), sometimes(dice, 0.3, 3, dice.randrange(-1, 5)),
        sometimes(dice, 0.3, 4, some_revision(dice, around)),
        sometimes(dice, 0.4, 5, dice.randrange(3)), sometimes(dice, 0.4, 6, dice.randrange(5)),
        sometimes(dice, 0.2, 7, 1), sometimes(dice, 0.2, 8, 1), sometimes(dice, 0.1, 9, 1),
        *(bound(number) for number in (10, 11, 12, 13))])


def some_put(dice, ignoring=True):
    ignore = 0.1 if ignoring else 0
    return b"".join([
        some_key(dice), sometimes(dice, 0.85, 2, dice.choice([b"", b"v", b"w", b"\x00\xff", b"vv"])),
        sometimes(dice, 0.04, 3, dice.choice([1, -1, 77])), sometimes(dice, 0.3, 4, 1),
        sometimes(dice, ignore, 5, 1), sometimes(dice, ignore, 6, 1)])


def some_delete(dice):
    return some_key(dice) + some_end(dice) + sometimes(dice, 0.4, 3, 1)


def some_compare(dice, around):
    """Also with values that the target doesn't take, and with enumerators that don't exist."""
    target = dice.randrange(5)
    member = target + 4 if dice.random() < 0.9 else dice.choice([4, 5, 6, 7, 8])
    value = dice.choice([b"", b"v", b"w"]) if member == 7 else dice.choice(
        [0, 1, 2, some_revision(dice, around)])
    return b"".join([
        sometimes(dice, 0.9, 1, dice.choice([0, 1, 2, 3, 3, 7])),
        field(2, target) if dice.random() < 0.97 else field(2, 9),
        field(3, dice.choice(KEYS)) if dice.random() < 0.98 else b"",
        sometimes(dice, 0.9, member, value), some_end(dice, COMPARE_END)])


def some_operation(dice, around, depth, kinds):
    kind = dice.choice(kinds)
    if kind == "nothing":
        return b""
    if kind == "txn" and depth < 3:
        return operation(4, some_txn(dice, around, depth + 1))
    if kind == "put":
        # etcd dies of a put with ignore_value beside a delete of all keys from one on.
        alone = depth == 0 and not {"delete", "txn"} & set(kinds)
        return operation(2, some_put(dice, ignoring=alone))
    return operation(3, some_delete(dice)) if kind == "delete" else operation(
        1, some_range(dice, around))


def some_txn(dice, around, depth=0):
    kinds = dice.choice([["range"], ["range", "put"], ["range", "put", "delete"],
                         ["range", "put", "delete", "txn"], ["range", "txn"], ["put", "txn"]])
    if depth == 0 and dice.random() < 0.02:
        kinds = [*kinds, "nothing"]
    compares = [field(1, some_compare(dice, around)) for _ in range(dice.choice([0, 0, 1, 1, 2]))]

    def branch(number):
        return [field(number, some_operation(dice, around, depth, kinds))
                for _ in range(dice.choice([0, 1, 1, 2, 2, 3]))]
    if depth == 0 and dice.random() < 0.01:
        compares *= dice.choice([64, 128, 129])
    return b"".join(compares + branch(2) + branch(3))


def some_compaction(dice, around):
    return sometimes(dice, 0.95, 1, some_revision(dice, around)) + sometimes(dice, 0.5, 2, 1)


def some_request(dice, around):
    methods = [("Range", some_range, 6), ("Txn", some_txn, 8), ("Compact", some_compaction, 0.6)]
    plain = [("Put", some_put, 8), ("DeleteRange", some_delete, 2)]
    name, draw, _ = dice.choices(methods + plain, [row[2] for row in methods + plain])[0]
    return name, draw(dice) if (name, draw) in [row[:2] for row in plain] else draw(dice, around)


# What the lists of an answer are of: {number of the field: what is in it}.
HEADER, KEY_VALUE, LEAF = "header", "kv", None
SHAPES = {"Range": {1: HEADER, 2: KEY_VALUE}, "Put": {1: HEADER, 2: KEY_VALUE},
          "DeleteRange": {1: HEADER, 3: KEY_VALUE}, "Compact": {1: HEADER},
          "Txn": {1: HEADER, 3: "operation"}, "HashKV": {1: HEADER}, KEY_VALUE: {}, HEADER: {},
          "operation": {1: "Range", 2: "Put", 3: "DeleteRange", 4: "Txn"}}


def meaning(shape, data):
    """The whole answer, in which what names the cluster counts only by being there."""
    out = {}
    for number, values in fields(data).items():
        if shape == HEADER and number in (1, 2, 4):
            out[number] = "there"
        elif shape == "HashKV" and number == 4:
            continue  # Of newer versions.
        elif number in SHAPES[shape]:
            out[number] = [meaning(SHAPES[shape][number], value) for value in values]
        else:
            out[number] = [signed(value) if isinstance(value, int) else value for value in values]
    return out


def ask(client, method, request):
    service = "etcdserverpb.Maintenance" if method == "HashKV" else "etcdserverpb.KV"
    try:
        return meaning(method, client.call(method, request, service=service, timeout=30))
    except grpc.RpcError as error:
        return error.code(), error.details()


def compare(clients, method, request, where):
    mine, wanted = (ask(client, method, request) for client in clients)
    equal(mine, wanted, f"{where}: {method} {request[:500].hex()} of {len(request)} bytes")
    return wanted


def compare_hash(clients, revision, where):
    """etcd remembers the hash of a compaction only once it has worked it off."""
    request = field(1, revision)

    def alike():
        mine, wanted = (ask(client, "HashKV", request) for client in clients)
        return mine == wanted
    try:
        eventually(alike, "", patience=2)
    except Failure:
        compare(clients, "HashKV", request, where)


def note(around, method, request, answer):
    if isinstance(answer, tuple):
        return
    around.revision = answer[1][0].get(3, [0])[0]
    if method == "Compact":
        around.compacted = signed(fields(request).get(1, [0])[-1])


def etcd_and_detcd_answer_the_same_bytes_alike(work):
    ours = Server(work, "same")
    theirs = Server(work / "etcd", "same", program=PEERS / "3.5/etcd")
    theirs.work.mkdir()
    clients = [Client(one.start().endpoint) for one in (ours, theirs)]
    around, compactions = Around(), []
    asked = refused = hashes = 0
    for sequence in range(SEQUENCES):
        dice = random.Random(SEED * 1_000_003 + sequence)
        for step in range(STEPS):
            where = f"DETCD_SEED={SEED}, sequence {sequence}, step {step}"
            method, request = some_request(dice, around) if step >= 4 else ("Put", some_put(dice))
            answer = compare(clients, method, request, where)
            note(around, method, request, answer)
            asked, refused = asked + 1, refused + isinstance(answer, tuple)
            if method == "Compact" and not isinstance(answer, tuple):
                compactions.append(around.compacted)
        revisions = {some_revision(dice, around), 0, *compactions[-12:]}
        for revision in sorted(revisions):
            compare_hash(clients, revision, f"DETCD_SEED={SEED}, after sequence {sequence}")
        hashes += len(revisions)
    for client in clients:
        client.close()
    say(f"{asked} requests in {SEQUENCES} sequences, {refused} of them refused, and {hashes} hashes")


def the_limit_of_bytes_is_the_same(work):
    """etcd measures what it proposes, which is a few bytes longer than the request; how many varies
    with the cluster's ids, from 15 to 18."""
    ours = Server(work, "same")
    theirs = Server(work / "etcd", "same", program=PEERS / "3.5/etcd")
    theirs.work.mkdir()
    clients = [Client(one.start().endpoint) for one in (ours, theirs)]
    limit, receives = 1_572_864, 2_097_152

    def sized(size, parts):
        """A request of so many bytes: the parts, and a value that fills it up."""
        rest = size - len(parts) - 4
        return parts + field(2, b"x" * rest) if rest >= 0 else parts
    put = field(1, b"k")
    for size, taken in ((limit - 64, True), (limit - 18, True), (limit - 14, False),
                        (limit, False), (receives, False), (receives + 1, False)):
        answer = compare(clients, "Put", sized(size, put), f"a request of {size} bytes")
        equal(not isinstance(answer, tuple), taken, f"a request of {size} bytes is taken")
    # Many operations, which another encoding might make longer; the key holds little meanwhile.
    compare(clients, "Put", put, "a small value")
    small = field(2, field(1, field(1, b"k")))
    nested = field(2, field(4, small * 60))
    for request in (small * 128 + field(3, field(2, put)), nested * 60 + field(3, field(2, put))):
        compare(clients, "Txn", request, "many small operations")
    for client in clients:
        client.close()


if __name__ == "__main__":
    main(the_limit_of_bytes_is_the_same, etcd_and_detcd_answer_the_same_bytes_alike)
