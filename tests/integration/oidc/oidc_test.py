#!/usr/bin/env python3
"""Tokens of a real OpenID provider, before the code that verifies them: log-in by client credentials, key rotation, a provider
that is away, slow, or talks nonsense. The clock is set forward by the test, never waited for.

usage: oidc_test.py --jwt-check PROGRAM
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness.oidc_provider import OidcProvider  # noqa: E402
from harness.processes import Programs  # noqa: E402

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]


class Checker:
    """One jwt_check with a configuration for the provider."""

    def __init__(self, programs, jwt_check, folder, issuer):
        path = pathlib.Path(folder) / "identity.yaml"
        path.write_text(json.dumps({"oidc": [{
            "issuer": issuer, "audiences": ["sallyport"], "algorithms": ALGORITHMS, "groups_claim": "groups",
            "refresh": "15m", "stale": "1h"}]}))
        self.program = programs.start("jwt_check", [jwt_check, path], stdin=subprocess.PIPE)
        self.answers = 0

    def tell(self, line):
        self.program.process.stdin.write(line + "\n")
        self.program.process.stdin.flush()

    def answer(self):
        self.answers += 1
        return json.loads(self.program.wait_for_line(r"^(\{.*\})$", count=self.answers).group(1))

    def ask(self, token):
        self.tell(token)
        return self.answer()

    def advance(self, time):
        self.tell("advance " + time)

    def stop(self):
        self.program.process.stdin.close()
        assert self.program.wait() == 0, self.program.tail()


def expect(answer, **members):
    for name, value in members.items():
        assert answer.get(name) == value, f"expected {name} to be {value!r} in {answer}"


def logs_in(provider, checker):
    for algorithm in ALGORITHMS:
        answer = checker.ask(provider.token(algorithm))
        expect(answer, issuer=provider.issuer, subject="reporter", groups=["reports", "read-only"])
        assert answer["credential"].startswith(f"kid={algorithm}-1 jti="), answer
        assert 600 < answer["expires_in"] <= 630, answer
    expect(checker.ask(provider.token(audience="elsewhere")), fault="TOKEN_AUDIENCE")
    expect(checker.ask(provider.token(seconds=86400 + 60)), fault="TOKEN_LIFETIME")
    token = provider.token()
    expect(checker.ask(token[:-8] + ("A" * 8)), fault="TOKEN_SIGNATURE")
    expect(checker.ask(token), subject="reporter")
    assert provider.asked("/jwks") == 1


def rotates_keys(provider, checker):
    old = provider.token(seconds=7200)
    expect(checker.ask(old), subject="reporter")
    provider.rotate(keep=True)
    new = provider.token(seconds=7200)
    # The keys were fetched a moment ago, and tokens cannot have them fetched at will.
    expect(checker.ask(new), fault="TOKEN_KEY")
    checker.advance("31s")
    expect(checker.ask(new), subject="reporter")
    expect(checker.ask(old), subject="reporter")
    provider.rotate(keep=False)
    newest = provider.token(seconds=7200)
    checker.advance("31s")
    expect(checker.ask(newest), subject="reporter")
    # Withdrawn keys prove nothing, though their tokens were taken a moment ago.
    expect(checker.ask(old), fault="TOKEN_KEY")
    expect(checker.ask(new), fault="TOKEN_KEY")


def does_without_provider(provider, checker, mode):
    known = provider.token(seconds=7200)
    expect(checker.ask(known), subject="reporter")
    provider.rotate(keep=True)
    unknown = provider.token(seconds=7200)
    provider.become(mode)
    checker.advance("31s")
    # Perhaps it is a new key; who could say?
    expect(checker.ask(unknown), code="UNAVAILABLE")
    expect(checker.ask(known), subject="reporter")
    # Longer than keys may serve: 15 minutes, and one hour.
    checker.advance("76m")
    expect(checker.ask(known), code="UNAVAILABLE")
    provider.become("good")
    checker.advance("31s")
    fresh = provider.token(seconds=7200)
    expect(checker.ask(fresh), subject="reporter")
    expect(checker.ask(known), subject="reporter")


def waits_for_slow_provider(provider, checker, token):
    """The provider is slow since before the checker began, which fetches keys of its own accord."""
    checker.tell(token)
    provider.wait_until_it_holds("/.well-known/openid-configuration")
    provider.become("good")
    expect(checker.answer(), subject="reporter")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jwt-check", required=True)
    jwt_check = parser.parse_args().jwt_check
    with Programs() as programs, tempfile.TemporaryDirectory() as folder:
        provider = OidcProvider(programs)

        def run(scene, *more):
            checker = Checker(programs, jwt_check, folder, provider.issuer)
            scene(provider, checker, *more)
            checker.stop()
            print(scene.__name__, "passed", flush=True)

        run(logs_in)
        run(rotates_keys)
        run(does_without_provider, "away")
        run(does_without_provider, "nonsense")
        token = provider.token()
        provider.become("slow")
        run(waits_for_slow_provider, token)
        provider.program.kill()
        checker = Checker(programs, jwt_check, folder, provider.issuer)
        expect(checker.ask(token), code="UNAVAILABLE")
        checker.stop()
        print("no provider at all passed")


if __name__ == "__main__":
    main()
