"""Streams of watches for the tests that talk gRPC: what a client asks, and what it is told, message
by message."""

import queue
import threading

from kv_client import fields, grpc, message, one, operation, signed

PATIENCE = 30


def create(key, end=b"", *, start=0, watch_id=0, progress=False, filters=(), prev=False,
           fragment=False):
    return operation(1, message((1, key), (2, end), (3, start), (4, int(progress)),
                                (5, bytes(filters)), (6, int(prev)), (7, watch_id),
                                (8, int(fragment))))


def cancel(watch_id):
    return operation(2, message((1, watch_id)))


PROGRESS = operation(3, b"")


class Told:
    """One WatchResponse."""

    def __init__(self, data):
        parsed = fields(data)
        header = fields(parsed[1][0])
        self.revision = signed(header.get(3, [0])[0])
        self.names = {number: header.get(number, [0])[0] for number in (1, 2, 4)}
        self.id = signed(parsed.get(2, [0])[0])
        self.created, self.canceled = one(data, 3), one(data, 4)
        self.compacted, self.reason = one(data, 5), one(data, 6, b"").decode()
        self.fragment = one(data, 7)
        self.events = parsed.get(11, [])
        self.revisions = [one(one(event, 2, b""), 3) for event in self.events]

    def kind(self):
        """All but events, of which other responses may hold the same; of a cancellation not the
        revision either, which is that of the moment."""
        canceled = self.canceled and not self.created
        return (self.id, self.created, self.canceled, self.compacted, self.reason,
                None if canceled and not self.compacted else self.revision)


class Watches:
    """One stream; a task of its own reads what comes."""

    def __init__(self, client, metadata=None, timeout=None):
        self.requests, self.told = queue.Queue(), queue.Queue()
        self.all, self.status = [], None
        call = client.channel.stream_stream("/etcdserverpb.Watch/Watch")
        self.call = call(iter(self.requests.get, None), metadata=metadata, timeout=timeout)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            for data in self.call:
                self.told.put(Told(data))
        except grpc.RpcError as error:
            self.status = (error.code(), error.details())
        self.told.put(None)

    def ask(self, request):
        self.requests.put(request)

    def half_close(self):
        self.requests.put(None)

    def next(self, patience=PATIENCE):
        """What is told next; none at the end of the stream."""
        told = self.told.get(timeout=patience)
        if told is not None:
            self.all.append(told)
        return told

    def drain(self, quiet):
        """All that comes until nothing has come for so long."""
        try:
            while self.next(quiet) is not None:
                pass
        except queue.Empty:
            pass

    def end(self):
        self.call.cancel()
        self.requests.put(None)
