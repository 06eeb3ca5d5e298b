"""Concurrent writers that remember what was acknowledged, and a check that all of it is there."""

import threading

from harness import Failure, expect
from kv_client import Client, grpc


class Load:
    """Each writer puts its own keys, one after another, each value once; `acknowledged` holds what
    the server answered with success, as {key: (value, revision)}. A put that failed may be there or
    not."""

    def __init__(self, endpoints, writers=4, prefix="load", value_bytes=40):
        self.endpoints, self.prefix, self.value_bytes = endpoints, prefix, value_bytes
        self.acknowledged, self.times = {}, []
        self.ending = threading.Event()
        self.changed = threading.Condition()
        self.surprises = []
        self.threads = [threading.Thread(target=self._write, args=(number,), daemon=True)
                        for number in range(writers)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(30)
            expect(not thread.is_alive(), "a writer ends")
        expect(not self.surprises, f"a put failed as nothing should: {self.surprises[:1]}")
        return self.acknowledged

    def count(self):
        with self.changed:
            return len(self.acknowledged)

    def wait_for(self, more, patience=30):
        """Until so many more puts were acknowledged."""
        with self.changed:
            wanted = len(self.acknowledged) + more
            if not self.changed.wait_for(lambda: len(self.acknowledged) >= wanted, patience):
                raise Failure(f"{more} more puts weren't acknowledged within {patience} s "
                              f"({self.surprises[:1]})")

    def _write(self, number):
        clients = [Client(endpoint, timeout=5) for endpoint in self.endpoints]
        turn, ordinal = number, 0
        try:
            while not self.ending.is_set():
                ordinal += 1
                key = f"{self.prefix}/{number}/{ordinal:06d}"
                value = f"<{key}>".ljust(self.value_bytes, ".")
                if not self._put(clients[turn % len(clients)], key, value):
                    turn += 1
                    self.ending.wait(0.01)
        except Exception as error:  # Reported by stop(); a thread has nobody to raise to.
            self.surprises.append(repr(error))
        finally:
            for client in clients:
                client.close()

    def _put(self, client, key, value):
        try:
            revision = client.put(key, value)
        except grpc.RpcError as error:
            # What a server that goes down or has no leader may answer.
            expected = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED,
                        grpc.StatusCode.CANCELLED)
            if error.code() not in expected and "server stopped" not in (error.details() or ""):
                self.surprises.append(f"{error.code()}: {error.details()}")
            return False
        with self.changed:
            self.acknowledged[key] = (value, revision)
            self.changed.notify_all()
        return True


def missing(client, acknowledged, prefix="load"):
    """The acknowledged puts that the server doesn't have as they were acknowledged."""
    held = {}
    start, end = prefix.encode() + b"/", prefix.encode() + b"0"
    while True:
        answer = client.range(start, end, limit=5000, timeout=30)
        held.update({item.key.decode(): (item.value.decode(), item.mod_revision)
                     for item in answer.kvs})
        if not answer.more:
            return sorted(key for key, wanted in acknowledged.items() if held.get(key) != wanted)
        start = answer.kvs[-1].key + b"\0"
