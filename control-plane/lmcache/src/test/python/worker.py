#!/usr/bin/python3
"""A worker as LMCache has it, written for KVFerry's tests: it does what it is told on standard input, one JSON object a line, and
answers each with one line. It pushes, asks over a DEALER as the latest generation does or a REQ as the one before it, and answers
the controller on a REP socket of its own.
"""

import json
import os
import sys
import threading

import msgpack
import zmq

TIMEOUT_MS = 30_000


class Worker:
    def __init__(self, pull, reply, instance, rank, generation):
        self.context = zmq.Context()
        self.instance = instance
        self.rank = rank
        self.generation = generation
        self.sequence = {}
        self.held = {}
        self.asked = []
        self.pushing = threading.Lock()
        self.push = self.context.socket(zmq.PUSH)
        self.push.connect("tcp://" + pull)
        self.requests = self.asking("tcp://" + reply)
        self.heartbeats = self.requests
        self.port_socket = self.context.socket(zmq.REP)
        self.port = self.port_socket.bind_to_random_port("tcp://127.0.0.1")
        threading.Thread(target=self.serve, daemon=True).start()

    def asking(self, url):
        socket = self.context.socket(zmq.REQ if self.generation == 2 else zmq.DEALER)
        socket.setsockopt(zmq.RCVTIMEO, TIMEOUT_MS)
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(url)
        return socket

    def me(self, kind):
        return {"type": kind, "instance_id": self.instance, "worker_id": self.rank}

    def ask(self, message, socket=None):
        socket = socket or self.requests
        payload = msgpack.packb(message)
        socket.send_multipart([payload] if self.generation == 2 else [b"", payload])
        return msgpack.unpackb(socket.recv_multipart()[-1], strict_map_key=False)

    def tell(self, *messages):
        with self.pushing:
            self.push.send_multipart([msgpack.packb(message) for message in messages])

    def address(self, kind, url):
        message = self.me(kind)
        message.update(ip="127.0.0.1", port=self.port)
        message["peer_init_url" if self.generation > 1 else "distributed_url"] = url
        return message

    def register(self, url=None):
        if self.generation == 1:
            self.tell(self.address("RegisterMsg", url))
            return {}
        answer = self.ask(self.address("RegisterMsg", url))
        told = answer.get("extra_config", {})
        if "heartbeat_url" in told:
            self.heartbeats = self.asking("tcp://" + told["heartbeat_url"])
        return answer

    def heartbeat(self, url=None):
        return self.ask(self.address("HeartbeatMsg", url), self.heartbeats)

    def operations(self, kind, location, keys):
        events = []
        held = self.held.setdefault(location, set())
        for key in keys:
            self.sequence[location] = self.sequence.get(location, 0) + 1
            events.append({"op_type": kind, "key": key, "seq_num": self.sequence[location]})
            (held.add if kind == "admit" else held.discard)(key)
        message = self.me("BatchedKVOperationMsg")
        message.update(location=location, operations=events)
        return message

    def admit(self, keys, location="LocalCPUBackend"):
        self.tell(self.operations("admit", location, keys))

    def evict(self, keys, location="LocalCPUBackend"):
        self.tell(self.operations("evict", location, keys))

    def lose(self, keys, location="LocalCPUBackend"):
        """Admits keys of which the message is lost on its way."""
        self.operations("admit", location, keys)

    def lookup(self, hashes):
        message = self.me("BatchedP2PLookupMsg")
        message.update(hashes=hashes)
        return self.ask(message)

    def full_sync(self, sync_id, location="LocalCPUBackend", batch=2):
        keys = sorted(self.held.get(location, set()))
        batches = [keys[i:i + batch] for i in range(0, len(keys), batch)]
        start = self.me("FullSyncStartMsg")
        start.update(location=location, sync_id=sync_id, total_keys=len(keys), batch_count=len(batches))
        answer = self.ask(start)
        if not answer.get("accepted"):
            return answer
        for number, part in enumerate(batches):
            message = self.me("FullSyncBatchMsg")
            message.update(location=location, sync_id=sync_id, batch_id=number, keys=part)
            self.tell(message)
        end = self.me("FullSyncEndMsg")
        end.update(location=location, sync_id=sync_id, actual_total_keys=len(keys))
        self.tell(end)
        return answer

    def sync_status(self, sync_id):
        message = self.me("FullSyncStatusMsg")
        message.update(sync_id=sync_id)
        return self.ask(message)

    def deregister(self):
        message = self.me("DeRegisterMsg")
        message.update(ip="127.0.0.1", port=self.port)
        self.tell(message)

    def garbage(self):
        """A batch of which the first frame is none and the second is good."""
        self.push.send_multipart([b"G", msgpack.packb(self.operations("admit", "LocalCPUBackend", [777]))])

    def orders(self):
        return list(self.asked)

    def die(self):
        os._exit(9)

    def serve(self):
        while True:
            request = msgpack.unpackb(self.port_socket.recv(), strict_map_key=False)
            self.asked.append(request)
            kind = request["type"].replace("WorkerMsg", "WorkerRetMsg")
            answer = {"type": kind}
            if kind == "HealthWorkerRetMsg":
                answer["error_code"] = 0
            elif kind == "ClearWorkerRetMsg":
                gone = self.held.pop(request["location"], set())
                self.tell(self.operations("evict", request["location"], sorted(gone)))
                answer["num_tokens"] = 256 * len(gone)
            elif "tokens" in request:
                answer["num_tokens"] = len(request["tokens"] or [])
            else:
                answer = {"type": "ErrorMsg", "error": "not known: " + request["type"]}
            self.port_socket.send(msgpack.packb(answer))


def main():
    pull, reply, instance, rank, generation = sys.argv[1:6]
    worker = Worker(pull, reply, instance, int(rank), int(generation))
    print(json.dumps({"port": worker.port}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        name = command.pop("do")
        try:
            result = getattr(worker, name)(**command)
            print(json.dumps({"ok": result}), flush=True)
        except Exception as e:
            print(json.dumps({"failed": repr(e)}), flush=True)


if __name__ == "__main__":
    main()
