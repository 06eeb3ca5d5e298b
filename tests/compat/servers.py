"""One server under comparison: what it is asked, and its answers in which only what etcd promises
is left: ids, terms, tokens and passing seconds become words."""

import queue
import re
import threading

from harness import PATIENCE, PEERS, Server, expect
from kv_client import Client, grpc
from messages import RPCS, WATCH, decode, encode

# Quick to elect itself; passwords cheap to check; no waiting for the disk.
FLAGS = ["--heartbeat-interval", "20", "--election-timeout", "200", "--bcrypt-cost", "4",
         "--unsafe-no-fsync"]


class Drawn:
    """The n-th lease whose id the server has drawn."""

    def __init__(self, number):
        self.number = number

    def __repr__(self):
        return f"drawn lease {self.number}"


OWN = "the member itself"
ADDED = "the member that was added last"


class Asked:
    """A server, and who is logged in."""

    def __init__(self, name, work, version=None, flags=()):
        self.name, self.version = name, version
        self.server = Server(work / name, "same",
                             program=PEERS / version / "etcd" if version else None)
        self.server.work.mkdir(parents=True)
        self.server.flags = [*FLAGS, *flags]
        self.drawn, self.tokens, self.own, self.added = [], {}, 0, []
        self.client = None

    def start(self):
        self.server.start(ready=False)

    def wait_ready(self):
        self.server.wait_ready()
        self.client = Client(self.server.endpoint)
        header = decode("StatusResponse", self.client.call(
            "Status", service="etcdserverpb.Maintenance"), lambda kind, value: value)["header"]
        self.own = header["member_id"]

    def close(self):
        if self.client:
            self.client.close()
        self.server.end()

    # --- from the script's words to the server's, and back
    def lease_of(self, lease):
        return self.drawn[lease.number] if isinstance(lease, Drawn) else lease

    def member_of(self, member):
        if member is ADDED:
            return self.added[-1] if self.added else 99
        return self.own if member is OWN else member

    def meaning(self, kind, value):
        if kind in ("cluster", "term", "some"):
            return "some" if value else value
        if kind == "member":
            # Ids of members are made of the time, too.
            return ("own" if value == self.own else
                    f"added {self.added.index(value)}" if value in self.added else value)
        if kind == "lease":
            return repr(Drawn(self.drawn.index(value))) if value in self.drawn else value
        if kind == "left":
            return "some" if value > 0 else value
        if kind == "token":
            form = re.fullmatch(rb"[a-zA-Z]{16}\.[0-9]+", value)
            return "a simple token" if form else value
        if kind == "version":
            return re.sub(rb"^[0-9]+\.[0-9]+\.[0-9]+$", b"x.y.z", value).decode()
        if kind == "text":
            return self.words(value.decode())
        return value

    def words(self, text):
        """A text without what is this server's own."""
        unsigned = self.own % (1 << 64)
        for own, word in ((str(unsigned), "OWN"), (f"{unsigned:x}", "OWN"),
                          (self.server.endpoint, "ENDPOINT"), (self.server.peer_url, "PEER")):
            text = text.replace(own, word)
        # Where Go's text of a message has spaces changes with each build of etcd, on purpose.
        return re.sub(r"(memberID:\w+) +(alarm:[A-Z]+) *", r"\1 \2", text)

    # --- calls
    def metadata(self, user):
        if user is None:
            return None
        return [("token", self.tokens.get(user, "AAAAAAAAAAAAAAAA.1"))]

    def begin(self, rpc, request, user=None, timeout=PATIENCE):
        """A call under way: a function that waits for its answer."""
        service, of, answer = RPCS[rpc]
        data = encode(of, request, self.lease_of, self.member_of)
        if rpc == "LeaseKeepAlive":
            call = self.client.channel.stream_stream(f"/{service}/{rpc}")(
                iter([data]), metadata=self.metadata(user), timeout=timeout)
            return lambda: self.answers(call, answer)
        if rpc == "Snapshot":
            call = self.client.channel.unary_stream(f"/{service}/{rpc}")(
                data, metadata=self.metadata(user), timeout=timeout)
            return lambda: self.snapshot(call)
        if rpc == "RangeStream":
            call = self.client.channel.unary_stream(f"/{service}/{rpc}")(
                data, metadata=self.metadata(user), timeout=timeout)
            return lambda: self.assembled(self.answers(call, answer))
        call = self.client.channel.unary_unary(f"/{service}/{rpc}").future(
            data, metadata=self.metadata(user), timeout=timeout)

        def finish():
            try:
                return self.told(rpc, request, answer, call.result())
            except grpc.RpcError as error:
                return self.refused(error)
        return finish

    def ask(self, rpc, request, user=None):
        return self.begin(rpc, request, user)()

    def refused(self, error):
        # Whose clock ends a call first, the server's or its client's, is chance; so are its words.
        late = error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        return {"error": {"code": error.code().name,
                          "text": "late" if late else self.words(error.details())}}

    def told(self, rpc, request, answer, data):
        if rpc == "LeaseGrant" and not request.get("ID"):
            granted = decode(answer, data, lambda kind, value: value)["ID"]
            expect(granted > 0, f"{self.name} draws a positive id")
            self.drawn.append(granted)
        if rpc == "MemberAdd":
            self.added.append(decode(answer, data, lambda kind, value: value)["member"]["ID"])
        if rpc == "Authenticate":
            token = decode(answer, data, lambda kind, value: value)["token"]
            self.tokens[request["name"]] = token.decode()
        return decode(answer, data, self.meaning)

    def answers(self, call, answer):
        """Of a stream: all, and how it ended."""
        out = []
        try:
            for data in call:
                out.append(decode(answer, data, self.meaning))
        except grpc.RpcError as error:
            return {"answers": out, **self.refused(error)}
        return {"answers": out}

    @staticmethod
    def assembled(told):
        """One answer out of several: where it was cut is each server's own."""
        if "error" in told:
            return {"error": told["error"]}
        parts = [one.get("range_response", {}) for one in told["answers"]]
        expect(all(set(part) == {"kvs"} for part in parts[:-1]), f"only the last one sums up: {parts}")
        return {**parts[-1], "kvs": [kv for part in parts for kv in part.get("kvs", [])]}

    def snapshot(self, call):
        """Its form: what remains after each message is what comes, then a checksum."""
        messages = []
        try:
            for data in call:
                messages.append(decode("SnapshotResponse", data, lambda kind, value: value))
        except grpc.RpcError as error:
            return self.refused(error)
        sizes = [len(one.get("blob", b"")) for one in messages]
        rests = [one.get("remaining_bytes", 0) for one in messages]
        honest = all(rest == sum(sizes[at + 1:-1]) for at, rest in enumerate(rests))
        versions = {one.get("version", b"").decode() for one in messages}
        return {"version": sorted(self.meaning("version", one.encode()) for one in versions),
                "header": any("header" in one for one in messages),
                "last": sizes[-1:], "honest": honest, "pages": sum(sizes[:-1]) % 4096}


