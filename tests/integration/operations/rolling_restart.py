#!/usr/bin/env python3
"""Two gateways behind one name are restarted by turns, and no call of real clients fails.

    rolling_restart.py --sallyportd PROGRAM --sallyport PROGRAM [--calls N] [--rate CALLS_A_SECOND]
grpc-js, gRPC for Python and for Ruby, out of the box, call without a pause, N calls in all for each of the two ways in which a name
leads to two gateways:
* a name that DNS has two addresses for, of which the clients use both (round_robin);
* haproxy in front, which asks each gateway's /readyz and sends new connections to one that is ready.
A gateway is stopped with SIGTERM only once the other one has its share of connections again, as a rollout waits for readiness. In the
end both records together are what callers saw: each call is in one of them, once, completed with OK.
"""

import argparse
import pathlib
import shutil
import tempfile

from gateways import OneGateway, eventually, processes, start_upstream
from callers import REAL_CLIENTS, ROUND_ROBIN, Callers
from judge import judge
from name_server import NameServer

from harness.promises import Promises, equal

LEAST_ROUNDS = 2
NAME = "gateways.test"
# What haproxy needs to notice is well below the delay.
DRAIN = {"delay": "2s", "timeout": "30s"}
HAPROXY_CHECK = "inter 200ms fall 1 rise 2"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sallyportd", required=True)
    parser.add_argument("--sallyport", required=True)
    parser.add_argument("--calls", type=int, default=100000, help="for each way, of all clients")
    parser.add_argument("--rate", type=float, default=600, help="calls a second, of all clients")
    arguments = parser.parse_args()
    promise = Promises(f"rolling restarts under load, {arguments.calls} calls each")
    haproxy = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    with tempfile.TemporaryDirectory(prefix="sallyport-rolling-") as directory, processes.Programs() as programs:
        for way in (TwoAddresses, Haproxy):
            if way is Haproxy and haproxy is None:
                continue
            place = pathlib.Path(directory) / way.__name__
            place.mkdir()
            RollingRestart(arguments, place, programs, promise, way).run()
    promise.finish("rolling_restart, behind haproxy: it is not installed" if haproxy is None else None)


class TwoAddresses:
    """A name with two addresses: each client keeps a connection to both.

    The name keeps both while one is away (as with publishNotReadyAddresses of a headless Service): gRPC asks DNS again after half a
    minute at the earliest, and may know only one of them in the meantime.
    """

    text = "a name with two addresses"
    service_config = ROUND_ROBIN

    def __init__(self, _programs, _directory, gateways):
        self._gateways = gateways
        hosts, ports = zip(*(gateway.address.split(":") for gateway in gateways))
        equal(len(set(ports)), 1, "ports behind one name")
        self._names = NameServer(NAME, hosts)
        self.target = f"dns://{self._names.address}/{NAME}:{ports[0]}"

    def wait_until_all_used(self):
        for gateway in self._gateways:
            self.wait_until_used(gateway)

    def wait_until_used(self, gateway):
        eventually(lambda: gateway.connections() >= len(REAL_CLIENTS), f"{gateway.name} has a connection of each client", seconds=120)


class Haproxy:
    """A balancer in front that asks for readiness: each client has one connection, to either of them."""

    text = "haproxy"
    service_config = None

    def __init__(self, programs, directory, gateways):
        listen = f"127.0.0.1:{processes.free_port()}"
        servers = [f"  server {gateway.name} {gateway.address} check addr {host} port {port} {HAPROXY_CHECK}"
                   for gateway in gateways for host, port in [gateway.admin.split(":")]]
        config = directory / "haproxy.cfg"
        config.write_text("\n".join([
            "defaults", "  mode tcp", "  timeout connect 5s", "  timeout client 120s", "  timeout server 120s",
            "listen calls", f"  bind {listen}", "  balance roundrobin", "  option redispatch", "  option httpchk GET /readyz",
            "  http-check expect status 200", *servers, ""]), encoding="ascii")
        haproxy = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
        self._program = programs.start("haproxy", [haproxy, "-db", "-f", config])
        self._looked_at = 0
        self.target = listen

    def wait_until_all_used(self):
        """haproxy begins with the assumption that all are up, and all are."""

    def wait_until_used(self, gateway):
        """Until it is told that the gateway is up again; one line of haproxy's says so for each restart."""
        self._program.wait_for_line(rf"Server calls/{gateway.name} is UP", after=self._looked_at)
        self._looked_at = self._program.line_count()


class RollingRestart:
    """One of the ways, with gateways and data of its own."""

    def __init__(self, arguments, directory, programs, promise, way):
        self.arguments, self.directory, self.programs, self.promise, self.way = arguments, directory, programs, promise, way
        self.upstream, target = start_upstream(programs)
        port = processes.free_port()
        self.gateways = [OneGateway(programs, arguments, directory, name, target, f"{host}:{port}", drain=DRAIN)
                         for name, host in (("first", "127.0.0.1"), ("second", "127.0.0.2"))]
        self.restarts = 0

    def run(self):
        name = self.way(self.programs, self.directory, self.gateways)
        self.upstream.process.stdin.write("mixed\n")  # some calls take a while, and are open when a gateway is told to stop
        self.upstream.process.stdin.flush()
        rates = dict.fromkeys(REAL_CLIENTS, self.arguments.rate / len(REAL_CLIENTS))
        callers = Callers(self.programs, self.directory, name.target, rates, self.way.service_config)
        with self.promise(f"{self.way.text}: both gateways are restarted again and again, and end in order"):
            try:
                eventually(lambda: min(callers.made().values()) > 0, "each client has made a call")
                name.wait_until_all_used()
                rounds = 0
                while rounds < LEAST_ROUNDS or sum(callers.made().values()) < self.arguments.calls:
                    self.restart_both(name, callers)
                    rounds += 1
            finally:
                callers.stop()
        calls = callers.calls()
        with self.promise(f"{self.way.text}: {sum(map(len, calls.values()))} calls, {self.restarts} restarts, no call failed"):
            every = [call for made in calls.values() for call in made]
            assert len(every) >= self.arguments.calls, f"only {len(every)} calls"
            failed = [call for call in every if call["status"] != 0]
            equal(len(failed), 0, f"calls that failed, such as {failed[:3]}")
            for client in REAL_CLIENTS:
                assert len(calls[client]) >= self.arguments.calls / len(REAL_CLIENTS) / 2, f"{client} made only {len(calls[client])} calls"
        with self.promise(f"{self.way.text}: both records together are what callers saw"):
            for gateway in self.gateways:
                gateway.stop()
            records = [gateway.records() for gateway in self.gateways]
            judge(every, records).check()
            for gateway, record in zip(self.gateways, records):
                assert record, f"{gateway.name} recorded no call"
            equal(len(set(records[0]) & set(records[1])), 0, "calls that are in both records")

    def restart_both(self, name, callers):
        for gateway in self.gateways:
            gateway.stop()
            gateway.start()
            self.restarts += 1
            name.wait_until_used(gateway)
            made = callers.made()
            eventually(lambda: all(now > made[client] for client, now in callers.made().items()), "each client goes on")
            callers.check_running()


if __name__ == "__main__":
    main()
