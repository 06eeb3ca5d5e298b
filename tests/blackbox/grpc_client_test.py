#!/usr/bin/python3
"""A gRPC client that isn't ours talks to the real binary: gRPC's C core, by way of Python."""

import threading
import time

from harness import Server, cluster, contains, equal, expect, main, say, start_all
from kv_client import (Client, fields, get_op, grpc, header_revision, message, one, operation,
                       put_op, txn)

Code = grpc.StatusCode
KIB = 1024


def served(check):
    """A test with one server and one client of it."""
    def test(work):
        server = Server(work).start()
        client = Client(server.endpoint)
        try:
            check(client, server)
        finally:
            client.close()
    test.__name__ = check.__name__
    return test


def refuses(code, details, call, *arguments, **how):
    try:
        call(*arguments, **how)
    except grpc.RpcError as error:
        equal((error.code(), error.details()), (code, details), "refusal")
        return
    expect(False, f"not refused with {details!r}")


@served
def keys_have_revisions(client, _):
    equal(client.put("a", "1"), 2, "revision of the first put")
    equal(client.put("a", b"\x00\xff"), 3, "revision of the second put")
    client.put("b", "")
    answer = client.range("a")
    equal([(item.key, item.value, item.create_revision, item.mod_revision, item.version)
           for item in answer.kvs], [(b"a", b"\x00\xff", 2, 3, 2)], "the pair")
    equal((answer.revision, answer.count, answer.more), (4, 1, False), "what surrounds it")
    equal(client.range("a", revision=2).kvs[0].value, b"1", "the former value")
    some = client.range("a", b"\0", limit=1)
    equal((len(some.kvs), some.count, some.more), (1, 2, True), "a limited range of all keys")
    equal(client.range("a", serializable=True).kvs[0].mod_revision, 3, "a serializable read")
    equal((client.delete("a"), client.delete("a")), (1, 0), "deletes")
    equal(client.range("a").kvs, [], "a deleted key")


@served
def an_empty_end_that_is_sent_deletes_one_key(client, _):
    """Most clients leave an empty range_end out. One that is sent asks etcd for all keys from the
    key on, but never deletes them: the log forgets it."""
    for key in "abc":
        client.put(key, key)
    present = message((1, "a")) + b"\x12\x00"
    equal(one(client.call("Range", present), 4), 3, "keys that are read")
    equal(one(client.call("DeleteRange", present), 2), 1, "keys that are deleted")
    equal([item.key for item in client.range("a", b"\0").kvs], [b"b", b"c"], "what is left")


@served
def an_empty_end_in_a_transaction_counts_only_when_it_only_reads(client, _):
    """As etcd: what a writing transaction says goes through the log, which forgets an empty end."""
    for key in "abc":
        client.put(key, key)
    present = message((1, "a")) + b"\x12\x00"
    compare = message((2, 3), (3, "a"), (7, "a")) + b"\x82\x04\x00"

    def succeeds(request):
        return bool(one(client.call("Txn", request), 2))

    def counted(request):
        return one(one(fields(client.call("Txn", request))[3][0], 1, b""), 4)
    equal(counted(txn([], [operation(1, present)], [])), 3, "keys read by one that only reads")
    equal(counted(txn([], [operation(1, present)], [put_op("z", "")])), 1,
          "keys read by one that may write")
    equal(succeeds(txn([compare], [get_op("a")], [])), False, "compare of all keys")
    equal(succeeds(txn([compare], [put_op("d", "d")], [])), True, "compare of one key")
    nested = operation(4, txn([compare], [operation(1, present)], []))
    equal(succeeds(txn([compare], [nested], [])), True, "compare of one key beside a nested one")
    erased = fields(client.call("Txn", txn([], [operation(3, present)], [])))[3][0]
    equal(one(one(erased, 3, b""), 2), 1, "keys deleted")


@served
def transactions_are_one_revision(client, _):
    client.put("k", "v")
    # Result EQUAL, target VALUE.
    compare = message((2, 3), (3, "k"), (7, "v"))
    request = txn([compare], [put_op("k", "w"), put_op("l", "x"), get_op("k")], [get_op("k")])
    answer = client.call("Txn", request)
    equal((header_revision(answer), one(answer, 2)), (3, 1), "revision and success")
    equal(len(fields(answer)[3]), 3, "answers of operations")
    again = client.call("Txn", request)
    equal((header_revision(again), one(again, 2)), (3, 0), "revision and failure")
    equal({item.key: item.mod_revision for item in client.range("k", "m").kvs},
          {b"k": 3, b"l": 3}, "both keys are of one revision")


@served
def refusals_have_etcds_codes(client, _):
    for _ in range(5):
        client.put("k", "v")
    client.compact(4, physical=True)
    gone, ahead = ("etcdserver: mvcc: required revision has been compacted",
                   "etcdserver: mvcc: required revision is a future revision")
    refuses(Code.OUT_OF_RANGE, gone, client.range, "k", revision=3)
    refuses(Code.OUT_OF_RANGE, gone, client.compact, 4)
    refuses(Code.OUT_OF_RANGE, ahead, client.range, "k", revision=7)
    refuses(Code.OUT_OF_RANGE, ahead, client.compact, 7)
    refuses(Code.INVALID_ARGUMENT, "etcdserver: key is not provided", client.put, "", "v")
    refuses(Code.INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request", client.call,
            "Txn", txn([], [put_op("a", "1"), put_op("a", "2")], []))
    many = [put_op(f"key{number}", "v") for number in range(129)]
    refuses(Code.INVALID_ARGUMENT, "etcdserver: too many operations in txn request", client.call,
            "Txn", txn([], many, []))
    refuses(Code.UNIMPLEMENTED, "unknown method Nothing for service etcdserverpb.KV", client.call,
            "Nothing")
    refuses(Code.UNIMPLEMENTED, "unknown service some.Thing", client.call, "Put",
            service="some.Thing")
    equal(client.range("k").kvs[0].version, 5, "the key after all this")


