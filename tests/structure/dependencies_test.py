#!/usr/bin/env python3
"""Checks that the rooms depend on each other one way only, as README.md's "Life of a call" draws it, and that libraries which
belong to one room are not reached for from another. Reads the sources and the CMake files; needs no build.

A target whose CMakeLists.txt lists its public headers (a file set HEADERS) is a room with doors: others include only those,
and only where their own target links it; no two such rooms use each other, be it through a third.

usage: dependencies_test.py SOURCE-DIRECTORY
"""

import pathlib
import re
import sys

# Who may use whom. A room always may use itself.
ROOMS = {
    "protos": set(),
    "policy": {"protos"},
    "recorder": {"protos"},
    "gateway": {"protos", "policy", "recorder"},
    "replay": {"protos", "policy", "recorder"},
}
TARGETS = {
    "sallyport_messages": "protos",
    "sallyport_protos": "protos",
    "sallyport_message_reading": "policy",
    "sallyport_policy": "policy",
    "sallyport_crypto": "recorder",
    "sallyport_system": "recorder",
    "sallyport_api_keys": "recorder",
    "sallyport_recorder": "recorder",
    "sallyport_relay": "gateway",
    "sallyport_admin": "gateway",
    "sallyport_http": "gateway",
    "sallyport_log": "gateway",
    "sallyport_identity": "gateway",
    "sallyport_listener": "gateway",
    "sallyport_credentials": "gateway",
    "sallyport_gateway": "gateway",
    "sallyport_replay": "replay",
}
# Generated messages may be included wherever protos may; grpc/health/ and grpc/reflection/ are some of them.
GRPC = re.compile(r"grpc(pp)?/(?!health/|reflection/)")
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.MULTILINE)
MOST_OPENSSL_FILES = 9
# Rooms that must not come to use more than these, through whatever others.
BOUNDED = {
    "sallyport_crypto": set(),
    "sallyport_system": {"sallyport_crypto"},
    "sallyport_api_keys": {"sallyport_crypto", "sallyport_system"},
    # FORMAT.md says that the verifier shares nothing with the code that writes.
    "sallyport_recorder_verify": {"sallyport_crypto", "sallyport_system", "sallyport_recorder_format",
                                  "sallyport_recorder_sqlite"},
}


class DoorRoom:
    """A target with a list of public headers."""

    def __init__(self, root, cmake, target, listed, text):
        self.target = target
        self.folder = cmake.parent.relative_to(root)
        self.headers = {str((cmake.parent / name).resolve().relative_to(root.resolve())) for name in listed.split()}
        self.public, self.links = set(), set()
        for body in re.findall(r"target_link_libraries\(\s*%s\b([^)]*)\)" % target, text):
            scope = None
            for word in body.split():
                if word in ("PUBLIC", "PRIVATE", "INTERFACE"):
                    scope = word
                else:
                    self.links.add(word)
                    if scope != "PRIVATE":
                        self.public.add(word)


def door_rooms(root):
    rooms = {}
    for top in ROOMS:
        for cmake in sorted((root / top).rglob("CMakeLists.txt")):
            text = re.sub(r"#.*", "", cmake.read_text())
            for target, listed in re.findall(
                    r"target_sources\(\s*(\w+)\s+PUBLIC\s+FILE_SET\s+HEADERS\s+BASE_DIRS\s+\S+\s+FILES([^)]*)\)", text):
                rooms[target] = DoorRoom(root, cmake, target, listed, text)
    return rooms


def reachable(rooms, target):
    """The rooms whose headers a target may include: what it links, and what those hand on."""
    seen, ahead = set(), [name for name in rooms[target].links if name in rooms]
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += [other for other in rooms[name].public if other in rooms]
    return seen


def used_by(rooms, target):
    seen, ahead = set(), [target]
    while ahead:
        for name in rooms[ahead.pop()].links:
            if name in rooms and name not in seen:
                seen.add(name)
                ahead.append(name)
    return seen


