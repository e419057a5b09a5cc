#!/usr/bin/env python3
"""A Mooncake initiator for tests: opens a segment, writes, reads back and compares; standard library only.

usage: mooncake_initiator.py SEGMENT THREADS BATCH [--v1] [--no-pool]

Uses the first buffer of the segment, in blocks of 4 KiB, 64 KiB and 1 MiB. Prints the CRC-32 of what the buffer must hold
now. It knows nothing of KVFerry.
"""
import json
import random
import socket
import struct
import sys
import threading
import zlib

MAGIC = 0x4D435456 << 32
segment_name, threads, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
acknowledged = 0 if "--v1" in sys.argv else 0x80
pooled = "--no-pool" not in sys.argv


def exactly(connection, count):
    data = bytearray(count)
    view = memoryview(data)
    while view:
        got = connection.recv_into(view)
        if got == 0:
            raise EOFError
        view = view[got:]
    return bytes(data)


def call(kind, body):
    host, port = segment_name.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 20) as connection:
        payload = bytes([kind]) + json.dumps(body).encode() + b"\n"
        connection.sendall(struct.pack("<Q", len(payload)) + payload)
        (length,) = struct.unpack("<Q", exactly(connection, 8))
        reply = exactly(connection, length)
        assert reply[0] == kind
        return json.loads(reply[1:])


def connect():
    connection = socket.create_connection((host, segment["tcp_data_port"]), 20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def check(connection):
    if acknowledged:
        (status,) = struct.unpack("<Q", exactly(connection, 8))
        assert status == MAGIC, hex(status)


def write(connection, offset, data):
    connection.sendall(struct.pack("<QQB7x", len(data), base + offset, 1 | acknowledged) + data)
    check(connection)


def read(connection, offset, count):
    connection.sendall(struct.pack("<QQB7x", count, base + offset, acknowledged))
    check(connection)
    return exactly(connection, count)


def run(number):
    try:
        source = random.Random(number)
        share = length // threads
        first = number * share
        connection = connect()
        for block in (4096, 65536, 1 << 20):
            for index in range(min(batch, share // block)):
                offset = first + index * block
                data = source.randbytes(block)
                write(connection, offset, data)
                expected[offset : offset + block] = data
                assert read(connection, offset, block) == data, "read back differs"
                if not pooled:
                    connection.close()
                    connection = connect()
        connection.close()
    except BaseException as failure:
        failures.append(repr(failure))


assert call(3, {}) == {"status": "success"}
segment = call(1, {"name": "", "protocol": "tcp", "tcp_data_port": 1, "buffers": []})
assert segment["protocol"] == "tcp" and segment["tcp_proto_version"] == 2
host = segment["name"].rsplit(":", 1)[0]
base, length = segment["buffers"][0]["addr"], segment["buffers"][0]["length"]
expected, failures = bytearray(length), []
workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
if failures:
    sys.exit("\n".join(failures))
print(zlib.crc32(expected), flush=True)