@served
def sizes_are_bounded(client, _):
    client.put("large", "x" * (1536 * KIB - 100))
    refuses(Code.INVALID_ARGUMENT, "etcdserver: request is too large", client.put, "larger",
            "x" * 2_000_000)
    try:
        client.put("largest", "x" * (3 << 20))
        expect(False, "3 MiB were taken")
    except grpc.RpcError as error:
        equal(error.code(), Code.RESOURCE_EXHAUSTED, "code for what gRPC doesn't take")
        contains(error.details(), "larger than max", "details for what gRPC doesn't take")
    equal([item.key for item in client.range(b"\0", b"\0").kvs], [b"large"], "what was put")


@served
def long_answers_arrive_whole(client, _):
    value = bytes(range(256)) * 4096
    for number in range(8):
        client.put(f"big/{number}", value)
    answer = client.range("big/", "big0", timeout=30)
    equal([item.value == value for item in answer.kvs], [True] * 8, "values of 8 MiB in all")


@served
def malformed_messages_are_refused(client, _):
    for bad in (b"\x0a\xff", b"\xff" * 40, b"\x0a"):
        try:
            client.call("Put", bad)
            expect(False, f"{bad!r} was taken")
        except grpc.RpcError as error:
            equal(error.code(), Code.INTERNAL, f"code for {bad!r}")
            contains(error.details(), "grpc: error unmarshalling request", f"details for {bad!r}")
    equal(client.put("k", "v"), 2, "nothing came of it")


@served
def compressed_requests_are_read(client, _):
    put = client.channel.unary_unary("/etcdserverpb.KV/Put")
    put(message((1, "k"), (2, "v" * 100_000)), timeout=10, compression=grpc.Compression.Gzip)
    equal(client.range("k").kvs[0].value, b"v" * 100_000, "the value")


@served
def calls_share_a_connection(client, _):
    put = client.channel.unary_unary("/etcdserverpb.KV/Put")
    calls = [put.future(message((1, f"k{number:03d}"), (2, "v" * 1000)), timeout=30)
             for number in range(500)]
    revisions = sorted(header_revision(call.result()) for call in calls)
    equal(len(set(revisions)), 500, "each put has a revision of its own")
    answer = client.range("k", "l")
    equal((answer.count, answer.revision), (500, 501), "keys, and the newest revision")


@served
def reads_see_what_was_written_before(client, server):
    """Linearizable reads on other connections, while keys are overwritten."""
    newest, surprises, ending = [0], [], threading.Event()

    def read():
        other = Client(server.endpoint)
        while not ending.is_set():
            least = newest[0]
            answer = other.range("k")
            got = int(answer.kvs[0].value) if answer.kvs else 0
            if got < least:
                surprises.append((got, least))
        other.close()
    readers = [threading.Thread(target=read, daemon=True) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1, 301):
        client.put("k", str(number))
        newest[0] = number
    ending.set()
    for reader in readers:
        reader.join(30)
    equal(surprises[:3], [], "reads of less than was acknowledged")


def deadlines_hold_without_a_leader(work):
    """One of three members is left: nothing can be written, and everybody hears it in time."""
    members = cluster(work, ["one", "two", "three"],
                      ["--heartbeat-interval", "10", "--election-timeout", "100"])
    start_all(members)
    for one_of_two in members[1:]:
        one_of_two.end()
    client = Client(members[0].endpoint)
    client.range("k", serializable=True)
    for call in (lambda: client.put("k", "v", timeout=0.4), lambda: client.range("k", timeout=0.4)):
        began = time.monotonic()
        try:
            call()
            expect(False, "answered without a leader")
        except grpc.RpcError as error:
            equal(error.code(), Code.DEADLINE_EXCEEDED, "code at the client's deadline")
        expect(time.monotonic() - began < 3, "the client's deadline holds")
    began = time.monotonic()
    try:
        client.put("k", "v", timeout=30)
        expect(False, "answered without a leader")
    except grpc.RpcError as error:
        equal(error.code(), Code.UNAVAILABLE, "code at the server's own deadline")
        say(f"refused after {time.monotonic() - began:.1f} s: {error.details()}")
        contains(error.details(), "etcdserver: ", "the server's own words")
    client.close()


if __name__ == "__main__":
    main(keys_have_revisions, an_empty_end_that_is_sent_deletes_one_key,
         an_empty_end_in_a_transaction_counts_only_when_it_only_reads,
         transactions_are_one_revision, refusals_have_etcds_codes, sizes_are_bounded,
         long_answers_arrive_whole, malformed_messages_are_refused,
         compressed_requests_are_read, calls_share_a_connection, reads_see_what_was_written_before,
         deadlines_hold_without_a_leader)
