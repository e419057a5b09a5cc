#!/usr/bin/env python3
"""A Mooncake target for tests: handshake and TCP data plane, standard library only.

usage: mooncake_target.py SIZE [--v1]

Prints its segment name and the address of its memory, serves until its standard input ends, then prints the CRC-32 of
its memory. It knows nothing of KVFerry.
"""
import json
import socket
import struct
import sys
import threading
import zlib

OK, REJECTED, MAGIC = 0, 1, 0x4D435456 << 32
BASE = 0xFFFF_F000_0000_0000  # beyond 2^63, as an address may be

size = int(sys.argv[1])
first_generation = "--v1" in sys.argv
memory = memoryview(bytearray(size))


def receive(connection, view):
    while view:
        count = connection.recv_into(view)
        if count == 0:
            raise EOFError
        view = view[count:]


def exactly(connection, count):
    data = bytearray(count)
    receive(connection, memoryview(data))
    return bytes(data)


def listen():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    return listener


def serve(listener, handler):
    def run(connection):
        with connection:
            try:
                handler(connection)
            except (EOFError, OSError):
                pass

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=run, args=(connection,), daemon=True).start()


def handshake(connection):
    (length,) = struct.unpack("<Q", exactly(connection, 8))
    payload = exactly(connection, length)
    replies = {
        1: segment,
        2: {"name": "", "notify_msg": "success"},
        3: {"status": "success"},
    }
    json.loads(payload[1:])
    body = bytes([payload[0]]) + json.dumps(replies[payload[0]]).encode() + b"\n"
    connection.sendall(struct.pack("<Q", len(body)) + body)
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1)


def data(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        count, address, opcode = struct.unpack("<QQB7x", exactly(connection, 24))
        acknowledged, write = opcode & 0x80, opcode & 0x7F == 1
        if not (0 < count and BASE <= address and address + count <= BASE + size):
            if acknowledged:
                connection.sendall(struct.pack("<Q", MAGIC | REJECTED))
            return
        part = memory[address - BASE : address - BASE + count]
        if write:
            receive(connection, part)
        if acknowledged:
            connection.sendall(struct.pack("<Q", MAGIC | OK))
        if not write:
            connection.sendall(part)


rpc, plane = listen(), listen()
name = f"127.0.0.1:{rpc.getsockname()[1]}"
segment = {
    "name": name,
    "protocol": "tcp",
    "tcp_data_port": plane.getsockname()[1],
    "timestamp": "2026-01-01 00:00:00.000000",
    "buffers": [{"name": name, "addr": BASE, "length": size}],
}
if not first_generation:
    segment["tcp_proto_version"] = 2
threading.Thread(target=serve, args=(rpc, handshake), daemon=True).start()
threading.Thread(target=serve, args=(plane, data), daemon=True).start()
print(name, BASE, flush=True)
sys.stdin.read()
print(zlib.crc32(memory), flush=True)
