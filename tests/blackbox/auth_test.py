#!/usr/bin/python3
"""Users, roles and permissions of the real binary: by etcd's own command line client of two
versions; by gRPC's C core, with tokens of both kinds; and beside the real etcd, which must answer a
long script of them alike."""

import pathlib
import random
import subprocess

from etcdctl_test import reply
from harness import Etcdctl, PEERS, QUICK, Server, cluster, contains, equal, eventually, expect, \
    main, say, start_all
from kv_client import Client, get_op, message, one, put_op, txn

import grpc

VERSIONS = ("3.4", "3.5")
AUTH = "etcdserverpb.Auth"
CHEAP = ["--bcrypt-cost", "4"]
DENIED = "Error: etcdserver: permission denied"


def served(work, name, flags=()):
    server = Server(work, name)
    server.flags += [*CHEAP, *flags]
    return server.start()


class As:
    """An etcdctl that says who it is."""

    def __init__(self, ctl, user):
        self.ctl, self.user = ctl, ["--user", user]

    def ok(self, *arguments, **how):
        return self.ctl.ok(*self.user, *arguments, **how)

    def fails(self, *arguments, **how):
        return self.ctl.fails(*self.user, *arguments, **how)

    def json(self, *arguments, **how):
        return self.ctl.json(*self.user, *arguments, **how)


def users_and_roles_are_managed(work):
    for version in VERSIONS:
        server = served(work, f"managed-{version}")
        ctl = Etcdctl(version, server.endpoint)
        equal(ctl.ok("user", "add", "root:pw"), "User root created\n", "user add")
        equal(ctl.ok("role", "add", "r"), "Role r created\n", "role add")
        equal(ctl.ok("role", "grant-permission", "r", "readwrite", "k", "--prefix"),
              "Role r updated\n", "role grant-permission")
        equal(ctl.ok("role", "grant-permission", "r", "read", "single"), "Role r updated\n",
              "of one key")
        equal(ctl.ok("role", "get", "r"),
              "Role r\nKV Read:\n\t[k, l) (prefix k)\n\tsingle\nKV Write:\n\t[k, l) (prefix k)\n",
              "role get")
        equal(ctl.ok("user", "add", "u:pw"), "User u created\n", "user add")
        equal(ctl.ok("user", "grant-role", "u", "r"), "Role r is granted to user u\n", "grant")
        equal(ctl.ok("user", "get", "u"), "User: u\nRoles: r\n", "user get")
        equal(ctl.ok("user", "list"), "root\nu\n", "user list")
        equal(ctl.ok("role", "list"), "r\n", "role list")
        contains(ctl.ok("auth", "enable"), "Authentication Enabled", "auth enable")
        root, user = As(ctl, "root:pw"), As(ctl, "u:pw")
        equal(ctl.fails("get", "k"), "Error: etcdserver: user name is empty", "nobody")
        # Who isn't let in has no connection, says etcdctl's exit code.
        contains(As(ctl, "u:wrong").fails("get", "k", code=2), "authentication failed, invalid user "
                 "ID or password", "a wrong password")
        contains(As(ctl, "x:pw").fails("get", "k", code=2), "authentication failed, invalid user ID "
                 "or password", "an unknown user")
        equal(user.ok("put", "k1", "v"), "OK\n", "put of what is granted")
        equal(user.ok("get", "k", "--prefix"), "k1\nv\n", "get of what is granted")
        equal(user.ok("get", "single"), "", "get of the one key")
        for arguments in (["put", "a", "v"], ["get", "a"], ["get", "k", "--from-key"],
                          ["put", "single", "v"], ["del", "a"], ["get", "", "--prefix"],
                          ["user", "list"], ["role", "get", "root"], ["user", "add", "y:pw"],
                          ["compaction", "1"], ["auth", "disable"]):
            equal(user.fails(*arguments), DENIED, f"{arguments} of a user")
        equal(user.ok("user", "get", "u"), "User: u\nRoles: r\n", "of itself")
        equal(user.fails("txn", text='version("a") = "0"\n\nput k x\n\n\n'), DENIED,
              "a compare of what isn't granted")
        equal(root.ok("put", "a", "v"), "OK\n", "put by root")
        equal(root.ok("user", "passwd", "u", "--interactive=false", text="new\n"),
              "Password updated\n", "passwd")
        contains(user.fails("get", "k1", code=2), "authentication failed", "the former password")
        equal(As(ctl, "u:new").ok("get", "k1"), "k1\nv\n", "the new password")
        equal(root.ok("user", "revoke-role", "u", "r"), "Role r is revoked from user u\n", "revoke")
        equal(As(ctl, "u:new").fails("get", "k1"), DENIED, "without the role")
        contains(root.fails("user", "delete", "root"), "etcdserver: invalid auth management", "root")
        equal(root.ok("user", "delete", "u"), "User u deleted\n", "user delete")
        equal(root.ok("role", "revoke-permission", "r", "single"),
              "Permission of key single is revoked from role r\n", "revoke-permission")
        equal(root.ok("role", "delete", "r"), "Role r deleted\n", "role delete")
        equal(root.ok("auth", "disable"), "Authentication Disabled\n", "auth disable")
        equal(ctl.ok("get", "a"), "a\nv\n", "everybody again")
        server.end()
        say(f"etcdctl {version}")


