"""A real etcd of one member, and its command line."""

import os

from . import processes


class Etcd:
    """Listens on free ports. Members that are given the same `identity_port` take the same cluster and member ids, so
    that two fresh ones answer the same calls with the same bytes. `options` are more flags."""

    def __init__(self, programs, directory, identity_port=None, options=()):
        self._programs = programs
        client, peer = processes.free_port(), processes.free_port()
        advertised = f"http://127.0.0.1:{identity_port or peer}"
        self.identity_port = identity_port or peer
        self.address = f"127.0.0.1:{client}"
        self._argv = [
            "etcd", "--name", "member", "--data-dir", directory, "--log-level", "warn",
            "--listen-client-urls", f"http://{self.address}", "--advertise-client-urls", f"http://{self.address}",
            "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", advertised,
            "--initial-cluster", f"member={advertised}", "--initial-cluster-token", "sallyport", *options]
        self.program = programs.start("etcd", self._argv)
        self.control(self.address).run("endpoint", "health", "--command-timeout=30s")

    def restart(self):
        """Ends it and starts it again on the same data: what it had in memory only is gone."""
        self.program.stop()
        self.program = self._programs.start("etcd", self._argv)
        # /health asks for no login, unlike etcdctl's.
        processes.run(["curl", "--silent", "--fail", "--retry", "60", "--retry-delay", "1", "--retry-all-errors",
                       f"http://{self.address}/health"], seconds=90)

    def control(self, address, user=None, tls=None):
        return EtcdControl(address, user, tls)


class EtcdControl:
    """`etcdctl` through whatever listens at an address."""

    def __init__(self, address, user=None, tls=None):
        """`user` is "name:password", which etcdctl logs in with. `tls` has its files: cacert, and perhaps cert and key."""
        scheme = "https" if tls else "http"
        self._argv = ["etcdctl", f"--endpoints={scheme}://{address}", *([f"--user={user}"] if user else []),
                      *(f"--{name}={file}" for name, file in (tls or {}).items())]
        self._env = {**os.environ, "ETCDCTL_API": "3"}

    def run(self, *words, stdin=b"", check=True):
        return processes.run([*self._argv, *words], stdin=stdin, check=check, env=self._env)

    def lines(self, *words, stdin=b""):
        return self.run(*words, stdin=stdin).stdout.decode().splitlines()

    def start(self, programs, *words):
        return programs.start("etcdctl " + words[0], [*self._argv, *words], env=self._env)
