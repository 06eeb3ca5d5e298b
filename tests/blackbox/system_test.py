#!/usr/bin/python3
"""The process and the system's limits: descriptors, names of files, a full disk, name servers that
don't answer."""

import os
import pathlib
import signal
import socket
import subprocess
import time

from harness import (BIN, Failure, Server, contains, equal, eventually, expect, main, run, say,
                     with_parent)
from kv_client import Client, grpc

DETCD = BIN / "detcd"


def started_by(server, *prefix):
    """Starts the server through another program, which becomes it."""
    with open(server.log, "ab") as log:
        server.process = subprocess.Popen(with_parent([*prefix, *server.command()]),
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    return server


def ends(server, code, *parts):
    process, server.process = server.process, None
    equal(process.wait(30), code, f"exit code ({server.last_words()})")
    for part in parts:
        contains(server.log.read_text(), part, "the log")


def a_data_directory_that_cannot_be_is_told(work):
    server = Server(work, "long")
    server.data = pathlib.Path(work) / ("a" * 300)
    ends(server.start(ready=False) and server, 1, "File name too long", '"level":"fatal"')
    closed = pathlib.Path(work) / "closed"
    closed.mkdir(mode=0o700)
    if run(["id", "-u"]).stdout.strip() == "0":
        server = Server(work, "nobody")
        server.data = closed / "data"
        started_by(server, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
        ends(server, 1, "Permission denied", '"level":"fatal"')


def descriptors(server):
    return len(list(pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir()))


def the_soft_limit_of_descriptors_is_raised(work):
    """As every Go program does: shells hand out 1024, of which clients would get 874."""
    server = started_by(Server(work), "prlimit", "--nofile=100:2000")
    server.wait_ready()
    limits = pathlib.Path(f"/proc/{server.process.pid}/limits").read_text()
    equal([line.split()[3] for line in limits.splitlines() if "open files" in line], ["2000"],
          "the limit in force")


def idle_clients_and_strangers_leave_descriptors_for_the_log(work):
    for flags in ([], ["--io-threads", "2"]):
        server = Server(work, f"crowded{len(flags)}")
        server.flags = flags
        started_by(server, "prlimit", "--nofile=250:250").wait_ready()
        client = Client(server.endpoint)
        client.put("first", "v")
        crowd = []
        for port in [server.client_port, server.peer_port] * 300:
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            crowd.append(one)
        time.sleep(1)
        expect(descriptors(server) < 220, f"{descriptors(server)} descriptors are in use, {flags}")
        for number in range(40):  # More than one segment of the log.
            client.put(f"k{number}", "v" * 1_000_000)
        for one in crowd:
            one.close()
        server.wait_ready()
        client.close()
        equal(server.end(signal.SIGTERM), -signal.SIGTERM, "it ends in order")


def a_request_limit_beyond_reason_is_cut(work):
    for limit in ("3000000000", "18446744073709551615"):
        server = Server(work, f"limit{len(limit)}")
        server.flags = ["--max-request-bytes", limit]
        server.start()
        client = Client(server.endpoint)
        client.put("k", "v" * 5_000_000)
        equal(len(client.range("k").kvs[0].value), 5_000_000, "what is read")
        client.close()
        contains(server.log.read_text(), "using the largest request limit there is", "the log")


def a_call_that_requires_a_leader_fails_at_once_without(work):
    server = Server(work, "one")
    server.flags = ["--initial-cluster", f"one={server.peer_url},two=http://127.0.0.1:1"]
    server.start(ready=False)
    eventually(lambda: server.get("/version")[0] == 200, "it answers")
    with grpc.insecure_channel(server.endpoint) as channel:
        put = channel.unary_unary("/etcdserverpb.KV/Put")
        began = time.monotonic()
        try:
            put(b"\x0a\x01k\x12\x01v", metadata=[("hasleader", "true")], timeout=30)
            expect(False, "it was accepted")
        except grpc.RpcError as error:
            equal((error.code(), error.details()),
                  (grpc.StatusCode.UNAVAILABLE, "etcdserver: no leader"), "the answer")
        expect(time.monotonic() - began < 3, "it didn't wait for the request's timeout")


def the_service_manager_is_told(work):
    """Units of Type=notify, as Debian's for etcd is, are killed when they never say it."""
    for name in (str(pathlib.Path(work) / "notify"), "\0" + f"detcd-test-{time.monotonic_ns()}"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(name)
            manager.settimeout(30)
            server = Server(work, f"told{name.count(chr(0))}")
            server.environment = {"NOTIFY_SOCKET": name.replace("\0", "@")}
            server.start(ready=False)
            equal(manager.recv(100), b"READY=1", "what the manager hears")
            equal(server.get("/health")[0], 200, "and it is ready")


def an_open_data_directory_is_warned_of(work):
    for mode, warned in ((0o700, False), (0o755, True)):
        server = Server(work, f"mode{mode}")
        server.data.mkdir(mode=mode)
        server.data.chmod(mode)
        server.start()
        equal("check file permission" in server.log.read_text(), warned, f"a warning for {mode:o}")


def a_keepalive_without_a_timeout_ends_no_idle_client(work):
    """etcd takes it for no keepalive asked for, and keeps gRPC's two hours."""
    server = Server(work)
    server.flags = ["--grpc-keepalive-interval", "300ms", "--grpc-keepalive-timeout", "0s"]
    server.start()
    with socket.create_connection(("127.0.0.1", server.client_port)) as client:
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
        client.settimeout(1.5)
        try:
            while True:
                expect(client.recv(4096), "the server ended the connection")
        except TimeoutError:
            pass  # Silence is what is wanted.


def name_servers_that_do_not_answer_hold_up_no_end(work):
    names = pathlib.Path(work) / "resolv.conf"
    names.write_text("nameserver 127.0.0.77\noptions timeout:20 attempts:1\n")
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    isolated = ["unshare", "--mount", "--", "sh", "-c",
                f'mount --bind {names} /etc/resolv.conf && exec "$@"', "sh"]
    try:
        silent.bind(("127.0.0.77", 53))
        expect(run([*isolated, "true"]).returncode == 0, "mounts of one's own")
    except (OSError, Failure) as error:
        say(f"left out, not allowed here: {error}")
        return
    server = Server(work, "one")
    server.flags = ["--initial-cluster",
                    f"one={server.peer_url},two=http://nobody.example:1,three=http://no.example:1"]
    started_by(server, *isolated)
    eventually(lambda: silent.recv(512), "a name is asked for")
    began = time.monotonic()
    equal(server.end(signal.SIGTERM), -signal.SIGTERM, "it ends by the signal")
    silent.close()
    expect(time.monotonic() - began < 2, f"it took {time.monotonic() - began:.1f} s")


def localhost_is_known_without_a_hosts_file(work):
    # As on a minimal Debian; the name servers, should there be any, mustn't help either.
    isolated = ["unshare", "--mount", "--", "sh", "-c",
                'mount --bind /dev/null /etc/hosts && mount --bind /dev/null /etc/resolv.conf && '
                'exec "$@"', "sh"]
    if run([*isolated, "true"]).returncode != 0:
        say("left out: mounts of one's own aren't allowed here")
        return
    server = Server(work)
    url = f"http://localhost:{server.client_port}"
    server.flags = ["--listen-client-urls", url, "--advertise-client-urls", url]
    started_by(server, *isolated).wait_ready()
    equal(server.end(signal.SIGTERM), -signal.SIGTERM, "it ends by the signal")


def a_log_file_at_its_limit_ends_nobody(work):
    server = Server(work)
    full = pathlib.Path(work) / "full.log"
    full.touch()
    os.truncate(full, 17_999_990)
    server.flags = ["--log-outputs", str(full)]
    started_by(server, "prlimit", "--fsize=18000000", "--").wait_ready()
    client = Client(server.endpoint)
    client.put("k", "v")
    client.close()
    equal(full.stat().st_size, 18_000_000, "size of the log file")


def a_file_that_may_not_grow_stops_the_member_and_loses_nothing(work):
    """A write that the system refuses: the member says why, and what it acknowledged is kept."""
    server = Server(work)
    server.flags = ["--max-request-bytes", "40000000"]
    started_by(server, "prlimit", "--fsize=18000000", "--").wait_ready()
    client = Client(server.endpoint)
    for number in range(20):
        client.put(f"k{number}", "v")
    try:
        client.put("large", "v" * 30_000_000)  # Its segment of the log must be as large.
        expect(False, "it was acknowledged")
    except grpc.RpcError as error:
        say(f"the answer: {error.details()}")
    client.close()
    ends(server, 1, "File too large", '"level":"fatal"')
    server.start()
    client = Client(server.endpoint)
    for number in range(20):
        equal(len(client.range(f"k{number}").kvs), 1, f"k{number} is there")
    client.close()


if __name__ == "__main__":
    main(a_data_directory_that_cannot_be_is_told, the_soft_limit_of_descriptors_is_raised,
         idle_clients_and_strangers_leave_descriptors_for_the_log, a_request_limit_beyond_reason_is_cut,
         a_call_that_requires_a_leader_fails_at_once_without,
         the_service_manager_is_told, an_open_data_directory_is_warned_of,
         a_keepalive_without_a_timeout_ends_no_idle_client,
         name_servers_that_do_not_answer_hold_up_no_end, localhost_is_known_without_a_hosts_file,
         a_log_file_at_its_limit_ends_nobody,
         a_file_that_may_not_grow_stops_the_member_and_loses_nothing)
