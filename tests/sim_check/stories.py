"""Histories written by hand: what a store may and may not do, one story per claim.

A plain story is a text, one call per line, each by a process of its own:
  0-5 write 1      from instant 0 to instant 5, answered
  0- write 1       it never ended; 0~5: at 5 its process lost touch; 0!5: at 5 it certainly failed
  6-9 read[x] 1    under the key x
"""
import re

ALL = []
L, I = True, False


def word(text):
    return None if text == "null" else int(text) if text.lstrip("-").isdigit() else text


def call(line):
    match = re.fullmatch(r"(\d+)([-~!])(\d*) (\w+)(?:\[(\w+)\])? ?(.*)", line.strip())
    begin, how, end, function, key, rest = match.groups()
    words = [word(w) for w in rest.split()]
    out = {"from": int(begin), "to": int(end) if end else None, "f": function, "asked": {},
           "type": {"-": "ok", "~": "info", "!": "fail"}[how] if end else "info", "told": {}}
    if key:
        out["asked"]["key"] = key
    if function in ("read", "dequeue"):
        if out["type"] == "ok":
            out["told"]["value"] = words[0] if words else None
    elif function == "cas":
        out["asked"]["value"] = words[:2]
        if words[2:] == ["no"]:
            out["told"]["swapped"] = False
    elif function != "delete":
        out["asked"]["value"] = words[0]
    return out


def story(model, name, legal, why, text, initial=None):
    calls = [call(line) for line in text.strip().splitlines()]
    if model == "set":
        for line, one in zip(text.strip().splitlines(), calls):
            if one["f"] == "read" and one["type"] == "ok":
                one["told"]["value"] = [word(w) for w in line.split()[2:]]
    ALL.append({"model": model, "name": name, "legal": legal, "why": why, "calls": calls,
                "initial": {"": initial} if initial is not None else {}})


def register(name, legal, why, text, initial=None):
    story("register", name, legal, why, text, initial)


register("a read after a write", L, "it gets what was written", "0-5 write 1\n6-9 read 1")
register("stale read", I, "the write had ended", "0-5 write 1\n6-9 read null")
register("stale read by one", I, "the second write had ended",
         "0-1 write 1\n2-3 write 2\n4-5 read 1")
register("stale read by one, overlapping", L, "the second write is still under way",
         "0-1 write 1\n2-5 write 2\n4-5 read 1")
register("read at the instant of the end", L, "calls that share an instant overlap",
         "0-5 write 1\n5-9 read null")
register("read of what is written later", I, "nothing is read before it is written",
         "0-5 read 1\n6-9 write 1")
register("read that ends as the write begins", L, "calls that share an instant overlap",
         "0-5 read 1\n5-9 write 1")
register("read of what was never written", I, "3 is nobody's value", "0-5 write 1\n6-9 read 3")
register("read during a write, old", L, "the write may come later", "0-9 write 1\n1-2 read null")
register("read during a write, new", L, "the write may have come", "0-9 write 1\n1-2 read 1")
register("new, then old", I, "once seen, it stays",
         "0-9 write 1\n1-2 read 1\n3-4 read null")
register("old, then new", L, "the write came in between", "0-9 write 1\n1-2 read null\n3-4 read 1")
register("two readers disagree while they overlap", L, "their order is free",
         "0-9 write 1\n1-4 read 1\n2-5 read null")
register("two readers in turn disagree", I, "the second read began after the first had ended",
         "0-20 write 1\n1-4 read 1\n5-8 read null")
register("concurrent writes, either may win", L, "1 came last",
         "0-5 write 1\n0-5 write 2\n6-7 read 1")
register("concurrent writes, seen in both orders", I, "no write came after both reads",
         "0-5 write 1\n0-5 write 2\n6-7 read 1\n8-9 read 2")
register("concurrent writes, seen one after the other", L, "both reads overlap the writes",
         "0-9 write 1\n0-9 write 2\n1-2 read 1\n3-4 read 2\n5-6 read 2")
register("concurrent writes, seen to and fro", I, "1 was overwritten by 2",
         "0-9 write 1\n0-9 write 2\n1-2 read 1\n3-4 read 2\n5-6 read 1")
