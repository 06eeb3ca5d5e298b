#!/usr/bin/python3
"""Members that come and go, through etcd's own client of two versions: learners added, caught up
and promoted, members replaced, moved and removed, the leader too; who is refused and in which
words, compared with etcd 3.5.30; and what a member finds when it starts again."""

import json
import os
import re
import signal
import subprocess
import time

from cluster_test import leader_of, same_hashes
from harness import (PEERS, Etcdctl, Failure, Server, cluster, contains, equal, eventually, expect,
                     main, say, start_all)
from kv_client import Client, grpc

ETCD = PEERS / "3.5.30" / "etcd"
REMOVED = "the member has been permanently removed from the cluster"
# So long a member must have been connected to count as healthy.
STEADY = 5.5


def joiner(work, name, members, existing="existing"):
    """A member that joins those, by the flags that etcdctl prints."""
    one = Server(work, name, program=members[0].program)
    everyone = ",".join(f"{m.name}={m.peer_url}" for m in [*members, one])
    one.flags = ["--initial-cluster", everyone, "--initial-cluster-state", existing]
    return one


def added(ctl, one, *flags):
    """The id, after `member add`, whose words are etcdctl's own of what the server answered."""
    text = ctl.ok("member", "add", one.name, "--peer-urls", one.peer_url, *flags)
    found = re.match(r" *Member +([0-9a-f]+) added to cluster +[0-9a-f]+\n", text)
    expect(found, f"words of an addition: {text!r}")
    contains(text, f'ETCD_NAME="{one.name}"', "flags for the new member")
    contains(text, 'ETCD_INITIAL_CLUSTER_STATE="existing"', "flags for the new member")
    return found.group(1)


def id_of(ctl, name):
    return next(f"{m['ID']:x}" for m in ctl.json("member", "list")["members"]
                if m.get("name") == name)


def eventually_ok(ctl, *arguments):
    """Again while etcd itself would refuse for a moment."""
    def tried():
        done = ctl(*arguments)
        return done.stdout if done.returncode == 0 else None
    return eventually(tried, " ".join(arguments), pause=0.2)


def error_of(ctl, *arguments):
    """Code and text as etcdctl reports them."""
    line = ctl.fails(*arguments)
    try:
        return json.loads(line)["error"]
    except ValueError:
        return line


