#!/usr/bin/env python3
"""Writes testdata/*.jsonl: histories with a known verdict, for every judge.

The hand-written stories stand in stories.py; variations.py derives near misses from legal runs. Each
verdict is checked here by brute force over all orders, with models of this script's own, so that a
mistake would have to be made twice. Run it after a change and commit what it writes.
"""
import json
import os

import stories
import variations
from brute import is_legal


def events(calls):
    """(instant, order at one instant, event) of every call; beginnings come first."""
    for number, call in enumerate(calls):
        begin = {"process": number, "type": "invoke", "f": call["f"], "time": call["from"]}
        begin.update(call["asked"])
        yield call["from"], 0, number, begin
        if call["to"] is None:
            continue
        end = {"process": number, "type": call["type"], "f": call["f"], "time": call["to"]}
        end.update(call.get("told", {}))
        yield call["to"], 1, number, end


def write(path, histories):
    with open(path, "w", encoding="utf-8") as out:
        for history in histories:
            head = {"type": "history", "name": history["name"], "model": history["model"],
                    "verdict": "legal" if history["legal"] else "illegal", "why": history["why"]}
            print(json.dumps(head), file=out)
            for key, value in history.get("initial", {}).items():
                print(json.dumps({"type": "initial", "key": key, "value": value}), file=out)
            for _, _, _, event in sorted(events(history["calls"]), key=lambda e: e[:3]):
                print(json.dumps(event, separators=(",", ":")), file=out)


def main():
    files = {}
    names = set()
    wrong = 0
    everything = [("hand", h) for h in stories.ALL] + [("made", h) for h in variations.all_of_them()]
    for origin, history in everything:
        name = (history["model"], history["name"])
        if name in names:
            raise SystemExit(f"two histories are called {name}")
        names.add(name)
        if is_legal(history) != history["legal"]:
            print(f"brute force contradicts {name}: {history['why']}")
            wrong += 1
        files.setdefault(f"{history['model']}-{origin}", []).append(history)
    if wrong:
        raise SystemExit(1)
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "testdata")
    for name, histories in sorted(files.items()):
        write(os.path.join(folder, name + ".jsonl"), histories)
        legal = sum(h["legal"] for h in histories)
        print(f"{name}: {len(histories)} histories, {legal} legal")


if __name__ == "__main__":
    main()