register("lost update", I, "the second write was acknowledged and never seen",
         "0-1 write 1\n2-3 write 2\n4-5 read 1\n6-7 read 1")
register("aborted write is read", I, "it certainly failed", "0!5 write 1\n6-9 read 1")
register("aborted write is not read", L, "it certainly failed", "0!5 write 1\n6-9 read null")
register("unknown write took effect", L, "nobody knows", "0~5 write 1\n6-9 read 1")
register("unknown write took no effect", L, "nobody knows", "0~5 write 1\n6-9 read null")
register("unknown write took effect late", L, "even after its client gave up",
         "0~5 write 1\n6-9 read null\n10-12 read 1")
register("unknown write took effect and went", I, "it can't be undone",
         "0~5 write 1\n6-9 read 1\n10-12 read null")
register("unknown write took effect before it began", I, "it began too late",
         "10~15 write 1\n6-9 read 1")
register("unknown write comes between two others", L, "it overlaps everything after its begin",
         "0- write 3\n1-2 write 1\n3-4 read 3\n5-6 write 2\n7-8 read 2")
register("unknown write takes effect twice", I, "one call has one effect",
         "0- write 3\n1-2 write 1\n3-4 read 3\n5-6 write 2\n7-8 read 3")
register("two unknown writes explain two reads", L, "each once",
         "0- write 3\n0- write 3\n1-2 write 1\n3-4 read 3\n5-6 write 2\n7-8 read 3")
register("begins with a value", L, "the initial value is read", "0-1 read 7", initial=7)
register("begins with another value", I, "nobody wrote 8", "0-1 read 8", initial=7)
register("a write by the same value again", L, "between others, the same value comes back",
         "0-1 write 1\n2-9 write 2\n2-9 write 1\n3-4 read 2\n10-11 read 1")


def cas(name, legal, why, text, initial=None):
    story("cas-register", name, legal, why, text, initial)


cas("swap", L, "it expected what was there", "0-1 write 1\n2-3 cas 1 2\n4-5 read 2")
cas("swap of what isn't there", I, "it held 1", "0-1 write 1\n2-3 cas 5 2\n4-5 read 2")
cas("two swaps of one value", I, "the first took it away",
    "0-1 write 1\n2-9 cas 1 2\n2-9 cas 1 3")
cas("two swaps in a chain", L, "1 to 2 to 3", "0-1 write 1\n2-9 cas 1 2\n2-9 cas 2 3\n10-11 read 3")
cas("two swaps in a circle", L, "1 to 2 to 1", "0-1 write 1\n2-9 cas 1 2\n2-9 cas 2 1\n10-11 read 1")
cas("the losing swap says so", L, "only one can win",
    "0-1 write 1\n2-9 cas 1 2\n2-9 cas 1 3 no\n10-11 read 2")
cas("the losing swap took effect", I, "it had not found what it expected",
    "0-1 write 1\n2-9 cas 1 2\n2-9 cas 1 3 no\n10-11 read 3")
cas("both swaps lose", I, "the register held 1 all the time",
    "0-1 write 1\n2-9 cas 1 2 no\n2-9 cas 1 3 no")
cas("a losing swap after it was there", I, "nothing else wrote", "0-1 write 1\n2-3 cas 1 2 no")
cas("unknown swap took effect", L, "nobody knows", "0-1 write 1\n2~3 cas 1 2\n4-5 read 2")
cas("unknown swap can't take effect", I, "it never held 5", "0-1 write 1\n2~3 cas 5 2\n4-5 read 2")
cas("unknown swap took effect late", L, "only when it held 5",
    "0-1 write 1\n2~3 cas 5 2\n4-5 read 1\n6-7 write 5\n8-9 read 2")
cas("swap of nothing", L, "null is what it holds first", "0-1 cas null 1\n2-3 read 1")
cas("swap of an old value", I, "a write came in between",
    "0-1 write 1\n2-3 write 2\n4-5 cas 1 3")
cas("swap by an unknown write's value", L, "so the write took effect",
    "0~1 write 1\n2-3 cas 1 2\n4-5 read 2")
