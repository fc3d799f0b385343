"""A real etcd of one member, and its command line."""

import os

from . import processes


class Etcd:
    """Listens on free ports. Members that are given the same `identity_port` take the same cluster and member ids, so
    that two fresh ones answer the same calls with the same bytes."""

    def __init__(self, programs, directory, identity_port=None):
        client, peer = processes.free_port(), processes.free_port()
        advertised = f"http://127.0.0.1:{identity_port or peer}"
        self.identity_port = identity_port or peer
        self.address = f"127.0.0.1:{client}"
        self.program = programs.start("etcd", [
            "etcd", "--name", "member", "--data-dir", directory, "--log-level", "warn",
            "--listen-client-urls", f"http://{self.address}", "--advertise-client-urls", f"http://{self.address}",
            "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", advertised,
            "--initial-cluster", f"member={advertised}", "--initial-cluster-token", "sallyport"])
        self.control(self.address).run("endpoint", "health", "--command-timeout=30s")

    def control(self, address):
        return EtcdControl(address)


class EtcdControl:
    """`etcdctl` through whatever listens at an address."""

    def __init__(self, address):
        self._argv = ["etcdctl", f"--endpoints=http://{address}"]
        self._env = {**os.environ, "ETCDCTL_API": "3"}

    def run(self, *words, stdin=b"", check=True):
        return processes.run([*self._argv, *words], stdin=stdin, check=check, env=self._env)

    def lines(self, *words, stdin=b""):
        return self.run(*words, stdin=stdin).stdout.decode().splitlines()

    def start(self, programs, *words):
        return programs.start("etcdctl " + words[0], [*self._argv, *words], env=self._env)
