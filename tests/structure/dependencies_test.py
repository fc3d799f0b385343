#!/usr/bin/env python3
"""Checks that the rooms depend on each other one way only, as CONTRIBUTING.md's table of rooms has it, and that libraries
which belong to one room are not reached for from another. Reads the sources and the CMake files; needs no build.

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
    "sallyport_text": "protos",
    "sallyport_message_reading": "policy",
    "sallyport_policy": "policy",
    "sallyport_recorder": "recorder",
    "sallyport_relay": "gateway",
    "sallyport_admin": "gateway",
    "sallyport_http": "gateway",
    "sallyport_http_server": "gateway",
    "sallyport_log": "gateway",
    "sallyport_files": "gateway",
    "sallyport_tls": "gateway",
    "sallyport_identity": "gateway",
    "sallyport_listener": "gateway",
    "sallyport_credentials": "gateway",
    "sallyport_gateway": "gateway",
    "sallyport_replay": "replay",
}
# Within the gateway: what of the gateway the files of a folder may include, besides their own folder's. Folders that are
# not here are not held to anything yet. What is no folder is a header.
IDENTITY = {"gateway/identity/identity.h", "gateway/identity/printable_text.h"}
WITHIN_GATEWAY = {
    "gateway/admin": {"gateway/http", "gateway/relay/recording/refusal_limits.h"},
    "gateway/files": set(),
    "gateway/http": set(),
    "gateway/identity/api_keys": IDENTITY,
    "gateway/identity/jwt": IDENTITY,
    "gateway/identity/kubernetes": IDENTITY | {"gateway/files", "gateway/http", "gateway/identity/jwt"},
    "gateway/identity/mtls": IDENTITY | {"gateway/tls"},
    "gateway/identity/oidc": IDENTITY | {"gateway/files", "gateway/http", "gateway/identity/jwt", "gateway/identity/kubernetes"},
    "gateway/tls": {"gateway/listen_address.h"},
}
# Generated messages may be included wherever protos may; grpc/health/ and grpc/reflection/ are some of them.
GRPC = re.compile(r"grpc(pp)?/(?!health/|reflection/)")
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.MULTILINE)
HTTP_PRIVATE = {"gateway/http/http_connection.h", "gateway/http/request_parser.h"}
MOST_OPENSSL_FILES = 10


def faults_in(root):
    sqlite_users, openssl_users, beast_users = [], [], []
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
                within = WITHIN_GATEWAY.get(name.parent.as_posix())
                if within is not None and first == "gateway":
                    folder = pathlib.PurePosixPath(included).parent.as_posix()
                    if folder != name.parent.as_posix() and not within & {folder, included}:
                        yield f"{name}: includes {included}, which is none of what its folder may use"
                if GRPC.match(included) and room not in ("gateway", "replay"):
                    yield f"{name}: includes {included}, but only gateway and replay know gRPC"
                if included.startswith("boost/") and name.parts[:2] != ("gateway", "http"):
                    yield f"{name}: includes {included}, which only gateway/http does"
                if included.startswith("boost/beast/"):
                    beast_users.append(str(name))
                if included == "utf8proc.h" and name.as_posix() != "protos/visible_text.cc":
                    yield f"{name}: includes utf8proc.h, which only protos/visible_text.cc does"
                if included in HTTP_PRIVATE and name.parts[:2] != ("gateway", "http"):
                    yield f"{name}: includes {included}, which is gateway/http's own"
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
    if set(beast_users) != {"gateway/http/request_parser.cc"}:
        yield f"Boost.Beast is to be included by gateway/http/request_parser.cc only, not by: {sorted(set(beast_users))}"
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
