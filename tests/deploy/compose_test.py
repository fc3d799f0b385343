#!/usr/bin/env python3
"""What deploy/compose.yaml starts, started without an engine: each service's command, mounts and health check as the file says,
in its order, in a root of its own and as its image's user. The services share one network, in which their names are loopback.

    compose_test.py --programs DIRECTORY --source DIRECTORY
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import tempfile
import time

import yaml

import places
from harness import processes
from harness.promises import Promises, equal

SECONDS = 60
# The users of images that are made elsewhere.
USERS = {"prom/prometheus": 65534}
PROGRAMS = ("sallyportd", "sallyport", "sallyport-example", "sallyport-example-client")


class Compose:
    """The file, and what its services are given."""

    def __init__(self, source, directory, programs, network):
        self.folder = source / "deploy"
        self.file = yaml.safe_load((self.folder / "compose.yaml").read_text())
        self.services = self.file["services"]
        self.directory, self.programs, self.network = directory, programs, network

    def in_order(self):
        """Names of services that `up` starts, each after those that it waits for."""
        started = []
        left = [name for name, service in self.services.items() if "profiles" not in service]
        while left:
            ready = [name for name in left if set(self.waits_for(name)) <= set(started)]
            assert ready, f"{left} wait for each other"
            started += ready[:1]
            left.remove(ready[0])
        return started

    def waits_for(self, name):
        service = self.services[name]
        shared = service.get("network_mode", "")
        assert not shared or shared.startswith("service:"), shared
        return [*service.get("depends_on", {}), *([shared.split(":")[1]] if shared else [])]

    def user(self, name):
        service = self.services[name]
        build = service.get("build")
        if build is None:
            return USERS[service["image"].split(":")[0]]
        file = self.folder / build["context"] / build.get("dockerfile", "Dockerfile")
        uid, = set(re.findall(r"^USER (\d+):\d+$", file.read_text(), re.MULTILINE))
        return int(uid)

    def mounts(self, name):
        """Pairs for writing, and for reading only; named volumes belong to the service's user, as its image has them."""
        writable, read_only = [], []
        for entry in self.services[name].get("volumes", []):
            source, target, *mode = entry.split(":")
            if source.startswith("."):
                assert mode == ["ro"], f"{entry} is writable"
                read_only.append((self.folder / source, target))
            else:
                assert source in self.file["volumes"], f"{source} is no volume of the file"
                place = self.directory / source
                if not place.exists():
                    place.mkdir(mode=0o700)
                    os.chown(place, self.user(name), self.user(name))
                writable.append((place, target))
        return writable, read_only

    def inside(self, name, *argv):
        """The command line that runs argv in a service's place."""
        writable, read_only = self.mounts(name)
        root = self.directory / "root"
        for _, target in (*writable, *read_only):
            (root / target.lstrip("/")).mkdir(parents=True, exist_ok=True)
        user = self.user(name)
        return self.network.inside(*places.in_root(root, *argv, mode="ro" if self.services[name].get("read_only") else "rw",
                                                   user=f"{user}:{user}", binds=writable, read_only=read_only))

    def start(self, name):
        service = self.services[name]
        return self.programs.start(name, self.inside(name, *(service.get("entrypoint") or []), *service["command"]))

    def wait_until_healthy(self, name, program):
        kind, *command = self.services[name]["healthcheck"]["test"]
        equal(kind, "CMD")
        give_up = time.monotonic() + SECONDS
        while processes.run(self.inside(name, *command), check=False).returncode != 0:
            assert program.process.poll() is None, f"{name} has ended:\n{program.tail()}"
            assert time.monotonic() < give_up, f"{name} is not healthy within {SECONDS} s:\n{program.tail()}"


def make_root(directory, programs, source):
    """This machine's own root, with a layer over it that is thrown away: programs and names are put there."""
    layer, root = directory / "layer", directory / "root"
    layer.mkdir()
    root.mkdir()
    processes.run(["mount", "-t", "tmpfs", "tmpfs", layer])
    (layer / "upper").mkdir()
    (layer / "work").mkdir()
    processes.run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={layer}/upper,workdir={layer}/work", root])
    for name in PROGRAMS:
        processes.run(["strip", "--strip-unneeded", "-o", root / "usr/bin" / name, programs / name])
        (root / "usr/bin" / name).chmod(0o755)
    provider = root / "provider"
    provider.mkdir()
    for name in ("provider.js", "token.js", "package.json"):
        (provider / name).write_bytes((source / "deploy/compose/provider" / name).read_bytes())
    shutil.copytree(source / "tests/integration/oidc/node_modules", provider / "node_modules", symlinks=True)
    # As an engine's resolver has it; there names are addresses of their own.
    (root / "etc/hosts").unlink(missing_ok=True)
    (root / "etc/hosts").write_text("127.0.0.1 localhost provider gateway example prometheus\n")