class Caller:
    """By gRPC's C core, with a token when there is one."""

    def __init__(self, endpoint):
        self.client, self.metadata = Client(endpoint), None

    def login(self, name, password, key="token", prefix=""):
        answer = self.auth("Authenticate", message((1, name), (2, password)))
        self.token = one(answer, 2).decode()
        self.metadata = [(key, prefix + self.token)]
        return self

    def auth(self, method, request=b""):
        return self.client.call(method, request, service=AUTH, metadata=self.metadata)

    def __call__(self, method, request=b"", service="etcdserverpb.KV"):
        return self.client.call(method, request, service=service, metadata=self.metadata)

    def refused(self, method, request=b"", service="etcdserverpb.KV"):
        try:
            self(method, request, service)
        except grpc.RpcError as error:
            return error.code().name, error.details()
        return "OK", ""


def enable(caller, *users):
    """Root with the password "pw", users without roles with the same, and one role each."""
    for name in ("root", *users):
        caller.auth("UserAdd", message((1, name), (2, "pw")))
    caller.auth("UserGrantRole", message((1, "root"), (2, "root")))
    for name in users:
        caller.auth("RoleAdd", message((1, name)))
        caller.auth("UserGrantRole", message((1, name), (2, name)))
    caller.auth("AuthEnable")


def grant(caller, role, kind, key, end=b""):
    permission = message((1, kind), (2, key), (3, end))
    return caller.auth("RoleGrantPermission", message((1, role)) + message((2, permission)))


def tokens_say_who_calls(work):
    server = served(work, "tokens", ["--auth-token-ttl", "2"])
    nobody = Caller(server.endpoint)
    equal(nobody.refused("Authenticate", message((1, "root")), AUTH),
          ("FAILED_PRECONDITION", "etcdserver: authentication is not enabled"), "not enabled")
    enable(nobody, "u")
    root = Caller(server.endpoint).login("root", "pw")
    user = Caller(server.endpoint).login("u", "pw", key="authorization", prefix="Bearer ")
    letters, _, index = root.token.partition(".")
    expect(len(letters) == 16 and letters.isalpha() and index.isdigit(), f"form of {root.token}")
    grant(root, "u", 2, "k", "l")
    equal(user.refused("Put", message((1, "k"), (2, "v")))[0], "OK", "put")
    equal(user.refused("Put", message((1, "a"), (2, "v"))),
          ("PERMISSION_DENIED", "etcdserver: permission denied"), "put elsewhere")
    nested = txn([], [b"\x22\x0a" + message((2, put_op("a", "v")))], [])
    equal(user.refused("Txn", nested)[0], "PERMISSION_DENIED", "put within a Txn within a Txn")
    equal(user.refused("Txn", txn([], [], [get_op("a")]))[0], "PERMISSION_DENIED", "other branch")
    other = Caller(server.endpoint)
    other.metadata = [("token", "AAAAAAAAAAAAAAAA.3")]
    invalid = ("UNAUTHENTICATED", "etcdserver: invalid auth token")
    equal(other.refused("Range", message((1, "k"))), invalid, "an invented token")
    other.metadata = [("token", "")]
    equal(other.refused("Range", message((1, "k"))), invalid, "an empty token")
    empty = ("INVALID_ARGUMENT", "etcdserver: user name is empty")
    for method, service in (("Range", "etcdserverpb.KV"), ("Status", "etcdserverpb.Maintenance"),
                            ("HashKV", "etcdserverpb.Maintenance"),
                            ("MemberList", "etcdserverpb.Cluster"), ("UserList", AUTH)):
        equal(nobody.refused(method, message((1, "k")) if method == "Range" else b"", service),
              empty, f"{method} of nobody")
    equal(user.refused("HashKV", b"", "etcdserverpb.Maintenance")[0], "PERMISSION_DENIED", "HashKV")
    equal(user.refused("Status", b"", "etcdserverpb.Maintenance")[0], "OK", "Status of a user")
    equal(nobody.refused("Check", b"", "grpc.health.v1.Health")[0], "OK", "health of nobody")
    status = nobody.auth("AuthStatus")
    equal((one(status, 2), one(status, 3) > 1), (1, True), "AuthStatus of nobody")
    eventually(lambda: user.refused("Range", message((1, "k")))[0] == "OK", "it lives on", 3)
    root.login("root", "pw").auth("UserChangePassword", message((1, "u"), (2, "new")))
    equal(user.refused("Range", message((1, "k"))), invalid, "after a change of password")
    long = message((1, "l"), (2, "x" * 73))
    equal(root.refused("UserAdd", long, AUTH), ("UNKNOWN", "bcrypt: password length exceeds 72 bytes"),
          "a long password")
    root.auth("UserAdd", message((1, "n"), (3, message((1, 1)))))
    equal(nobody.refused("Authenticate", message((1, "n"), (2, "")), AUTH),
          ("UNKNOWN", "auth: authentication failed, password was given for no password user"),
          "a user without password")
    files = [path for path in pathlib.Path(server.data).rglob("*") if path.is_file()]
    for secret in (b"new", root.token.encode()):
        if len(secret) > 8:
            expect(all(secret not in path.read_bytes() for path in files), "no token in a file")
    server.end()