def learner_is_added_caught_up_and_promoted(work):
    for version in ("3.4", "3.5"):
        (first,) = members = cluster(work, [f"one{version.replace('.', '')}"], ["--snapshot-count", "50",
                                     "--experimental-snapshot-catchup-entries", "5"])
        start_all(members)
        ctl = Etcdctl(version, first.endpoint)
        # More than the log keeps: the new member gets a snapshot.
        client = Client(first.endpoint)
        for i in range(150):
            client.put(f"key{i % 7}".encode(), f"value{i}".encode())
        client.close()
        new = joiner(work, f"new{version.replace('.', '')}", members)
        learner = added(ctl, new, "--learner")
        listed = {m["ID"]: m for m in ctl.json("member", "list")["members"]}
        equal(len(listed), 2, "members")
        one = listed[int(learner, 16)]
        equal((one.get("name", ""), one["isLearner"]), ("", True), "a learner that hasn't started")
        contains(ctl.ok("member", "list"), f"{learner}, unstarted, , {new.peer_url}, , true",
                 "words of a learner that hasn't started")
        expect(ctl("member", "promote", learner).returncode == 1, "promoted before it started")
        contains(error_of(ctl, "member", "promote", learner),
                 "can only promote a learner member which is in sync with leader", "too early")
        new.start(ready=False)
        own = Etcdctl(version, new.endpoint)
        eventually(lambda: "value149" in own("get", "key2", "--consistency=s").stdout,
                   "the learner has caught up")
        for refused in (["get", "a"], ["put", "a", "b"], ["del", "a"], ["lease", "list"],
                        ["alarm", "list"], ["member", "list"], ["user", "list"], ["compact", "1"]):
            done = own(*refused)
            expect(done.returncode != 0, f"{refused} of a learner")
            contains(done.stderr, "rpc not supported for learner", f"{refused} of a learner")
        try:
            Client(new.endpoint).call("Check", service="grpc.health.v1.Health")
            raise Failure("a learner says that it serves")
        except grpc.RpcError as error:
            equal(error.code(), grpc.StatusCode.FAILED_PRECONDITION, "health of a learner")
        status = own.json("endpoint", "status")[0]["Status"]
        equal(status["isLearner"], True, "Status of a learner")
        expect(status["leader"] != status["header"]["member_id"], "a learner leads")
        text = eventually_ok(ctl, "member", "promote", learner)
        expect(re.match(rf" *Member +{learner} promoted in cluster +[0-9a-f]+\n", text),
               f"words of a promotion: {text!r}")
        eventually(lambda: own("put", "by-the-new", "1").returncode == 0, "the new member serves")
        contains(error_of(ctl, "member", "promote", learner), "can only promote a learner member",
                 "a second promotion")
        table = ctl.ok("member", "list", "-w", "table")
        contains(table, "IS LEARNER", "the table")
        equal(table.count("started"), 2, "members in the table")
        # Now it counts: with one of two away nothing is decided.
        new.end()
        expect(ctl("--command-timeout=2s", "put", "alone", "1").returncode != 0,
               "one of two voters decides")
        new.start()
        same_hashes(members + [new])
        equal(own.ok("get", "by-the-new"), "by-the-new\n1\n", "what was written there")
        for one in members + [new]:
            one.end()


def member_is_replaced(work):
    members = cluster(work, ["a", "b", "c"])
    start_all(members)
    ctl = Etcdctl("3.5", *(m.endpoint for m in members))
    ctl.members()
    ctl.ok("put", "x", "1")
    a, b, c = members
    old = id_of(ctl, "c")
    c.end()
    time.sleep(STEADY)
    # With one of three down: another voter is refused only by the number of members that run.
    here = Etcdctl("3.5", a.endpoint, b.endpoint)
    eventually_ok(here, "member", "remove", old)
    contains(error_of(here, "member", "remove", old), "member not found", "removed twice")
    # Back with its old directory it is told, and ends as etcd's does.
    c.start(ready=False)
    equal(c.process.wait(60), 0, "exit code of a removed member")
    c.process = None
    contains(c.log.read_text(), REMOVED, "what a removed member says")
    contains(c.log.read_text(), "data-dir used by this member must be removed", "and what to do")
    # Added again under the same URLs it is another member; its old directory isn't taken for it.
    again = Server(work, "c", ports=(c.client_port, c.peer_port))
    again.flags = ["--initial-cluster", ",".join(f"{m.name}={m.peer_url}" for m in members),
                   "--initial-cluster-state", "existing"]
    new = eventually(lambda: _try(lambda: added(here, again)), "c is added again", pause=0.2)
    expect(new != old, "an id comes back")
    again.start(ready=False)
    equal(again.process.wait(60), 0, "exit code with the old directory")
    again.process = None
    subprocess.run(["rm", "-rf", str(again.data)], check=True)
    again.start()
    everyone = Etcdctl("3.5", a.endpoint, b.endpoint, again.endpoint)
    equal({m["name"] for m in everyone.members()}, {"a", "b", "c"}, "names")
    same_hashes([a, b, again])
    a.end()
    # What is sent to a leader that has just died times out, as with etcd.
    equal(eventually_ok(Etcdctl("3.5", b.endpoint, again.endpoint), "put", "y", "2"), "OK\n",
          "the replaced member counts")


def _try(question):
    try:
        return question()
    except Failure:
        return None


