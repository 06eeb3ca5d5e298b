"""Requests that bring every known difference about, whatever the seeds draw. Those after which etcd
and detcd hold different things come last, each on its own."""

from servers import Stream, summary


def ask_all(side, user, *requests):
    for rpc, request in requests:
        side.ask(rpc, request, user)


def with_users(side):
    """Root, a user without rights, and users asked for; all logged in."""
    for user in ("root", "u1"):
        side.ask("UserAdd", {"name": user, "password": "pw"})
    side.ask("UserGrantRole", {"user": "root", "role": "root"})
    side.ask("AuthEnable", {})
    for user in ("root", "u1"):
        side.ask("Authenticate", {"name": user, "password": "pw"})


def before_users(side):
    side.ask("LeaseGrant", {"TTL": 100, "ID": 5})
    for number in range(4):
        side.ask("Put", {"key": b"a", "value": b"%d" % number, "lease": 5})
    side.ask("DeleteRange", {"key": b"a"})
    side.ask("Put", {"key": b"b", "lease": 5})
    keys_only = {"key": b"b", "keys_only": 1}
    side.ask("Range", keys_only)
    side.ask("Txn", {"success": [{"request_range": keys_only}]})
    # 3.4 looks at tokens also while users aren't asked for.
    side.ask("Range", {"key": b"b"}, "x")
    ask_all(side, None, ("Status", {}), ("Snapshot", {}), ("Alarm", {}), ("AuthStatus", {}),
            ("Downgrade", {"action": 0, "version": "x"}), ("HashKV", {"revision": 5}),
            ("Compact", {"revision": 0, "physical": 1}), ("HashKV", {"revision": 0}),
            ("Compact", {"revision": 6, "physical": 1}), ("HashKV", {"revision": 6}),
            ("HashKV", {"revision": 7}))
    from_the_compact_revision(side)
    streams = [Stream(one) for one in side.all]
    for stream in streams:
        stream.ask({"progress_request": {}})
    # Only the oldest answers it.
    streams[-1].wait(lambda told: told)
    told = [{"other": stream.known()} for stream in streams]
    side.compare("Watch", "progress without a watch", told[0], told[1:])
    for stream in streams:
        stream.end()


def from_the_compact_revision(side):
    """At which a key was deleted."""
    streams = [Stream(one) for one in side.all]
    told = []
    for stream in streams:
        stream.ask({"create_request": {"key": b"a", "range_end": b"c", "start_revision": 6}})
        stream.wait(lambda told: any("events" in one for one in told))
        told.append(summary(stream.known()))
        stream.end()
    side.compare("Watch", "from the compact revision on", told[0], told[1:])


def with_users_asked_for(side):
    with_users(side)
    for user in (None, "u1", "x"):
        ask_all(side, user, ("AuthStatus", {}), ("Status", {}), ("Hash", {}), ("HashKV", {}),
                ("Defragment", {}), ("Snapshot", {}), ("LeaseLeases", {}),
                ("LeaseTimeToLive", {"ID": 5}), ("MemberList", {}), ("Alarm", {}),
                ("MoveLeader", {"targetID": 7}))
    side.ask("UserGet", {"name": ""})
    ask_all(side, "root", ("RoleAdd", {"name": "root"}), ("RoleGet", {"role": "root"}))


def then_the_stores_differ(side):
    """What 3.4, or both, allow without rights. Revisions aren't the same from here on."""
    ask_all(side, "root", ("RoleAdd", {"name": "r"}),
            ("RoleGrantPermission", {"name": "r", "perm": {"key": b"b", "range_end": b"a"}}))
    ask_all(side, None, ("LeaseKeepAlive", {"ID": 5}), ("LeaseGrant", {"TTL": 60, "ID": 6}),
            ("LeaseRevoke", {"ID": 6}), ("Compact", {"revision": 7}),
            ("Txn", {"success": [{"request_txn": {"success": [{"request_put": {"key": b"n"}}]}}]}),
            ("Alarm", {"action": 1, "memberID": 77, "alarm": 1}))
    side.ask("Alarm", {"action": 1, "memberID": 77, "alarm": 1}, "root")
    side.ask("Txn", {"success": [{"request_txn": {"success": [{"request_put": {"key": b"m"}}]}}]},
             "root")
    ask_all(side, None, ("UserAdd", {"name": "u2"}), ("DeleteRange", {"key": b"b"}))


def provoke(side):
    before_users(side)
    with_users_asked_for(side)
    then_the_stores_differ(side)
