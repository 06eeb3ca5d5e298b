#!/usr/bin/python3
"""etcd's own command line client, of two versions, against the real binary: outputs, refusals and
exit codes; and a long script of commands that etcd and detcd must answer alike."""

import json
import random

from harness import Etcdctl, PEERS, QUICK, Server, contains, equal, expect, main, say

VERSIONS = ("3.4", "3.5")


def refused(ctl, why, *arguments, **how):
    equal(ctl.fails(*arguments, **how), f"Error: {why}", f"refusal of {arguments}")


def with_each_version(work, check):
    """Each version of etcdctl against a fresh server."""
    for version in VERSIONS:
        server = Server(work, f"for-{version}").start()
        check(Etcdctl(version, server.endpoint), server)
        server.end()
        say(f"etcdctl {version}")


def keys_are_put_read_and_deleted(work):
    def check(ctl, _):
        equal(ctl.ok("put", "a", "1"), "OK\n", "put")
        equal(ctl.ok("put", "a", "2", "--prev-kv"), "OK\na\n1\n", "put with the former pair")
        equal(ctl.ok("put", "b", text="from standard input"), "OK\n", "put of standard input")
        equal(ctl.ok("get", "a"), "a\n2\n", "get")
        equal(ctl.ok("get", "--prefix", ""), "a\n2\nb\nfrom standard input\n", "get of all")
        equal(ctl.ok("get", "a", "--rev", "2"), "a\n1\n", "get of an old revision")
        equal(ctl.ok("get", "a", "z", "--keys-only"), "a\n\nb\n\n", "get of keys")
        equal(ctl.ok("get", "a", "z", "--order", "DESCEND", "--limit", "1", "--print-value-only"),
              "from standard input\n", "get, sorted and limited")
        equal(ctl.ok("get", "nothing"), "", "get of nothing")
        equal(ctl.ok("del", "a", "--prev-kv"), "1\na\n2\n", "del")
        equal(ctl.ok("del", "a"), "0\n", "del of nothing")
        answer = ctl.json("get", "b")
        equal((answer["header"]["revision"], answer["count"]), (5, 1), "revision and count")
        equal({k: answer["kvs"][0][k] for k in ("create_revision", "mod_revision", "version")},
              {"create_revision": 4, "mod_revision": 4, "version": 1}, "numbers of the key")
    with_each_version(work, check)


def transactions_compare_and_choose(work):
    def check(ctl, _):
        equal(ctl.ok("put", "k", "v"), "OK\n", "put")
        equal(ctl.ok("txn", text='value("k") = "v"\n\nput k w\nget k\n\nget k\n\n'),
              "SUCCESS\n\nOK\n\nk\nw\n", "txn that succeeds")
        equal(ctl.ok("txn", text='value("k") = "v"\n\nput k x\n\nget k\n\n'),
              "FAILURE\n\nk\nw\n", "txn that fails")
        equal(ctl.ok("txn", text='version("new") = "0"\nmod("k") > "2"\n\ndel k\nput new 1\n\n\n'),
              "SUCCESS\n\n1\n\nOK\n", "txn over two keys")
        equal(ctl.ok("get", "--prefix", ""), "new\n1\n", "what is left")
    with_each_version(work, check)


def old_revisions_are_compacted_away(work):
    def check(ctl, _):
        for number in range(5):
            ctl.ok("put", "k", str(number))
        equal(ctl.ok("compaction", "4"), "compacted revision 4\n", "compaction")
        equal(ctl.ok("compaction", "5", "--physical"), "compacted revision 5\n", "physical")
        equal(ctl.ok("get", "k", "--rev", "5"), "k\n3\n", "get at the compacted revision")
        gone = "etcdserver: mvcc: required revision has been compacted"
        ahead = "etcdserver: mvcc: required revision is a future revision"
        refused(ctl, gone, "get", "k", "--rev", "4")
        refused(ctl, gone, "compaction", "5")
        refused(ctl, ahead, "compaction", "7")
        refused(ctl, ahead, "get", "k", "--rev", "7")
    with_each_version(work, check)


