#!/usr/bin/env python3
"""What the listener does where limits are reached: connections in all and of one address, descriptors, calls of one connection, time to
become a connection; and sockets that it is given or that somebody else has. With processes of their own, and HTTP/2 by hand.

usage: listener_limits_test.py SALLYPORTD
"""

import os
import resource
import socket
import sys
import tempfile

from gateway_process import Caller, Gateway, Upstream, eventually, is_closed

ADMIN = "admin: {address: '127.0.0.1:0'}"
LISTEN = "listen: {address: '127.0.0.1:0'}"


def answers(address, source=None):
    try:
        caller = Caller(address, source)
    except OSError:
        return False
    good = caller.answers()
    caller.close()
    return good


def connections_are_bounded(program, directory, upstream):
    gateway = Gateway(program, directory, upstream, f"{LISTEN}\n{ADMIN}\nlimits: {{connections: 5, connections_per_peer: 3}}")
    if not gateway.started(admin=True):
        yield "".join(gateway.log)
        return
    address = gateway.addresses[0]
    held = [Caller(address) for _ in range(3)]
    if not all(caller.answers() for caller in held):
        yield "three connections of one address do not all serve"
    if answers(address):
        yield "a fourth connection of one address was taken"
    held += [Caller(address, "127.0.0.2") for _ in range(2)]
    if not all(caller.answers() for caller in held):
        yield "two connections of another address do not serve beside them"
    if answers(address, "127.0.0.3"):
        yield "a sixth connection was taken"
    code, reason = gateway.get("/readyz")
    if code != 503 or "5 connections" not in reason or reason.count("\n") != 1:
        yield f"/readyz says {code} {reason} while no connection is taken"
    for caller in held:
        caller.close()
    if not eventually(lambda: gateway.get("/readyz")[0] == 200):
        yield "/readyz does not recover"
    if not eventually(lambda: answers(address)):
        yield "no connection is taken after the others have gone"
    if gateway.stop() != 0:
        yield "".join(gateway.log)


def descriptors_running_out_heals(program, directory, upstream):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160))

    gateway = Gateway(program, directory, upstream, f"{LISTEN}\n{ADMIN}\nlimits: {{connections_per_peer: 128}}", preexec_fn=few)
    if not gateway.started(admin=True):
        yield "".join(gateway.log)
        return
    address = gateway.addresses[0]
    first = Caller(address)
    if not first.answers():
        yield "the gateway does not serve with few descriptors"
    flood = []
    for _ in range(400):
        host, port = address.rsplit(":", 1)
        flood.append(socket.create_connection((host, int(port))))
    if not eventually(lambda: any("refused" in line for line in gateway.log)):
        yield "no line says that connections were refused"
    if not first.answers():
        yield "a flood of connections keeps the gateway from calling its upstream or writing its log"
    if gateway.get("/healthz") != (200, "ok\n"):
        yield "a flood of connections takes the admin endpoint's descriptors"
    # Now none at all is to be had, not even for accepting.
    for connection in flood:
        connection.close()
    pid = gateway.process.pid
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (8, 160))
    host, port = address.rsplit(":", 1)
    waiting = [socket.create_connection((host, int(port))) for _ in range(3)]
    if not eventually(lambda: any("cannot accept" in line for line in gateway.log)):
        yield "no line says that nothing can be accepted"
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (160, 160))
    if not eventually(lambda: answers(address)):
        yield "nothing is accepted after descriptors are to be had again"
    if not eventually(lambda: gateway.get("/readyz")[0] == 200):
        yield "/readyz does not recover"
    for connection in waiting:
        connection.close()
    if gateway.stop() != 0:
        yield "".join(gateway.log)


def calls_of_a_connection_are_bounded(program, directory, upstream):
    gateway = Gateway(program, directory, upstream, f"{LISTEN}\nlimits: {{calls_per_connection: 3}}")
    if not gateway.started():
        yield "".join(gateway.log)
        return
    # Without acknowledging SETTINGS the library itself lets everything in.
    caller = Caller(gateway.addresses[0])
    # Several threads take calls, so those beyond the limit need not be the last ones.
    streams = [caller.begin(b"/t.T/M%d" % number) for number in range(1, 6)]
    refused = caller.first_ended(2)
    for stream in refused:
        if b"calls_per_connection" not in caller.ended[stream]:
            yield f"a call beyond the limit ended with {caller.ended[stream]}"
    other = Caller(gateway.addresses[0])
    if not other.answers():
        yield "another connection has no calls of its own"
    for stream in set(streams) - refused:
        caller.finish(stream)
        if b"calls_per_connection" in caller.status(stream):
            yield "a call within the limit was refused"
    if not caller.answers():
        yield "no call is taken after the others have ended"
    if gateway.stop() != 0:
        yield "".join(gateway.log)


def who_says_nothing_is_not_waited_for(program, directory, upstream):
    unix = f"unix:{directory}/socket"
    gateway = Gateway(program, directory, upstream, f"listen: {{addresses: ['127.0.0.1:0', '{unix}'], handshake_timeout: 1s}}")
    if not gateway.started():
        yield "".join(gateway.log)
        return
    eventually(lambda: len(gateway.addresses) == 2)
    host, port = gateway.addresses[0].rsplit(":", 1)
    over_unix = socket.socket(socket.AF_UNIX)
    over_unix.connect(f"{directory}/socket")
    half = socket.socket(socket.AF_UNIX)
    half.connect(f"{directory}/socket")
    half.sendall(b"PRI * HTTP/2.0\r\n")
    silent = [socket.create_connection((host, int(port))), over_unix, half]
    for connection in silent:
        if not is_closed(connection):
            yield f"{connection} says nothing and is kept"
    if not answers(unix) or not answers(gateway.addresses[0]):
        yield "who speaks is not served"
    os.mkdir(f"{directory}/second")
    second = Gateway(program, f"{directory}/second", upstream, f"listen: {{address: '{unix}'}}")
    if second.started() or not any("serves on this path" in line for line in second.log):
        yield f"a second gateway takes the path over: {second.log}"
        second.process.kill()
    if not answers(unix):
        yield "the first gateway has lost its path"
    if gateway.stop() != 0:
        yield "".join(gateway.log)


def inherited_sockets_are_served(program, directory, upstream):
    with socket.create_server(("127.0.0.1", 0)) as given:
        address = "127.0.0.1:%d" % given.getsockname()[1]
        # As sd_listen_fds(3) says: from descriptor 3 on, for the process that LISTEN_PID names.
        shell = ["sh", "-c", f'exec 3<&{given.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh"]
        gateway = Gateway(program, directory, upstream, "listen: {address: inherited, insecure: true}\nidentity: {anonymous: true}",
                          before=shell, pass_fds=[given.fileno()])
        if not gateway.started():
            yield "".join(gateway.log)
            return
    if gateway.addresses != [address] or not answers(address):
        yield f"the inherited socket {address} is not served: {gateway.log}"
    if gateway.stop() != 0:
        yield "".join(gateway.log)


def main():
    program = sys.argv[1]
    upstream = Upstream()
    faults = []
    for part in (connections_are_bounded, descriptors_running_out_heals, calls_of_a_connection_are_bounded,
                 who_says_nothing_is_not_waited_for, inherited_sockets_are_served):
        with tempfile.TemporaryDirectory() as directory:
            faults += [f"{part.__name__}: {fault}" for fault in part(program, directory, upstream.target)]
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
