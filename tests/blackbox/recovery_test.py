#!/usr/bin/python3
"""What a member lost, its peers give back: a damaged snapshot, a damaged identity, an older copy of
its directory. A single member names the file and changes nothing."""

import shutil

from cluster_test import leader_of, same_hashes
from harness import Etcdctl, Server, cluster, contains, equal, eventually, expect, main, start_all
from kv_client import Client

NAMES = ["one", "two", "three"]
RECOVERING = "recovering: no vote and no election until the peers have made this member whole"
WHOLE = "the member is whole again"
OFTEN = ["--snapshot-count", "25"]


def put_many(server, prefix, count):
    client = Client(server.endpoint)
    for number in range(count):
        client.put(f"{prefix}/{number:04d}", "v" * 100, timeout=30)
    client.close()


def flip_middle(path):
    """Another byte in the middle of a file; where it is."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle] ^= 0x10
    path.write_bytes(content)
    return middle


def newest_chunk(server):
    chunks = list((server.data / "member/snap").glob("*.chunk"))
    expect(chunks, f"{server.name} has a snapshot")
    return max(chunks, key=lambda path: path.stat().st_mtime_ns)


def files_of(directory):
    return {str(path.relative_to(directory)): path.read_bytes()
            for path in sorted(directory.rglob("*")) if path.is_file()}


def comes_back_whole(members, victim, named):
    """It starts, says what it lost, and ends up equal to the others, and says so."""
    before = len(victim.log.read_text(errors="replace"))
    victim.start()
    said = lambda: victim.log.read_text(errors="replace")[before:]
    eventually(lambda: WHOLE in said(), f"{victim.name} is whole again")
    contains(said(), RECOVERING, "the log")
    contains(said(), named, "the log")
    same_hashes(members)
    answers = Etcdctl("3.5", *[one.endpoint for one in members]).json("endpoint", "hashkv")
    equal(len({item["HashKV"]["hash"] for item in answers}), 1, "hashes as etcdctl asks for them")
    # It counts again: without the other follower it is half of the majority.
    leader = leader_of(members)
    other = next(one for one in members if one is not victim and one is not leader)
    other.end()
    put_many(victim, "after", 3)
    other.start()
    same_hashes(members)


def started(work):
    members = cluster(work, NAMES, OFTEN)
    start_all(members)
    put_many(members[0], "before", 120)
    same_hashes(members)
    return members


def follower_of(members):
    leader = leader_of(members)
    return next(one for one in members if one is not leader)


def a_member_with_a_damaged_snapshot_recovers(work):
    members = started(work)
    victim = follower_of(members)
    victim.end()
    put_many(next(one for one in members if one is not victim), "meanwhile", 40)
    chunk = newest_chunk(victim)
    flip_middle(chunk)
    comes_back_whole(members, victim, chunk.name)


def a_member_with_a_damaged_identity_recovers(work):
    members = started(work)
    victim = follower_of(members)
    victim.end()
    flip_middle(victim.data / "member/identity")
    comes_back_whole(members, victim, "member/identity")


def a_member_with_an_older_copy_of_its_directory_recovers(work):
    members = started(work)
    victim = follower_of(members)
    victim.end()
    copy = work / "copy"
    shutil.copytree(victim.data, copy)
    victim.start()
    put_many(victim, "later", 60)
    same_hashes(members)
    victim.end()
    shutil.rmtree(victim.data)
    shutil.copytree(copy, victim.data)
    comes_back_whole(members, victim, "a peer remembers more of this member than it has")


def a_single_member_with_a_damaged_snapshot_stops_and_changes_nothing(work):
    server = Server(work)
    server.flags = OFTEN
    server.start()
    put_many(server, "before", 120)
    server.end()
    chunk = newest_chunk(server)
    flip_middle(chunk)
    before = files_of(server.data)
    server.start(ready=False)
    status = server.process.wait(60)
    expect(status != 0, f"exit status {status} isn't 0")
    contains(server.log.read_text(errors="replace"), chunk.name, "the log")
    equal(files_of(server.data), before, "the directory")
    server.end()
    flip_middle(chunk)
    server.start()
    client = Client(server.endpoint)
    equal(len(client.range(b"before/", b"before0").kvs), 120, "keys after the byte was put right")
    client.close()


if __name__ == "__main__":
    main(a_member_with_a_damaged_snapshot_recovers, a_member_with_a_damaged_identity_recovers,
         a_member_with_an_older_copy_of_its_directory_recovers,
         a_single_member_with_a_damaged_snapshot_stops_and_changes_nothing)