def leader_removes_itself(work):
    members = cluster(work, ["a", "b", "c"])
    start_all(members)
    ctl = Etcdctl("3.5", *(m.endpoint for m in members))
    ctl.members()
    ctl.ok("put", "x", "1")
    time.sleep(STEADY)
    leader = leader_of(members)
    others = [m for m in members if m is not leader]
    own = Etcdctl("3.5", leader.endpoint)
    text = eventually_ok(own, "member", "remove", id_of(ctl, leader.name))
    contains(text, "removed from cluster", "words of a removal")
    equal(leader.process.wait(30), 0, "exit code of the removed leader")
    leader.process = None
    contains(leader.log.read_text(), REMOVED, "what it says")
    left = Etcdctl("3.5", *(m.endpoint for m in others))
    eventually(lambda: left("put", "y", "2").returncode == 0, "the others serve on")
    equal(len(left.json("member", "list")["members"]), 2, "members that are left")
    same_hashes(others)


def members_move_and_everybody_starts_again(work):
    (first,) = members = cluster(work, ["a"])
    start_all(members)
    ctl = Etcdctl("3.5", first.endpoint)
    for name in ("b", "c"):
        new = joiner(work, name, members)
        eventually(lambda: _try(lambda: added(ctl, new)), f"{name} is added", pause=0.2)
        new.start()
        members.append(new)
        eventually(lambda: len([m for m in ctl.json("member", "list")["members"]
                                if m.get("name")]) == len(members), f"{name} has started")
    a, b, c = members
    ctl = Etcdctl("3.5", *(m.endpoint for m in members))
    ctl.ok("put", "x", "1")
    # c moves to another port.
    moved = Server(work, "moved")
    identity = id_of(ctl, "c")
    text = ctl.ok("member", "update", identity, "--peer-urls", moved.peer_url)
    expect(re.match(rf" *Member +{identity} updated in cluster +[0-9a-f]+\n", text),
           f"words of an update: {text!r}")
    c.end(signal.SIGTERM)
    c.peer_port = moved.peer_port
    c.start()
    same_hashes(members)
    contains(ctl.ok("member", "list"), f"{identity}, started, c, {moved.peer_url}, ", "the new URL")
    # All at once, by flags that no longer say the truth.
    for one in members:
        one.end()
    start_all(members)
    equal(ctl.ok("get", "x"), "x\n1\n", "what was written")
    equal(len(ctl.members()), 3, "members after a restart of all")
    for one in (a, b):
        one.end()
        eventually(lambda: ctl("put", "x", "2").returncode == 0, "two of three serve")
        one.start()
    same_hashes(members)


def refusals(work, program):
    """What is answered to changes that can't be made, ids and ports aside."""
    said = []
    (first,) = members = cluster(work, ["one"])
    first.program = str(program)
    start_all(members)
    ctl = Etcdctl("3.5", first.endpoint)
    ctl.members()
    own = id_of(ctl, "one")

    def ask(*arguments):
        text = error_of(ctl, *arguments)
        said.append((arguments[1], re.sub(r"127\.0\.0\.1:\d+|\b[0-9a-f]{15,16}\b", "_", text)))

    ask("member", "add", "x", "--peer-urls", "nonsense")
    ask("member", "add", "x", "--peer-urls", "http://127.0.0.1")
    ask("member", "add", "x", "--peer-urls", "http://127.0.0.1:1/path")
    ask("member", "add", "x", "--peer-urls", first.peer_url)
    ask("member", "add", "x", "--peer-urls", first.peer_url, "--learner")
    ask("member", "remove", "1234567890abcdef")
    ask("member", "remove", own)
    ask("member", "update", "1234567890abcdef", "--peer-urls", "http://127.0.0.1:1")
    ask("member", "promote", "1234567890abcdef")
    ask("member", "promote", own)
    ctl.ok("member", "add", "l", "--peer-urls", "http://127.0.0.1:1", "--learner")
    ask("member", "add", "l2", "--peer-urls", "http://127.0.0.1:2", "--learner")
    time.sleep(1.1)  # In the same second it would have the same id.
    ask("member", "add", "v", "--peer-urls", "http://127.0.0.1:1")
    learner = next(f"{m['ID']:x}" for m in ctl.json("member", "list")["members"]
                   if m.get("isLearner"))
    ask("member", "promote", learner)
    ask("member", "update", learner, "--peer-urls", first.peer_url)
    ctl.ok("member", "update", learner, "--peer-urls", "http://127.0.0.1:3")
    # Unlike etcd up to 3.5.30, where an update makes a voter of a learner.
    if program != ETCD:
        contains(ctl.ok("member", "list"), ", http://127.0.0.1:3, , true", "an updated learner")
    ctl.ok("member", "remove", learner)
    ask("member", "remove", learner)
    ask("member", "promote", learner)
    ask("member", "update", learner, "--peer-urls", "http://127.0.0.1:4")
    for one in members:
        one.end()
    return said


