"""Where etcd and detcd answer differently, and why: each row names the version of etcd, the RPC,
the field, and the section of the inventory of etcd's facts (ETCD.md) that says so. A difference
that no row explains fails the comparison, and so does a row that explains none any more."""

import collections
from typing import Callable, NamedTuple


class Known(NamedTuple):
    version: str  # Of etcd.
    rpc: str
    field: str  # The end of its path; "error" is code and text at once.
    fact: str
    holds: Callable = lambda mine, theirs: True
    sometimes: bool = False  # It hangs on the moment, and needn't come up.


def code(name):
    """etcd's refusal has this code."""
    return lambda mine, theirs: isinstance(theirs, dict) and theirs.get("code") == name


def ours_has(wanted):
    return lambda mine, theirs: mine == wanted and theirs is None


REFUSALS = [f"etcdserver: {why}" for why in (
    "user name is empty", "invalid auth token", "permission denied",
    "revision of auth store is old")]
def allowed(mine, theirs):
    """detcd finds no right to what etcd does."""
    return mine.get("text") in REFUSALS and "code" not in theirs


def only_deletions(mine, theirs):
    """detcd tells of deletions, all of one revision, that etcd has forgotten."""
    return theirs == [] and all(event["type"] == 1 for _, _, event in mine) and len(
        {revision for _, revision, _ in mine}) == 1


NEWER = "§1.2, fields of newer versions"
OLDER = ("3.4", "3.5")
TABLE = [
    Known("3.4", "", "error", "§2.9: 3.4 looks at tokens also while users aren't asked for",
          code("UNAUTHENTICATED")),
    Known("3.4", "AuthStatus", "error", "§1.1: since 3.5", code("UNIMPLEMENTED")),
    Known("3.4", "Downgrade", "error", "§1.1: since 3.5", code("UNIMPLEMENTED")),
    Known("3.4", "Alarm", "header", "§11: 3.4's AlarmResponse has no header",
          lambda mine, theirs: mine and theirs is None),
    Known("3.4", "Watch", "other", "§2.7: 3.4 tells streams without watches of progress, too",
          lambda mine, theirs: not mine and all(
              set(one) == {"header", "watch_id"} and one["watch_id"] == -1 for one in theirs)),
    Known("3.4", "Watch", "events", "§2.6: since 3.4.34 a tombstone at the compact revision stays",
          only_deletions),
    *(Known(version, rpc, field, NEWER, holds) for version in OLDER for rpc, field, holds in (
        ("Status", "storageVersion", ours_has("x.y.z")),
        ("Status", "dbSizeQuota", ours_has(2 << 30)),
        ("Status", "downgradeInfo", ours_has({})),
        ("HashKV", "hash_revision", lambda mine, theirs: theirs is None),
        ("Snapshot", "version", lambda mine, theirs: (mine, theirs) == ("x.y.z", "")))),
    *(Known(version, rpc, field, "§1.2: known to newer ones some seconds after their start", known,
            sometimes=True) for version in ("3.6", "3.7") for rpc, field, known in (
                ("Snapshot", "version", lambda mine, theirs: (mine, theirs) == ("x.y.z", "")),
                ("Status", "storageVersion", ours_has("x.y.z")))),
    *(Known(version, "", "kvs.lease", "§2.2: since 3.7 keys alone come without their lease",
            lambda mine, theirs: mine is None) for version in (*OLDER, "3.6")),
    Known("3.5", "Status", "error", "§11: since 3.6.12 for any user",
          lambda mine, theirs: "version" in mine and theirs["text"] in REFUSALS),
    *(Known(version, "AuthStatus", "error", "§2.9: up to 3.6 only root is told of it",
            lambda mine, theirs: "enabled" in mine and theirs.get("text") in REFUSALS)
      for version in ("3.5", "3.6")),
    *(Known("3.4", rpc, "error", "§2.9: 3.4 lets everybody do it", allowed)
      for rpc in ("LeaseTimeToLive", "LeaseLeases", "Status", "MemberList")),
    *(Known("3.4", rpc, "error", "§2.9: 3.4 asks for no rights", allowed)
      for rpc in ("LeaseGrant", "LeaseRevoke", "LeaseKeepAlive", "Compact", "Txn", "Alarm")),
    *(Known(version, rpc, "error", "§2.12: while an alarm is raised older ones ask nobody for "
            "rights to writes", allowed)
      for version in ("3.4", "3.5") for rpc in ("DeleteRange", "UserAdd")),
    *(Known(version, "Txn", "error", "§11: older ones don't count what a nested put costs",
            lambda mine, theirs: "space" in mine.get("text", "") and "header" in theirs)
      for version in ("3.4", "3.5")),
    Known("3.4", "RoleGrantPermission", "error", "§2.9: 3.4 takes ranges of nothing",
          lambda mine, theirs: "invalid auth management" in mine["text"] and "header" in theirs),
    *(Known(version, "RoleGet", "perm", "§2.9: since 3.6 the role of root's has all",
            lambda mine, theirs: theirs is None) for version in ("3.4", "3.5")),
    Known("3.4", "MoveLeader", "error", "§2.9: 3.4 lets everybody do it",
          lambda mine, theirs: mine["text"] in REFUSALS and "bad leader" in theirs["text"]),
    *(Known(version, rpc, "error", "§2.9: older ones refuse in words of their own",
            lambda mine, theirs: theirs == {"code": "UNKNOWN", "text": "auth: " + mine.get(
                "text", "").removeprefix("etcdserver: ")})
      for version, rpc in (("3.4", "Alarm"), *((version, rpc) for version in ("3.4", "3.5")
                           for rpc in ("Hash", "HashKV", "Defragment", "Snapshot")))),
    Known("3.4", "HashKV", "error", "§2.14: 3.4 has no hash of what is compacted",
          lambda mine, theirs: "hash" in mine and "compacted" in theirs["text"]),
    Known("3.4", "HashKV", "hash", "§2.14: tombstones at the compact revision; hashes kept"),
    Known("3.4", "HashKV", "compact_revision", "§2.14: newer ones keep the hashes of compactions",
          lambda mine, theirs: mine is not None),
]


