"""What the black-box tests share: servers as processes, etcd's own clients, and a way to say what
happened. A test is a function; every process it starts dies with the script, its files lie below
build/blackbox and stay there when it fails."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release/bin")
PEERS = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / "build/peers")
ONLY = sys.argv[3] if len(sys.argv) > 3 else ""
QUICK = os.environ.get("DETCD_QUICK", "") not in ("", "0")
# Everything waits at most this long for something that takes milliseconds on an idle machine.
PATIENCE = 60.0

_servers = []


class Failure(Exception):
    """An expectation that didn't hold."""


def expect(condition, why):
    if not condition:
        raise Failure(why)


def equal(got, wanted, what):
    if got != wanted:
        raise Failure(f"{what}: got {got!r}, wanted {wanted!r}")


def contains(text, part, what):
    if part not in text:
        raise Failure(f"{what}: {part!r} isn't in {text!r}")


def say(text):
    print(f"     {text}", flush=True)


def eventually(question, what, patience=PATIENCE, pause=0.02):
    """The first true answer; a Failure when none came in time."""
    deadline = time.monotonic() + patience
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Failure(f"didn't happen within {patience:g} s: {what}")
        time.sleep(pause)


def free_ports(count):
    """Ports nobody listens on now; all held at once, so that they differ."""
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Server:
    """One server process, detcd's or etcd's: it may be started, killed and started again."""

    def __init__(self, work, name="default", program=None, ports=None):
        self.work, self.name = pathlib.Path(work), name
        self.program = str(program or BIN / "detcd")
        self.client_port, self.peer_port = ports or free_ports(2)
        self.data = self.work / f"{name}.etcd"
        self.log = self.work / f"{name}.log"
        self.flags, self.environment = [], {}
        self.process = None
        _servers.append(self)

    @property
    def endpoint(self):
        return f"127.0.0.1:{self.client_port}"

    @property
    def peer_url(self):
        return f"http://127.0.0.1:{self.peer_port}"

    def command(self):
        url = f"http://{self.endpoint}"
        return [self.program, "--name", self.name, "--data-dir", str(self.data),
                "--listen-client-urls", url, "--advertise-client-urls", url,
                "--listen-peer-urls", self.peer_url,
                "--initial-advertise-peer-urls", self.peer_url,
                *(["--initial-cluster", f"{self.name}={self.peer_url}"]
                  if "--initial-cluster" not in self.flags else []), *self.flags]

    def start(self, ready=True):
        expect(self.process is None, f"{self.name} is started once")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ETCD")}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                with_parent(self.command()), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment | self.environment)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self):
        def answers():
            expect(self.process.poll() is None,
                   f"{self.name} ended with {self.process.returncode}: {self.last_words()}")
            return self.get("/health")[0] == 200
        eventually(answers, f"{self.name} is healthy")

    def get(self, path):
        """Status and body of a GET on the client port; status 0 when there was no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.client_port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def end(self, how=signal.SIGKILL, patience=PATIENCE):
        """Sends the signal, if the process still runs, and returns its exit status."""
        process, self.process = self.process, None
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(how)
        try:
            return process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failure(f"{self.name} was still there {patience:g} s after {how!r}") from None

    def memory(self, name):
        """Bytes of the process by one of Linux's names for them (VmRSS, VmHWM)."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        raise Failure(f"{name} of {self.name} isn't known")

    def last_words(self):
        return " | ".join(self.log.read_text(errors="replace").splitlines()[-3:])


def with_parent(command):
    """The command, ended by the kernel when this script ends in any way."""
    return ["setpriv", "--pdeathsig", "KILL", "--", *command]


def run(command, patience=PATIENCE, environment=None):
    """A command to its end: CompletedProcess with text."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ETCD")}
    return subprocess.run(with_parent([str(part) for part in command]), capture_output=True,
                          text=True, errors="replace", timeout=patience, check=False,
                          stdin=subprocess.DEVNULL, env=clean | (environment or {}))


class Etcdctl:
    """etcd's own command line client, of one version."""

    def __init__(self, version, *endpoints):
        self.program = PEERS / version / "etcdctl"
        expect(self.program.exists(), f"{self.program} is there (./dev peers fetches it)")
        self.endpoints = ",".join(endpoints)

    def __call__(self, *arguments, text=None):
        command = [str(self.program), "--endpoints", self.endpoints, "--command-timeout=30s",
                   *arguments]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ETCD")}
        return subprocess.run(with_parent(command), capture_output=True, text=True,
                              timeout=PATIENCE, env=environment | {"ETCDCTL_API": "3"},
                              input=text or "", check=False)

    def ok(self, *arguments, text=None):
        """Standard output of a command that must succeed."""
        done = self(*arguments, text=text)
        equal(done.returncode, 0, f"exit code of etcdctl {arguments} ({done.stderr.strip()})")
        return done.stdout

    def members(self):
        """As they are listed once each has published its name and URLs."""
        def published():
            listed = self.json("member", "list")["members"]
            named = all("name" in item and "clientURLs" in item for item in listed)
            return listed if named else None
        return eventually(published, "all members are published")

    def json(self, *arguments, text=None):
        return json.loads(self.ok(*arguments, "-w", "json", text=text))

    def fails(self, *arguments, text=None, code=1):
        """The last line of standard error of a command that must fail with this exit code."""
        done = self(*arguments, text=text)
        equal(done.returncode, code, f"exit code of etcdctl {arguments} ({done.stdout.strip()})")
        return done.stderr.strip().splitlines()[-1]


def cluster(work, names, flags=()):
    """Members of one new cluster, by flags; not started."""
    members = [Server(work, name) for name in names]
    everyone = ",".join(f"{one.name}={one.peer_url}" for one in members)
    for one in members:
        one.flags = ["--initial-cluster", everyone, *flags]
    return members


def start_all(members):
    for one in members:
        one.start(ready=False)
    for one in members:
        one.wait_ready()


def main(*tests):
    """Runs the tests in order, each in a directory of its own; exits 1 when one failed."""
    base = ROOT / "build/blackbox" / pathlib.Path(sys.argv[0]).stem
    shutil.rmtree(base, ignore_errors=True)
    failed = []
    for test in tests:
        if ONLY not in test.__name__:
            continue
        work = base / test.__name__
        work.mkdir(parents=True)
        began = time.monotonic()
        try:
            test(work)
            print(f"ok {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
        except Exception as error:  # A broken test is a failed one; the others still run.
            failed.append(test.__name__)
            if not isinstance(error, Failure):
                traceback.print_exc()
            print(f"FAIL {test.__name__}: {error or type(error).__name__}", flush=True)
        finally:
            for one in _servers:
                one.end()
            _servers.clear()
        if test.__name__ not in failed:
            shutil.rmtree(work, ignore_errors=True)
    if failed:
        print(f"reproduce: {sys.argv[0]} {BIN} {PEERS} {failed[0]}", flush=True)
        print(f"files: {base}", flush=True)
    sys.exit(1 if failed else 0)