def door_faults(root):
    rooms = door_rooms(root)
    by_header = {header: room for room in rooms.values() for header in room.headers}

    def room_of(name):
        if str(name) in by_header:
            return by_header[str(name)]
        around = [room for room in rooms.values() if room.folder in name.parents]
        return max(around, key=lambda room: len(room.folder.parts), default=None)

    included_rooms = {target: set() for target in rooms}
    for room in rooms.values():
        for header in sorted(room.headers):
            if not (root / header).is_file():
                yield f"{room.folder}/CMakeLists.txt: lists {header}, which is not there"
        if room.target in used_by(rooms, room.target):
            yield f"{room.folder}/CMakeLists.txt: {room.target} uses itself, through others"
        excess = used_by(rooms, room.target) - BOUNDED.get(room.target, used_by(rooms, room.target))
        if excess:
            yield f"{room.folder}/CMakeLists.txt: {room.target} must not use {sorted(excess)}"
    for top in ROOMS:
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            name = path.relative_to(root)
            user = room_of(name)
            for included in INCLUDE.findall(path.read_text()):
                if included.split("/")[0] not in ROOMS or not (root / included).is_file():
                    continue
                used = room_of(pathlib.Path(included))
                if used is None or used is user:
                    continue
                if included not in used.headers:
                    yield f"{name}: includes {included}, which is no public header of {used.target}"
                elif user is not None and used.target not in reachable(rooms, user.target):
                    yield f"{name}: includes {included}, but {user.target} does not link {used.target}"
                if user is not None:
                    included_rooms[user.target].add(used.target)
    for room in rooms.values():
        # What a room that only gathers others links is its purpose.
        for other in sorted(room.links & rooms.keys() - included_rooms[room.target]):
            if room.target != "sallyport_recorder":
                yield f"{room.folder}/CMakeLists.txt: {room.target} links {other} and includes nothing of it"


def faults_in(root):
    sqlite_users, openssl_users = [], []
    for room, allowed in ROOMS.items():
        for path in sorted((root / room).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            name = path.relative_to(root)
            for included in INCLUDE.findall(path.read_text()):
                first = included.split("/")[0]
                if first in ROOMS and first != room and first not in allowed:
                    yield f"{name}: includes {included}, but {room} must not depend on {first}"
                if first in ("tests", "deploy"):
                    yield f"{name}: includes {included}, but no room depends on {first}"
                if GRPC.match(included) and room not in ("gateway", "replay"):
                    yield f"{name}: includes {included}, but only gateway and replay know gRPC"
                if included == "httplib.h" and name.parts[:2] != ("gateway", "admin"):
                    yield f"{name}: includes httplib.h, which only gateway/admin does"
                if included == "sqlite3.h":
                    sqlite_users.append(str(name))
                if included.startswith("openssl/"):
                    openssl_users.append(str(name))
        for cmake in sorted((root / room).rglob("CMakeLists.txt")):
            for target in sorted(set(re.findall(r"\bsallyport_\w+", cmake.read_text()))):
                other = "recorder" if target.startswith("sallyport_recorder") else TARGETS.get(target)
                if other is not None and other != room and other not in allowed:
                    yield f"{cmake.relative_to(root)}: names {target}, but {room} must not depend on {other}"
    for name in ("gateway/relay/call.h", "gateway/relay/call.cc"):
        if GRPC.search(" ".join(INCLUDE.findall((root / name).read_text()))):
            yield f"{name}: the state machine of a call knows no gRPC"
    if sqlite_users != ["recorder/sqlite/database.cc"]:
        yield f"sqlite3.h is to be included by recorder/sqlite/database.cc alone, not by: {sqlite_users}"
    if len(set(openssl_users)) > MOST_OPENSSL_FILES:
        yield f"OpenSSL is included by more than {MOST_OPENSSL_FILES} files: {sorted(set(openssl_users))}"


def main():
    root = pathlib.Path(sys.argv[1])
    if not (root / "recorder").is_dir():
        sys.exit(f"{root} is not the project's folder")
    faults = list(faults_in(root)) + list(door_faults(root))
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
