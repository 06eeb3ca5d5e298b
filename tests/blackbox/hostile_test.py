#!/usr/bin/python3
"""Bytes that nobody should send, and files that nobody should have changed."""

import hashlib
import random
import socket
import struct
import time

from harness import (QUICK, Server, cluster, contains, equal, eventually, expect, main, say,
                     start_all)
from kv_client import Client, get_op, grpc, message, operation, put_op, txn
from load import Load, missing

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload, length=None):
    size = len(payload) if length is None else length
    return size.to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload


SETTINGS = frame(4, 0, 0, b"")


def literal(name, value):
    """A header field without any table."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def call_headers(path):
    return b"".join(literal(name, value) for name, value in (
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"x"),
        (b"content-type", b"application/grpc"), (b"te", b"trailers")))


def exchange(server, data, patience=10):
    """Sends the bytes; what came back until the server closed, and whether it did."""
    with socket.create_connection(("127.0.0.1", server.client_port), timeout=patience) as stream:
        got = b""
        try:
            stream.sendall(data)
            stream.settimeout(patience)
            while True:
                more = stream.recv(65536)
                if not more:
                    return got, True
                got += more
        except TimeoutError:
            return got, False
        except (ConnectionResetError, BrokenPipeError):
            return got, True


def goaway_code(got):
    """The error code of a GOAWAY frame among the server's frames, or None."""
    while len(got) >= 9:
        length = int.from_bytes(got[:3], "big")
        if got[3] == 7:
            return struct.unpack(">I", got[13:17])[0]
        got = got[9 + length:]
    return None


def takes_whole_answers(stream, calls, least):
    """Reads until each of the calls, streams 1, 3, 5 and on, has ended with a status of 0 and with
    more than so many bytes before."""
    sizes, ended, rest = {}, set(), bytearray()
    while len(ended) < calls:
        more = stream.recv(1 << 20)
        expect(more, f"the connection lasts until all is taken; {len(ended)} calls were")
        rest += more
        at = 0
        while len(rest) - at >= 9:
            length, kind, flags = int.from_bytes(rest[at:at + 3], "big"), rest[at + 3], rest[at + 4]
            number = int.from_bytes(rest[at + 5:at + 9], "big")
            if len(rest) - at < 9 + length:
                break
            if kind == 0:
                sizes[number] = sizes.get(number, 0) + length
            elif kind == 1 and flags & 1:
                expect(sizes.get(number, 0) > least, f"stream {number} got {sizes.get(number)}")
                ended.add(number)
            at += 9 + length
        del rest[:at]


def many_large_answers_are_made_as_they_are_taken(work):
    """300 ranges of 4 MiB each, which all ask before one of them takes anything."""
    server = Server(work).start()
    client = Client(server.endpoint)
    for number in range(4):
        client.put(f"big/{number}", bytes(1 << 20))
    client.put("small", "v")
    ask = message((1, "big/"), (2, "big0"))
    headers = call_headers(b"/etcdserverpb.KV/Range")
    largest = (1 << 31) - 1
    opening = PREFACE + frame(4, 0, 0, struct.pack(">HI", 4, largest)) + frame(
        8, 0, 0, struct.pack(">I", largest - 65535))
    body = b"\x00" + struct.pack(">I", len(ask)) + ask
    calls = b"".join(frame(1, 4, number, headers) + frame(0, 1, number, body)
                     for number in range(1, 100, 2))
    streams = [socket.create_connection(("127.0.0.1", server.client_port), timeout=60)
               for _ in range(6)]
    for stream in streams:
        stream.sendall(opening + calls)
    time.sleep(2)
    equal(client.range("small").kvs[0].value, b"v", "a small range meanwhile")
    waiting = server.memory("VmRSS")
    # Calls that wait for their turn are given up; those before them are answered all the same.
    streams[0].sendall(b"".join(frame(3, 0, number, struct.pack(">I", 8))
                                for number in range(21, 100, 2)))
    for stream in streams:
        takes_whole_answers(stream, 10 if stream is streams[0] else 50, 4 << 20)
        stream.close()
    peak = server.memory("VmHWM")
    say(f"{waiting >> 20} MiB while nothing was taken, {peak >> 20} MiB at most")
    expect(peak < 300 << 20, f"the server took {peak >> 20} MiB")
    lives_on(server, client, 1)