def passwords_reach_no_file(work):
    server = served(work, "secret")
    caller = Caller(server.endpoint)
    caller.auth("UserAdd", message((1, "root"), (2, "the-clear-password")))
    caller.auth("UserChangePassword", message((1, "root"), (2, "another-clear-one")))
    caller.auth("UserGrantRole", message((1, "root"), (2, "root")))
    caller.auth("AuthEnable")
    caller.login("root", "another-clear-one")
    files = [path for path in pathlib.Path(server.data).rglob("*") if path.is_file()]
    files.append(server.log)
    for path in files:
        for secret in (b"the-clear-password", b"another-clear-one"):
            expect(secret not in path.read_bytes(), f"no password in {path}")
    say(f"{len(files)} files looked through")
    server.end()


def signed_tokens_are_made_and_taken(work):
    for kind, options in (("rsa:2048", "RS256"), ("ed25519", "EdDSA")):
        keys = work / f"key-{options}"
        subprocess.run(["openssl", "genpkey", "-algorithm", kind.partition(":")[0], "-out",
                        f"{keys}.pem"], check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", f"{keys}.pem", "-pubout", "-out",
                        f"{keys}.pub"], check=True, capture_output=True)
        server = served(work, f"jwt-{options}", [
            "--auth-token",
            f"jwt,pub-key={keys}.pub,priv-key={keys}.pem,sign-method={options},ttl=1m"])
        caller = Caller(server.endpoint)
        enable(caller, "u")
        root = Caller(server.endpoint).login("root", "pw")
        equal(root.token.count("."), 2, "a JSON Web Token")
        grant(root, "u", 2, "k", "l")
        user = Caller(server.endpoint).login("u", "pw")
        equal(user.refused("Put", message((1, "k"), (2, "v")))[0], "OK", "put")
        server.end()
        server.start()
        for one_caller in (user, root):
            one_caller.client = Client(server.endpoint)
        equal(user.refused("Range", message((1, "k")))[0], "OK", "it outlives the process")
        equal(root.refused("Range", message((1, "k"))),
              ("INVALID_ARGUMENT", "etcdserver: revision of auth store is old"), "an older one")
        root.metadata = [("token", root.token[:-4] + "AAAA")]
        equal(root.refused("Range", message((1, "k")))[0], "UNAUTHENTICATED", "an altered one")
        server.end()
        say(f"{options} tokens")
    bad = Server(work, "bad")
    bad.flags += ["--auth-token", "jwt,sign-method=RS256"]
    bad.start(ready=False)
    equal(bad.process.wait(60), 1, "exit code without a key")
    contains(bad.last_words(), "auth: missing key data", "why it ends")


