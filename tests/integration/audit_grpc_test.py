#!/usr/bin/env python3
"""The record over native gRPC and over the UNIX socket: to an auditor, a caller, a stranger and nobody; and that each look
is in the record, also after kill -9.

    audit_grpc_test.py --sallyportd PROGRAM --sallyport PROGRAM --protos DIRECTORY
"""

import pathlib
import signal
import stat
import sys
import time
from concurrent import futures

import grpc

from harness import processes, suite
from harness.promises import equal

METHOD = "/shop.v1.Shop/Buy"
POLICY = """
access: {default: allow}
roles:
  - {name: auditors, match: {groups: [audit]}, role: auditor}
  - {name: callers, match: {groups: [dev]}, role: caller}
  - {name: platform, match: {groups: [sre]}, role: operator}
"""


def identity(value):
    return value


class Upstream(grpc.GenericRpcHandler):
    def service(self, call):
        return grpc.unary_unary_rpc_method_handler(lambda request, _: request)


def messages(arguments, directory):
    """The module of audit.proto's messages, made by protoc."""
    protos = pathlib.Path(arguments.protos)
    names = [f"sallyport/v1/{name}.proto" for name in ("audit", "evidence", "record")]
    processes.run(["protoc", f"-I{protos}", f"--python_out={directory}", *names])
    sys.path.insert(0, str(directory))
    from sallyport.v1 import audit_pb2  # pylint: disable=import-outside-toplevel,import-error
    return audit_pb2