cas("failed swap took effect", I, "it certainly failed", "0-1 write 1\n2!3 cas 1 2\n4-5 read 2")


def kv(name, legal, why, text):
    story("kv", name, legal, why, text)


kv("keys are apart", L, "each has its own value", "0-1 write[x] 1\n2-3 write[y] 2\n4-5 read[x] 1")
kv("another key's value", I, "2 was written to y", "0-1 write[x] 1\n2-3 write[y] 2\n4-5 read[x] 2")
kv("deleted key is gone", L, "null is nothing", "0-1 write[x] 1\n2-3 delete[x]\n4-5 read[x] null")
kv("deleted key resurrected", I, "the delete had ended",
   "0-1 write[x] 1\n2-3 delete[x]\n4-5 read[x] 1")
kv("deleted key, seen while it goes", L, "the delete is under way",
   "0-1 write[x] 1\n2-9 delete[x]\n4-5 read[x] 1")
kv("unknown delete, gone and back", I, "nobody wrote it again",
   "0-1 write[x] 1\n2~3 delete[x]\n4-5 read[x] null\n6-7 read[x] 1")
kv("two keys, crosswise stale", I, "each read is older than a write that had ended",
   "0-1 write[x] 1\n0-1 write[y] 1\n2-3 read[x] null\n2-3 read[y] 1")
kv("two keys, each right by itself", L, "registers are judged one by one",
   "0-9 write[x] 1\n0-9 write[y] 1\n1-2 read[x] 1\n3-4 read[y] null\n5-6 read[y] 1")
kv("swap of a deleted key", L, "null is what a deleted key holds",
   "0-1 write[x] 1\n2-3 delete[x]\n4-5 cas[x] null 2\n6-7 read[x] 2")


def sets(name, legal, why, text):
    story("set", name, legal, why, text)


sets("empty", L, "nothing was added", "0-1 read")
sets("added", L, "it is there", "0-1 add 1\n2-3 add 2\n4-5 read 1 2")
sets("order of the answer", L, "a set has none", "0-1 add 1\n2-3 add 2\n4-5 read 2 1")
sets("lost element", I, "2 was acknowledged", "0-1 add 1\n2-3 add 2\n4-5 read 1")
sets("element of nobody", I, "3 was never added", "0-1 add 1\n2-3 read 1 3")
sets("element twice", I, "a set holds it once", "0-1 add 1\n2-3 read 1 1")
sets("added while it is read", L, "it may or may not be seen", "0-9 add 1\n1-2 read\n3-4 read 1")
sets("seen, then lost", I, "it was there", "0-9 add 1\n1-2 read 1\n3-4 read")
sets("two readers, crosswise", I, "one must come first", "0-9 add 1\n0-9 add 2\n1-4 read 1\n1-4 read 2")
sets("two readers, nested", L, "2 came after 1", "0-9 add 1\n0-9 add 2\n1-4 read 1\n1-4 read 1 2")
sets("unknown add is seen late", L, "nobody knows", "0~1 add 1\n2-3 read\n4-5 read 1")
sets("unknown add is seen and lost", I, "nobody removed it", "0~1 add 1\n2-3 read 1\n4-5 read")
sets("failed add is seen", I, "it certainly failed", "0!1 add 1\n2-3 read 1")
sets("removed", L, "it is gone", "0-1 add 1\n2-3 remove 1\n4-5 read")
sets("removed and still there", I, "the removal had ended", "0-1 add 1\n2-3 remove 1\n4-5 read 1")
sets("added again", L, "adding again changes nothing", "0-1 add 1\n2-3 add 1\n4-5 read 1")


def queue(name, legal, why, text):
    story("queue", name, legal, why, text)


queue("first in, first out", L, "in order",
      "0-1 enqueue 1\n2-3 enqueue 2\n4-5 dequeue 1\n6-7 dequeue 2")
queue("out of order", I, "1 came first", "0-1 enqueue 1\n2-3 enqueue 2\n4-5 dequeue 2")
queue("out of order, concurrent", L, "2 may have come first",
      "0-5 enqueue 1\n2-3 enqueue 2\n6-7 dequeue 2\n8-9 dequeue 1")
