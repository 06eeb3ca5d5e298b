#!/usr/bin/python3
"""Memory that changes under a member: found, said, not served, and made good by the others, who go
on meanwhile. The bit is flipped from outside, in the memory of the running process."""

import json
import threading

from harness import Server, cluster, equal, eventually, expect, main, say, start_all
from kv_client import Client, grpc, one
from watch_client import Watches, create

NAMES = ["n1", "n2", "n3"]
Code = grpc.StatusCode
SERVING, NOT_SERVING = 1, 2
HEALTH = "grpc.health.v1.Health"
KEY = b"a key of which a copy will be harmed"
VALUE = b"what was written, and is there twelve times over; " * 12


def harm(server):
    """Flips a bit of the value in the store's own copy, and in what is left over of any other: there
    the key follows the lease's number, eight zeros; in the log, a length. How many were found."""
    found = 0
    needle = b"\0" * 8 + KEY + VALUE
    pid = server.process.pid
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            begin, end = (int(number, 16) for number in span.split("-"))
            try:
                memory.seek(begin)
                content = memory.read(end - begin)
            except (OSError, ValueError, OverflowError):
                continue
            at = content.find(needle)
            while at >= 0:
                harmed = at + len(needle) - 5
                memory.seek(begin + harmed)
                memory.write(bytes([content[harmed] ^ 1]))
                found += 1
                at = content.find(needle, at + 1)
    return found


class Health:
    """What a member says of itself, whenever that changes."""

    def __init__(self, client):
        self.said = []
        self.call = client.channel.unary_stream(f"/{HEALTH}/Watch")(b"")
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for data in self.call:
                self.said.append(one(data, 1))
        except grpc.RpcError:
            pass  # Its client has gone.


def log_of(server):
    return server.log.read_text(errors="replace")


def a_member_whose_memory_changes_heals_from_the_others(work):
    members = cluster(work, NAMES)
    start_all(members)
    clients = [Client(member.endpoint) for member in members]
    for number in range(50):
        clients[0].put(f"key{number}", f"value {number}")
    clients[0].put(KEY, VALUE)
    for client in clients:
        equal(client.range(KEY).kvs[0].value, VALUE, "what was written")
    leader = next(at for at, client in enumerate(clients)
                  if client.status()["leader"] == client.status()["member"])
    # A follower first, then whoever leads.
    for victim in ((leader + 1) % 3, leader):
        member, client = members[victim], clients[victim]
        times = log_of(member).count("the applied state was replaced")
        health, watch = Health(client), Watches(client)
        watch.ask(create("meanwhile"))
        expect(watch.next().created, "a watch at the member")
        eventually(lambda: health.said == [SERVING], "it serves")
        expect(harm(member), "the store's copy is found in memory")
        eventually(lambda: "the applied state is not to be relied on" in log_of(member),
                   "the member finds it")
        revision = clients[(victim + 1) % 3].put("meanwhile", str(victim), timeout=30)
        eventually(lambda: log_of(member).count("the applied state was replaced") > times,
                   "the member takes the leader's state")
        eventually(lambda: health.said == [SERVING, NOT_SERVING, SERVING], "it says so")
        equal(one(client.call("Check", service=HEALTH), 1), SERVING, "its health")
        while watch.next() is not None:
            pass
        equal(watch.status, (Code.UNAVAILABLE, "etcdserver: unhealthy cluster"),
              "how a watch ends, to be resumed elsewhere")
        health.call.cancel()
        eventually(lambda: client.range(KEY, timeout=30).kvs[0].value == VALUE, "it serves again")
        equal(client.range("meanwhile").kvs[0].mod_revision, revision, "what came meanwhile")
        status, body = member.get("/health")
        equal((status, json.loads(body)["health"]), (200, "true"), "its health")
    hashes = {client.hash_kv(clients[0].range(KEY).revision) for client in clients}
    equal(len(hashes), 1, "hashes of all")
    for client in clients:
        client.close()
    for member in members:
        member.end()
    # What they left on their disks is whole.
    for member in members:
        member.start(ready=False)
    for member in members:
        member.wait_ready()
        client = Client(member.endpoint, timeout=30)
        equal(client.range(KEY).kvs[0].value, VALUE, "after a restart")
        client.close()
    say("a follower and a leader were harmed and healed")


def alone_a_member_stops_and_reads_its_disk_again(work):
    server = Server(work).start()
    client = Client(server.endpoint)
    client.put(KEY, VALUE)
    expect(harm(server), "the store's copy is found in memory")
    eventually(lambda: server.process.poll() is not None, "it stops")
    expect("the state in memory is damaged" in log_of(server), "it says why")
    server.end()
    client.close()
    client = Client(server.start().endpoint)
    equal(client.range(KEY, timeout=30).kvs[0].value, VALUE, "after a restart")
    client.close()


if __name__ == "__main__":
    main(a_member_whose_memory_changes_heals_from_the_others,
         alone_a_member_stops_and_reads_its_disk_again)
