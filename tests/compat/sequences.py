"""Random requests: what a seed asks etcd and detcd for. Numbers are drawn close to what the servers
have got to; many requests are to be refused."""

from servers import ADDED, OWN, Drawn

# No more than eleven: how etcd orders more rows that compare equal isn't defined.
KEYS = [b"a", b"ab", b"abc", b"b", b"c/1", b"c/2", b"\x00", b"\xc3\xbc", b"\xff"]
ENDS = [b"\x00", b"b", b"c0", b"\xff\xff", *KEYS]
USERS, ROLES = ["root", "u1", "u2", "u3"], ["root", "r1", "r2"]
PASSWORDS = ["pw", "other"]
LEASES = [1, 2, 3, -1, -(1 << 63), (1 << 63) - 1]
STRANGERS = [77, 78]


class World:
    """What the requests of one seed are drawn by."""

    def __init__(self, dice, users):
        self.dice, self.revision, self.compacted = dice, 1, -1
        # Of transactions that delete and put at once.
        self.mixed = set()
        self.drawn, self.auth, self.alarm = 0, False, dice.choice([1, 2])
        # While an alarm is raised etcd asks nobody for rights to writes: not where users are.
        self.alarms = not users
        # The ids of leases count in the hash: either drawn ones are attached, or hashes compared.
        self.hashes = dice.random() < 0.7

    def maybe(self, chance, name, value):
        return {name: value} if self.dice.random() < chance else {}

    def some_revision(self):
        low = max(self.compacted, 0) - 2
        return self.dice.randrange(low, max(self.revision, low) + 3)

    def key(self):
        return {"key": self.dice.choice(KEYS)} if self.dice.random() < 0.97 else {}

    def end(self, chance=0.5):
        # Not present and empty: 3.4 takes that for "from the key on", also when it deletes.
        return self.maybe(chance, "range_end", self.dice.choice(ENDS))

    def lease(self):
        if self.drawn and self.dice.random() < 0.3:
            return Drawn(self.dice.randrange(self.drawn))
        return self.dice.choice(LEASES)

    def attached(self):
        return self.dice.choice(LEASES) if self.hashes else self.lease()


# --- keys -----------------------------------------------------------------------------------------

def some_span(world):
    """One key, some, or most."""
    if world.dice.random() < 0.4:
        return {"key": world.dice.choice([b"\x00", b"a"]),
                "range_end": world.dice.choice([b"\x00", b"\xff\xff"])}
    return {**world.key(), **world.end()}


def some_range(world):
    dice = world.dice
    bounds = {}
    for name in ("min_mod_revision", "max_mod_revision", "min_create_revision",
                 "max_create_revision"):
        bounds |= world.maybe(0.12, name, world.some_revision())
    return {**some_span(world), **world.maybe(0.3, "limit", dice.randrange(-1, 5)),
            **world.maybe(0.3, "revision", world.some_revision()),
            **world.maybe(0.4, "sort_order", dice.randrange(3)),
            **world.maybe(0.4, "sort_target", dice.randrange(5)),
            **world.maybe(0.2, "serializable", 1), **world.maybe(0.2, "keys_only", 1),
            **world.maybe(0.1, "count_only", 1), **bounds}


def some_put(world, ignoring=True):
    dice = world.dice
    ignore = 0.1 if ignoring else 0
    return {**world.key(),
            **world.maybe(0.85, "value", dice.choice([b"", b"v", b"w", b"\x00\xff", b"vv"])),
            **world.maybe(0.15, "lease", world.attached()), **world.maybe(0.3, "prev_kv", 1),
            **world.maybe(ignore, "ignore_value", 1), **world.maybe(ignore, "ignore_lease", 1)}


def some_delete(world):
    return {**world.key(), **world.end(), **world.maybe(0.4, "prev_kv", 1)}


TARGETS = ["version", "create_revision", "mod_revision", "value", "lease"]


def some_compare(world):
    """Also with values that the target doesn't take, and with enumerators that don't exist."""
    dice = world.dice
    target = dice.randrange(5)
    member = TARGETS[target] if dice.random() < 0.9 else dice.choice(TARGETS)
    value = {"value": dice.choice([b"", b"v", b"w"]), "lease": world.lease()}.get(
        member, dice.choice([0, 1, 2, world.some_revision()]))
    return {**world.maybe(0.9, "result", dice.choice([0, 1, 2, 3, 3, 7])),
            "target": target if dice.random() < 0.97 else 9,
            **world.key(), **world.maybe(0.9, member, value), **world.end()}


def some_operation(world, depth, kinds):
    kind = world.dice.choice(kinds)
    if kind == "nothing":
        return {}
    # What a nested put costs is counted only by newer versions than those that are asked.
    if kind == "txn" and depth < 3 and world.alarm != 1:
        return {"request_txn": some_txn(world, depth + 1)}
    if kind == "put":
        # etcd dies of a put with ignore_value beside a delete of all keys from one on.
        alone = depth == 0 and not {"delete", "txn"} & set(kinds)
        return {"request_put": some_put(world, ignoring=alone)}
    if kind == "delete":
        return {"request_delete_range": some_delete(world)}
    return {"request_range": some_range(world)}