def refusals_are_those_of_etcd(work):
    (work / "detcd").mkdir()
    (work / "etcd").mkdir()
    mine = refusals(work / "detcd", Server(work, "unused").program)
    wanted = refusals(work / "etcd", ETCD)
    for got, told in zip(mine, wanted, strict=True):
        equal(got, told, f"refusal of {told[0]}")
    say(f"{len(mine)} answers compared with etcd 3.5.30")


def joining_is_refused_as_etcd_does(work):
    (first,) = members = cluster(work, ["a"])
    start_all(members)
    ctl = Etcdctl("3.5", first.endpoint)
    ctl.members()

    def refused(one, text):
        one.start(ready=False)
        code = one.process.wait(60)
        one.process = None
        equal(code, 1, f"exit code with {text!r}")
        contains(one.log.read_text(), text, "why it doesn't start")
        expect(not one.data.exists() or not (one.data / "member").exists(), "nothing was made")

    stranger = joiner(work, "s", members)
    refused(stranger, "member count is unequal")
    learner = added(ctl, stranger, "--learner")
    other = joiner(work, "o", members)
    refused(other, "PeerURLs: no match found for existing member")
    nobody = Server(work, "n")
    nobody.flags = ["--initial-cluster", f"n={nobody.peer_url},a=http://127.0.0.1:1",
                    "--initial-cluster-state", "existing"]
    refused(nobody, "cannot fetch cluster info from peer urls: could not retrieve cluster "
                    "information from the given URLs")
    status, body = peer_get(first, "/members")
    equal(status, 200, "/members on the peers' port")
    listed = json.loads(body)
    equal([m.get("name") for m in listed if not m.get("isLearner")], ["a"], "names on /members")
    equal([f"{m['id']:x}" for m in listed if m.get("isLearner")], [learner], "learners on /members")
    contains(peer_get(first, "/version")[1], '"etcdcluster":"3.7.0"', "/version")
    equal(peer_get(first, "/health")[0], 404, "/health on the peers' port")
    stranger.start()
    # A cluster of etcd's own is told apart: its members speak another protocol.
    (real,) = theirs = cluster(work, ["real"])
    real.program = str(ETCD)
    start_all(theirs)
    Etcdctl("3.5", real.endpoint).members()
    detcd = Server(work, "d")
    detcd.flags = ["--initial-cluster", f"real={real.peer_url},d={detcd.peer_url}",
                   "--initial-cluster-state", "existing"]
    refused(detcd, "speak etcd's own peer protocol")


def peer_get(one, path):
    saved, one.client_port = one.client_port, one.peer_port
    try:
        return one.get(path)
    finally:
        one.client_port = saved


if __name__ == "__main__":
    main(learner_is_added_caught_up_and_promoted, member_is_replaced, leader_removes_itself,
         members_move_and_everybody_starts_again, refusals_are_those_of_etcd,
         joining_is_refused_as_etcd_does)