def refusals_have_etcds_words(work):
    def check(ctl, _):
        refused(ctl, "etcdserver: key is not provided", "put", "", "v")
        refused(ctl, "etcdserver: duplicate key given in txn request", "txn",
                text="\nput a 1\nput a 2\n\n\n")
        many = "\n".join(f"put key{number} v" for number in range(129))
        refused(ctl, "etcdserver: too many operations in txn request", "txn",
                text=f"\n{many}\n\n\n")
        refused(ctl, "etcdserver: requested lease not found", "put", "a", "v", "--lease", "7b")
        refused(ctl, "etcdserver: request is too large", "put", "big", text="x" * 1_600_000)
        equal(ctl.ok("get", "--prefix", ""), "", "nothing was put")
    with_each_version(work, check)


def endpoints_report(work):
    def check(ctl, server):
        ctl.ok("put", "k", "v")
        healthy = ctl("endpoint", "health")
        equal(healthy.returncode, 0, f"exit code of endpoint health: {healthy.stderr}")
        contains(healthy.stdout + healthy.stderr, f"{server.endpoint} is healthy: successfully "
                 "committed proposal: took = ", "health")
        status, = ctl.json("endpoint", "status")
        equal(status["Endpoint"], server.endpoint, "endpoint of the status")
        said = status["Status"]
        equal(said["leader"], said["header"]["member_id"], "leader of a single member")
        equal((said["header"]["revision"], said["version"]), (2, "3.7.1"), "revision and version")
        expect(said["raftIndex"] >= said["raftAppliedIndex"] > 0, "indexes are told")
        expect(said["dbSize"] >= said.get("dbSizeInUse", 0) > 0, "sizes are told")
        hashed, = ctl.json("endpoint", "hashkv")
        expect(hashed["HashKV"]["hash"] > 0, "a hash")
        member, = ctl.members()
        equal((member["name"], member["peerURLs"], member["clientURLs"]),
              (server.name, [server.peer_url], [f"http://{server.endpoint}"]), "the member")
        equal(ctl.ok("alarm", "list"), "", "alarms")
    with_each_version(work, check)


def a_missing_server_is_unhealthy(work):
    server = Server(work)
    for version in VERSIONS:
        done = Etcdctl(version, server.endpoint)("endpoint", "health", "--command-timeout", "1s")
        equal(done.returncode, 1, "exit code")
        contains(done.stderr, "is unhealthy: failed to commit proposal", "what health says")


# --- etcd and detcd, side by side ---------------------------------------------------------------

KEYS = ["a", "ab", "abc", "b", "c/1", "c/2", "c/3", "\u00fc", "z"]


def some_txn(randomly):
    """Compares of all kinds and operations on different keys, as etcdctl reads them."""
    first, second, third = randomly.sample(KEYS, 3)
    compare = randomly.choice([
        f'value("{first}") = "v{randomly.randrange(9)}"',
        f'version("{first}") > "{randomly.randrange(3)}"',
        f'mod("{first}") < "{randomly.randrange(60)}"', f'create("{first}") = "0"',
        f'version("{first}") = "0"\nmod("{second}") > "3"'])
    success = f"put {first} t{randomly.randrange(9)}\nget {second}\ndel {third}"
    failure = randomly.choice(
        [f"get {first}\nget {second}", f"del {first} {first}zz", f"put {third} f"])
    return f"{compare}\n\n{success}\n\n{failure}\n\n"