queue("taken out twice", I, "it is there once", "0-1 enqueue 1\n2-3 dequeue 1\n4-5 dequeue 1")
queue("put in twice, taken out twice", L, "two calls put it in",
      "0-1 enqueue 1\n2-3 enqueue 1\n4-5 dequeue 1\n6-7 dequeue 1")
queue("taken out by both", I, "they overlap, but there is one",
      "0-1 enqueue 1\n2-5 dequeue 1\n2-5 dequeue 1")
queue("empty", L, "nothing was put in", "0-1 dequeue null\n2-3 enqueue 1")
queue("empty, though it isn't", I, "1 was acknowledged", "0-1 enqueue 1\n2-3 dequeue null")
queue("empty while it fills", L, "the enqueue is under way", "0-5 enqueue 1\n2-3 dequeue null")
queue("never put in", I, "3 is nobody's", "0-1 enqueue 1\n2-3 dequeue 3")
queue("taken out before it is put in", I, "it began later", "0-1 dequeue 1\n2-3 enqueue 1")
queue("unknown enqueue comes out", L, "nobody knows", "0~1 enqueue 1\n2-3 dequeue 1")
queue("unknown enqueue never comes out", L, "nobody knows",
      "0~1 enqueue 1\n2-3 enqueue 2\n4-5 dequeue 2\n6-7 dequeue null")
queue("unknown enqueue comes out twice", I, "one call has one effect",
      "0~1 enqueue 1\n2-3 dequeue 1\n4-5 dequeue 1")
queue("unknown dequeue took the first", L, "1 may have gone to it",
      "0-1 enqueue 1\n2-3 enqueue 2\n4~5 dequeue\n6-7 dequeue 2")
queue("unknown dequeue took two", I, "it takes at most one",
      "0-1 enqueue 1\n2-3 enqueue 2\n4-5 enqueue 3\n6~7 dequeue\n8-9 dequeue 3")
queue("failed enqueue comes out", I, "it certainly failed", "0!1 enqueue 1\n2-3 dequeue 1")

# ---- etcd ----------------------------------------------------------------------------------------


def kv_of(key, value, create, mod, version):
    return {"key": key, "value": value, "create_revision": create, "mod_revision": mod,
            "version": version, "lease": 0}


def at(begin, end, function, asked, told=None, kind=None):
    out = {"from": begin, "to": end, "f": function, "asked": {"value": asked}}
    out["type"] = kind or ("ok" if told is not None else "info")
    if out["type"] == "fail":
        out["told"] = {"error": told}
    elif told is not None:
        out["told"] = {"value": told}
    return out


def put(begin, end, key, value, revision=None, **more):
    asked = {"key": key, "value": value}
    asked.update({"prev_kv": True} if "prev_kv" in more else {})
    told = None if revision is None else dict(revision=revision, **more)
    return at(begin, end, "put", asked, told)


def get(begin, end, key, revision, /, *kvs, **asked):
    return at(begin, end, "range", dict(key=key, **asked),
              {"revision": revision, "count": len(kvs), "more": False, "kvs": list(kvs)})


def delete(begin, end, key, revision=None, deleted=None, **asked):
    told = None if revision is None else {"revision": revision, "deleted": deleted}
    return at(begin, end, "delete_range", dict(key=key, **asked), told)


def create(begin, end, key, value, told=None):
    """If the key isn't there: put it, else get it."""
    return at(begin, end, "txn",
              {"compare": [{"key": key, "target": "VERSION", "result": "EQUAL", "version": 0}],
               "success": [{"request_put": {"key": key, "value": value}}],
               "failure": [{"request_range": {"key": key}}]}, told)


def created(revision):
    return {"revision": revision, "succeeded": True,
            "responses": [{"response_put": {"revision": revision}}]}


def found(revision, *kvs):
    return {"revision": revision, "succeeded": False,
            "responses": [{"response_range": {"revision": revision, "kvs": list(kvs)}}]}


COMPACTED = "etcdserver: mvcc: required revision has been compacted"
FUTURE = "etcdserver: mvcc: required revision is a future revision"


def compact(begin, end, revision, told=None):
    return at(begin, end, "compact", {"revision": revision}, told)


