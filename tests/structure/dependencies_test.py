#!/usr/bin/env python3
"""Checks that the rooms depend on each other one way only, as CONTRIBUTING.md's table of rooms has it, and that libraries
which belong to one room are not reached for from another. Reads the sources and the CMake files; needs no build.

A target whose CMakeLists.txt lists its public headers (a file set HEADERS) is a room with doors: others include only those,
and only where their own target links it; no two such rooms use each other, be it through a third. A target without a list
may have no header that a room with doors includes, where there are such rooms.

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
    "replay/client": {"protos", "policy", "recorder", "replay/view"},
    "replay/cli": {"protos", "policy", "recorder", "replay/view", "replay/replayer", "replay/client"},
}
# Who knows gRPC.
GRPC_ROOMS = {"gateway", "replay/replayer", "replay/client"}
# Within one target of the gateway: what of the gateway the files of a folder may include, besides their own folder's.
# What is no folder is a header.
IDENTITY = {"gateway/identity/identity.h", "gateway/identity/printable_text.h"}
WITHIN_GATEWAY = {
    "gateway/identity/api_keys": IDENTITY,
    "gateway/identity/jwt": IDENTITY,
    "gateway/identity/kubernetes": IDENTITY | {"gateway/files", "gateway/http", "gateway/identity/jwt"},
    "gateway/identity/mtls": IDENTITY | {"gateway/tls"},
    "gateway/identity/oidc": IDENTITY | {"gateway/files", "gateway/http", "gateway/identity/jwt", "gateway/identity/kubernetes"},
}
# Generated messages may be included wherever protos may; grpc/health/ and grpc/reflection/ are some of them.
GRPC = re.compile(r"grpc(pp)?/(?!health/|reflection/)")
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.MULTILINE)
MOST_OPENSSL_FILES = 10
# Rooms that must not come to use more than these, through whatever others.
BOUNDED = {
    "sallyport_protos": set(),
    "sallyport_crypto": {"sallyport_protos"},
    "sallyport_system": {"sallyport_crypto", "sallyport_protos"},
    "sallyport_api_keys": {"sallyport_crypto", "sallyport_system", "sallyport_protos"},
    # FORMAT.md says that the verifier shares nothing with the code that writes.
    "sallyport_recorder_verify": {"sallyport_crypto", "sallyport_system", "sallyport_recorder_format",
                                  "sallyport_recorder_sqlite", "sallyport_protos"},
    # A log can be read and written without what settings need.
    "sallyport_recorder": {"sallyport_api_keys", "sallyport_crypto", "sallyport_protos", "sallyport_recorder_evidence",
                           "sallyport_recorder_format", "sallyport_recorder_index", "sallyport_recorder_keys",
                           "sallyport_recorder_log", "sallyport_recorder_sqlite", "sallyport_recorder_sqlite_index",
                           "sallyport_recorder_verify", "sallyport_recorder_write", "sallyport_system"},
}


def cmake_texts(root):
    """The CMake files of all rooms, without comments, by their folders."""
    for top in sorted({room.split("/")[0] for room in ROOMS}):
        for cmake in sorted((root / top).rglob("CMakeLists.txt")):
            yield cmake.parent.relative_to(root), re.sub(r"#.*", "", cmake.read_text())


def named(root, folder, names):
    """The paths, from the source folder, of files that a CMake file names."""
    return {str((root / folder / name).resolve().relative_to(root.resolve())) for name in names.split()}


def libraries(root):
    """The targets of the rooms: where each is made, and its sources."""
    made = {}
    for folder, text in cmake_texts(root):
        for target, listed in re.findall(r"add_(?:library|executable)\(\s*(\w+)(?:\s+STATIC)?\b([^)]*)\)", text):
            made[target] = (folder, named(root, folder, re.sub(r"\$\{\w+\}", "", listed)))
    return made


class DoorRoom:
    """A target with a list of public headers."""

    def __init__(self, root, folder, target, listed, text):
        self.target = target
        self.folder = folder
        self.headers = named(root, folder, listed)
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
    for folder, text in cmake_texts(root):
        for target, listed in re.findall(
                r"target_sources\(\s*(\w+)\s+PUBLIC\s+FILE_SET\s+HEADERS\s+BASE_DIRS\s+\S+\s+FILES([^)]*)\)", text):
            rooms[target] = DoorRoom(root, folder, target, listed, text)
    return rooms


class Owners:
    """Which target a file belongs to: the one that lists it or the source of the same name, or else the one target of the
    folder around it."""

    def __init__(self, root, rooms):
        self.listed = {header: room.target for room in rooms.values() for header in room.headers}
        self.by_folder = {}
        for target, (folder, sources) in libraries(root).items():
            for source in sources:
                self.listed.setdefault(source, target)
                self.listed.setdefault(re.sub(r"\.cc$", ".h", source), target)
            self.by_folder.setdefault(folder, []).append(target)

    def of(self, name):
        if str(name) in self.listed:
            return self.listed[str(name)]
        for folder in name.parents:
            if folder in self.by_folder:
                made = self.by_folder[folder]
                return made[0] if len(made) == 1 else None
        return None


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
    owners = Owners(root, rooms)
    # Those in which a header that no list has is nobody's but its own target's.
    with_doors = {room.folder.parts[0] for room in rooms.values()}
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
    for top in sorted({room.split("/")[0] for room in ROOMS}):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            name = path.relative_to(root)
            user = owners.of(name)
            for included in INCLUDE.findall(path.read_text()):
                if included.split("/")[0] not in with_doors or not (root / included).is_file():
                    continue
                used = owners.of(pathlib.Path(included))
                if used == user:
                    continue
                if used not in rooms:
                    if user in rooms:
                        yield f"{name}: includes {included}, which no room with doors has"
                    continue
                if included not in rooms[used].headers:
                    yield f"{name}: includes {included}, which is no public header of {used}"
                elif user in rooms and used not in reachable(rooms, user):
                    yield f"{name}: includes {included}, but {user} does not link {used}"
                if user in rooms:
                    included_rooms[user].add(used)
    for room in rooms.values():
        # What a room that only gathers others links is its purpose.
        for other in sorted(room.links & rooms.keys() - included_rooms[room.target]):
            if room.target != "sallyport_recorder":
                yield f"{room.folder}/CMakeLists.txt: {room.target} links {other} and includes nothing of it"


def room_of(path):
    """The smallest room that a path, as includes have it, is in; None for what is not ours."""
    rooms = [room for room in ROOMS if path.startswith(room + "/")]
    return max(rooms, key=len, default=None)


def faults_in(root):
    sqlite_users, openssl_users, beast_users = [], [], []
    targets = {target: room_of(f"{folder}/") for target, (folder, _) in libraries(root).items()}
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
                if first in ("tests", "deploy"):
                    yield f"{name}: includes {included}, but no room depends on {first}"
                within = WITHIN_GATEWAY.get(name.parent.as_posix())
                if within is not None and first == "gateway":
                    folder = pathlib.PurePosixPath(included).parent.as_posix()
                    if folder != name.parent.as_posix() and not within & {folder, included}:
                        yield f"{name}: includes {included}, which is none of what its folder may use"
                if GRPC.match(included) and room not in GRPC_ROOMS:
                    yield f"{name}: includes {included}, but only {', '.join(sorted(GRPC_ROOMS))} know gRPC"
                if included.startswith("boost/") and name.parts[:2] != ("gateway", "http"):
                    yield f"{name}: includes {included}, which only gateway/http does"
                if included.startswith("boost/beast/"):
                    beast_users.append(str(name))
                if included == "utf8proc.h" and name.as_posix() != "protos/visible_text.cc":
                    yield f"{name}: includes utf8proc.h, which only protos/visible_text.cc does"
                if included == "sqlite3.h":
                    sqlite_users.append(str(name))
                if included.startswith("openssl/"):
                    openssl_users.append(str(name))
        for cmake in sorted((root / room).rglob("CMakeLists.txt")):
            for target in sorted(set(re.findall(r"\bsallyport_\w+", cmake.read_text()))):
                other = targets.get(target)
                if other is not None and other != room and other not in allowed:
                    yield f"{cmake.relative_to(root)}: names {target}, but {room} must not depend on {other}"
    for name in ("gateway/relay/call.h", "gateway/relay/call.cc"):
        if GRPC.search(" ".join(INCLUDE.findall((root / name).read_text()))):
            yield f"{name}: the state machine of a call knows no gRPC"
    if sqlite_users != ["recorder/sqlite/database.cc"]:
        yield f"sqlite3.h is to be included by recorder/sqlite/database.cc alone, not by: {sqlite_users}"
    if set(beast_users) != {"gateway/http/request_parser.cc"}:
        yield f"Boost.Beast is to be included by gateway/http/request_parser.cc only, not by: {sorted(set(beast_users))}"
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
