"""What interposer/interposer.cc recorded: read it, find answers that left too early, and make the
files what a machine that lost its power at the end of the recording may have left."""

import dataclasses
import os
import pathlib
import struct

from harness import Failure
from kv_client import header_revision

WRITE, SYNC, SEND, TRUNCATE, CREATE, RENAME, SYNC_DIRECTORY, WRITTEN = range(1, 9)
ZEROS = 1 << 31
SECTOR = 512


@dataclasses.dataclass
class Record:
    number: int
    kind: int
    file: int
    offset: int
    begin: int
    first: bytes
    second: bytes
    durable: float = float("inf")  # The number of the sync that covers a write.


def read(path):
    """All records, in order; each change of a file knows when it became durable."""
    records, at = [], 0
    with open(path, "rb") as log:
        # The file is sparse: what follows the last record was never written.
        data = log.read(64 << 20)
    while at + 4 <= len(data):
        length, = struct.unpack_from("<I", data, at)
        if length == 0:
            break
        if at + length > len(data):
            raise Failure("the recording is longer than what is read of it")
        kind, file, offset, begin = struct.unpack_from("<IQQQ", data, at + 4)
        first, place = _bytes(data, at + 32)
        second, _ = _bytes(data, place)
        records.append(Record(len(records), kind, file, offset, begin, first, second))
        at += length
    _mark_durable(records)
    return records


def _bytes(data, at):
    length, = struct.unpack_from("<I", data, at)
    if length & ZEROS:
        return bytes(length & ~ZEROS), at + 4
    return data[at + 4:at + 4 + length], at + 4 + length


def _mark_durable(records):
    waiting = {}
    done = {record.begin: record.number for record in records if record.kind == WRITTEN}
    for record in records:
        if record.kind == CREATE:
            waiting[record.file] = []  # A removed file's number, used again.
        elif record.kind in (WRITE, TRUNCATE):
            waiting.setdefault(record.file, []).append(record)
        elif record.kind == SYNC:
            left = []
            for change in waiting.get(record.file, []):
                ended = done.get(change.number) if change.kind == WRITE else change.number
                if ended is not None and ended < record.begin:
                    change.durable = record.number
                else:
                    left.append(change)
            waiting[record.file] = left


def answers(records, port):
    """(revision, record of the last send of it) of every gRPC message that left at this port."""
    connections, streams, found = {}, {}, []
    for record in records:
        if record.kind != SEND or record.file != port:
            continue
        buffer = connections.get(record.offset, b"") + record.first
        if buffer.startswith(b"HTTP/1."):
            buffer = b""
        while len(buffer) >= 9:
            length = int.from_bytes(buffer[:3], "big")
            kind, flags, stream = buffer[3], buffer[4], int.from_bytes(buffer[5:9], "big")
            if kind > 9:
                raise Failure(f"frame type {kind} was sent: the recording isn't understood")
            if len(buffer) < 9 + length:
                break
            body, buffer = buffer[9:9 + length], buffer[9 + length:]
            if kind == 4 and not flags & 1:  # The server's first frame on a connection.
                streams = {at: held for at, held in streams.items() if at[0] != record.offset}
            if kind == 0:
                message = streams.get((record.offset, stream), b"") + body
                size = int.from_bytes(message[1:5], "big")
                if len(message) >= 5 + size:
                    found.append((header_revision(message[5:5 + size]), record))
                    message = message[5 + size:]
                streams[record.offset, stream] = message
        connections[record.offset] = buffer
    return found


def early_answers(records, port, revisions):
    """Sends that showed a revision before its write was durable, as sentences; and how many sends
    of known revisions were looked at. `revisions` is {revision: bytes that its write holds}."""
    wanted = {token: revision for revision, token in revisions.items()}
    durable = {}
    for record in records:
        if record.kind != WRITE:
            continue
        at = record.first.find(b"<load/")
        while at >= 0:
            token = record.first[at:record.first.find(b">", at) + 1]
            revision = wanted.get(token)
            if revision is not None:
                durable[revision] = min(durable.get(revision, float("inf")), record.durable)
            at = record.first.find(b"<load/", at + 1)
    early, looked_at = [], 0
    for revision, send in answers(records, port):
        if revision not in revisions:
            continue
        looked_at += 1
        if durable.get(revision, float("inf")) >= send.begin:
            early.append(f"revision {revision} left in record {send.number}, begun after "
                         f"{send.begin}; its write became durable in {durable.get(revision)}")
    return early, looked_at


def lose_power(records, directory, randomly=None):
    """Undoes what no sync covered. With a source of randomness, sectors of it survive by chance, in
    any order, as a device may do it. Returns how many changes weren't covered."""
    paths = _paths_by_inode(directory)
    latest = {record.file: record.number for record in records if record.kind == CREATE}
    lost = [record for record in records
            if record.kind in (WRITE, TRUNCATE) and record.durable == float("inf")
            and record.number > latest.get(record.file, -1) and record.file in paths]
    for record in reversed(lost):
        with open(paths[record.file], "r+b") as file:
            if record.kind == TRUNCATE:
                file.truncate(struct.unpack("<Q", record.first)[0])
                if record.second:
                    file.seek(record.offset)
                    file.write(record.second)
            else:
                file.seek(record.offset)
                file.write(record.second)
    if randomly is not None:
        for record in lost:
            if record.kind == WRITE:
                _keep_sectors(paths[record.file], record, randomly)
    _undo_names(records)
    return len(lost)


def _keep_sectors(path, record, randomly):
    with open(path, "r+b") as file:
        at = 0
        while at < len(record.first):
            end = min(len(record.first), at + SECTOR - (record.offset + at) % SECTOR)
            if randomly.random() < 0.5:
                file.seek(record.offset + at)
                file.write(record.first[at:end])
            at = end


def _paths_by_inode(directory):
    found = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            path = pathlib.Path(folder) / name
            found[path.stat().st_ino] = path
    return found


def _undo_names(records):
    """Renames that no sync of their directory covered are undone, unless something was replaced:
    both outcomes are allowed, and only one of them can be had."""
    synced = {}
    for record in records:
        if record.kind == SYNC_DIRECTORY:
            synced[record.first.decode()] = record.begin
    for record in reversed(records):
        if record.kind != RENAME or record.offset:
            continue
        old, new = pathlib.Path(record.first.decode()), pathlib.Path(record.second.decode())
        if record.number >= synced.get(str(new.parent), -1) and new.exists() and not old.exists():
            new.rename(old)
