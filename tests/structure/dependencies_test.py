#!/usr/bin/env python3
"""Checks that the rooms depend on each other one way only, as CONTRIBUTING.md's table of rooms has it, and that libraries
which belong to one room are not reached for from another. Reads the sources and the CMake files; needs no build.

usage: dependencies_test.py SOURCE-DIRECTORY
"""

import pathlib
import re
import sys

# Who may use whom. A room always may use itself; a file is in the smallest room that its path names.
ROOMS = {
    "protos": set(),
    "policy": {"protos"},
    "recorder": {"protos"},
    "gateway": {"protos", "policy", "recorder", "replay/view"},
    "replay/view": {"protos", "policy", "recorder"},
    "replay/replayer": {"protos", "policy", "recorder", "replay/view"},
    "replay/cli": {"protos", "policy", "recorder", "replay/view", "replay/replayer"},
}
# What other rooms include of these; of a room that is not named, any header.
PUBLIC_HEADERS = {
    "replay/view": {"call_decoder.h", "call_filter.h", "call_source.h", "call_store.h", "call_view.h", "exact_text.h",
                    "local_store.h", "names.h", "printable.h", "proto_time.h", "reading.h", "revealer.h",
                    "status_details.h", "stored_descriptors.h"},
    "replay/replayer": {"channel_credentials.h", "message_diff.h", "outgoing_metadata.h", "recorded_call.h",
                        "replayed_response.h", "replayer.h", "response_diff.h"},
    "replay/cli": set(),
}
# Who knows gRPC.
GRPC_ROOMS = {"gateway", "replay/replayer"}
TARGETS = {
    "sallyport_messages": "protos",
    "sallyport_protos": "protos",
    "sallyport_message_reading": "policy",
    "sallyport_policy": "policy",
    "sallyport_recorder": "recorder",
    "sallyport_relay": "gateway",
    "sallyport_admin": "gateway",
    "sallyport_http": "gateway",
    "sallyport_log": "gateway",
    "sallyport_identity": "gateway",
    "sallyport_listener": "gateway",
    "sallyport_credentials": "gateway",
    "sallyport_gateway": "gateway",
    "sallyport_view": "replay/view",
    "sallyport_replayer": "replay/replayer",
    "sallyport_cli": "replay/cli",
}
# Generated messages may be included wherever protos may; grpc/health/ and grpc/reflection/ are some of them.
GRPC = re.compile(r"grpc(pp)?/(?!health/|reflection/)")
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.MULTILINE)
MOST_OPENSSL_FILES = 9


def room_of(path):
    """The smallest room that a path, as includes have it, is in; None for what is not ours."""
    rooms = [room for room in ROOMS if path.startswith(room + "/")]
    return max(rooms, key=len, default=None)


def faults_in(root):
    sqlite_users, openssl_users = [], []
    for room, allowed in ROOMS.items():
        for path in sorted((root / room).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            name = path.relative_to(root)
            if room_of(str(name)) != room:
                continue
            for included in INCLUDE.findall(path.read_text()):
                first = included.split("/")[0]
                other = room_of(included)
                if other not in (None, room) and other not in allowed:
                    yield f"{name}: includes {included}, but {room} must not depend on {other}"
                elif other not in (None, room) and other in PUBLIC_HEADERS:
                    if included.removeprefix(other + "/") not in PUBLIC_HEADERS[other]:
                        yield f"{name}: includes {included}, which is {other}'s own"
                if first in ("tests", "deploy"):
                    yield f"{name}: includes {included}, but no room depends on {first}"
                if GRPC.match(included) and room not in GRPC_ROOMS:
                    yield f"{name}: includes {included}, but only {', '.join(sorted(GRPC_ROOMS))} know gRPC"
                if included == "httplib.h" and name.parts[:2] != ("gateway", "admin"):
                    yield f"{name}: includes httplib.h, which only gateway/admin does"
                if included == "sqlite3.h":
                    sqlite_users.append(str(name))
                if included.startswith("openssl/"):
                    openssl_users.append(str(name))
        cmake = (root / room / "CMakeLists.txt").read_text()
        for target in sorted(set(re.findall(r"\bsallyport_\w+", cmake))):
            other = TARGETS.get(target)
            if other is not None and other != room and other not in allowed:
                yield f"{room}/CMakeLists.txt: names {target}, but {room} must not depend on {other}"
    for name in ("gateway/relay/call.h", "gateway/relay/call.cc"):
        if GRPC.search(" ".join(INCLUDE.findall((root / name).read_text()))):
            yield f"{name}: the state machine of a call knows no gRPC"
    if len(sqlite_users) != 1 or not sqlite_users[0].startswith("recorder/index/"):
        yield f"sqlite3.h is to be included by exactly one file of recorder/index, not by: {sqlite_users}"
    if len(set(openssl_users)) > MOST_OPENSSL_FILES:
        yield f"OpenSSL is included by more than {MOST_OPENSSL_FILES} files: {sorted(set(openssl_users))}"


def main():
    root = pathlib.Path(sys.argv[1])
    if not (root / "recorder").is_dir():
        sys.exit(f"{root} is not the project's folder")
    faults = list(faults_in(root))
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