def an_answer_beyond_all_limits_is_refused(work):
    """One transaction that reads 1.4 MB so often that no gRPC message could hold the answer."""
    server = Server(work).start()
    client = Client(server.endpoint, timeout=30)
    client.put("k", bytes(1_400_000))
    nested = operation(4, txn([], [get_op("k")] * 64, []))
    for ending in ([get_op("k")], [put_op("l", "v")]):
        try:
            client.call("Txn", txn([], [nested] * 63 + [*ending], []))
            expect(False, "an answer of 5.6 GB was made")
        except grpc.RpcError as error:
            equal(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED, "code")
            contains(error.details(), "grpc: trying to send message larger than max (56", "details")
    expect(server.memory("VmHWM") < 300 << 20, f"{server.memory('VmHWM') >> 20} MiB resident")
    lives_on(server, client, 1)


def lives_on(server, client, number):
    expect(server.process.poll() is None, f"the server ended: {server.last_words()}")
    client.put("alive", str(number))
    equal(client.range("alive").kvs[0].value, str(number).encode(), "it serves")


def broken_http2_closes_only_its_connection(work):
    server = Server(work).start()
    client = Client(server.endpoint)
    headers = call_headers(b"/etcdserverpb.KV/Put")
    protocol, size, compression = 1, 6, 9
    cases = (
        ("a frame larger than allowed", frame(0, 0, 1, b"", 0xFFFFFF) + bytes(1 << 20), size),
        ("data on a stream that isn't there", frame(0, 0, 1, b"x"), protocol),
        ("a header block that isn't one", frame(1, 4, 1, b"\xff" * 30), compression),
        ("a stream with an even number", frame(1, 5, 2, headers), protocol),
        ("a ping that is too short", frame(6, 0, 0, b"1234"), size),
        ("a window increment of zero", frame(8, 0, 0, bytes(4)), protocol),
        ("a continuation of nothing", frame(9, 4, 1, b""), protocol),
        ("a push from a client", frame(5, 4, 1, struct.pack(">I", 2) + headers), protocol))
    for number, (what, data, code) in enumerate(cases):
        got, closed = exchange(server, PREFACE + SETTINGS + data)
        expect(closed, f"{what}: the connection is closed")
        equal(goaway_code(got), code, f"{what}: code of the GOAWAY")
        lives_on(server, client, number)
    client.close()
    say(f"{len(cases)} broken connections")


def bytes_of_no_protocol_are_refused(work):
    server = Server(work).start()
    client = Client(server.endpoint)
    randomly = random.Random(11)
    for number, data in enumerate((
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), b"\x00" * 1000,
            b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * (2 << 20) + b"\r\n\r\n",
            b"NONSENSE\r\n\r\n", b"GET  HTTP/9.9\r\n\r\n")):
        got, closed = exchange(server, data)
        expect(closed, f"case {number}: the connection is closed")
        expect(not got or got.startswith(b"HTTP/1.1 4"), f"case {number}: answered {got[:60]!r}")
        lives_on(server, client, number)
    for number in range(200 if QUICK else 2000):
        data = randomly.randbytes(randomly.randrange(1, 2000))
        if number % 2:
            data = PREFACE + SETTINGS + data
        with socket.create_connection(("127.0.0.1", server.client_port)) as stream:
            stream.sendall(data)
    lives_on(server, client, 99)
    client.close()


def a_client_that_stops_halfway_holds_nobody_up(work):
    server = Server(work).start()
    client = Client(server.endpoint)
    held = []
    put = message((1, "half"), (2, "x" * 1000))
    body = b"\x00" + struct.pack(">I", len(put)) + put
    for cut in (3, 30, 200):
        stream = socket.create_connection(("127.0.0.1", server.client_port))
        whole = (PREFACE + SETTINGS + frame(1, 4, 1, call_headers(b"/etcdserverpb.KV/Put"))
                 + frame(0, 1, 1, body))
        stream.sendall(whole[:cut])
        held.append(stream)
    lives_on(server, client, 1)
    for stream in held:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()
    lives_on(server, client, 2)
    equal(client.range("half").kvs, [], "what was never sent whole")
    client.close()


def the_peer_port_takes_no_strangers(work):
    """Garbage, other protocols and the right magic with garbage behind it, under load."""
    members = cluster(work, ["one", "two", "three"])
    start_all(members)
    load = Load([one.endpoint for one in members], writers=3).start()
    randomly = random.Random(12)
    for number in range(60 if QUICK else 600):
        port = members[number % 3].peer_port
        start = (b"", PREFACE, b"GET /raft HTTP/1.1\r\n\r\n", b"\xff\xff\xff\xff")[number % 4]
        with socket.create_connection(("127.0.0.1", port)) as stream:
            stream.sendall(start + randomly.randbytes(randomly.randrange(1, 500)))
    load.wait_for(50)
    acknowledged = load.stop()
    for one in members:
        expect(one.process.poll() is None, f"{one.name} lives: {one.last_words()}")
        client = Client(one.endpoint, timeout=30)
        equal(missing(client, acknowledged)[:3], [], f"lost on {one.name}")
        client.close()