class Stream:
    """A stream of watches; a task of its own reads what comes."""

    def __init__(self, asked, user=None):
        self.asked, self.requests, self.told = asked, queue.Queue(), []
        self.changed, self.ended = threading.Condition(), None
        self.call = asked.client.channel.stream_stream(f"/{WATCH}/Watch")(
            iter(self.requests.get, None), metadata=asked.metadata(user))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        ended = {}
        try:
            for data in self.call:
                told = decode("WatchResponse", data, self.asked.meaning)
                with self.changed:
                    self.told.append(told)
                    self.changed.notify_all()
        except grpc.RpcError as error:
            ended = self.asked.refused(error)
        with self.changed:
            self.ended = ended
            self.changed.notify_all()

    def ask(self, request):
        self.requests.put(encode("WatchRequest", request))

    def wait(self, holds, patience=PATIENCE):
        """Until `holds(told)` is true of all that was told, or the stream has ended."""
        with self.changed:
            return self.changed.wait_for(lambda: self.ended is not None or holds(self.told),
                                         patience)

    def known(self):
        with self.changed:
            return list(self.told)

    def end(self):
        self.call.cancel()
        self.requests.put(None)


def summary(told):
    """What was told, but for how events were put into messages, and for what depends on the moment:
    the revision of a cancellation."""
    other, events = [], {}
    for one in told:
        if one.get("events"):
            known = events.setdefault(one.get("watch_id", 0), {"events": [], "split": 0})
            revisions = [event["kv"]["mod_revision"] for event in one["events"]]
            if known["events"] and known["events"][-1][0] == revisions[0] and not known["cut"]:
                known["split"] += 1
            known["cut"] = one.get("fragment", 0)
            known["events"] += list(zip(revisions, one["events"]))
        else:
            header = dict(one.get("header", {}))
            if one.get("canceled") and not one.get("created") and not one.get("compact_revision"):
                header.pop("revision", None)
            other.append({**one, "header": header})
    return {"other": sorted(other, key=repr),
            "events": [(of, *event) for of in sorted(events) for event in events[of]["events"]],
            "split": {of: known["split"] for of, known in events.items() if known["split"]}}