def some_txn(world, depth=0):
    dice = world.dice
    kinds = dice.choice([["range"], ["range", "put"], ["range", "put", "delete"],
                         ["range", "put", "delete", "txn"], ["range", "txn"], ["put", "txn"]])
    if depth == 0 and dice.random() < 0.02:
        kinds = [*kinds, "nothing"]
    compares = [some_compare(world) for _ in range(dice.choice([0, 0, 1, 1, 2]))]
    if depth == 0 and dice.random() < 0.01:
        compares *= dice.choice([64, 128, 129])

    def branch():
        return [some_operation(world, depth, kinds)
                for _ in range(dice.choice([0, 1, 1, 2, 2, 3]))]
    return {"compare": compares, "success": branch(), "failure": branch()}


def some_compaction(world):
    return {**world.maybe(0.95, "revision", world.some_revision()),
            **world.maybe(0.5, "physical", 1)}


# --- leases ---------------------------------------------------------------------------------------

def some_grant(world):
    # Longer than a seed takes on any machine: none ends by itself.
    ttl = world.dice.choice([3600, 5000, 10_000, 9_000_000_000, 9_000_000_001, 1 << 62])
    return {"TTL": ttl, **world.maybe(0.7, "ID", world.dice.choice(LEASES))}


def some_lease(world):
    return {"ID": world.lease() if world.dice.random() < 0.95 else 0}


def some_time_to_live(world):
    return {**some_lease(world), **world.maybe(0.6, "keys", 1)}


# --- users ----------------------------------------------------------------------------------------

def some_name(world, names):
    """Mostly of a few; now and then of nobody, or empty."""
    return world.dice.choice(names) if world.dice.random() < 0.96 else ""


def some_user_add(world):
    dice = world.dice
    if dice.random() < 0.15:
        return {"name": some_name(world, USERS), "options": {"no_password": 1}}
    return {"name": some_name(world, USERS), "password": dice.choice(PASSWORDS),
            **world.maybe(0.2, "options", {})}


def some_user(world):
    return {"name": some_name(world, USERS[1:] if world.dice.random() < 0.9 else ["root", "x"])}


def some_password(world):
    return {**some_user(world), "password": world.dice.choice(PASSWORDS)}


def some_login(world):
    return {"name": some_name(world, [*USERS, "x"]), "password": world.dice.choice(
        ["pw", "pw", "pw", "other", ""])}


def some_user_role(world):
    return {"user": some_name(world, USERS), "role": some_name(world, ROLES)}


def some_revoked_role(world):
    return {"name": some_name(world, USERS[1:] if world.dice.random() < 0.9 else ["root"]),
            "role": some_name(world, ROLES)}


def some_role_name(world):
    return {"name": some_name(world, ROLES)}


def some_role(world):
    # What the role of root's is told to have differs since 3.6; the table's script asks for it.
    return {"role": some_name(world, ROLES[1:])}


def some_deleted_role(world):
    return {"role": some_name(world, ROLES)}


def some_permission(world):
    if world.dice.random() < 0.05:
        return {"name": some_name(world, ROLES)}
    return {"name": some_name(world, ROLES[1:]),
            "perm": {"permType": world.dice.randrange(3), **world.key(), **world.end(0.6)}}


def some_revoked_permission(world):
    return {"role": some_name(world, ROLES[1:]), **world.key(), **world.end(0.6)}


# --- operators ------------------------------------------------------------------------------------

def some_alarm(world):
    """Of one type in a seed: etcd 3.5 forgets the other one when it disarms one."""
    dice = world.dice
    return {"action": dice.choice([0, 1, 2, 2]), "memberID": dice.choice([OWN, *STRANGERS]),
            "alarm": world.alarm}


def some_alarm_question(world):
    return {"action": 0, **world.maybe(0.5, "memberID", world.dice.choice([OWN, 77])),
            "alarm": world.dice.choice([0, 1, 2])}


def some_member_question(world):
    return world.maybe(0.5, "linearizable", 1)


def some_member(world):
    return {"ID": world.dice.choice([ADDED, ADDED, 77])}


def some_urls(world):
    # No voter: etcd's only member would lose its quorum.
    return {"peerURLs": [world.dice.choice(["http://127.0.0.1:9", "http://127.0.0.1:7", "x", ""])]}


def some_new_member(world):
    return {**some_urls(world), "isLearner": 1}


def some_other_urls(world):
    # Of nobody: etcd 3.5.30 gives a learner a vote by it, and dies of what is no URL.
    return {"ID": 77, "peerURLs": [world.dice.choice(["http://127.0.0.1:9", "http://127.0.0.1:7"])]}


def some_transferee(_):
    return {"targetID": 77}


def some_downgrade(world):
    return {"action": world.dice.randrange(2), "version": world.dice.choice(["", "x", "1.0"])}


def some_hash(world):
    return {"revision": world.some_revision() if world.dice.random() < 0.7 else 0}


