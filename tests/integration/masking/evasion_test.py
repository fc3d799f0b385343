#!/usr/bin/env python3
"""Hundreds of odd encodings of secrets: whatever the masker lets through shows no decoder a secret. Decoded by protobuf for C++ (protoc), Python, and
JavaScript (protobufjs and @bufbuild/protobuf).

    evasion_test.py --mask-check PROGRAM
"""

import argparse
import base64
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory

import evasions

HERE = pathlib.Path(__file__).resolve().parent
FIELDS = {"masks": [{"name": "secrets", "fields": ["evasion.*.secret*", "evasion.*.secret_map.**"]}]}
# The same secrets by what they look like; a mask that leaves all of it has to ask as well.
DETECTORS = {"detectors": [{"name": "canary", "pattern": "c4nary"}],
             "masks": [{"name": "secrets", "detect": ["canary"]},
                       {"name": "cut", "fields": ["evasion.*.secret*", "evasion.*.secret_map.**"], "with": "truncate", "length": 1000}]}
# Entries of maps, and messages with a key, under one key; what is under others is not secret.
KEYS = {"masks": [{"name": "keys", "fields": ["evasion.Attribute[key=secret].text", "evasion.Attribute[secret].raw", "evasion.Outer.labels['secret'|x]",
                                              "*.codes[7]", "evasion.Outer.flags[true].value.*"]}]}
def lines(argv, messages):
    text = "".join(base64.b64encode(message).decode() + "\n" for message in messages)
    done = subprocess.run(argv, input=text.encode(), stdout=subprocess.PIPE, timeout=300, check=True)
    found = done.stdout.decode().splitlines()
    assert len(found) == len(messages), f"{len(found)} answers to {len(messages)} messages"
    return found


def python_type(descriptors):
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))


def python_text(types, name, message):
    """What Python finds in known fields; None where it refuses the message."""
    try:
        parsed = types(name).FromString(message)
    except Exception:  # whatever kind of refusal it is
        return None
    parsed.DiscardUnknownFields()
    text = str(parsed) + parsed.SerializeToString().decode("latin1")

    def look(part):
        nonlocal text
        for field, value in part.ListFields():
            values = list(value.values()) if field.message_type and field.message_type.GetOptions().map_entry else (
                value if field.label == field.LABEL_REPEATED else [value])
            for one in values:
                if not hasattr(one, "ListFields"):
                    continue
                if one.DESCRIPTOR.full_name == "google.protobuf.Any":
                    try:
                        inner = python_text(types, one.type_url.split("/")[-1], one.value)
                    except KeyError:
                        inner = None
                    text += inner or ""
                look(one)

    look(parsed)
    return text


def protoc_text(descriptors, message):
    done = subprocess.run(["protoc", f"--descriptor_set_in={descriptors}", "--decode=evasion.Outer"], input=message,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout.decode("latin1") if done.returncode == 0 else None


def check(policy, cases, mask_check, descriptors, folder, least_seen=100):
    """Prints what is wrong; the number of faults."""
    (folder / "policy.json").write_text(json.dumps(policy))
    answers = lines([mask_check, folder / "policy.json", descriptors, "/evasion.Service/Method"], [message for _, message in cases])
    passed = [(what, message, base64.b64decode(answer.removeprefix("masked ")))
              for (what, message), answer in zip(cases, answers) if answer.startswith("masked ")]
    types = python_type(descriptors)
    decode = ["node", HERE / "decode.js", HERE / "evasions.proto", descriptors]
    before = lines(decode, [message for _, message, _ in passed])
    after = lines(decode, [masked for _, _, masked in passed])
    canary = evasions.CANARY.decode()
    faults, seen = [], collections.Counter()
    for (what, message, masked), first, second in zip(passed, before, after):
        finds = {"protobufjs": (json.loads(first)[0], json.loads(second)[0]), "protobuf-es": (json.loads(first)[1], json.loads(second)[1]),
                 "Python": (python_text(types, "evasion.Outer", message), python_text(types, "evasion.Outer", masked)),
                 "protoc": (protoc_text(descriptors, message), protoc_text(descriptors, masked))}
        # A type in which there is nothing to hide passes as it is, and with it what no decoder knows.
        if evasions.CANARY in masked and (policy is not FIELDS or what != "Any that becomes another's"):
            faults.append(f"the bytes: {what}")
        for decoder, (original, result) in finds.items():
            seen[decoder] += canary in json.dumps(original)
            if canary in json.dumps(result):
                faults.append(f"{decoder}: {what}")
            if original is not None and result is None:
                faults.append(f"{decoder} cannot parse what became of: {what}")
    for line in faults:
        print("BROKEN", line)
    print(f"{len(cases)} evasions: {len(cases) - len(passed)} refused, {len(passed)} masked, {len(faults)} faults; unmasked, the canary is seen by "
          + ", ".join(f"{decoder} in {count}" for decoder, count in seen.items()))
    # Otherwise the decoders would show nothing whatever the masker did.
    assert min(seen.values()) >= least_seen, seen
    return len(faults)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mask-check", required=True)
    mask_check = parser.parse_args().mask_check
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        descriptors = folder / "evasions.binpb"
        subprocess.run(["protoc", f"-I{HERE}", "--include_imports", f"--descriptor_set_out={descriptors}", "evasions.proto"], check=True)
        cases = list(evasions.all_evasions())
        assert sum(evasions.CANARY in message for _, message in cases) >= 500
        faults = sum(check(policy, cases, mask_check, descriptors, folder) for policy in (FIELDS, DETECTORS))
        return 1 if faults + check(KEYS, list(evasions.keyed_evasions()), mask_check, descriptors, folder, 80) else 0


if __name__ == "__main__":
    sys.exit(main())
