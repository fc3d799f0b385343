#!/usr/bin/env python3
"""What is shown of random messages, beside what others make of the same bytes: Python's MessageToDict, @bufbuild/protobuf, and, where it is
given, `buf convert`. There are no differences but those that DOCUMENTED lists; marks (members that begin with "@") are left aside.

    differential_test.py --message-cases PROGRAM [--set FILE]... [--count N] [--seed N] [--buf PROGRAM --buf-count N]

Without --set: etcd's messages, the example's, protobuf's own, and those of the protos beside this file. Of each set, COUNT messages of each
kind: plain (as serialisers write them), odd (as parsers take them all the same), unknown (with fields that their types do not have) and enums (with
numbers that closed enums do not name).
"""

import argparse
import base64
import collections
import json
import math
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from harness import descriptors  # noqa: E402

PROJECT = HERE.parents[2]
KINDS = ("plain", "odd", "unknown", "enums")
MOST_TOLD = 10
UNKNOWN_FIELD = 98765432  # as random_wire.cc has it


def nested(messages):
    for message in messages:
        yield message
        yield from nested(message.nested_type)


class Python:
    """protobuf for Python, as Debian has it. It names repeated extensions like fields: that is told apart from differences."""

    name = "python"

    def __init__(self, set_file):
        files = descriptor_pb2.FileDescriptorSet.FromString(set_file.read_bytes())
        self.pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            self.pool.Add(file)
        self.factory = message_factory.MessageFactory(self.pool)
        # Extensions whose type has no class yet are left out without a word.
        for file in files.file:
            for scope in [file, *nested(file.message_type)]:
                for extension in scope.extension:
                    if extension.type in (extension.TYPE_MESSAGE, extension.TYPE_GROUP):
                        self.factory.GetPrototype(self.pool.FindMessageTypeByName(extension.type_name.lstrip(".")))

    def answers(self, cases):
        for case in cases:
            try:
                message = self.factory.GetPrototype(self.pool.FindMessageTypeByName(case["type"]))()
                message.MergeFromString(base64.b64decode(case["bytes"]))
                yield {"found": json_format.MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=self.pool)}
            except Exception as error:  # whatever kind of refusal it is
                yield {"error": f"{type(error).__name__}: {error}"}


class Es:
    """@bufbuild/protobuf."""

    name = "es"

    def __init__(self, set_file):
        self.set_file = set_file

    def answers(self, cases):
        text = "".join(json.dumps({"type": case["type"], "bytes": case["bytes"]}) + "\n" for case in cases)
        done = subprocess.run(["node", HERE / "es_json.js", self.set_file], input=text.encode(), stdout=subprocess.PIPE, timeout=600, check=True)
        found = done.stdout.splitlines()
        assert len(found) == len(cases), f"{len(found)} answers to {len(cases)} messages"
        return map(json.loads, found)


