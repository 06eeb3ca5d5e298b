#!/usr/bin/python3
"""The process as its surroundings see it: flags and variables, exit codes, refusals at the start,
and directories that it must not touch."""

import hashlib
import json
import os
import pathlib
import signal
import socket
import subprocess

from harness import (BIN, PEERS, Etcdctl, Server, cluster, contains, equal, eventually, expect,
                     main, run, say, start_all)
from kv_client import Client, grpc
from load import Load, missing

DETCD = BIN / "detcd"


def digest(directory):
    """Of all names, contents and times of change below a directory."""
    found = {}
    for path in sorted(pathlib.Path(directory).rglob("*")):
        about = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (content, about.st_size, about.st_mtime_ns if path.is_file() else 0)
    return found


def fails_to_start(server, *parts):
    """It ends by itself with exit code 1 and says why, with these words, in its log."""
    server.log.write_text("")
    server.start(ready=False)
    process, server.process = server.process, None
    try:
        code = process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        expect(False, f"{server.name} didn't end: {server.last_words()}")
    said = server.log.read_text()
    equal(code, 1, f"exit code ({server.last_words()})")
    for part in parts:
        contains(said, part, "the log")
    return said


def the_version_is_four_lines(work):
    for flag in ("--version", "-version", "--version=true"):
        done = run([DETCD, flag])
        equal((done.returncode, done.stderr), (0, ""), f"{flag}: exit code and standard error")
        lines = done.stdout.splitlines()
        equal([line.partition(":")[0] for line in lines],
              ["etcd Version", "Git SHA", "detcd Version", "detcd OS/Arch"], "lines")
        equal(lines[0], "etcd Version: 3.7.1", "first line")
    equal(run([BIN / "etcd", "--version"]).returncode, 0, "called by etcd's name")
    helped = run([DETCD, "--help"])
    equal(helped.returncode, 0, "exit code of --help")
    contains(helped.stdout + helped.stderr, "--data-dir", "help")
    expect(os.listdir(work) == [], "nothing was made")


def bad_flags_are_refused(work):
    for arguments, code, text in (
            (["--nothing"], 2, "flag provided but not defined: -nothing"),
            (["--snapshot-count", "x"], 2, 'invalid value "x" for flag -snapshot-count'),
            (["--snapshot-count"], 2, "flag needs an argument: -snapshot-count"),
            (["--initial-cluster-state=later"], 2, "initial-cluster-state"),
            (["--listen-client-urls", "127.0.0.1:1"], 2, "listen-client-urls"),
            (["word"], 1, "is not a valid flag"),
            (["--heartbeat-interval", "500", "--election-timeout", "1000"], 1, "election-timeout"),
            (["--initial-cluster", "other=http://127.0.0.1:1"], 1, "initial cluster")):
        done = run([DETCD, "--data-dir", work / "data", *arguments], patience=20)
        equal(done.returncode, code, f"exit code for {arguments}: {done.stderr[:300]}")
        contains(done.stderr, text, f"standard error for {arguments}")
    done = run([DETCD, "--data-dir", work / "data"], environment={"ETCD_SNAPSHOT_COUNT": "y"})
    expect(done.returncode != 0 and "ETCD_SNAPSHOT_COUNT" in done.stderr.upper().replace("-", "_"),
           f"a bad variable: {done.returncode}, {done.stderr[:300]}")
    expect(not (work / "data").exists(), "no data directory was made")


def flags_have_two_forms_and_variables_one(work):
    """One server by `-flag=value`, `--flag value` and ETCD_FLAG; a flag and its variable clash."""
    server = Server(work, "mixed")
    url = f"http://{server.endpoint}"
    with open(server.log, "wb") as log:
        server.process = subprocess.Popen(
            [str(DETCD), "-name=mixed", "--data-dir", str(server.data),
             f"-listen-client-urls={url}", "--advertise-client-urls", url,
             f"--listen-peer-urls={server.peer_url}"],
            stdout=log, stderr=log, env={
                "ETCD_INITIAL_CLUSTER": f"mixed={server.peer_url}",
                "ETCD_INITIAL_ADVERTISE_PEER_URLS": server.peer_url, "ETCD_MAX_TXN_OPS": "2"})
    server.wait_ready()
    ctl = Etcdctl("3.5", server.endpoint)
    equal(ctl.members()[0]["name"], "mixed", "the name")
    contains(ctl.fails("txn", text="\nput a 1\nput b 1\nput c 1\n\n\n"), "too many operations",
             "a transaction above ETCD_MAX_TXN_OPS")
    expect((server.data / "member/identity").exists(), "the data directory is where it was said")
    done = run([DETCD, "--name", "a"], environment={"ETCD_NAME": "b"})
    equal(done.returncode, 1, "exit code of a conflict")
    contains(done.stderr, '"environment-variable":"ETCD_NAME"', "what is said of a conflict")
    equal(server.data.stat().st_mode & 0o777, 0o700, "mode of the data directory")