def refused(begin, end, key, revision, error):
    return at(begin, end, "range", {"key": key, "revision": revision}, error, "fail")


def etcd(name, legal, why, *calls):
    ALL.append({"model": "etcd", "name": name, "legal": legal, "why": why, "calls": list(calls)})


A1, A2 = kv_of("a", "1", 2, 2, 1), kv_of("a", "2", 2, 3, 2)
B2 = kv_of("b", "2", 3, 3, 1)

etcd("put and get", L, "as it is", put(0, 1, "a", "1", 2), get(2, 3, "a", 2, A1))
etcd("stale read by revision", I, "the write had ended", put(0, 1, "a", "1", 2), get(2, 3, "a", 1))
etcd("stale read by one revision", I, "the second write had ended",
     put(0, 1, "a", "1", 2), put(2, 3, "a", "2", 3), get(4, 5, "a", 2, A1))
etcd("read of the time before, while it is written", L, "they overlap",
     put(0, 5, "a", "1", 2), get(2, 3, "a", 1))
etcd("serializable read of the past", L, "it may be old",
     put(0, 1, "a", "1", 2), put(2, 3, "a", "2", 3), get(4, 5, "a", 2, A1, serializable=True))
etcd("serializable read of no past", I, "at revision 2 it was 1",
     put(0, 1, "a", "1", 2), put(2, 3, "a", "2", 3),
     get(4, 5, "a", 2, kv_of("a", "2", 2, 2, 1), serializable=True))
etcd("serializable read of the future", I, "the write began after the read had ended",
     get(0, 1, "a", 2, A1, serializable=True), put(2, 3, "a", "1", 2))
etcd("revision gap", I, "nobody made revision 3",
     put(0, 1, "a", "1", 2), put(2, 3, "a", "2", 4))
etcd("revision gap that an unknown write fills", L, "the write without an answer made revision 3",
     put(0, 1, "a", "1", 2), put(0, 5, "b", "2"), put(6, 7, "a", "2", 4))
etcd("revision gap that an unknown write can't fill", I, "it began after revision 4 was told",
     put(0, 1, "a", "1", 2), put(2, 3, "a", "2", 4), put(6, None, "b", "2"))
etcd("revision twice", I, "each write has its own",
     put(0, 1, "a", "1", 2), put(2, 3, "a", "2", 2))
etcd("revisions against real time", I, "the later write got the earlier revision",
     put(0, 1, "a", "1", 3), put(2, 3, "a", "2", 2))
etcd("revisions of concurrent writes", L, "either may come first",
     put(0, 3, "a", "1", 3), put(0, 3, "a", "2", 2))
etcd("first revision skipped", I, "an empty store is at 1", put(0, 1, "a", "1", 3))
etcd("unknown write seen by its revision", L, "it took effect",
     put(0, 1, "a", "1"), get(2, 3, "a", 2, A1))
etcd("unknown write applied twice", I, "one call has one effect",
     put(0, 1, "a", "1"), get(2, 3, "a", 3, kv_of("a", "1", 2, 3, 2)))
etcd("unknown write took effect late", L, "after its client gave up",
     put(0, 1, "a", "1"), get(2, 3, "a", 1), get(4, 5, "a", 2, A1))
etcd("unknown write never took effect", L, "nobody knows",
     put(0, 1, "a", "1"), get(2, 3, "a", 1), put(4, 5, "b", "2", 2))
etcd("two unknown writes, told apart by a read", L, "the one of 2 came first",
     put(0, None, "a", "1"), put(0, None, "a", "2"), get(4, 5, "a", 2, kv_of("a", "2", 2, 2, 1)),
     get(6, 7, "a", 3, kv_of("a", "1", 2, 3, 2)))
etcd("two unknown writes, seen in both orders", I, "a write happens once",
     put(0, None, "a", "1"), put(0, None, "a", "2"), get(4, 5, "a", 2, kv_of("a", "2", 2, 2, 1)),
     get(6, 7, "a", 2, A1))
etcd("acknowledged write lost", I, "the put of 2 was answered",
     put(0, 1, "a", "1", 2), put(2, 3, "a", "2", 3), get(4, 5, "a", 3, A1))