class Ledger:
    """Counts what the rows explain."""

    def __init__(self, rows=None):
        self.rows = TABLE if rows is None else rows
        self.counts = collections.Counter()

    def row_of(self, version, rpc, difference):
        """The number of the row that explains it."""
        field, mine, theirs = difference
        for number, row in enumerate(self.rows):
            if (row.version == version and row.rpc in ("", rpc)
                    and f".{field}".endswith(f".{row.field}") and row.holds(mine, theirs)):
                return number
        return None

    def unexplained(self, version, rpc, mine, theirs):
        return [one for one in differences(mine, theirs) if self.row_of(version, rpc, one) is None]

    def take(self, version, rpc, mine, theirs):
        """What no row explains; the others are counted."""
        for one in differences(mine, theirs):
            number = self.row_of(version, rpc, one)
            if number is not None:
                self.counts[number, version] += 1
        return self.unexplained(version, rpc, mine, theirs)

    def gone(self, versions):
        """Rows that explained nothing."""
        return [row for number, row in enumerate(self.rows) if row.version in versions
                and not row.sometimes and not self.counts[number, row.version]]

    def lines(self):
        return [f"{count:6d}  etcd {version}  {self.rows[number].rpc}.{self.rows[number].field}: "
                f"{self.rows[number].fact}"
                for (number, version), count in sorted(self.counts.items())]


def differences(mine, theirs, field=""):
    """[(field, ours, etcd's)]: the deepest fields that differ; without the places in lists."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        if ("error" in mine or "error" in theirs) and mine.get("error") != theirs.get("error"):
            return [(f"{field}.error".lstrip("."), mine.get("error", mine),
                     theirs.get("error", theirs))]
        out = []
        for name in sorted({*mine, *theirs}, key=str):
            if mine.get(name) != theirs.get(name):
                out += differences(mine.get(name), theirs.get(name), f"{field}.{name}".lstrip("."))
        return out
    if isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        return [one for left, right in zip(mine, theirs) if left != right
                for one in differences(left, right, field)]
    if isinstance(mine, list) and isinstance(theirs, list):
        return [(field, without(mine, theirs), without(theirs, mine))]
    return [(field, mine, theirs)]


def without(some, others):
    """Those of `some` that aren't among the others, each as often as it is too many."""
    left = list(others)
    out = []
    for one in some:
        if one in left:
            left.remove(one)
        else:
            out.append(one)
    return out