class Readers(suite.Test):
    def run(self):
        self.audit = messages(self.arguments, self.directory)
        server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Upstream()])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        keys = self.directory / "keys"
        self.keys = {name: self.key(keys, name, group) for name, group in
                     (("anna", "audit"), ("carl", "dev"), ("otto", "sre"), ("sven", "none"))}
        self.config = {
            "listen": {"address": "127.0.0.1:0"}, "data": {"directory": str(self.data)},
            "identity": {"api_keys": {"file": str(keys)}}, "policy": self.write("policy.yaml", POLICY),
            "api": {"grpc": "127.0.0.1:0"},
            "upstreams": {"shop": {"target": f"127.0.0.1:{port}"}}, "routes": [{"services": ["*"], "upstream": "shop"}]}
        self.start()
        self.call("carl", 3)
        self.call("anna", 2)
        self.await_calls(5)
        with self.promise("each reader is shown what its role shows, over native gRPC"):
            self.native()
        with self.promise("the owner of the data directory reads all over its socket, and nobody else may connect"):
            self.local()
        with self.promise("looks are calls of the record, and `verify` finds everything in order"):
            self.looks()
        with self.promise("looks that were shown are found after kill -9, and those under way are interrupted"):
            self.killed()
        server.stop(0)

    def key(self, keys, name, group):
        issued = processes.run([self.arguments.sallyport, "keys", "issue-api-key", "--file", keys, "--subject", name,
                                "--groups", group, "--expires", "1d"])
        return issued.stdout.decode().split()[-1]

    def start(self):
        self.gateway, address = self.start_sallyportd(self.config)
        door = self.gateway.wait_for_line(r"api: native gRPC on (\d[\d.]*:\d+)", seconds=60).group(1)
        self.channel, self.door = grpc.insecure_channel(address), grpc.insecure_channel(door)
        self.socket = grpc.insecure_channel(f"unix:{self.data}/api.sock")

    def metadata(self, name):
        return [("authorization", f"Bearer {self.keys[name]}")] if name else []

    def call(self, name, times):
        buy = self.channel.unary_unary(METHOD, identity, identity)
        for _ in range(times):
            buy(b"\x0a\x01x", metadata=self.metadata(name), timeout=20)

    def search(self, channel, name, method="shop.v1.Shop/*"):
        ask = channel.unary_unary("/sallyport.v1.Audit/SearchCalls", self.audit.SearchCallsRequest.SerializeToString,
                                  self.audit.SearchCallsResponse.FromString)
        request = self.audit.SearchCallsRequest(page_size=100)
        request.filter.method = method
        return ask(request, metadata=self.metadata(name), timeout=20)

    def refused(self, channel, name):
        try:
            found = self.search(channel, name)
        except grpc.RpcError as error:
            return error.code()
        return f"{len(found.calls)} calls"

    def await_calls(self, calls):
        give_up = time.monotonic() + 30
        while len(self.search(self.door, "anna").calls) < calls:
            assert time.monotonic() < give_up, "the calls are not in the index"

    def native(self):
        equal(len(self.search(self.door, "anna").calls), 5, "the auditor's calls")
        own = self.search(self.door, "carl").calls
        equal([call.identity for call in own], ["api-keys#carl"] * 3, "the caller's calls")
        equal(self.refused(self.door, "sven"), grpc.StatusCode.PERMISSION_DENIED, "a stranger")
        equal(self.refused(self.door, "otto"), grpc.StatusCode.PERMISSION_DENIED, "an operator")
        equal(self.refused(self.door, ""), grpc.StatusCode.UNAUTHENTICATED, "nobody")
        foreign = next(call.id for call in self.search(self.door, "anna").calls if call.identity.endswith("anna"))
        ask = self.door.unary_unary("/sallyport.v1.Audit/GetCall", self.audit.GetCallRequest.SerializeToString,
                                    self.audit.Call.FromString)
        told = []
        for name in (foreign, "1j7xk2m9q4z"):
            try:
                ask(self.audit.GetCallRequest(id=name), metadata=self.metadata("carl"), timeout=20)
            except grpc.RpcError as error:
                told.append((error.code(), error.details().replace(name, "ID")))
        equal(len(told), 2, "calls that the caller may not see")
        equal(told[0], told[1], "what is told of a foreign call and of none")
        equal(told[0][0], grpc.StatusCode.NOT_FOUND, "a foreign call")

    def local(self):
        equal(len(self.search(self.socket, "").calls), 5, "calls over the socket")
        mode = (self.data / "api.sock").stat().st_mode
        assert stat.S_ISSOCK(mode)
        equal(stat.S_IMODE(mode), 0o600, "the socket's mode")

    def looks(self):
        # What was asked so far, and what is asked now, by those who may and those who may not.
        found = self.sallyport.calls("--method", "sallyport.v1.Audit/*")
        assert len(found) >= 8, found
        who = {call["identity"] for call in found}
        assert {"api-keys#anna", "api-keys#carl", "api-keys#sven", "anonymous"} <= who, who
        assert any(name.startswith("local#") for name in who), who
        shown = self.sallyport.run("show", found[0]["id"]).stdout.decode()
        assert "sallyport.v1.Audit" in shown, shown
        replayed = self.sallyport.run("replay", found[0]["id"], "--to", "127.0.0.1:1", check=False)
        assert replayed.returncode != 0
        self.sallyport.run("verify")

    def killed(self):
        tail = self.door.unary_stream("/sallyport.v1.Audit/TailCalls", self.audit.TailCallsRequest.SerializeToString,
                                      self.audit.TailCallsResponse.FromString)
        following = tail(self.audit.TailCallsRequest(), metadata=self.metadata("anna"), timeout=60)
        next(following)
        before = len(self.sallyport.calls("--method", "sallyport.v1.Audit/SearchCalls", "--identity", "*carl"))
        for _ in range(20):
            self.search(self.door, "carl")
        self.gateway.send_signal(signal.SIGKILL)
        self.gateway.wait()
        self.start()
        after = self.sallyport.calls("--method", "sallyport.v1.Audit/SearchCalls", "--identity", "*carl")
        equal(len(after), before + 20, "looks of the caller")
        tails = self.sallyport.calls("--method", "sallyport.v1.Audit/TailCalls")
        equal([call["state"] for call in tails], ["interrupted"], "the tail that was under way")
        equal(self.gateway.stop(), 0, "the gateway's exit status")
        self.sallyport.run("verify")


if __name__ == "__main__":
    suite.run("the record over gRPC", [Readers], ("--sallyportd", "--sallyport", "--protos"))
