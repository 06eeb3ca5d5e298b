#!/usr/bin/python3
"""KV.RangeStream of the real binary, through a gRPC client that isn't ours: what arrives, what it
costs in memory, and what ends it. No etcd that can be fetched has the call yet."""

import threading
import time

from harness import QUICK, Server, equal, eventually, expect, main, say
from kv_client import Client, KeyValue, RangeAnswer, fields, grpc, message, one

MIB = 1 << 20
Code = grpc.StatusCode


class Pieces:
    """What one stream brought."""

    def __init__(self, client, request, timeout=60, slow=0.0, metadata=None):
        call = client.channel.unary_stream("/etcdserverpb.KV/RangeStream")
        self.call = call(request, timeout=timeout, metadata=metadata)
        self.rows, self.sizes, self.headers = [], [], []
        self.answer, self.status, self.slow = None, None, slow

    def read(self, keep=True, most=None):
        try:
            for data in self.call:
                inside = one(data, 1, b"")
                parsed = fields(inside)
                rows = [KeyValue(item) for item in parsed.get(2, [])]
                self.sizes.append(len(rows))
                self.headers.append(1 in parsed)
                if keep:
                    self.rows += [(row.key, row.value, row.mod_revision) for row in rows]
                if 1 in parsed:
                    self.answer = RangeAnswer(inside)
                time.sleep(self.slow)
                if most is not None and len(self.sizes) >= most:
                    break
        except grpc.RpcError as error:
            self.status = (error.code(), error.details())
        return self


def fill(client, count, value):
    """Many puts at once; keys sort as their numbers do."""
    stub = client.channel.unary_unary("/etcdserverpb.KV/Put")
    room, failed = threading.Semaphore(32), []

    def finished(call):
        if call.code() != grpc.StatusCode.OK:
            failed.append(call.details())
        room.release()
    for number in range(count):
        room.acquire()
        stub.future(message((1, f"k{number:08}"), (2, value))).add_done_callback(finished)
    for _ in range(32):
        room.acquire()
    equal(failed[:3], [], "puts that failed")


def the_pieces_are_what_range_answers(work):
    client = Client(Server(work).start().endpoint)
    fill(client, 5000, "v" * 100)
    client.delete("k00000077")
    for request in ([(1, "k"), (2, "l")], [(1, "k"), (2, "l"), (3, 25)],
                    [(1, "k"), (2, "l"), (9, 1)], [(1, "k"), (2, "l"), (8, 1)],
                    [(1, "k"), (2, "l"), (4, 1000)], [(1, "k00000003")], [(1, "none")],
                    [(1, "k"), (2, "l"), (7, 1)]):
        whole = RangeAnswer(client.call("Range", message(*request)))
        streamed = Pieces(client, message(*request)).read()
        equal(streamed.status, None, "it ends well")
        equal(streamed.rows, [(row.key, row.value, row.mod_revision) for row in whole.kvs], "rows")
        said = streamed.answer
        equal((said.revision, said.count, said.more), (whole.revision, whole.count, whole.more),
              "what the last piece says")
        equal(streamed.headers, [False] * (len(streamed.sizes) - 1) + [True],
              "only the last has a header")
        expect(streamed.sizes[0] <= 10, "the first piece is small")
    for request, status in (
            ([(1, "k"), (5, 2)],
             (Code.UNIMPLEMENTED, "RangeStream does not support custom sort orders")),
            ([(1, "k"), (10, 2)],
             (Code.UNIMPLEMENTED, "RangeStream does not support revision filters")),
            ([(2, "k")], (Code.INVALID_ARGUMENT, "etcdserver: key is not provided")),
            ([(1, "k"), (4, 1 << 40)],
             (Code.OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision"))):
        equal(Pieces(client, message(*request)).read().status, status, "a refusal")
    client.close()


def a_large_range_needs_little_memory(work):
    """What is larger than the room there is passes through it, however slowly it is taken."""
    count = 128 if QUICK else 1024
    server = Server(work)
    server.flags = ["--quota-backend-bytes", str(8 << 30), "--snapshot-count", "1000000"]
    client = Client(server.start().endpoint, timeout=60)
    fill(client, count, b"\x5a" * MIB)
    time.sleep(2)
    # The largest size is counted anew from here.
    before = server.memory("VmRSS")
    with open(f"/proc/{server.process.pid}/clear_refs", "w") as reset:
        reset.write("5")
    slow = Pieces(client, message((1, "k"), (2, "l")), timeout=None, slow=0.05)
    reader = threading.Thread(target=slow.read, kwargs={"keep": False}, daemon=True)
    reader.start()
    # Some that take nothing at all, each with a connection of its own.
    idle = [Client(server.endpoint) for _ in range(8)]
    held = [Pieces(one_of, message((1, "k"), (2, "l")), timeout=None) for one_of in idle]
    began = time.monotonic()
    fast = Pieces(client, message((1, "k"), (2, "l")), timeout=300).read(keep=False)
    took = time.monotonic() - began
    equal((fast.status, sum(fast.sizes), fast.answer.count), (None, count, count), "all of it")
    worst = 0.0
    while reader.is_alive():
        start = time.monotonic()
        client.put("other", "v")
        worst = max(worst, time.monotonic() - start)
        time.sleep(0.01)
    equal((slow.status, sum(slow.sizes)), (None, count), "all of it, slowly")
    grown = server.memory("VmHWM") - before
    say(f"{count} MiB in {took:.1f} s ({count / took:.0f} MiB/s); memory grew by at most "
        f"{grown / MIB:.0f} MiB with 10 streams; the worst put meanwhile took {worst * 1e3:.0f} ms")
    expect(grown < 100 * MIB, f"memory grew by {grown} bytes")
    for stream, one_of in zip(held, idle):
        stream.call.cancel()
        one_of.close()
    client.close()


def a_compaction_past_it_ends_it(work):
    client = Client(Server(work).start().endpoint)
    fill(client, 64, b"v" * MIB)
    streamed = Pieces(client, message((1, "k"), (2, "l"))).read(most=1)
    revision = client.put("k00000063", "changed")
    client.compact(revision - 1, physical=True)
    streamed.read(most=2)
    equal(streamed.status, None, "its revision can still be read")
    client.compact(revision, physical=True)
    streamed.read()
    equal(streamed.status,
          (Code.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted"), "its end")
    client.close()


def writes_meanwhile_are_not_seen_and_clients_may_leave(work):
    server = Server(work).start()
    client = Client(server.endpoint)
    fill(client, 48, b"v" * MIB)
    streamed = Pieces(client, message((1, "k"), (2, "l"))).read(most=1)
    client.put("k00000047", "changed")
    client.put("k1", "new")
    client.delete("k00000046")
    streamed.read()
    equal(streamed.status, None, "it ends well")
    equal([row[0] for row in streamed.rows], [b"k%08d" % number for number in range(48)], "keys")
    equal(len(streamed.rows[47][1]), MIB, "a value of the beginning")
    before = server.memory("VmRSS")
    for _ in range(50):
        left = Pieces(client, message((1, "k"), (2, "l"))).read(most=1)
        left.call.cancel()
    eventually(lambda: server.memory("VmRSS") < before + 40 * MIB, "what was left is given back")
    client.close()


if __name__ == "__main__":
    main(the_pieces_are_what_range_answers, a_large_range_needs_little_memory,
         a_compaction_past_it_ends_it, writes_meanwhile_are_not_seen_and_clients_may_leave)