def a_token_holds_on_every_member(work):
    members = cluster(work, ("m1", "m2", "m3"), CHEAP)
    start_all(members)
    callers = [Caller(member.endpoint) for member in members]
    enable(callers[0], "u")
    root = callers[0].login("root", "pw")
    grant(root, "u", 2, "k", "l")
    for number in range(10):
        one_of = Caller(members[number % 3].endpoint).login("u", "pw")
        for member in members:
            # At once, also where the entry that gave it hasn't arrived yet.
            elsewhere = Caller(member.endpoint)
            elsewhere.metadata = one_of.metadata
            equal(elsewhere.refused("Put", message((1, "k"), (2, "v"))), ("OK", ""), "put")
    for member in members:
        member.end()


# --- etcd and detcd, side by side ---------------------------------------------------------------

USERS, ROLES = ["u1", "u2", "u3"], ["r1", "r2", "r3"]
KEYS = ["a", "b", "c", "d", "e"]


def some_command(randomly):
    user, role, key = (randomly.choice(names) for names in (USERS, ROLES, KEYS))
    end = randomly.choice([[], [], ["--prefix"], ["--from-key"], [randomly.choice(KEYS)]])
    plain = [part for part in end if not part.startswith("--")]
    kind = randomly.choice(["read", "write", "readwrite"])
    choices = [
        (["user", "add", f"{user}:pw"], None, 2), (["user", "delete", user], None, 1),
        (["user", "get", user], None, 1), (["user", "list"], None, 1),
        (["user", "grant-role", user, role], None, 3),
        (["user", "revoke-role", user, role], None, 1),
        (["user", "passwd", user, "--interactive=false"], "pw\n", 1),
        (["role", "add", role], None, 2), (["role", "delete", role], None, 1),
        (["role", "get", role], None, 1), (["role", "list"], None, 1),
        (["role", "grant-permission", role, kind, key, *end], None, 4),
        (["role", "revoke-permission", role, key, *end], None, 2),
        (["put", key, "v"], None, 4), (["put", key, "v", "--prev-kv"], None, 2),
        (["get", key, *end], None, 4), (["del", key, *plain], None, 2),
        (["del", key, *plain, "--prev-kv"], None, 1),
        (["txn"], f'version("{key}") > "0"\n\nput {key} t\n\nget {randomly.choice(KEYS)}\n\n', 3),
        (["member", "list"], None, 1), (["compaction", "2"], None, 1),
        (["auth", "disable"], None, 1)]
    arguments, text, _ = randomly.choices(choices, [weight for _, _, weight in choices])[0]
    return arguments, text


def etcd_and_detcd_answer_alike(work):
    ours = Server(work, "same")
    theirs = Server(work / "etcd", "same", program=PEERS / "3.5/etcd")
    theirs.work.mkdir()
    for server in (ours, theirs):
        server.flags += CHEAP
    clients = [Etcdctl("3.5", one_of.start().endpoint) for one_of in (ours, theirs)]
    randomly = random.Random(11)
    script = [(["auth", "enable"], None), (["user", "add", "root:pw"], None),
              (["auth", "enable"], None), (["auth", "enable"], None), (["auth", "disable"], None),
              (["user", "add", "", "--new-user-password", "x"], None), (["role", "add", ""], None)]
    script += [some_command(randomly) for _ in range(20)]
    script += [(["auth", "enable"], None)]
    for _ in range(80 if QUICK else 260):
        arguments, text = some_command(randomly)
        # A role of root's answers otherwise since 3.6; and who isn't there any more is told so.
        user = randomly.choice(["root", "root", "root", *USERS, None])
        if arguments[:2] == ["auth", "disable"] and user == "root":
            continue
        script.append(([*(["--user", f"{user}:pw"] if user else []), *arguments], text))
    for number, (arguments, text) in enumerate(script):
        mine, wanted = (reply(ctl, arguments, text) for ctl in clients)
        equal(mine, wanted, f"command {number}, {arguments}, {text!r}")
    statuses = [ctl.ok("--user", "root:pw", "auth", "status") for ctl in clients]
    equal(statuses[0], statuses[1], "auth status")
    say(f"{len(script)} commands answered alike; {statuses[0].split()[-1]} auth revisions")


if __name__ == "__main__":
    main(users_and_roles_are_managed, tokens_say_who_calls, passwords_reach_no_file,
         signed_tokens_are_made_and_taken, a_token_holds_on_every_member,
         etcd_and_detcd_answer_alike)
