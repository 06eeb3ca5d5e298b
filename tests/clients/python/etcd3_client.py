"""What users of Python's etcd3 do: gRPC to one member."""

import io
import queue
import time

import etcd3
from checks import ENDPOINTS, PATIENCE, ask, equal, persist, refused, run

clients = [etcd3.client(host, int(port), timeout=10) for host, port in ENDPOINTS]
client = clients[0]
LOST = (etcd3.exceptions.ConnectionFailedError, etcd3.exceptions.ConnectionTimeoutError,
        etcd3.exceptions.InternalServerError)


def keys_and_ranges():
    client.put("keys/a", "1")
    equal(client.put("keys/a", "2", prev_kv=True).prev_kv.value, b"1", "the former value")
    for name in "cbd":
        client.put(f"keys/{name}", name)
    value, about = client.get("keys/a")
    equal((value, about.key, about.version), (b"2", b"keys/a", 2), "what is there")
    equal([about.key for _, about in client.get_prefix("keys/", sort_order="descend")],
          [b"keys/d", b"keys/c", b"keys/b", b"keys/a"], "in order")
    equal(len(list(client.get_range("keys/b", "keys/d"))), 2, "a range")
    equal(client.get("none"), (None, None), "what isn't there")
    equal(client.delete("keys/a"), True, "a deletion")
    equal(client.delete("keys/a"), False, "another one")
    equal(client.delete_prefix("keys/").deleted, 3, "the others")


def transactions():
    equal(client.put_if_not_exists("txn", "1"), True, "the first")
    equal(client.put_if_not_exists("txn", "2"), False, "the second")
    equal(client.replace("txn", "1", "3"), True, "a known value")
    equal(client.replace("txn", "1", "4"), False, "a former one")
    where = client.transactions
    done, answers = client.transaction(
        compare=[where.value("txn") == "3", where.version("txn") > 1, where.create("none") == 0],
        success=[where.put("txn", "5"), where.get("txn")], failure=[where.delete("txn")])
    equal((done, answers[1][0][0]), (True, b"5"), "its own put")


def leases_and_their_keys():
    lease = client.lease(600)
    client.put("leased", "", lease=lease)
    info = client.get_lease_info(lease.id)
    equal((info.grantedTTL, list(info.keys)), (600, [b"leased"]), "what it holds")
    equal(lease.refresh()[0].TTL, 600, "it is kept alive")
    lease.revoke()
    equal(client.get("leased"), (None, None), "its key")
    brief = client.lease(1)
    client.put("leased", "", lease=brief)
    deadline = time.monotonic() + PATIENCE
    while client.get("leased")[0] is not None and time.monotonic() < deadline:
        time.sleep(0.1)
    equal(client.get("leased"), (None, None), "what nobody keeps alive")


def watches():
    events, cancel = client.watch_prefix("watch/", prev_kv=True)
    client.put("watch/a", "1")
    client.put("watch/a", "2")
    client.delete("watch/a")
    got = [next(events) for _ in range(3)]
    equal([(type(one).__name__, one.value, one.prev_value) for one in got],
          [("PutEvent", b"1", b""), ("PutEvent", b"2", b"1"), ("DeleteEvent", b"", b"2")], "events")
    cancel()
    told = queue.Queue()
    watch = client.add_watch_callback("watch/b", told.put, start_revision=got[0].mod_revision)
    client.put("watch/b", "3")
    equal(told.get(timeout=PATIENCE).events[0].value, b"3", "a callback")
    client.cancel_watch(watch)


def compaction():
    client.put("old", "1")
    revision = client.get("old")[1].mod_revision
    client.put("old", "2")
    client.compact(revision + 1, physical=True)
    events, _ = client.watch("old", start_revision=revision)
    refused(etcd3.exceptions.RevisionCompactedError, lambda: next(events), "what is compacted")


def locks():
    with client.lock("one", ttl=20) as held:
        equal(held.is_acquired(), True, "its owner")
        # To wait for it needs a library that no newer Python runs.
        equal(clients[1].lock("one", ttl=20).is_acquired(), False, "another one")
    other = clients[1].lock("one", ttl=20)
    equal((other.acquire(), held.is_acquired()), (True, False), "the next one")
    other.release()


def members_and_maintenance():
    equal(len(list(client.members)), len(ENDPOINTS), "members")
    status = client.status()
    equal((bool(status.version), status.leader is not None, status.db_size > 0),
          (True, True, True), "status")
    equal(list(client.list_alarms()), [], "alarms")
    client.hash()
    client.defragment()
    data = io.BytesIO()
    client.snapshot(data)
    equal(len(data.getvalue()) % 512, 32, "a snapshot and its checksum")


def the_loss_of_a_leader():
    ask("kill")
    for number in range(100):
        persist([lambda one=one, number=number: one.put(f"survival/{number}", str(number))
                 for one in clients], LOST, "a put")
    rows = persist([lambda one=one: list(one.get_prefix("survival/")) for one in clients], LOST,
                   "a range")
    equal(len(rows), 100, "what is there")
    ask("restart")
    for one in clients:
        equal(len(persist([lambda one=one: list(one.get_prefix("survival/"))], LOST, "a range")),
              100, "what each has")


run(keys_and_ranges, transactions, leases_and_their_keys, watches, compaction, locks,
    members_and_maintenance, the_loss_of_a_leader)