def nothing(_):
    return {}


LOCKS, VALUES = [b"l", b"m"], [b"x", b"y"]


def some_lock(world):
    """What others hold is waited for, until the call's deadline."""
    return {"name": world.dice.choice(LOCKS), "lease": world.dice.choice(LEASES[:3])}


def some_unlock(world):
    return {"key": world.dice.choice(LOCKS) + b"/%x" % world.dice.choice(LEASES[:3])}


def some_campaign(world):
    return {**some_lock(world), "value": world.dice.choice(VALUES)}


def some_leader_key(world):
    """Mostly of nobody: its revision must be right."""
    lock = some_lock(world)
    return {"leader": {"name": lock["name"], "key": lock["name"] + b"/%x" % lock["lease"],
                       "rev": world.some_revision(), "lease": lock["lease"]}}


def some_proclamation(world):
    leader = some_leader_key(world) if world.dice.random() < 0.9 else {}
    return {**leader, "value": world.dice.choice(VALUES)}


def some_election(world):
    return {"name": world.dice.choice(LOCKS)}


# {kind: [(RPC, what draws its request, how often)]}
PLANS = {
    "keys": [("Range", some_range, 6), ("Txn", some_txn, 8), ("Put", some_put, 8),
             ("DeleteRange", some_delete, 2), ("Compact", some_compaction, 0.6)],
    "leases": [("LeaseGrant", some_grant, 5), ("LeaseRevoke", some_lease, 2),
               ("LeaseKeepAlive", some_lease, 3), ("LeaseTimeToLive", some_time_to_live, 4),
               ("LeaseLeases", nothing, 2)],
    "users": [("UserAdd", some_user_add, 4), ("UserGet", some_user, 3), ("UserList", nothing, 1),
              ("UserDelete", some_user, 1), ("UserChangePassword", some_password, 1.5),
              ("UserGrantRole", some_user_role, 5), ("UserRevokeRole", some_revoked_role, 1),
              ("RoleAdd", some_role_name, 4), ("RoleGet", some_role, 3), ("RoleList", nothing, 1),
              ("RoleDelete", some_deleted_role, 0.7), ("RoleGrantPermission", some_permission, 7),
              ("RoleRevokePermission", some_revoked_permission, 2), ("AuthStatus", nothing, 1),
              ("Authenticate", some_login, 5), ("AuthEnable", nothing, 2),
              ("AuthDisable", nothing, 0.5)],
    "operators": [("Alarm", some_alarm, 4), ("Alarm", some_alarm_question, 3),
                  ("Status", nothing, 3), ("Defragment", nothing, 0.3), ("Hash", nothing, 1),
                  ("HashKV", some_hash, 4), ("MoveLeader", some_transferee, 1),
                  ("Downgrade", some_downgrade, 1), ("MemberList", some_member_question, 2),
                  ("Snapshot", nothing, 0.3), ("Check", nothing, 1)],
    "members": [("MemberAdd", some_new_member, 3), ("MemberRemove", some_member, 2),
                ("MemberUpdate", some_other_urls, 2), ("MemberPromote", some_member, 2),
                ("MemberList", some_member_question, 3)],
    "locks": [("LeaseGrant", some_grant, 2), ("LeaseRevoke", some_lease, 1),
              ("Lock", some_lock, 2), ("Unlock", some_unlock, 6), ("Campaign", some_campaign, 2),
              ("Leader", some_election, 3), ("Proclaim", some_proclamation, 2),
              ("Resign", some_leader_key, 2)],
}


def some_request(world, kinds):
    """(RPC, request); `kinds` says how often each kind comes."""
    kind = world.dice.choices(list(kinds), list(kinds.values()))[0]
    rows = [row for row in PLANS[kind] if (row[0] != "HashKV" or world.hashes)
            and (row[1] != some_alarm or world.alarms)]
    rpc, draw, _ = world.dice.choices(rows, [row[2] for row in rows])[0]
    return rpc, draw(world)


# --- watches --------------------------------------------------------------------------------------

def some_create(world):
    dice = world.dice
    start = 0
    if dice.random() < 0.5:
        start = dice.randrange(0, 2) if dice.random() < 0.1 else dice.randrange(
            max(1, world.compacted - 2), max(1, world.compacted - 2, world.revision) + 4)
    return {"create_request": {
        "key": dice.choice([b"a", b"ab", b"b", b"c", b"\x00", b"\xff"]),
        "range_end": dice.choice([b"", b"", b"\x00", b"b", b"c", b"\xff\xff"]),
        "start_revision": start, "progress_notify": int(dice.random() < 0.3),
        "filters": bytes(dice.sample([0, 1], dice.choice([0, 0, 0, 1, 1, 2]))),
        "prev_kv": int(dice.random() < 0.5), "watch_id": dice.choice([0, 0, 0, 1, 2, 5, -7]),
        "fragment": int(dice.random() < 0.3)}}


def some_cancel(world):
    return {"cancel_request": {"watch_id": world.dice.choice([0, 1, 2, 5, -7, 99])}}
