#!/usr/bin/python3
"""A single node is killed with SIGKILL under load, again and again: what it acknowledged is
there."""

import random

from harness import QUICK, Server, equal, expect, main, say
from kv_client import Client
from load import Load, missing

ROUNDS = 10 if QUICK else 50


def rounds(server, seed, writers):
    """All acknowledged puts of all rounds, checked after each."""
    randomly = random.Random(seed)
    acknowledged, revision = {}, 0
    for number in range(ROUNDS):
        server.start()
        client = Client(server.endpoint)
        now = client.status(timeout=30)["revision"]
        expect(now >= revision, f"round {number}: revision {now} is behind {revision}")
        lost = missing(client, acknowledged)
        equal(lost[:3], [], f"round {number}, seed {seed}: lost of {len(acknowledged)} puts")
        client.close()
        load = Load([server.endpoint], writers=writers, prefix=f"load/{number:03d}").start()
        load.wait_for(randomly.randrange(1, 60))
        server.end()
        acknowledged |= load.stop()
        revision = max(pair[1] for pair in acknowledged.values())
    server.start()
    client = Client(server.endpoint)
    equal(missing(client, acknowledged)[:3], [], "lost after the last round")
    client.close()
    say(f"{ROUNDS} kills, {len(acknowledged)} acknowledged puts, all there")


# A single member elects itself after this, so most of a round is load and not waiting.
SOON = ["--heartbeat-interval", "10", "--election-timeout", "100"]


def kill_9_loses_no_acknowledged_put(work):
    server = Server(work)
    server.flags = SOON
    rounds(server, seed=1, writers=8)


def kill_9_between_snapshots_loses_nothing(work):
    server = Server(work)
    server.flags = [*SOON, "--snapshot-count", "40"]
    rounds(server, seed=2, writers=4)


if __name__ == "__main__":
    main(kill_9_loses_no_acknowledged_put, kill_9_between_snapshots_loses_nothing)