class ComposeTest:
    def __init__(self, arguments, directory, programs, promise):
        self.arguments, self.programs, self.promise = arguments, programs, promise
        make_root(directory, arguments.programs, arguments.source)
        self.compose = Compose(arguments.source, directory, programs, places.Network(programs))

    def run(self):
        running = {}
        with self.promise("the configuration that the gateway is given passes --check, in its place and as its user"):
            processes.run(self.compose.inside("gateway", "/usr/bin/sallyportd", "--config", "/etc/sallyport/sallyport.yaml", "--check"))
        with self.promise("its services start in their order, and become healthy"):
            order = self.compose.in_order()
            equal(set(order), {"provider", "example", "gateway", "prometheus"})
            for name in order:
                for other, how in self.compose.services[name].get("depends_on", {}).items():
                    if how["condition"] == "service_healthy":
                        self.compose.wait_until_healthy(other, running[other])
                running[name] = self.compose.start(name)
            for name in order:
                if "healthcheck" in self.compose.services[name]:
                    self.compose.wait_until_healthy(name, running[name])
        with self.promise("a call without a token of the provider is refused, and calls with one are made and recorded"):
            refused = processes.run(self.client(), check=False)
            assert b"UNAUTHENTICATED" in refused.stdout, refused.stdout.decode() + refused.stderr.decode()
            token = processes.run(self.compose.inside("provider", "node", "/provider/token.js")).stdout.decode().strip()
            made = processes.run(self.client("--token", token), check=False)
            assert made.returncode == 0, f"{made.stdout.decode()}{made.stderr.decode()}{running['gateway'].tail()}"
            calls = processes.run(self.compose.inside("gateway", "/usr/bin/sallyport", "calls", "--json", "--data",
                                                      "/var/lib/sallyport/data")).stdout.decode()
            recorded = [json.loads(line) for line in calls.splitlines()]
            mine = [call for call in recorded if "http://127.0.0.1:3000" in json.dumps(call) and "shop" in json.dumps(call)]
            assert len(mine) >= 10, calls
        with self.promise("Prometheus scrapes the gateway, with a configuration that promtool takes"):
            processes.run(["promtool", "check", "config", self.compose.folder / "prometheus/prometheus.yml"])
            self.wait_for_metric('up{job="sallyport"}', 1)
            self.wait_for_metric("sallyport_recording", 1)
        with self.promise("the provider in the image is the one that is tried here"):
            images = json.loads((self.compose.folder / "compose/provider/package-lock.json").read_text())["packages"]
            tried = json.loads((self.arguments.source / "tests/integration/oidc/package-lock.json").read_text())["packages"]
            equal({name: images[name] for name in images if name}, {name: tried[name] for name in tried if name})
        with self.promise("told to stop, the gateway and those around it end in order"):
            for name in ("prometheus", "gateway", "example", "provider"):
                equal(running[name].stop(seconds=30), 0, f"{name}:\n{running[name].tail()}")

    def client(self, *words):
        return self.compose.inside("client", *self.compose.services["client"]["entrypoint"], *words)

    def wait_for_metric(self, query, value):
        give_up = time.monotonic() + SECONDS
        while True:
            found = processes.run(self.compose.network.inside(
                "curl", "--silent", "--get", "http://127.0.0.1:9090/api/v1/query", "--data-urlencode", f"query={query}"),
                check=False).stdout
            series = json.loads(found)["data"]["result"] if found else []
            if [float(one["value"][1]) for one in series] == [value]:
                return
            assert time.monotonic() < give_up, f"{query} is not {value}: {found.decode()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--programs", "--source"):
        parser.add_argument(name, required=True, type=lambda path: pathlib.Path(path).resolve())
    arguments = parser.parse_args()
    places.need("compose_test", "prometheus", "promtool", "node", "ip", "wget", "curl", "strip")
    places.with_own_mounts()
    promise = Promises("compose.yaml")
    with tempfile.TemporaryDirectory(prefix="sallyport-compose-") as directory:
        directory = pathlib.Path(directory)
        directory.chmod(0o755)
        try:
            with processes.Programs() as programs:
                ComposeTest(arguments, directory, programs, promise).run()
        finally:
            places.unmount_below(directory)
    promise.finish()


if __name__ == "__main__":
    main()