def signals_end_it_in_order(work):
    for how in (signal.SIGINT, signal.SIGTERM):
        server = Server(work, how.name.lower())
        server.start()
        load = Load([server.endpoint], writers=3).start()
        load.wait_for(20)
        equal(server.end(how, patience=10), -how, f"ends by {how.name}")
        acknowledged = load.stop()
        server.start()
        client = Client(server.endpoint)
        equal(missing(client, acknowledged)[:3], [], "lost")
        client.close()


def ports_in_use_are_told(work):
    for flags in ([], ["--io-threads", "2"]):
        for which in ("client_port", "peer_port"):
            server = Server(work)
            server.flags = flags
            with socket.socket() as holder:
                holder.bind(("127.0.0.1", getattr(server, which)))
                holder.listen()
                said = fails_to_start(server, f"127.0.0.1:{getattr(server, which)}")
                contains(said.lower(), "address already in use", f"{which} {flags}")
            expect(not server.data.exists(), f"no data directory with {which} in use, {flags}")


def a_data_directory_has_one_process(work):
    first = Server(work, "first").start()
    second = Server(work, "second")
    second.data = first.data
    fails_to_start(second, "cannot lock data directory", str(first.data))
    first.wait_ready()
    client = Client(first.endpoint)
    equal(client.put("k", "v"), 2, "the first goes on")
    client.close()


def a_directory_of_etcd_is_left_alone(work):
    for version in ("3.4", "3.5"):
        theirs = Server(work, "default", program=PEERS / version / "etcd")
        theirs.data = work / f"etcd-{version}"
        theirs.start()
        Etcdctl(version, theirs.endpoint).ok("put", "k", "v")
        theirs.end(signal.SIGTERM)
        before = digest(theirs.data)
        ours = Server(work, "ours")
        ours.data = theirs.data
        fails_to_start(ours, "is a data directory of etcd", str(theirs.data))
        equal(digest(theirs.data), before, "etcd's directory")
        theirs.start()
        equal(Etcdctl(version, theirs.endpoint).ok("get", "k"), "k\nv\n", "etcd goes on with it")
        theirs.end()


def members_of_another_cluster_are_refused(work):
    """Same URLs, another token: their ids differ, and they don't join."""
    members = cluster(work, ["one", "two", "three"])
    for one in members[:2]:
        one.start(ready=False)
    for one in members[:2]:
        one.wait_ready()
    stranger = members[2]
    stranger.flags = [*stranger.flags, "--initial-cluster-token", "another"]
    stranger.start(ready=False)
    eventually(lambda: "request from a peer refused" in members[0].log.read_text()
               + members[1].log.read_text(), "the stranger is refused")
    eventually(lambda: "a peer refuses this member" in stranger.log.read_text()
               or "refused" in stranger.log.read_text(), "the stranger hears it")
    client = Client(members[0].endpoint)
    revision = client.put("k", "v")
    client.close()
    other = Client(stranger.endpoint, timeout=1)
    try:
        equal(other.range("k", serializable=True).kvs, [], f"what the stranger has of {revision}")
    except grpc.RpcError:
        pass  # It can't serve at all without a leader.
    finally:
        other.close()


def threads_of_connections_work_under_load(work):
    server = Server(work)
    server.flags = ["--io-threads", "2"]
    server.start()
    load = Load([server.endpoint], writers=12).start()
    load.wait_for(1500)
    server.end(signal.SIGTERM, patience=10)
    acknowledged = load.stop()
    server.start()
    client = Client(server.endpoint)
    equal(missing(client, acknowledged)[:3], [], "lost")
    client.close()
    members = cluster(work, ["one", "two", "three"], ["--io-threads", "2"])
    start_all(members)
    load = Load([one.endpoint for one in members], writers=6).start()
    load.wait_for(300)
    load.stop()
    say(f"{len(acknowledged)} puts through two threads of connections")


def plain_http_is_answered(work):
    server = Server(work).start()
    status, body = server.get("/version")
    equal((status, json.loads(body)["etcdserver"]), (200, "3.7.1"), "/version")
    equal(server.get("/health"), (200, '{"health":"true","reason":""}'), "/health")
    equal(server.get("/nothing")[0], 404, "/nothing")
    eventually(lambda: json.loads(server.get("/version")[1])["etcdcluster"] == "3.7.0",
               "the cluster's version is decided")
    curl = run(["curl", "-sS", "--noproxy", "*", f"http://{server.endpoint}/version"])
    equal(json.loads(curl.stdout)["etcdcluster"], "3.7.0", f"curl: {curl.stderr}")
    # Without TLS whoever speaks HTTP/2 is a gRPC client, in etcd as here.
    other = run(["curl", "-sS", "--noproxy", "*", "--http2-prior-knowledge", "-w", "%{http_code}",
                 f"http://{server.endpoint}/health"])
    equal(other.stdout, "415", f"curl by HTTP/2: {other.stderr}")


if __name__ == "__main__":
    main(the_version_is_four_lines, bad_flags_are_refused, flags_have_two_forms_and_variables_one,
         signals_end_it_in_order, ports_in_use_are_told, a_data_directory_has_one_process,
         a_directory_of_etcd_is_left_alone, members_of_another_cluster_are_refused,
         threads_of_connections_work_under_load, plain_http_is_answered)
