"""A gRPC client for etcd's KV service that shares nothing with the server under test: gRPC's C core
carries the calls, and the few messages needed are written and read here, field by field."""

import os

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc  # noqa: E402  The environment must be set first.

LEN, VARINT = 2, 0


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def message(*fields):
    """(number, value) pairs; bytes and text as length-delimited, the rest as varint. What is empty
    or zero is left out."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, str):
            value = value.encode()
        if isinstance(value, (bytes, bytearray)) and value:
            out += varint(number << 3 | LEN) + varint(len(value)) + value
        elif value:
            out += varint(number << 3 | VARINT) + varint(value)
    return bytes(out)


def read_varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def fields(data):
    """{number: [values]} of a message: varints as int, length-delimited ones as bytes."""
    at, out = 0, {}
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == VARINT:
            value, at = read_varint(data, at)
        elif tag & 7 == LEN:
            size, at = read_varint(data, at)
            if at + size > len(data):
                raise ValueError("a field ends behind its message")
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {tag & 7} isn't used by etcd's messages")
        out.setdefault(tag >> 3, []).append(value)
    return out


def signed(number):
    return number - (1 << 64) if number >> 63 else number


def one(data, number, default=0):
    return fields(data).get(number, [default])[-1]


def header_revision(response):
    return signed(one(one(response, 1, b""), 3))


class KeyValue:
    def __init__(self, data):
        parsed = fields(data)
        self.key, self.value = parsed.get(1, [b""])[0], parsed.get(5, [b""])[0]
        self.create_revision = parsed.get(2, [0])[0]
        self.mod_revision = parsed.get(3, [0])[0]
        self.version = parsed.get(4, [0])[0]


class RangeAnswer:
    def __init__(self, data):
        parsed = fields(data)
        self.revision = header_revision(data)
        self.kvs = [KeyValue(item) for item in parsed.get(2, [])]
        self.more, self.count = bool(parsed.get(3, [0])[0]), parsed.get(4, [0])[0]


# Nothing is kept between channels: a server that was killed must be dialed again soon. The least
# backoff is, above all, how long an attempt to connect may take: that of a busy machine.
OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 50),
           ("grpc.min_reconnect_backoff_ms", 5000), ("grpc.max_reconnect_backoff_ms", 200),
           ("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1),
           ("grpc.max_send_message_length", -1), ("grpc.enable_retries", 0)]


class Client:
    def __init__(self, endpoint, timeout=10.0):
        self.channel = grpc.insecure_channel(endpoint, options=OPTIONS)
        self.timeout = timeout
        self._methods = {}

    def close(self):
        self.channel.close()

    def call(self, method, request=b"", timeout=None, service="etcdserverpb.KV", metadata=None):
        path = f"/{service}/{method}"
        if path not in self._methods:
            self._methods[path] = self.channel.unary_unary(path)
        return self._methods[path](request, timeout=timeout or self.timeout, metadata=metadata)

    def put(self, key, value, **how):
        """The revision that the put made."""
        return header_revision(self.call("Put", message((1, key), (2, value)), **how))

    def range(self, key, end=b"", revision=0, limit=0, serializable=False, **how):
        request = message((1, key), (2, end), (3, limit), (4, revision), (7, int(serializable)))
        return RangeAnswer(self.call("Range", request, **how))

    def delete(self, key, end=b"", **how):
        """How many keys were deleted."""
        return one(self.call("DeleteRange", message((1, key), (2, end)), **how), 2)

    def compact(self, revision, physical=False, **how):
        return self.call("Compact", message((1, revision), (2, int(physical))), **how)

    def status(self, **how):
        """Of the member: {"revision", "member", "leader", "term", "index"}."""
        answer = self.call("Status", service="etcdserverpb.Maintenance", **how)
        return {"revision": header_revision(answer), "member": one(one(answer, 1, b""), 2),
                "leader": one(answer, 4), "index": one(answer, 5), "term": one(answer, 6)}

    def hash_kv(self, revision=0, **how):
        answer = self.call("HashKV", message((1, revision)),
                           service="etcdserverpb.Maintenance", **how)
        return one(answer, 2), signed(one(answer, 3))


def operation(number, body):
    """A RequestOp, which says what it is also when its message is empty."""
    return varint(number << 3 | LEN) + varint(len(body)) + body


def put_op(key, value):
    return operation(2, message((1, key), (2, value)))


def get_op(key):
    return operation(1, message((1, key)))


def txn(compares, success, failure):
    return message(*[(1, item) for item in compares], *[(2, item) for item in success],
                   *[(3, item) for item in failure])
