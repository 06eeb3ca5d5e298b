#!/usr/bin/python3
"""The real binary between two mirrors: a preloaded library records every write, sync and send. No
answer leaves before the sync that covers it, and a loss of power at a kill loses nothing that was
acknowledged. Each check is also run against a process whose syncs do nothing, and must fail there.
"""

import random
import time

from harness import BIN, Failure, QUICK, Server, equal, expect, main, say
from kv_client import Client
from load import Load, missing
from recording import early_answers, lose_power, read

ROUNDS = 8 if QUICK else 40


class Recorded(Server):
    """A single member that is killed under load, with a recording of what it did."""

    def __init__(self, work):
        super().__init__(work)
        self.recording = self.work / "recording"
        self.flags = ["--heartbeat-interval", "10", "--election-timeout", "100",
                      "--snapshot-count", "60"]
        self.acknowledged = {}

    def begin(self, skip_sync=False):
        self.recording.unlink(missing_ok=True)
        library = BIN / "detcd-interposer.so"
        expect(library.exists(), f"{library} was built")
        self.environment = {"LD_PRELOAD": str(library),
                            "DETCD_INTERPOSER_LOG": str(self.recording),
                            "DETCD_INTERPOSER_DIR": str(self.data.resolve()),
                            # A slow device: most kills then come while something isn't synced.
                            "DETCD_INTERPOSER_SYNC_MILLISECONDS": "8",
                            "DETCD_INTERPOSER_SKIP_SYNC": "1" if skip_sync else "0"}
        self.start()

    def work_and_die(self, number, puts):
        """A load that is ended by a kill: its acknowledged puts and the records."""
        load = Load([self.endpoint], writers=6, prefix=f"load/{number:03d}").start()
        load.wait_for(puts)
        # Right after an answer everything is synced; a little later it isn't.
        time.sleep(random.Random(number).uniform(0, 0.02))
        self.end()
        mine = load.stop()
        self.acknowledged |= mine
        return mine, read(self.recording)


def tokens(puts):
    return {revision: f"<{key}>".encode() for key, (_, revision) in puts.items()}


def no_answer_leaves_before_its_sync(work):
    server = Recorded(work)
    total = 0
    for number in range(3):
        server.begin()
        puts, records = server.work_and_die(number, 150)
        early, looked_at = early_answers(records, server.client_port, tokens(puts))
        equal(early[:2], [], "answers that left before their sync")
        # The kill may come between a send and its record: one thread sends, so one may be missing.
        expect(looked_at >= len(puts) - 1,
               f"{looked_at} answers were seen of {len(puts)} that arrived")
        total += looked_at
    say(f"{total} answers, each behind its sync")


def the_check_of_answers_sees_a_missing_sync(work):
    server = Recorded(work)
    server.begin(skip_sync=True)
    puts, records = server.work_and_die(0, 50)
    early, looked_at = early_answers(records, server.client_port, tokens(puts))
    expect(len(early) == looked_at > 0, f"{len(early)} of {looked_at} answers were found early")
    say(f"{looked_at} answers, none behind a sync, and all noticed")


def losses(server):
    """After a start: which acknowledged puts are gone."""
    server.environment = {}
    server.start()
    client = Client(server.endpoint)
    try:
        return missing(client, server.acknowledged)
    finally:
        client.close()
        server.end()


def power_failures(work, randomly, chance):
    server, discarded = Recorded(work), 0
    for number in range(ROUNDS):
        server.begin()
        _, records = server.work_and_die(number, randomly.randrange(1, 120))
        discarded += lose_power(records, server.data, chance)
        equal(losses(server)[:3], [], f"round {number}: lost of {len(server.acknowledged)}")
    expect(discarded > 0, "no kill came while something wasn't synced")
    say(f"{ROUNDS} losses of power, {discarded} unsynced changes discarded, "
        f"{len(server.acknowledged)} acknowledged puts, all there")


def unsynced_bytes_may_all_be_lost(work):
    power_failures(work, random.Random(3), None)


def unsynced_sectors_may_survive_by_chance(work):
    power_failures(work, random.Random(4), random.Random(5))


def the_check_of_losses_sees_a_missing_sync(work):
    server = Recorded(work)
    server.begin()
    server.work_and_die(0, 20)
    server.begin(skip_sync=True)
    _, records = server.work_and_die(1, 50)
    expect(lose_power(records, server.data) > 0, "something wasn't synced")
    try:
        lost = losses(server)
    except Failure as error:
        say(f"noticed: {error}"[:150])
        return
    expect(len(lost) >= 50, f"only {len(lost)} puts were found lost")
    say(f"{len(lost)} acknowledged puts lost without syncs, and noticed")


if __name__ == "__main__":
    main(no_answer_leaves_before_its_sync, the_check_of_answers_sees_a_missing_sync,
         unsynced_bytes_may_all_be_lost, unsynced_sectors_may_survive_by_chance,
         the_check_of_losses_sees_a_missing_sync)
