#!/usr/bin/env python3
"""Mooncake's HTTP metadata server for tests, as strict as the strictest: a second value for an rpc_meta key is 400, a
missing key is 404; standard library only. Prints its URL, serves until its standard input ends.
"""
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

store, lock = {}, threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        url = urlparse(self.path)
        key = parse_qs(url.query).get("key", [""])[0]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with lock:
            status, reply = self.act(url.path, key, body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def act(self, path, key, body):
        if path != "/metadata" or not key:
            return 404, b"not found"
        if self.command == "PUT":
            if "rpc_meta" in key and key in store:
                return 400, b"Duplicate rpc_meta key not allowed"
            store[key] = body
            return 200, b"metadata updated"
        if key not in store:
            return 404, b"metadata not found"
        if self.command == "DELETE":
            del store[key]
            return 200, b"metadata deleted"
        return 200, store[key]

    do_GET = do_PUT = do_DELETE = answer

    def log_message(self, *ignored):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"http://127.0.0.1:{server.server_address[1]}/metadata", flush=True)
sys.stdin.read()