# --- files ---------------------------------------------------------------------------------------


def segments(server):
    return sorted((server.data / "member/wal").glob("*.wal"))


def digests(server):
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(server.data.rglob("*")) if path.is_file()}


def filled(path):
    """How many bytes of a segment are used: behind them are zeros."""
    return len(path.read_bytes().rstrip(b"\0"))


def change(path, offset, what):
    with open(path, "r+b") as file:
        if what == "cut":
            file.truncate(offset)
            return
        file.seek(offset)
        was = file.read(1)
        file.seek(offset)
        file.write(bytes([was[0] ^ 0x40]))


def a_single_member_names_its_damage_and_changes_nothing(work):
    server = Server(work)
    server.start()
    client = Client(server.endpoint)
    for number in range(50):
        client.put(f"k{number}", "v" * 700)
    client.close()
    server.end()
    segment = segments(server)[0]
    used = filled(segment)
    whole = segment.read_bytes()
    for offset, what in ((used // 2, "flip"), (used // 4, "flip"), (used // 2, "cut"),
                         (100, "flip")):
        change(segment, offset, what)
        before = digests(server)
        server.log.write_text("")
        server.start(ready=False)
        process, server.process = server.process, None
        equal(process.wait(30), 1, f"exit code with {what} at {offset}")
        said = server.log.read_text()
        for part in (segment.name, "at offset ", "entries from index ", "nothing was changed"):
            contains(said, part, f"the log, {what} at {offset}")
        equal(digests(server), before, f"files with {what} at {offset}")
        segment.write_bytes(whole)
    server.start()
    client = Client(server.endpoint)
    equal(client.range(b"k", b"l").count, 50, "keys, once the file is whole again")
    client.close()


def a_damaged_member_of_three_heals(work):
    members = cluster(work, ["one", "two", "three"])
    start_all(members)
    load = Load([one.endpoint for one in members], writers=4).start()
    load.wait_for(200)
    acknowledged = load.stop()
    for part in (0.5, 0.25):
        broken = members[1]
        broken.end()
        segment = segments(broken)[0]
        change(segment, int(filled(segment) * part), "flip")
        broken.log.write_text("")
        broken.start()
        contains(broken.log.read_text(), "the log isn't provably whole", "the log")

        def hashes():
            found = set()
            for one in members:
                client = Client(one.endpoint, timeout=5)
                found.add((client.status()["revision"], client.hash_kv()))
                client.close()
            return len(found) == 1
        eventually(hashes, f"equal hashes after a flip at {part}")
        client = Client(broken.endpoint, timeout=30)
        equal(missing(client, acknowledged)[:3], [], f"lost after a flip at {part}")
        client.close()


def a_slow_reader_is_bounded(work):
    """A client asks for 1.2 GB of answers, little by little, and reads nothing: others are served,
    and soon nothing more is read from it."""
    server = Server(work).start()
    client = Client(server.endpoint, timeout=30)
    for number in range(4):
        client.put(f"big/{number}", "x" * (1 << 20))
    ask = message((1, "big/"), (2, "big0"))
    body = b"\x00" + struct.pack(">I", len(ask)) + ask
    with socket.create_connection(("127.0.0.1", server.client_port)) as stream:
        # A window as large as can be, so that only the socket holds the answers back.
        stream.sendall(PREFACE + frame(4, 0, 0, struct.pack(">HI", 4, 0x7FFFFFFF))
                       + frame(8, 0, 0, struct.pack(">I", 0x7FFF0000 - 65535)))
        for number in range(300):
            stream.sendall(frame(1, 4, 2 * number + 1, call_headers(b"/etcdserverpb.KV/Range"))
                           + frame(0, 1, 2 * number + 1, body))
            if number % 10 == 9:
                time.sleep(0.05)
                lives_on(server, client, number)
        with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    say(f"at most {resident // 1024} MiB resident")
    expect(resident < 600 * 1024, f"{resident // 1024} MiB resident")
    lives_on(server, client, 99)
    client.close()


if __name__ == "__main__":
    main(broken_http2_closes_only_its_connection, bytes_of_no_protocol_are_refused,
         a_client_that_stops_halfway_holds_nobody_up, the_peer_port_takes_no_strangers,
         a_single_member_names_its_damage_and_changes_nothing, a_damaged_member_of_three_heals,
         a_slow_reader_is_bounded, many_large_answers_are_made_as_they_are_taken,
         an_answer_beyond_all_limits_is_refused)
