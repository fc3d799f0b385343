"""The programs measured side by side: how each is started in front of the upstream, and where it listens."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import processes
import token_issuer

HERE = Path(__file__).resolve().parent
SALLYPORT = re.compile(r"sallyport-(relay|commit|write_ahead|relaxed)(-unknown)?(-jwt|-unproved|-masked)?(?:@([0-9]+))?$")
DEFAULT = ["direct", "floor", "sallyport-relay", "sallyport-commit", "sallyport-write_ahead", "sallyport-relaxed",
           "nginx", "haproxy"]
OTHERS = ["floor-minimal", "nghttpx", "sallyport-relay-unknown", "sallyport-commit-unknown", "sallyport-relay-jwt",
          "sallyport-commit-jwt", "sallyport-relay-unproved", "sallyport-commit-unproved",
          "sallyport-relay-masked", "sallyport-commit-masked"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find_program(name, package):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if not path:
        raise SystemExit(f"{name} is not installed: install the package {package}, or leave it out with --contenders")
    return path


class Program:
    """A server process in a process group of its own, with its output in a file."""

    def __init__(self, name, command, directory, address=None, authorization=None, masked=False, environment=None):
        self.name = name
        self.masked = masked  # its answers are: "last4" of what was sent
        self.authorization = authorization  # what callers have to show, or None
        self.log = directory / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                            cwd=directory, start_new_session=True,
                                            env=None if environment is None else {**os.environ, **environment})
        self.address = address or self._logged_address()
        self._wait_for_connection()

    def _until(self, what, attempt, limit=20.0):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            result = attempt()
            if result:
                return result
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        output = self.log.read_text(errors="replace")[-2000:]
        self.stop()
        raise SystemExit(f"{self.name}: {what}; its output ({self.log}):\n{output}")

    def _logged_address(self):
        def attempt():
            found = re.search(r"listening on (\S+:\d+)", self.log.read_text(errors="replace"))
            return found and found.group(1)
        return self._until("did not say where it listens", attempt)

    def _wait_for_connection(self):
        host, port = self.address.rsplit(":", 1)

        def attempt():
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                return True
            except OSError:
                return False
        self._until(f"does not accept connections on {self.address}", attempt)

    def pids(self):
        return processes.family(self.process.pid)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                print(f"{self.name} ignored SIGTERM for 10 s; killed", file=sys.stderr)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # its session is its own: workers it left behind
        except ProcessLookupError:
            pass
        self.process.wait()


class Direct:
    """No proxy: what the upstream and the load generator do on their own."""

    name = "direct"
    authorization = None
    masked = False

    def __init__(self, upstream):
        self.address = upstream

    def pids(self):
        return []

    def stop(self):
        pass


NGINX = """
worker_processes 2;
worker_rlimit_nofile {files};
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/nginx-error.log crit;
events {{ worker_connections {connections}; accept_mutex off; }}
http {{
  access_log off;
  client_body_temp_path {directory}/nginx-body;
  proxy_temp_path {directory}/nginx-proxy;
  fastcgi_temp_path {directory}/nginx-fastcgi;
  uwsgi_temp_path {directory}/nginx-uwsgi;
  scgi_temp_path {directory}/nginx-scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  http2_max_concurrent_streams 1024;
  http2_recv_buffer_size 1m;
  client_body_buffer_size 256k;
  client_max_body_size 0;
  client_body_timeout 1h;
  send_timeout 1h;
  tcp_nodelay on;
  upstream echo {{
    server {upstream};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }}
  server {{
    listen {address} http2;
    location / {{
      grpc_pass grpc://echo;
      grpc_buffer_size 128k;
      grpc_socket_keepalive off;
      grpc_read_timeout 1h;
      grpc_send_timeout 1h;
    }}
  }}
}}
"""

HAPROXY = """
global
  nbthread 2
  maxconn {maxconn}
  tune.h2.max-concurrent-streams 1024
  tune.h2.initial-window-size 1048576
  tune.bufsize 131072
