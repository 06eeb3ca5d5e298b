"""Near misses derived from legal runs: one field, one instant or one call is changed at a time."""
import copy
import itertools

import stories
from brute import Etcd, Refused, is_legal


def asked_run():
    """One call of every kind that matters, in an order."""
    absent = [{"key": "a", "target": "VERSION", "result": "EQUAL", "version": 0}]
    older = [{"key": "a", "target": "MOD", "result": "LESS", "mod_revision": 4},
             {"key": "a", "target": "VALUE", "result": "EQUAL", "value": "2"}]
    return [
        ("put", {"key": "a", "value": "1"}),
        ("put", {"key": "b", "value": "1", "prev_kv": True}),
        ("range", {"key": "a", "range_end": "z"}),
        ("put", {"key": "a", "value": "2", "prev_kv": True}),
        ("txn", {"compare": absent, "success": [{"request_put": {"key": "a", "value": "9"}}],
                 "failure": [{"request_range": {"key": "a"}}]}),
        ("txn", {"compare": older, "success": [
            {"request_put": {"key": "c", "value": "3", "prev_kv": True}},
            {"request_range": {"key": "a", "range_end": "z"}},
            {"request_delete_range": {"key": "b", "prev_kv": True}}], "failure": []}),
        ("txn", {"compare": [{"key": "b", "target": "CREATE", "result": "EQUAL",
                              "create_revision": 0}],
                 "success": [{"request_put": {"key": "b", "value": "4", "prev_kv": True}}],
                 "failure": [{"request_delete_range": {"key": "b"}}]}),
        ("range", {"key": "a", "range_end": "z", "limit": 2, "sort_order": "DESCEND"}),
        ("delete_range", {"key": "a", "range_end": "c", "prev_kv": True}),
        ("range", {"key": "a", "revision": 4}),
        ("put", {"key": "a", "value": "5"}),
        ("range", {"key": "a", "range_end": "z"}),
    ]


def recorded_run():
    """Those calls with the right answers, one after the other."""
    store = Etcd()
    calls = []
    for number, (function, asked) in enumerate(asked_run()):
        answer = copy.deepcopy(store.apply(function, asked))
        calls.append(stories.at(100 + number * 10, 109 + number * 10, function, asked, answer))
    return calls


def fields_of(value, path=()):
    """The paths to every number, text, truth and list inside."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from fields_of(inner, path + (name,))
        return
    if isinstance(value, list):
        if value:
            yield path
        for i, inner in enumerate(value):
            yield from fields_of(inner, path + (i,))
        return
    yield path


def changed(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, list):
        return value[:-1]
    return {"key": "a", "value": "1", "create_revision": 2, "mod_revision": 2, "version": 1,
            "lease": 0}


def etcd(name, calls, why, legal=None):
    history = {"model": "etcd", "name": name, "why": why, "calls": calls}
    history["legal"] = is_legal(history) if legal is None else legal
    return history


def tampered_answers():
    """Every field of every answer, changed: always illegal, as all revisions were told. The run is
    cut off behind the next call."""
    base = recorded_run()
    yield etcd("a whole run", base, "as the store answers", True)
    for number, call in enumerate(base):
        for path in fields_of(call["told"]["value"]):
            calls = copy.deepcopy(base[:number + 2])
            holder = calls[number]["told"]["value"]
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = changed(holder[path[-1]])
            where = ".".join(str(step) for step in path)
            yield etcd(f"call {number}, {call['f']}: another {where}", calls,
                       f"the store answers otherwise in {where}", False)


def lost_answers():
    """Answers that never came explain what others saw, unless they are put where they can't be."""
    base = recorded_run()
    for number in range(len(base)):
        calls = copy.deepcopy(base)
        calls[number].update(type="info")
        del calls[number]["told"]
        yield etcd(f"call {number} without an answer", calls, "it took effect all the same", True)
        if base[number]["f"] == "range":
            continue
        gone = copy.deepcopy(base)
        del gone[number]
        yield etcd(f"call {number} is nobody's", gone, "revisions and answers tell of it"
                   if not is_legal({"model": "etcd", "calls": gone}) else "it left no trace")
        late = copy.deepcopy(calls)
        late[number].update({"from": 400, "to": None})
        yield etcd(f"call {number} without an answer, begun at the end", late,
                   "it can't have had an effect before it began, if it had one")


def moved_in_time():
    """A call that runs earlier than its revision allows, or as long as it likes."""
    base = recorded_run()
    for number in range(1, len(base)):
        early = copy.deepcopy(base)
        early[number].update({"from": 88 + number * 10, "to": 89 + number * 10})
        yield etcd(f"call {number} ends before its former begins", early,
                   "whether the two commute decides")
        touching = copy.deepcopy(base)
        touching[number].update({"from": 95 + number * 10, "to": 100 + number * 10})
        yield etcd(f"call {number} overlaps its former", touching, "they may stand as before", True)


def plain_tables():
    """Two overlapping writes and two later reads, with everything that they may have read."""
    for first, second in itertools.product(("null", "1", "2", "3"), repeat=2):
        for name, write in (("ended", "2-6 write 2"), ("unknown", "2~6 write 2")):
            text = f"0-4 write 1\n{write}\n5-8 read {first}\n9-10 read {second}"
            history = {"model": "register", "name": f"write 2 {name}, read {first}, {second}",
                       "why": "by brute force over all orders",
                       "calls": [stories.call(line) for line in text.splitlines()]}
            history["legal"] = is_legal(history)
            yield history
    for first, second in itertools.product(("null", "1", "2"), repeat=2):
        text = f"0-4 enqueue 1\n2-6 enqueue 2\n5-8 dequeue {first}\n9-10 dequeue {second}"
        history = {"model": "queue", "name": f"two enqueues, dequeue {first}, {second}",
                   "why": "by brute force over all orders",
                   "calls": [stories.call(line) for line in text.splitlines()]}
        history["legal"] = is_legal(history)
        yield history


def all_of_them():
    yield from tampered_answers()
    yield from lost_answers()
    yield from moved_in_time()
    yield from plain_tables()
