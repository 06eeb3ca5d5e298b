"""Judges small histories by trying every order, against the simplest models that there are."""
import copy
import json

REFUSALS = {
    "compacted": "etcdserver: mvcc: required revision has been compacted",
    "future": "etcdserver: mvcc: required revision is a future revision",
    "no key": "etcdserver: key not found",
}


class Refused(Exception):
    pass


class Etcd:
    """All versions of all keys; a version of None is a tombstone."""

    def __init__(self):
        self.revision = 1
        self.compacted = -1
        self.versions = {}

    def past(self, revision):
        then = copy.deepcopy(self)
        then.revision, then.compacted = revision, -1
        for key in then.versions:
            then.versions[key] = [kv for kv in then.versions[key]
                                  if kv["mod_revision"] <= revision]
        return then

    def find(self, key, at):
        newest = [kv for kv in self.versions.get(key, []) if kv["mod_revision"] <= at][-1:]
        return newest[0] if newest and newest[0]["version"] > 0 else None

    def live(self, key, end, at):
        inside = [k for k in sorted(self.versions)
                  if (k == key if not end else k >= key and (end == "\0" or k < end))]
        return [kv for kv in (self.find(k, at) for k in inside) if kv]

    def range(self, asked, now):
        revision = asked.get("revision", 0)
        kvs = self.live(asked["key"], asked.get("range_end", ""), revision or now)
        answer = {"revision": now, "count": len(kvs), "more": False, "kvs": []}
        if asked.get("count_only"):
            return answer
        if asked.get("sort_order") == "DESCEND":
            kvs = kvs[::-1]
        limit = asked.get("limit", 0)
        if limit and len(kvs) > limit:
            kvs, answer["more"] = kvs[:limit], True
        if asked.get("keys_only"):
            kvs = [dict(kv, value="", lease=0) for kv in kvs]
        answer["kvs"] = kvs
        return answer

    def check_read(self, asked):
        if asked.get("revision", 0) > self.revision:
            raise Refused(REFUSALS["future"])
        if 0 < asked.get("revision", 0) < self.compacted:
            raise Refused(REFUSALS["compacted"])

    def put(self, asked, now):
        former = self.find(asked["key"], now)
        if asked.get("ignore_value") and former is None:
            raise Refused(REFUSALS["no key"])
        value = former["value"] if asked.get("ignore_value") else asked.get("value", "")
        self.versions.setdefault(asked["key"], []).append(
            {"key": asked["key"], "value": value, "mod_revision": now, "lease": 0,
             "create_revision": former["create_revision"] if former else now,
             "version": former["version"] + 1 if former else 1})
        return {"revision": now, "prev_kv": former if asked.get("prev_kv") else None}

    def delete(self, asked, now):
        found = self.live(asked["key"], asked.get("range_end", ""), now)
        for kv in found:
            self.versions[kv["key"]].append(
                {"key": kv["key"], "value": "", "mod_revision": now, "create_revision": 0,
                 "version": 0, "lease": 0})
        return {"revision": now, "deleted": len(found),
                "prev_kvs": found if asked.get("prev_kv") else []}

    def holds(self, compare):
        kv = self.find(compare["key"], self.revision) or {
            "version": 0, "create_revision": 0, "mod_revision": 0, "lease": 0, "value": None}
        field = {"VERSION": "version", "CREATE": "create_revision", "MOD": "mod_revision",
                 "VALUE": "value"}[compare.get("target", "VERSION")]
        is_, wanted = kv[field], compare.get(field, "" if field == "value" else 0)
        if is_ is None:
            return False
        return {"EQUAL": is_ == wanted, "NOT_EQUAL": is_ != wanted, "GREATER": is_ > wanted,
                "LESS": is_ < wanted}[compare.get("result", "EQUAL")]

    def txn(self, asked):
        succeeded = all(self.holds(c) for c in asked.get("compare", []))
        branch = asked.get("success" if succeeded else "failure", [])
        for operation in branch:
            if "request_range" in operation:
                self.check_read(operation["request_range"])
        responses, wrote = [], False
        for operation in branch:
            (kind, inner), = operation.items()
            if kind == "request_put":
                answer, wrote = self.put(inner, self.revision + 1), True
            elif kind == "request_delete_range":
                answer = self.delete(inner, self.revision + 1)
                wrote = wrote or answer["deleted"] > 0
                answer["revision"] = self.revision + wrote
            else:
                answer = self.range(inner, self.revision + wrote)
            responses.append({kind.replace("request", "response"): answer})
        self.revision += wrote
        return {"revision": self.revision, "succeeded": succeeded, "responses": responses}

    def apply(self, function, asked):
        if function == "range":
            self.check_read(asked)
            return self.range(asked, self.revision)
        if function == "put":
            answer = self.put(asked, self.revision + 1)
            self.revision += 1
            return answer
        if function == "delete_range":
            answer = self.delete(asked, self.revision + 1)
            self.revision += answer["deleted"] > 0
            answer["revision"] = self.revision
            return answer
        if function == "txn":
            return self.txn(asked)
        if asked["revision"] <= self.compacted:
            raise Refused(REFUSALS["compacted"])
        if asked["revision"] > self.revision:
            raise Refused(REFUSALS["future"])
        self.compacted = asked["revision"]
        return {"revision": self.revision}


