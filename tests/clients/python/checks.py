"""What the clients' scripts share: a way to fail, and words with whoever reads their output."""

import sys
import time

ENDPOINTS = [one.rsplit(":", 1) for one in sys.argv[-1].split(",")]
PATIENCE = 60.0


def equal(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def refused(kind, call, what):
    try:
        call()
    except kind:
        return
    raise AssertionError(f"{what} should be refused with {kind.__name__}")


def ask(what):
    print(what, flush=True)
    sys.stdin.readline()


def persist(attempts, errors, what):
    """The first answer of the functions, asked in turn."""
    deadline = time.monotonic() + PATIENCE
    while True:
        for attempt in attempts:
            try:
                return attempt()
            except errors as error:
                if time.monotonic() > deadline:
                    raise AssertionError(f"{what}: {error!r}") from error
        time.sleep(0.05)


def run(*checks):
    for check in checks:
        check()
        print("ok", check.__name__.replace("_", " "), flush=True)