def some_command(randomly, number):
    """(arguments, standard input) of one more command."""
    key = randomly.choice(KEYS)
    revision = str(randomly.randrange(1, number // 2 + 3))
    order = ["--order", randomly.choice(["ASCEND", "DESCEND"]),
             "--sort-by", randomly.choice(["CREATE", "KEY", "MODIFY", "VALUE", "VERSION"])]
    limit = str(randomly.randrange(4))
    choices = [
        (["put", key, f"v{number % 9}"], None, 6),
        (["put", key, f"p{number}", "--prev-kv"], None, 2),
        (["put", key, "--ignore-value"], None, 1),
        (["put", key, "--ignore-lease", "x"], None, 1),
        (["del", key], None, 1),
        (["del", key, "--prefix", "--prev-kv"], None, 1),
        (["del", "b", "c"], None, 1),
        (["get", key], None, 2),
        (["get", key, "--rev", revision], None, 3),
        (["get", "", "--prefix", *order, "--limit", limit], None, 3),
        (["get", key, "--prefix", "--keys-only"], None, 1),
        (["get", key, "--from-key"], None, 1),
        (["get", "a", "c", "--consistency", "s", "--rev", revision], None, 1),
        (["compaction", revision], None, 1),
        (["txn"], some_txn(randomly), 5)]
    weights = [weight for _, _, weight in choices]
    arguments, text, _ = randomly.choices(choices, weights)[0]
    return arguments, text


SAID_BEFORE = [
    (["put", "", "v"], None), (["get", ""], None), (["del", ""], None),
    (["compaction", "-1"], None),
    (["get", "a", "--rev", "-1"], None), (["get", "b", "a"], None),
    (["get", "a", "--count-only"], None), (["get", "a", "--limit", "-1"], None),
    (["txn"], "\n\n\n"), (["txn"], "\nput a 1\ndel a\n\n\n"), (["txn"], "\ndel a z\nput b 1\n\n\n"),
    (["txn"], "\n\nput a 1\nput a 2\n\n"), (["put", "a", "--lease", "1234", "v"], None),
    (["put", "v", "v" * 100_000], None), (["del", "v"], None),
    (["get", "a", "--rev", "9999"], None),
    (["compaction", "9999"], None), (["alarm", "list"], None), (["alarm", "disarm"], None)]


def normalized(text):
    """JSON without what differs between two clusters; other text as it is."""
    try:
        answer = json.loads(text)
    except ValueError:
        return text
    if isinstance(answer, dict):
        header = answer.get("header", {})
        for name in ("cluster_id", "member_id", "raft_term"):
            header.pop(name, None)
    return answer


def reply(ctl, arguments, text):
    done = ctl(*arguments, "-w", "json", text=text)
    last = done.stderr.strip().splitlines()[-1:] if done.returncode else []
    return done.returncode, normalized(done.stdout), last


def compare_hashes(clients, revision, what):
    """Both answer with this (hash, compact revision, current revision), or with this refusal."""
    def hashed(ctl):
        done = ctl("endpoint", "hashkv", "--rev", revision, "-w", "json")
        if done.returncode:
            return done.stderr.strip().splitlines()[-1].rpartition(":")[2:]
        said = json.loads(done.stdout)[0]["HashKV"]
        return said["hash"], said.get("compact_revision"), said["header"]["revision"]
    mine, wanted = (hashed(ctl) for ctl in clients)
    equal(mine, wanted, f"hash of revision {revision}, {what}")
    return wanted


def etcd_and_detcd_answer_alike(work):
    ours = Server(work, "same")
    theirs = Server(work / "etcd", "same", program=PEERS / "3.5/etcd")
    theirs.work.mkdir()
    clients = [Etcdctl("3.5", one.start().endpoint) for one in (ours, theirs)]
    randomly = random.Random(7)
    script = list(SAID_BEFORE)
    script += [some_command(randomly, number) for number in range(100 if QUICK else 300)]
    hashes = 0
    for number, (arguments, text) in enumerate(script):
        mine, wanted = (reply(ctl, arguments, text) for ctl in clients)
        equal(mine, wanted, f"command {number}, {arguments}, {text!r}")
        if number % 20 == 19 or number == len(script) - 1:
            newest = compare_hashes(clients, "0", f"newest after {number}, {arguments}")
            # What etcd says at the compacted revision depends on how far it has come with it.
            compacted, current = max(newest[1] or 0, 0), newest[2]
            asked = randomly.randrange(compacted + 1, current + 2)
            compare_hashes(clients, str(asked), f"after {number}")
            hashes += 2
    # The last: from then on the hash of that compaction is what asking for the newest gives.
    mine, wanted = (reply(ctl, ["compaction", "0"], None) for ctl in clients)
    equal(mine, wanted, "compaction of revision 0")
    say(f"{len(script)} commands answered alike, {hashes} equal hashes")


if __name__ == "__main__":
    main(keys_are_put_read_and_deleted, transactions_compare_and_choose,
         old_revisions_are_compacted_away, refusals_have_etcds_words, endpoints_report,
         a_missing_server_is_unhealthy, etcd_and_detcd_answer_alike)
