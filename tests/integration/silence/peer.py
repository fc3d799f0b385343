"""A server or caller by grpcio (gRPC's C core) in its default settings, which echoes a stream. What it does: see silence_test.js.

    peer.py server
    peer.py caller ADDRESS silent|pinging|idle
"""
import queue
import sys
from concurrent import futures

import grpc

METHOD = "/sallyport.benchmark.Echo/Stream"
MESSAGE = b"\x0a\x01a"


class Echo(grpc.GenericRpcHandler):
    def service(self, call):
        return grpc.stream_stream_rpc_method_handler(lambda requests, _: requests) if call.method == METHOD else None


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Echo()])
    print(f"listening on 127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}", flush=True)
    server.start()
    server.wait_for_termination()


class Stream:
    def __init__(self, channel):
        self.requests = queue.SimpleQueue()
        self.responses = channel.stream_stream(METHOD)(iter(self.requests.get, None))

    def ask(self):
        self.requests.put(MESSAGE)
        assert next(self.responses) == MESSAGE

    def end(self):
        self.requests.put(None)
        assert next(self.responses, None) is None


def call(address, kind):
    options = []
    if kind != "silent":
        options.append(("grpc.keepalive_time_ms", 10000))
    if kind == "idle":
        options += [("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.max_pings_without_data", 0)]
    channel = grpc.insecure_channel(address, options)
    stream = Stream(channel)
    stream.ask()
    if kind == "idle":
        stream.end()
    print("open", flush=True)
    sys.stdin.readline()
    if kind == "idle":
        stream = Stream(channel)
    stream.ask()
    stream.end()
    print("answered", flush=True)


if __name__ == "__main__":
    serve() if sys.argv[1] == "server" else call(sys.argv[2], sys.argv[3])