def agrees(told, answer):
    """Everything that was told is as it is in the answer."""
    if isinstance(told, dict):
        return isinstance(answer, dict) and all(k in answer and agrees(v, answer[k])
                                                for k, v in told.items())
    if isinstance(told, list):
        return isinstance(answer, list) and len(told) == len(answer) and all(
            agrees(a, b) for a, b in zip(told, answer))
    return told == answer


def fits_past(told, state, asked):
    try:
        return agrees(told, state.past(state.revision).apply("range", asked))
    except Refused:
        return False


def step_etcd(path, call):
    """The states that may follow the last of `path`, which holds every state there was."""
    now = path[-1]
    asked, told = call["asked"]["value"], call.get("told", {})
    if call["f"] == "range" and asked.get("serializable"):
        if call["type"] != "ok" or any(fits_past(told["value"], s, asked) for s in path):
            return [now]
        return []
    following = copy.deepcopy(now)
    try:
        answer = following.apply(call["f"], asked)
    except Refused as refused:
        if call["type"] == "info" or call["type"] == "fail" and told["error"] == str(refused):
            return [now]
        return []
    if call["type"] == "fail" or call["type"] == "ok" and not agrees(told["value"], answer):
        return []
    return [following]


def step_plain(model, state, call):
    """The states that may follow, as JSON texts."""
    value, told = call["asked"].get("value"), call.get("told", {})
    function, known = call["f"], call["type"] == "ok"
    key = call["asked"].get("key", "")
    if model in ("register", "cas-register", "kv"):
        held = state.get(key)
        if function == "read":
            return [state] if held == told["value"] else []
        if function == "cas":
            swapped = held == value[0]
            if known and swapped != told.get("swapped", True):
                return []
            return [dict(state, **{key: value[1]}) if swapped else state]
        return [dict(state, **{key: None if function == "delete" else value})]
    held = state["held"]
    if model == "set":
        if function == "read":
            return [state] if sorted(held) == sorted(told["value"]) else []
        rest = [v for v in held if v != value]
        return [{"held": sorted(rest + [value]) if function == "add" else rest}]
    if function == "enqueue":
        return [{"held": held + [value]}]
    if known and told["value"] != (held[0] if held else None):
        return []
    return [{"held": held[1:]}]


def is_legal(history):
    calls = [c for c in history["calls"]
             if c["type"] != "fail" or c.get("told", {}).get("error") in REFUSALS.values()]
    # An end of unknown outcome says nothing.
    ends = [c["to"] if c["to"] is not None and c["type"] != "info" else None for c in calls]
    etcd = history["model"] == "etcd"
    tried = set()

    def search(taken, path):
        left = [i for i in range(len(calls)) if i not in taken]
        if all(ends[i] is None for i in left):
            return True
        key = (frozenset(taken), json.dumps([s.__dict__ if etcd else s for s in path]
                                            if etcd else path[-1], sort_keys=True))
        if key in tried:
            return False
        tried.add(key)
        first_end = min(ends[i] for i in left if ends[i] is not None)
        for i in left:
            call = calls[i]
            stale = etcd and call["asked"]["value"].get("serializable")
            if call["from"] > first_end and not stale:
                continue
            following = (step_etcd(path, call) if etcd
                         else step_plain(history["model"], path[-1], call))
            for state in following:
                if search(taken | {i}, path + [state] if etcd else [state]):
                    return True
        return False

    first = Etcd() if etcd else dict(history.get("initial", {})) or {}
    if history["model"] in ("set", "queue"):
        first = {"held": []}
    return search(frozenset(), [first])