defaults
  mode http
  timeout connect 10s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
  timeout http-request 1h
  http-reuse always
frontend in
  bind {address} proto h2
  default_backend echo
backend echo
  server echo {upstream} proto h2
"""


def start(name, upstream, binaries, descriptors, directory):
    """Starts the contender called `name` in front of `upstream`; its files go into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    address = f"127.0.0.1:{free_port()}"
    if name == "direct":
        return Direct(upstream)
    if name in ("floor", "floor-minimal"):
        command = [binaries / "benchmark_floor_relay", "--listen", "127.0.0.1:0", "--upstream", upstream]
        if name == "floor-minimal":
            command.append("--minimal-stack")
        return Program(name, command, directory)
    if name == "nginx":
        config = directory / "nginx.conf"
        limit = os.sysconf("SC_OPEN_MAX")
        config.write_text(NGINX.format(directory=directory, address=address, upstream=upstream, files=limit,
                                       connections=limit))
        command = [find_program("nginx", "nginx-light"), "-p", directory, "-c", config, "-e",
                   directory / "nginx-error.log"]
        return Program(name, command, directory, address)
    if name == "haproxy":
        config = directory / "haproxy.cfg"
        config.write_text(HAPROXY.format(address=address, upstream=upstream, maxconn=4096))
        return Program(name, [find_program("haproxy", "haproxy"), "-db", "-q", "-f", config], directory, address)
    if name == "nghttpx":
        host, port = address.split(":")
        command = [find_program("nghttpx", "nghttp2-proxy"), f"-f{host},{port};no-tls",
                   f"-b{upstream.replace(':', ',')};;proto=h2", "--workers=2", "--conf=/dev/null",
                   "--frontend-http2-max-concurrent-streams=1024", "--backend-http2-max-concurrent-streams=1024",
                   "--frontend-http2-window-size=1048575", "--backend-http2-window-size=1048575",
                   "--stream-read-timeout=1h", "--stream-write-timeout=1h", "--frontend-http2-read-timeout=1h",
                   "--backend-read-timeout=1h"]
        return Program(name, command, directory, address)
    sallyport = SALLYPORT.match(name)
    if sallyport:
        mode, unknown, callers, sync_microseconds = sallyport.groups()
        environment = None if sync_microseconds is None else {
            "LD_PRELOAD": str(binaries / "libbenchmark_sync_delay.so"), "SYNC_DELAY_US": sync_microseconds}
        data = directory / f"{name}-data"
        shutil.rmtree(data, ignore_errors=True)
        command = [binaries / "sallyportd", "--listen", "127.0.0.1:0", "--upstream", upstream, "--data", data,
                   "--durability", "off" if mode == "relay" else mode]
        if not unknown:
            command += ["--descriptors", descriptors]
        if not callers:
            return Program(name, command, directory, environment=environment)
        issuer = token_issuer.TokenIssuer(directory, name)
        config = directory / f"{name}.json"  # which is YAML too
        policy = directory / f"{name}-policy.json"
        policy.write_text(json.dumps({"access": {"default": "allow"}, "masks": [
            # As long as before, and with an end that shows, so that what comes back can be checked.
            {"name": "bodies", "fields": ["sallyport.benchmark.Payload.body"], "with": "last4", "views": ["record", "caller"]}]}))
        config.write_text(json.dumps({
            **({"policy": str(policy)} if callers == "-masked" else {}),
            "listen": {"address": "127.0.0.1:0"},
            "data": {"directory": str(data), "durability": "off" if mode == "relay" else mode},
            "upstreams": {"echo": {"target": upstream}},
            "descriptors": [] if unknown else [{"file": str(descriptors)}],
            "identity": {"oidc": [issuer.configuration()]} if callers == "-jwt" else {}}))
        return Program(name, [binaries / "sallyportd", "--config", config], directory, environment=environment,
                       authorization=None if callers == "-masked" else f"Bearer {issuer.token()}",
                       masked=callers == "-masked")
    raise SystemExit(f"no contender is called '{name}'; there are {', '.join(DEFAULT + OTHERS)}")
