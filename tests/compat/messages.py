"""etcd's messages by name: what a client writes and reads, without any code of the server under
test. The table is that of etcd's .proto files, up to 3.7; an answer with a field that isn't in it
is an error, so that no field goes uncompared."""

from kv_client import fields, signed, varint

TABLE = """
KeyValue: key=1 bytes; create_revision=2 int; mod_revision=3 int; version=4 int; value=5 bytes; lease=6 lease
Event: type=1 int; kv=2 KeyValue; prev_kv=3 KeyValue
ResponseHeader: cluster_id=1 cluster; member_id=2 member; revision=3 int; raft_term=4 term
RangeRequest: key=1 bytes; range_end=2 bytes; limit=3 int; revision=4 int; sort_order=5 int; sort_target=6 int; serializable=7 int; keys_only=8 int; count_only=9 int; min_mod_revision=10 int; max_mod_revision=11 int; min_create_revision=12 int; max_create_revision=13 int
RangeResponse: header=1 ResponseHeader; kvs=2 []KeyValue; more=3 int; count=4 int
RangeStreamResponse: range_response=1 RangeResponse
PutRequest: key=1 bytes; value=2 bytes; lease=3 lease; prev_kv=4 int; ignore_value=5 int; ignore_lease=6 int
PutResponse: header=1 ResponseHeader; prev_kv=2 KeyValue
DeleteRangeRequest: key=1 bytes; range_end=2 bytes; prev_kv=3 int
DeleteRangeResponse: header=1 ResponseHeader; deleted=2 int; prev_kvs=3 []KeyValue
RequestOp: request_range=1 RangeRequest; request_put=2 PutRequest; request_delete_range=3 DeleteRangeRequest; request_txn=4 TxnRequest
ResponseOp: response_range=1 RangeResponse; response_put=2 PutResponse; response_delete_range=3 DeleteRangeResponse; response_txn=4 TxnResponse
Compare: result=1 int; target=2 int; key=3 bytes; version=4 int; create_revision=5 int; mod_revision=6 int; value=7 bytes; lease=8 lease; range_end=64 bytes
TxnRequest: compare=1 []Compare; success=2 []RequestOp; failure=3 []RequestOp
TxnResponse: header=1 ResponseHeader; succeeded=2 int; responses=3 []ResponseOp
CompactionRequest: revision=1 int; physical=2 int
CompactionResponse: header=1 ResponseHeader
WatchRequest: create_request=1 WatchCreateRequest; cancel_request=2 WatchCancelRequest; progress_request=3 Empty
WatchCreateRequest: key=1 bytes; range_end=2 bytes; start_revision=3 int; progress_notify=4 int; filters=5 bytes; prev_kv=6 int; watch_id=7 int; fragment=8 int
WatchCancelRequest: watch_id=1 int
WatchResponse: header=1 ResponseHeader; watch_id=2 int; created=3 int; canceled=4 int; compact_revision=5 int; cancel_reason=6 text; fragment=7 int; events=11 []Event
LeaseGrantRequest: TTL=1 int; ID=2 lease
LeaseGrantResponse: header=1 ResponseHeader; ID=2 lease; TTL=3 int; error=4 text
LeaseRevokeRequest: ID=1 lease
LeaseRevokeResponse: header=1 ResponseHeader
LeaseKeepAliveRequest: ID=1 lease
LeaseKeepAliveResponse: header=1 ResponseHeader; ID=2 lease; TTL=3 int
LeaseTimeToLiveRequest: ID=1 lease; keys=2 int
LeaseTimeToLiveResponse: header=1 ResponseHeader; ID=2 lease; TTL=3 left; grantedTTL=4 int; keys=5 set[]bytes
LeaseStatus: ID=1 lease
LeaseLeasesResponse: header=1 ResponseHeader; leases=2 set[]LeaseStatus
Member: ID=1 member; name=2 text; peerURLs=3 []text; clientURLs=4 []text; isLearner=5 int
MemberAddRequest: peerURLs=1 []text; isLearner=2 int
MemberAddResponse: header=1 ResponseHeader; member=2 Member; members=3 set[]Member
MemberRemoveRequest: ID=1 member
MemberRemoveResponse: header=1 ResponseHeader; members=2 set[]Member
MemberUpdateRequest: ID=1 member; peerURLs=2 []text
MemberUpdateResponse: header=1 ResponseHeader; members=2 set[]Member
MemberListRequest: linearizable=1 int
MemberListResponse: header=1 ResponseHeader; members=2 set[]Member
MemberPromoteRequest: ID=1 member
MemberPromoteResponse: header=1 ResponseHeader; members=2 set[]Member
DefragmentResponse: header=1 ResponseHeader
MoveLeaderRequest: targetID=1 member
MoveLeaderResponse: header=1 ResponseHeader
AlarmRequest: action=1 int; memberID=2 member; alarm=3 int
AlarmMember: memberID=1 member; alarm=2 int
AlarmResponse: header=1 ResponseHeader; alarms=2 set[]AlarmMember
DowngradeRequest: action=1 int; version=2 text
DowngradeResponse: header=1 ResponseHeader; version=2 version
DowngradeInfo: enabled=1 int; targetVersion=2 text
StatusResponse: header=1 ResponseHeader; version=2 version; dbSize=3 some; leader=4 member; raftIndex=5 some; raftTerm=6 term; raftAppliedIndex=7 some; errors=8 set[]text; dbSizeInUse=9 some; isLearner=10 int; storageVersion=11 version; dbSizeQuota=12 int; downgradeInfo=13 DowngradeInfo
HashKVRequest: revision=1 int
HashKVResponse: header=1 ResponseHeader; hash=2 int; compact_revision=3 int; hash_revision=4 int
HashResponse: header=1 ResponseHeader; hash=2 some
SnapshotResponse: header=1 ResponseHeader; remaining_bytes=2 int; blob=3 bytes; version=4 version
UserAddOptions: no_password=1 int
Permission: permType=1 int; key=2 bytes; range_end=3 bytes
AuthStatusResponse: header=1 ResponseHeader; enabled=2 int; authRevision=3 int
AuthenticateRequest: name=1 text; password=2 text
AuthenticateResponse: header=1 ResponseHeader; token=2 token
UserAddRequest: name=1 text; password=2 text; options=3 UserAddOptions; hashedPassword=4 text
UserGetRequest: name=1 text
UserGetResponse: header=1 ResponseHeader; roles=2 []text
UserListResponse: header=1 ResponseHeader; users=2 []text
UserDeleteRequest: name=1 text
UserChangePasswordRequest: name=1 text; password=2 text; hashedPassword=3 text
UserGrantRoleRequest: user=1 text; role=2 text
UserRevokeRoleRequest: name=1 text; role=2 text
RoleAddRequest: name=1 text
RoleGetRequest: role=1 text
RoleGetResponse: header=1 ResponseHeader; perm=2 []Permission
RoleListResponse: header=1 ResponseHeader; roles=2 []text
RoleDeleteRequest: role=1 text
RoleGrantPermissionRequest: name=1 text; perm=2 Permission
RoleRevokePermissionRequest: role=1 text; key=2 bytes; range_end=3 bytes
LockRequest: name=1 bytes; lease=2 lease
LockResponse: header=1 ResponseHeader; key=2 bytes
UnlockRequest: key=1 bytes
UnlockResponse: header=1 ResponseHeader
CampaignRequest: name=1 bytes; lease=2 lease; value=3 bytes
CampaignResponse: header=1 ResponseHeader; leader=2 LeaderKey
LeaderKey: name=1 bytes; key=2 bytes; rev=3 int; lease=4 lease
LeaderRequest: name=1 bytes
LeaderResponse: header=1 ResponseHeader; kv=2 KeyValue
ResignRequest: leader=1 LeaderKey
ResignResponse: header=1 ResponseHeader
ProclaimRequest: leader=1 LeaderKey; value=2 bytes
ProclaimResponse: header=1 ResponseHeader
HealthCheckRequest: service=1 text
HealthCheckResponse: status=1 int
Empty:
"""

