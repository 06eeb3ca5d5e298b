#!/usr/bin/python3
"""Clients that others wrote, from their registries, against three members of detcd: each does what
its language's users do, and goes on while the leader is killed. The third argument names one of
them. Without a toolchain, or where the registry can't be reached, it exits with 77."""

import os
import pathlib
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "blackbox"))

from cluster_test import leader_of  # noqa: E402  The path must be set first.
from harness import (  # noqa: E402
    ROOT, cluster, equal, expect, main, run, say, start_all, with_parent)

HERE = pathlib.Path(__file__).resolve().parent
BUILD = ROOT / "build/clients"
NOT_RUN = 77
# To fetch and to compile; then for all that a client does.
FETCHING, RUNNING = 900, 300


def leave_out(why):
    print(why, flush=True)
    sys.exit(NOT_RUN)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            leave_out(f"{program} isn't here")


def answers(registry):
    try:
        with urllib.request.urlopen(registry, timeout=10):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def fetch(registry, command, **more):
    """What may need the registry; it is to blame only if it doesn't answer."""
    done = subprocess.run(with_parent([str(part) for part in command]), capture_output=True,
                          text=True, timeout=FETCHING, stdin=subprocess.DEVNULL, check=False,
                          **more)
    if done.returncode != 0 and not answers(registry):
        leave_out(f"{registry} can't be reached")
    equal(done.returncode, 0, f"exit code of {command}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def against_three_members(work, name, command, **more):
    """A client says "ok" with each thing it has done, and "kill" when it is ready for that."""
    members = cluster(work, ["a", "b", "c"], ["--heartbeat-interval", "50", "--election-timeout",
                                              "500", "--bcrypt-cost", "4"])
    start_all(members)
    endpoints = ",".join(one.endpoint for one in members)
    done, killed = 0, None
    with open(work / "errors", "w+", encoding="utf-8") as errors:
        client = subprocess.Popen(
            with_parent(["timeout", str(RUNNING), *map(str, command), endpoints]), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, **more)
        for line in client.stdout:
            if line.strip() == "kill":
                killed = leader_of(members)
                killed.end()
            elif line.strip() == "restart":
                killed.start()
            else:
                done += line.startswith("ok ")
                print("    ", line.rstrip(), flush=True)
                continue
            client.stdin.write("done\n")
            client.stdin.flush()
        status = client.wait()
        errors.seek(0)
        equal(status, 0, f"exit code of {name}: {errors.read()[-3000:]}")
    expect(done > 5 and killed, f"{name} has done what it should: {done}")
    say(f"{name}: {done} of {done} done, through the loss of a leader")


def python(work):
    need("python3")
    where = BUILD / "python"
    if not (where / "bin/pip").exists():
        made = run(["/usr/bin/python3", "-m", "venv", where], 120)
        if made.returncode != 0:
            leave_out("python3-venv isn't here")
    fetch("https://pypi.org/simple/etcd3/",
          [where / "bin/pip", "install", "-q", "--disable-pip-version-check", "-r",
           HERE / "python/requirements.txt"])
    against_three_members(work, "Python's etcd3",
                          [where / "bin/python", HERE / "python/etcd3_client.py"])


def node(work):
    need("node", "npm")
    where = BUILD / "node"
    where.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "client.js"):
        shutil.copy(HERE / "node" / name, where / name)
    fetch("https://registry.npmjs.org/etcd3",
          ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=where)
    against_three_members(work, "Node's etcd3", ["node", where / "client.js"])


def go(work):
    need("go")
    # From then on it fetches the release that a module asks for.
    known = run(["go", "env", "GOVERSION"]).stdout.strip().removeprefix("go").split(".")
    if len(known) < 2 or (int(known[0]), int(known[1].split("rc")[0])) < (1, 21):
        leave_out(f"go is of version {'.'.join(known)}: too old")
    for version, options in (("3.7.1", []), ("3.5.30", ["-modfile", "go-3.5.mod", "-tags", "old"])):
        program = BUILD / "go" / f"client-{version}"
        fetch("https://proxy.golang.org/go.etcd.io/etcd/client/v3/@v/list",
              ["go", "build", *options, "-o", program, "."], cwd=HERE / "go",
              env={**os.environ, "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"})
        (work / version).mkdir()
        against_three_members(work / version, f"Go's clientv3 {version}", [program],
                              env={**os.environ, "ETCD_CLIENT_DEBUG": "fatal"})


if __name__ == "__main__":
    main(python, node, go)