class Buf:
    """`buf convert`: Go's protojson. It names groups like their types: that is told apart from differences."""

    name = "buf"

    def __init__(self, set_file, program):
        self.set_file = set_file
        self.program = program

    def answers(self, cases):
        for case in cases:
            done = subprocess.run([self.program, "convert", f"{self.set_file}#format=binpb", "--type", case["type"], "--from", "-#format=binpb",
                                   "--to", "-#format=json,use_proto_names=true"],
                                  input=base64.b64decode(case["bytes"]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
            # Python would read -0 as the integer.
            yield ({"found": json.loads(done.stdout or b"{}", parse_int=lambda text: -0.0 if text == "-0" else int(text))}
                   if done.returncode == 0 else {"error": done.stderr.decode().strip()})


def bare(value):
    """Without marks."""
    if isinstance(value, list):
        return [bare(one) for one in value]
    if not isinstance(value, dict):
        return value
    plain = {}
    for key, one in value.items():
        if key.startswith("@@"):
            plain[key[1:]] = bare(one)
        elif key == "@type" or not key.startswith("@"):
            plain[key] = bare(one)
    return plain


def rename(ours, theirs, name_of):
    """Renames members of `theirs` that are named in another way, where they would only be theirs."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, one in ours.items():
            name = name_of(key, one, theirs)
            if key not in theirs and name in theirs and name not in ours:
                theirs[key] = theirs.pop(name)
        for key, one in ours.items():
            rename(one, theirs.get(key), name_of)
    elif isinstance(ours, list) and isinstance(theirs, list):
        for one, other in zip(ours, theirs):
            rename(one, other, name_of)


def extension_like_field(key, value, theirs):
    return key.strip("[]").rsplit(".", 1)[-1] if key.startswith("[") and isinstance(value, list) else key


def group_like_type(key, value, theirs):
    return next((other for other in theirs if other.lower() == key), key)


RENAMED = {"python": extension_like_field, "buf": group_like_type}


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def as_float32(value):
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return None


def first_difference(ours, theirs, path=""):
    """The path of the first difference, or None. Numbers are equal if they are as the 32 bits of a float: some print a float as a double."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in list(ours) + list(theirs):
            if key not in ours or key not in theirs:
                return f"{path}.{key}: only {'ours' if key in ours else 'theirs'}"
            found = first_difference(ours[key], theirs[key], f"{path}.{key}")
            if found:
                return found
        return None
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for i, (one, other) in enumerate(zip(ours, theirs)):
            found = first_difference(one, other, f"{path}[{i}]")
            if found:
                return found
        return None
    if theirs == "-0.0" and is_number(ours):
        theirs = -0.0
    if is_number(ours) and is_number(theirs):
        same = ours == theirs or as_float32(ours) == as_float32(theirs) is not None
        if same and math.copysign(1, ours) == math.copysign(1, theirs):
            return None
    elif type(ours) is type(theirs) and ours == theirs:
        return None
    return f"{path}: {json.dumps(ours)} / {json.dumps(theirs)}"


def closed_enum_numbers(shown, wire_types):
    """Whether something of those wire types is unknown for a number that a closed enum does not name, and not as a field nobody has."""
    if isinstance(shown, list):
        return any(closed_enum_numbers(one, wire_types) for one in shown)
    if not isinstance(shown, dict):
        return False
    unknown = shown.get("@unknown", [])
    return any(one["wire_type"] in wire_types and one["number"] != UNKNOWN_FIELD for one in unknown) or any(
        closed_enum_numbers(one, wire_types) for one in shown.values())


# Differences that are known and wanted, by who makes them: why, and whether one is such.
DOCUMENTED = {
    "python": {
        "an entry whose value comes first, and is not named by its closed enum, is kept with the first value":
            lambda case, answer, difference: "error" not in answer and closed_enum_numbers(case["shown"], ("length",)),
        "of repeated extensions that end with the same name only the last is there":
            lambda case, answer, difference: "error" not in answer and share_a_name(case["shown"]),
    },
    "es": {
        "numbers that a closed enum does not name are kept":
            lambda case, answer, difference: "error" not in answer and closed_enum_numbers(case["shown"], ("varint", "length")),
        "messages without required fields refused": lambda case, answer, difference: "required field not set" in difference,
        "MessageSets not read": lambda case, answer, difference: re.search(r"Set\b|message_set|ext_nested", case["type"] + difference),
    },
    "buf": {
        "numbers that a closed enum does not name are kept":
            lambda case, answer, difference: "error" not in answer and closed_enum_numbers(case["shown"], ("varint", "length")),
        "MessageSets not read": lambda case, answer, difference: "message-set wire format, which is not supported" in difference,
    },
}


def share_a_name(shown):
    """Whether a message has two repeated extensions that end with the same name."""
    if isinstance(shown, list):
        return any(share_a_name(one) for one in shown)
    if not isinstance(shown, dict):
        return False
    names = collections.Counter(key.strip("[]").rsplit(".", 1)[-1] for key, one in shown.items() if isinstance(one, list))
    return any(count > 1 for count in names.values()) or any(share_a_name(one) for one in shown.values())


def documented(oracle, case, answer, difference):
    for why, holds in DOCUMENTED[oracle].items():
        if holds(case, answer, difference):
            return why
    return None


def compare(oracle, cases, counts, told):
    for case, answer in zip(cases, oracle.answers(cases)):
        counts["compared"] += 1
        ours = bare(case["shown"])
        if oracle.name in RENAMED:
            rename(ours, answer.get("found"), RENAMED[oracle.name])
        difference = answer.get("error") or first_difference(ours, answer["found"])
        if difference is None:
            counts["equal"] += 1
            continue
        why = documented(oracle.name, case, answer, difference)
        if why is not None:
            counts[f"documented: {why}"] += 1
            continue
        counts["DIFFERENT"] += 1
        if len(told) < MOST_TOLD:
            told.append(f"{oracle.name}: {case['type']}: {difference}\n    bytes  {case['bytes']}\n    ours   {json.dumps(case['shown'])[:600]}\n"
                        f"    theirs {json.dumps(answer)[:600]}")


def without_weak_fields(set_file):
    """Python's own process ends where it meets one."""
    files = descriptor_pb2.FileDescriptorSet.FromString(set_file.read_bytes())
    for file in files.file:
        del file.weak_dependency[:]
        for message in file.message_type:
            for field in message.field:
                field.options.ClearField("weak")
    set_file.write_bytes(files.SerializeToString())
    return set_file


def make_sets(directory):
    """The descriptor sets that are compared where none are named, by name."""
    example = PROJECT / "deploy" / "example" / "proto"
    go = descriptors.GO_SOURCES / "google.golang.org" / "protobuf"
    sets = {"etcd": descriptors.etcd(directory / "etcd.binpb"),
            "payments": descriptors.compile_set(directory / "payments.binpb", [example, "/usr/include"], "pay/v1/payments.proto"),
            "own": descriptors.compile_set(directory / "own.binpb", [HERE, "/usr/include"], "two.proto", "three.proto")}
    for name, file in (("go-proto2", "internal/testprotos/test/test.proto"), ("go-proto3", "internal/testprotos/test3/test.proto"),
                       ("go-textpb2", "internal/testprotos/textpb2/test.proto"), ("go-textpb3", "internal/testprotos/textpb3/test.proto")):
        if (go / file).exists():  # golang-google-protobuf-dev, which etcd's sources need
            sets[name] = without_weak_fields(descriptors.compile_set(directory / f"{name}.binpb", [go, "/usr/include"], file))
    return sets


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--message-cases", required=True)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--buf")
    parser.add_argument("--buf-count", type=int, default=20)
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        sets = {pathlib.Path(name).stem: pathlib.Path(name) for name in options.set} or make_sets(pathlib.Path(scratch))
        for name, set_file in sets.items():
            counts = collections.defaultdict(collections.Counter)
            told = []
            oracles = [Python(set_file), Es(set_file)]
            for kind in KINDS:
                done = subprocess.run([options.message_cases, set_file, kind, str(options.seed), str(options.count)], stdout=subprocess.PIPE,
                                      timeout=600, check=True)
                cases = [json.loads(line) for line in done.stdout.splitlines()]
                assert len(cases) == options.count
                for oracle in oracles:
                    compare(oracle, cases, counts[oracle.name], told)
                if options.buf:
                    compare(Buf(set_file, options.buf), cases[:options.buf_count], counts["buf"], told)
            for oracle, found in counts.items():
                print(f"{name}, {oracle}: " + ", ".join(f"{count:,} {what}" for what, count in found.items()), flush=True)
                failed |= found["DIFFERENT"] > 0
            for text in told:
                print("  " + text)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