NUMBERS = ("int", "lease", "member", "cluster", "term", "left", "some")


def parsed_table():
    """{message: {name: (number, type, repeated: "", "list" or "set")}}"""
    out = {}
    for line in TABLE.strip().splitlines():
        message, _, rest = line.partition(":")
        out[message] = {}
        for part in filter(None, (part.strip() for part in rest.split(";"))):
            name, _, what = part.partition("=")
            number, kind = what.split()
            many = "set" if kind.startswith("set[]") else "list" if kind.startswith("[]") else ""
            out[message][name] = (int(number), kind.removeprefix("set").removeprefix("[]"), many)
    return out


MESSAGES = parsed_table()
for plain in ("AuthEnable", "AuthDisable", "UserAdd", "UserDelete", "UserChangePassword",
              "UserGrantRole", "UserRevokeRole", "RoleAdd", "RoleDelete", "RoleGrantPermission",
              "RoleRevokePermission"):
    MESSAGES[plain + "Response"] = {"header": (1, "ResponseHeader", "")}
BY_NUMBER = {message: {number: (name, kind, many) for name, (number, kind, many) in rows.items()}
             for message, rows in MESSAGES.items()}

KV, LEASE, WATCH, AUTH, CLUSTER, MAINTENANCE = (
    f"etcdserverpb.{name}" for name in ("KV", "Lease", "Watch", "Auth", "Cluster", "Maintenance"))
