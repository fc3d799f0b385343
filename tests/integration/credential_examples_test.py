#!/usr/bin/env python3
"""Each example in deploy/examples/credentials is in order, once the files that it names are there.

    credential_examples_test.py --sallyportd PROGRAM --sallyport PROGRAM
"""

import argparse
import os
import pathlib
import re
import tempfile

from harness import processes
from harness.promises import Promises

EXAMPLES = pathlib.Path(__file__).parents[2] / "deploy" / "examples" / "credentials"
PLACE = "/etc/sallyport"


def make_key(path, *kind):
    processes.run(["openssl", "genpkey", *kind, "-out", path])


def content_for(name):
    """Of a file that an example names: whether it is PEM of the right kind is all that --check looks at."""
    kinds = {".key": "PRIVATE KEY", ".pem": "CERTIFICATE"}
    kind = kinds.get(pathlib.Path(name).suffix)
    return f"-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n" if kind else "s3cret\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sallyportd", required=True)
    parser.add_argument("--sallyport", required=True)
    arguments = parser.parse_args()
    promise = Promises("examples of credentials")
    with tempfile.TemporaryDirectory(prefix="sallyport-examples-") as directory:
        directory = pathlib.Path(directory)
        make_key(directory / "token-signing.pem", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        examples = sorted(EXAMPLES.glob("*.yaml"))
        assert len(examples) >= 8, examples
        for example in examples:
            text = example.read_text()
            for name in re.findall(rf"{PLACE}/([\w.-]+)", text):
                if not (directory / name).exists():
                    (directory / name).write_text(content_for(name))
            config = directory / example.name
            config.write_text(text.replace(PLACE, str(directory)))
            with promise(f"{example.name} is in order"):
                done = processes.run([arguments.sallyportd, "--check", "--config", config],
                                     env={**os.environ, "PAYMENTS_API_KEY": "s3cret"})
                assert b"in order" in done.stdout, done.stdout
    promise.finish()


if __name__ == "__main__":
    main()