etcd("wrong version", I, "it was written once", put(0, 1, "a", "1", 2),
     get(2, 3, "a", 2, kv_of("a", "1", 2, 2, 2)))
etcd("wrong create revision", I, "it was created by the first write",
     put(0, 1, "a", "1", 2), put(2, 3, "a", "2", 3), get(4, 5, "a", 3, kv_of("a", "2", 3, 3, 2)))
etcd("prev_kv", L, "what was there", put(0, 1, "a", "1", 2), put(2, 3, "a", "2", 3, prev_kv=A1))
etcd("prev_kv of nothing", L, "nothing was there", put(0, 1, "a", "1", 2, prev_kv=None))
etcd("prev_kv missing", I, "something was there",
     put(0, 1, "a", "1", 2), put(2, 3, "a", "2", 3, prev_kv=None))
etcd("prev_kv of another value", I, "it held 1", put(0, 1, "a", "1", 2),
     put(2, 3, "a", "2", 3, prev_kv=kv_of("a", "9", 2, 2, 1)))
etcd("deleted and gone", L, "it is gone", put(0, 1, "a", "1", 2), delete(2, 3, "a", 3, 1),
     get(4, 5, "a", 3))
etcd("deleted key resurrected in etcd", I, "the delete had ended", put(0, 1, "a", "1", 2),
     delete(2, 3, "a", 3, 1), get(4, 5, "a", 3, A1))
etcd("deleted, then created anew", L, "it begins again", put(0, 1, "a", "1", 2),
     delete(2, 3, "a", 3, 1), put(4, 5, "a", "1", 4), get(6, 7, "a", 4, kv_of("a", "1", 4, 4, 1)))
etcd("deleted, then goes on", I, "a key begins again after a delete", put(0, 1, "a", "1", 2),
     delete(2, 3, "a", 3, 1), put(4, 5, "a", "1", 4), get(6, 7, "a", 4, kv_of("a", "1", 2, 4, 2)))
etcd("deleting nothing makes no revision", L, "nothing was there",
     delete(0, 1, "a", 1, 0), put(2, 3, "a", "1", 2))
etcd("deleting nothing made a revision", I, "nothing was there",
     delete(0, 1, "a", 2, 0), put(2, 3, "a", "1", 3))
etcd("deleted counts what was there", I, "there were two keys",
     put(0, 1, "a", "1", 2), put(2, 3, "b", "2", 3), delete(4, 5, "a", 4, 1, range_end="c"))
etcd("range over two keys", L, "both are there", put(0, 1, "a", "1", 2), put(2, 3, "b", "2", 3),
     get(4, 5, "a", 3, A1, B2, range_end="c"))
etcd("range misses a key", I, "both were acknowledged", put(0, 1, "a", "1", 2),
     put(2, 3, "b", "2", 3), get(4, 5, "a", 3, B2, range_end="c"))
etcd("range in another order", I, "keys come sorted", put(0, 1, "a", "1", 2),
     put(2, 3, "b", "2", 3), get(4, 5, "a", 3, B2, A1, range_end="c"))
etcd("range of two instants", I, "revision 2 had only a", put(0, 9, "a", "1", 2),
     put(0, 9, "b", "2", 3), get(1, 2, "a", 2, A1, B2, range_end="c"))
etcd("read of an old revision", L, "history is kept", put(0, 1, "a", "1", 2),
     put(2, 3, "a", "2", 3), get(4, 5, "a", 3, A1, revision=2))
etcd("read of an old revision, changed", I, "history doesn't change", put(0, 1, "a", "1", 2),
     put(2, 3, "a", "2", 3), get(4, 5, "a", 3, A2, revision=2))
etcd("future revision refused", L, "it isn't there yet", put(0, 1, "a", "1", 2),
     refused(2, 3, "a", 3, FUTURE))
etcd("present revision refused as future", I, "it is there", put(0, 1, "a", "1", 2),
     refused(2, 3, "a", 2, FUTURE))