LOCK, ELECTION, HEALTH = "v3lockpb.Lock", "v3electionpb.Election", "grpc.health.v1.Health"

# {RPC: (service, request, response)}; of the same name unless said.
RPCS = {}
for service, names in {
        KV: "Range Put DeleteRange Txn",
        LEASE: "LeaseGrant LeaseRevoke LeaseKeepAlive LeaseTimeToLive LeaseLeases",
        AUTH: "AuthEnable AuthDisable AuthStatus Authenticate UserAdd UserGet UserList UserDelete "
              "UserChangePassword UserGrantRole UserRevokeRole RoleAdd RoleGet RoleList RoleDelete "
              "RoleGrantPermission RoleRevokePermission",
        CLUSTER: "MemberAdd MemberRemove MemberUpdate MemberList MemberPromote",
        MAINTENANCE: "Alarm Status Defragment Hash HashKV Snapshot MoveLeader Downgrade",
        LOCK: "Lock Unlock", ELECTION: "Campaign Proclaim Leader Resign"}.items():
    for rpc in names.split():
        request = rpc + "Request" if rpc + "Request" in MESSAGES else "Empty"
        RPCS[rpc] = (service, request, rpc + "Response")
RPCS["Compact"] = (KV, "CompactionRequest", "CompactionResponse")
RPCS["RangeStream"] = (KV, "RangeRequest", "RangeStreamResponse")
RPCS["Check"] = (HEALTH, "HealthCheckRequest", "HealthCheckResponse")


def encode(message, values, lease_of=lambda lease: lease, member_of=lambda member: member):
    """All that is given is written, also what is zero or empty."""
    out = b""
    for name, value in values.items():
        number, kind, many = MESSAGES[message][name]
        for one in value if many else [value]:
            if kind in MESSAGES:
                one = encode(kind, one, lease_of, member_of)
            elif kind == "lease":
                one = lease_of(one)
            elif kind == "member":
                one = member_of(one)
            elif isinstance(one, str):
                one = one.encode()
            if isinstance(one, bytes):
                out += varint(number << 3 | 2) + varint(len(one)) + one
            else:
                out += varint(number << 3) + varint(int(one))
    return out


def decode(message, data, meaning):
    """{name: value} of an answer; `meaning(kind, value)` maps what differs between clusters. Sets
    come sorted, as their order means nothing."""
    rows, out = BY_NUMBER[message], {}
    for number, values in fields(data).items():
        if number not in rows:
            raise ValueError(f"{message} has no field {number}")
        name, kind, many = rows[number]
        read = []
        for value in values:
            if kind in MESSAGES:
                read.append(decode(kind, value, meaning))
            elif kind in NUMBERS:
                read.append(meaning(kind, signed(value)))
            else:
                read.append(meaning(kind, bytes(value)))
        out[name] = sorted(read, key=repr) if many == "set" else read if many else read[-1]
    return out
