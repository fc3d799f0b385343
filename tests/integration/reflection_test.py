#!/usr/bin/env python3
"""A client of server reflection asks the gateway what there is behind it, and is told of what its caller may call.

    reflection_test.py --sallyportd PROGRAM --sallyport PROGRAM --example PROGRAM
"""

import json
import pathlib

from harness import descriptors, processes, suite
from harness.etcd import Etcd
from harness.promises import equal

CLIENT = pathlib.Path(__file__).parent / "reflection" / "client.js"
OWN = {f"grpc.reflection.{version}.ServerReflection": ["ServerReflectionInfo"] for version in ("v1", "v1alpha")}
POLICY = {"access": {"rules": [
    {"name": "reflection", "match": {"methods": ["grpc.reflection.*"]}, "action": "allow"},
    {"name": "support", "match": {"metadata": {"team": "support"}, "methods": ["pay.v1.Payments/Get*"]}, "action": "allow"},
    {"name": "operators", "match": {"metadata": {"team": "operators"}}, "action": "allow"}]}}


class Reflection(suite.Test):
    def ask(self, *words):
        return json.loads(processes.run(["node", CLIENT, *words]).stdout)

    def run(self):
        example = self.programs.start("sallyport-example", [self.arguments.example, "--listen", "127.0.0.1:0"])
        etcd = Etcd(self.programs, self.directory / "etcd")
        gateway, address = self.start_sallyportd({
            "listen": {"address": "127.0.0.1:0"}, "data": {"directory": str(self.data)},
            "policy": self.write("policy.json", POLICY),
            "upstreams": {"payments": {"target": example.wait_for_line(r"listening on (\S+)", seconds=30).group(1)},
                          "etcd": {"target": etcd.address}},
            "routes": [{"services": ["pay.*"], "upstream": "payments"}, {"services": ["etcdserverpb.*"], "upstream": "etcd"}],
            "descriptors": [{"file": str(descriptors.etcd(self.directory / "etcd.binpb"))}, {"reflection": "payments"}]})
        gateway.wait_for_line(r"descriptors \S+ in force for upstream payments", seconds=30)
        with self.promise("who may call everything is told of the services of both upstreams"):
            found = self.ask(address, "team", "operators")
            assert {"Authorize", "Chat", "GetPayment"} <= set(found["pay.v1.Payments"]), found
            assert {"Range", "Put", "Txn"} <= set(found["etcdserverpb.KV"]), found
            assert OWN.items() <= found.items(), found
        with self.promise("who may call two methods is told of those and no others"):
            equal(self.ask(address, "team", "support"), {**OWN, "pay.v1.Payments": ["GetCustomer", "GetPayment"]})
        with self.promise("who may call nothing is told of nothing"):
            equal(self.ask(address), OWN)
        assert gateway.stop() == 0, gateway.tail()
        with self.promise("all of that is in the record, and can be read there"):
            calls = self.sallyport.calls()
            equal({call["upstream"] for call in calls}, {"sallyport"})
            shown = "".join(self.sallyport.run("show", call["id"], "--json").stdout.decode() for call in calls)
            assert "list_services_response" in shown and "etcdserverpb.KV" in shown
            equal(self.sallyport.run("verify").returncode, 0)


if __name__ == "__main__":
    suite.run("reflection", [Reflection], ["--sallyportd", "--sallyport", "--example"])