etcd("compacted revision refused", L, "it is compacted", put(0, 1, "a", "1", 2),
     put(2, 3, "a", "2", 3), compact(4, 5, 3, {"revision": 3}), refused(6, 7, "a", 2, COMPACTED))
etcd("compacted revision answered", I, "it is compacted", put(0, 1, "a", "1", 2),
     put(2, 3, "a", "2", 3), compact(4, 5, 3, {"revision": 3}), get(6, 7, "a", 3, A1, revision=2))
etcd("compacted revision answered while it is compacted", L, "they overlap",
     put(0, 1, "a", "1", 2), put(2, 3, "a", "2", 3), compact(4, 7, 3, {"revision": 3}),
     get(5, 6, "a", 3, A1, revision=2))
etcd("refused as compacted, though nobody compacted", I, "no compaction began before it ended",
     put(0, 1, "a", "1", 2), put(2, 3, "a", "2", 3), refused(4, 5, "a", 2, COMPACTED),
     compact(6, 7, 3, {"revision": 3}))
etcd("refused as compacted by an unknown compaction", L, "it may have taken effect",
     put(0, 1, "a", "1", 2), put(2, 3, "a", "2", 3), compact(4, 5, 3),
     refused(6, 7, "a", 2, COMPACTED))
etcd("compacted, then not compacted", I, "a compaction isn't undone", put(0, 1, "a", "1", 2),
     put(2, 3, "a", "2", 3), compact(4, 5, 3), refused(6, 7, "a", 2, COMPACTED),
     get(8, 9, "a", 3, A1, revision=2))
etcd("compacted revision itself is readable", L, "only what is before goes",
     put(0, 1, "a", "1", 2), put(2, 3, "a", "2", 3), compact(4, 5, 3, {"revision": 3}),
     get(6, 7, "a", 3, A2, revision=3))
etcd("compacted twice", I, "the second must be refused", put(0, 1, "a", "1", 2),
     compact(2, 3, 2, {"revision": 2}), compact(4, 5, 2, {"revision": 2}))
etcd("creators race, one finds the other", L, "one wins",
     create(0, 9, "a", "1", created(2)), create(0, 9, "a", "2", found(2, A1)))
etcd("creators race, both win", I, "the second must find the first",
     create(0, 9, "a", "1", created(2)), create(0, 9, "a", "2", created(3)))
etcd("creators race, the loser finds nothing", I, "it lost against something",
     create(0, 9, "a", "1", created(2)), create(0, 9, "a", "2", found(2)))
etcd("creators race, both lose", I, "then nobody made it",
     create(0, 9, "a", "1", found(1)), create(0, 9, "a", "2", found(1)))
etcd("creator wins, an unknown one loses", L, "the unknown one found it there",
     create(0, 9, "a", "1", created(2)), create(0, 9, "a", "2"), get(10, 11, "a", 2, A1))
etcd("wrong branch", I, "the key was there", put(0, 1, "a", "1", 2),
     create(2, 3, "a", "2", created(3)))
etcd("a transaction that reads makes no revision", I, "it only read", put(0, 1, "a", "1", 2),
     create(2, 3, "a", "2", found(3, A1)))
etcd("answers with little written down", L, "what isn't written down isn't judged",
     at(0, 1, "put", {"key": "a", "value": "1"}, {}),
     at(2, 3, "range", {"key": "a"}, {"kvs": [{"value": "1"}]}))
etcd("answers with little written down, stale", I, "the write had ended",
     at(0, 1, "put", {"key": "a", "value": "1"}, {}),
     at(2, 3, "range", {"key": "a"}, {"kvs": []}))
etcd("answers without revisions, either order", L, "the writes overlap",
     at(0, 3, "put", {"key": "a", "value": "1"}, {}), at(0, 3, "put", {"key": "a", "value": "2"}, {}),
     at(4, 5, "range", {"key": "a"}, {"kvs": [{"value": "1", "version": 2}]}))
etcd("answers without revisions, a lost update", I, "two writes make version 2",
     at(0, 3, "put", {"key": "a", "value": "1"}, {}), at(0, 3, "put", {"key": "a", "value": "2"}, {}),
     at(4, 5, "range", {"key": "a"}, {"kvs": [{"value": "1", "version": 1}]}))
