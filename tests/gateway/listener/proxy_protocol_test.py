#!/usr/bin/env python3
"""Callers behind a trusted proxy go by their own address: in the record, for rules about networks, for limits on connections. With
headers made by hand and with the real haproxy, if it is installed.

usage: proxy_protocol_test.py SALLYPORTD SALLYPORT
"""

import json
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

from gateway_process import PREFACE, Caller, Gateway, Upstream, eventually, is_closed

SKIPPED_STATUS = 77
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
POLICY = """access:
  default: allow
  rules:
    - {name: not from there, match: {networks: [198.51.100.0/24]}, action: deny}
"""


def header(source, port=4660):
    body = socket.inet_aton(source) + socket.inet_aton("192.0.2.1") + struct.pack(">HH", port, 443)
    return SIGNATURE + b"\x21\x11" + struct.pack(">H", len(body)) + body


def header6(source, port=4660):
    body = socket.inet_pton(socket.AF_INET6, source) * 2 + struct.pack(">HH", port, 443)
    return SIGNATURE + b"\x21\x21" + struct.pack(">H", len(body)) + body


LOCAL = SIGNATURE + b"\x20\x00\x00\x00"


def peers(sallyport, data):
    """Peers of all calls by the number in their method."""
    listing = subprocess.run([sallyport, "calls", "--data", data, "--json", "--limit", "1000"], capture_output=True, text=True)
    calls = [json.loads(line) for line in listing.stdout.splitlines()]
    return {call["method"].split("/M")[-1]: call for call in calls if "/M" in call["method"]}


def one_call(address, number, first, source=None):
    """What the call ends with; nothing where the connection is closed before, whenever that is noticed."""
    try:
        caller = Caller(address, source, first)
        status = caller.status(caller.begin(b"/t.T/M%d" % number, end=True))
        caller.close()
    except (BrokenPipeError, ConnectionResetError):
        return b""
    return status


def by_hand(sallyportd, sallyport, directory, upstream):
    pathlib.Path(f"{directory}/policy.yaml").write_text(POLICY)
    unix = f"unix:{directory}/socket"
    gateway = Gateway(
        sallyportd, directory, upstream,
        f"listen: {{addresses: ['127.0.0.1:0', '{unix}'], trusted_proxies: [127.0.0.2, unix], handshake_timeout: 2s}}\n"
        f"policy: {directory}/policy.yaml\nlimits: {{connections_per_peer: 2}}")
    if not gateway.started():
        yield "".join(gateway.log)
        return
    eventually(lambda: len(gateway.addresses) == 2)
    address = gateway.addresses[0]
    one_call(address, 201, header("203.0.113.7"), "127.0.0.2")
    one_call(address, 202, header6("2001:db8::9"), "127.0.0.2")
    one_call(address, 203, LOCAL, "127.0.0.2")
    one_call(address, 204, b"", "127.0.0.1")
    one_call(unix, 205, header("203.0.113.8"))
    denied = one_call(address, 206, header("198.51.100.1"), "127.0.0.2")
    if b"not allow" not in denied:
        yield f"a rule about the caller's network does not hold behind the proxy: {denied}"
    # Where no header comes, or something else does, nobody can tell whose the connection is.
    host, port = address.rsplit(":", 1)
    for first in (PREFACE, b"PROXY TCP4 203.0.113.7 192.0.2.1 5 6\r\n" + PREFACE, SIGNATURE + b"\x21\x11\x00\x04aaaa", b""):
        connection = socket.create_connection((host, int(port)), source_address=("127.0.0.2", 0))
        connection.sendall(first)
        if not is_closed(connection):
            yield f"a connection of the proxy that begins with {first} is kept"
    if one_call(address, 207, header("203.0.113.7"), "127.0.0.1") != b"":
        yield "somebody who is no trusted proxy was believed"
    # Counted by the caller's address, not by the proxy's.
    held = [Caller(address, "127.0.0.2", header(f"203.0.113.{i}", 5000 + i)) for i in range(20, 26)]
    if not all(caller.answers() for caller in held):
        yield "connections of six callers behind one proxy count as one caller's"
    same = [Caller(address, "127.0.0.2", header("203.0.113.30", 6000 + i)) for i in range(2)]
    if not all(caller.answers() for caller in same):
        yield "two connections of one caller do not serve"
    try:
        if Caller(address, "127.0.0.2", header("203.0.113.30", 7000)).answers():
            yield "a third connection of one caller behind the proxy was taken"
    except OSError:
        pass
    for caller in held + same:
        caller.close()
    if gateway.stop() != 0:
        yield "".join(gateway.log)
    recorded = peers(sallyport, gateway.data)
    expected = {"201": "ipv4:203.0.113.7:4660", "202": "ipv6:[2001:db8::9]:4660", "203": "ipv4:127.0.0.2:", "204": "ipv4:127.0.0.1:",
                "205": "ipv4:203.0.113.8:4660", "206": "ipv4:198.51.100.1:4660"}
    for number, peer in expected.items():
        if not recorded.get(number, {}).get("peer", "").startswith(peer):
            yield f"call {number} should be recorded from {peer}: {recorded.get(number)}"
    if "207" in recorded:
        yield f"call 207 is recorded: {recorded['207']}"
    if not any("version 1" in line for line in gateway.log):
        yield "no line says that version 1 of the protocol is not taken"


skipped = []  # parts for which something is not there


def with_haproxy(sallyportd, sallyport, directory, upstream):
    haproxy = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if haproxy is None:
        print("SKIPPED proxy_protocol_test, through haproxy: it is not installed")
        skipped.append("haproxy")
        return
    gateway = Gateway(sallyportd, directory, upstream, "listen: {address: '127.0.0.1:0', trusted_proxies: [127.0.0.1]}")
    if not gateway.started():
        yield "".join(gateway.log)
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = f"{directory}/haproxy.cfg"
    # With its health checks, which come with a header that names nobody.
    pathlib.Path(path).write_text(
        "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n"
        f"listen calls\n  bind 127.0.0.1:{port}\n  server gateway {gateway.addresses[0]} send-proxy-v2 check inter 100ms\n")
    process = subprocess.Popen([haproxy, "-db", "-f", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def reachable():
        try:
            return Caller(f"127.0.0.1:{port}").answers()
        except OSError:
            return False

    if not eventually(reachable):
        yield f"no call comes through haproxy: {gateway.log}"
    callers = []
    for number in range(301, 304):
        caller = Caller(f"127.0.0.1:{port}", f"127.0.0.{number - 290}")
        caller.status(caller.begin(b"/t.T/M%d" % number, end=True))
        callers.append((number, "ipv4:%s:%d" % caller.connection.getsockname(), caller))
    for _, _, caller in callers:
        caller.close()
    process.terminate()
    process.wait(30)
    if gateway.stop() != 0:
        yield "".join(gateway.log)
    recorded = peers(sallyport, gateway.data)
    for number, peer, _ in callers:
        if recorded.get(str(number), {}).get("peer") != peer:
            yield f"call {number} through haproxy came from {peer}: {recorded.get(str(number))}"


def main():
    sallyportd, sallyport = sys.argv[1:]
    upstream = Upstream()
    faults = []
    for part in (by_hand, with_haproxy):
        with tempfile.TemporaryDirectory() as directory:
            faults += [f"{part.__name__}: {fault}" for fault in part(sallyportd, sallyport, directory, upstream.target)]
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else SKIPPED_STATUS if skipped else 0)


if __name__ == "__main__":
    main()
