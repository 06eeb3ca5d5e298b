#!/usr/bin/env python3
"""The Slurm job for real: a Slurm of one node, started here and ended here, does a campaign in
shards and merges it. usage: slurm_test.py BIN. Exit code 77: not run, with the reason."""

import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scontrol", "scancel")
SEEDS = ["--profile", "lite", "--virtual-seconds", "2", "--seeds", "1..200", "--twice", "1"]


def skip(why):
    print(f"not run: {why}")
    sys.exit(77)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def say(text):
    print(text, flush=True)


class Slurm:
    """munged, slurmctld and slurmd of their own, with all files in one directory."""

    def __init__(self, work):
        self.work, self.started, self.log = work, [], open(work / "daemons.log", "ab")
        self.host = socket.gethostname().split(".")[0]
        for name in ("state", "spool", "munge"):
            (work / name).mkdir()
        self.socket = work / "munge/socket"
        key = work / "munge/key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self.environment = os.environ | {"SLURM_CONF": str(work / "slurm.conf")}
        (work / "slurm.conf").write_text(f"""
ClusterName=detcd
SlurmctldHost={self.host}(127.0.0.1)
SlurmUser={pwd.getpwuid(os.getuid()).pw_name}
SlurmdUser={pwd.getpwuid(os.getuid()).pw_name}
SlurmctldPort={free_port()}
SlurmdPort={free_port()}
AuthType=auth/munge
AuthInfo=socket={self.socket}
CredType=cred/munge
StateSaveLocation={work}/state
SlurmdSpoolDir={work}/spool
SlurmctldPidFile={work}/slurmctld.pid
SlurmdPidFile={work}/slurmd.pid
SlurmctldLogFile={work}/slurmctld.log
SlurmdLogFile={work}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MinJobAge=300
KillWait=5
NodeName={self.host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory=500 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES
""")

    def daemon(self, *command):
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)],
            env=self.environment, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        self.started.append(process)

    def start(self):
        self.work.chmod(0o755)
        (self.work / "munge").chmod(0o755)
        self.daemon("munged", "--foreground", f"--socket={self.socket}", "--force",
                    f"--key-file={self.work}/munge/key", f"--pid-file={self.work}/munge/pid",
                    f"--log-file={self.work}/munge/log", f"--seed-file={self.work}/munge/seed")
        self.until(self.socket.exists, "munge's socket")
        self.daemon("slurmctld", "-D", "-c", "-i", "-f", self.work / "slurm.conf")
        self.until(lambda: self.ask("scontrol", "ping", check=False).count("UP") > 0, "slurmctld")
        self.daemon("slurmd", "-D", "-f", self.work / "slurm.conf", "-N", self.host)
        self.until(lambda: "State=IDLE" in self.ask("scontrol", "show", "node", check=False),
                   "an idle node")

    def until(self, question, what, patience=60):
        deadline = time.monotonic() + patience
        while not question():
            dead = [process for process in self.started if process.poll() is not None]
            if dead or time.monotonic() > deadline:
                self.show_logs()
                raise SystemExit(f"FAIL: {what} didn't come; ended: {[one.args for one in dead]}")
            time.sleep(0.1)

    def show_logs(self):
        self.log.flush()
        for path in (*self.work.glob("*.log"), *self.work.glob("store/*.log")):
            say(f"--- {path.name}\n" + path.read_text(errors="replace")[-2500:])

    def ask(self, *command, check=True):
        done = subprocess.run(list(map(str, command)), env=self.environment, text=True,
                              capture_output=True, timeout=60, check=False)
        if check and done.returncode != 0:
            self.show_logs()
            raise SystemExit(f"FAIL: {command}: {done.stdout}{done.stderr}")
        return done.stdout

    def job(self, number):
        text = self.ask("scontrol", "show", "job", number)
        return dict(pair.split("=", 1) for pair in text.split() if "=" in pair)

    def finished(self, number, patience=300):
        over = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")
        self.until(lambda: self.job(number)["JobState"] in over, f"the end of job {number}", patience)
        return self.job(number)

    def end(self):
        """Jobs first, then the daemons, newest first; all that were started here, and no others."""
        if len(self.started) == 3:
            self.ask("scancel", "--user", pwd.getpwuid(os.getuid()).pw_name, check=False)
            time.sleep(0.5)
        for process in reversed(self.started):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def results(store):
    lines = (pathlib.Path(store) / "results").read_text().splitlines()
    return sorted(re.sub(r" cpu-ms \d+", "", line.split(" ", 1)[1]) for line in lines)


def campaign(slurm, work, simulator):
    """Four shards and their merge are the campaign that one process does; a shard that was
    cancelled in the middle carries on when it is submitted again."""
    submit = ROOT / "sim/cluster-jobs/slurm/submit.sh"
    slurm.environment |= {"DETCD_SIM": str(simulator), "SBATCH_FLAGS": "--cpus-per-task=1"}
    store = work / "store"
    first = slurm.ask(submit, store, 4, *SEEDS).strip()
    slurm.until(lambda: any(store.glob("shard-*/results")), "the first results")
    slurm.ask("scancel", "--name", "detcd-campaign")
    slurm.finished(first)
    shutil.rmtree(store / "merged", ignore_errors=True)
    job = slurm.finished(slurm.ask(submit, store, 4, *SEEDS).strip())
    said = (store / "merge.log").read_text()
    if job["ExitCode"] != "0:0" or "pass runs=200/200" not in said:
        slurm.show_logs()
        raise SystemExit(f"FAIL: the merge ended with {job['ExitCode']}: {said}")
    alone = work / "alone"
    subprocess.run([simulator, "campaign", *SEEDS, "--jobs", "1", "--store", alone], check=True,
                   stdout=subprocess.DEVNULL)
    if results(store / "merged") != results(alone):
        raise SystemExit("FAIL: the merged shards aren't the campaign of one process")
    summary = json.loads((store / "merged/summary.json").read_text())
    assert summary["runs"]["done"] == 200 and summary["verdict"] == "pass", summary
    say(said.strip().splitlines()[-1])
    say("ok: four shards, cancelled and submitted again, are the campaign of one process")


def main():
    simulator = pathlib.Path(sys.argv[1]).resolve() / "detcd-sim"
    if os.getuid() != 0:
        skip("a Slurm of its own is started as root only")
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        skip(f"{', '.join(missing)} missing: apt-get install slurmctld slurmd slurm-client munge")
    with tempfile.TemporaryDirectory(prefix="detcd-slurm-") as directory:
        slurm = Slurm(pathlib.Path(directory))
        try:
            slurm.start()
            campaign(slurm, pathlib.Path(directory), simulator)
        finally:
            slurm.end()


if __name__ == "__main__":
    main()
