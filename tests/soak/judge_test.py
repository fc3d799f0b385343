#!/usr/bin/env python3
"""The soak's judge notices each kind of fault that it is there for, and has nothing against what is in order."""

import unittest

from judge import judge


def seen(trace="t", status=0, right=True, exact=True):
    return {"trace": trace, "status": status, "right": right, "exact": exact}


def record(state="completed", status=0, method="sallyport.soak.Soak/Unary"):
    return {"state": state, "status_code": status, "method": method}


class JudgeTest(unittest.TestCase):
    def faults(self, calls, *recorded):
        verdict = judge(calls, recorded)
        faults = [name for name, found in vars(verdict).items() if found]
        if faults:
            self.assertRaises(AssertionError, verdict.check)
        else:
            verdict.check()
        return faults

    def test_what_is_in_order(self):
        self.assertEqual(self.faults([seen()], {"t": [record()]}), [])
        self.assertEqual(self.faults([seen()], {}, {"t": [record()]}), [])
        self.assertEqual(self.faults([seen(status=14)], {"t": [record("upstream_failure", 14)]}), [])
        self.assertEqual(self.faults([seen(status=14)], {}), [])
        self.assertEqual(self.faults([seen(status=None)], {"t": [record("interrupted", None)]}), [])
        self.assertEqual(self.faults([seen(status=None)], {"t": [record()]}), [])
        self.assertEqual(self.faults([seen(exact=False)], {"t": [record("cancelled", 1), record()]}), [])
        self.assertEqual(self.faults([seen(status=4, exact=False)], {"t": [record()]}), [])
        self.assertEqual(self.faults([], {"t": [record(method="sallyport.soak.Soak/Endless")]}), [])
        self.assertEqual(self.faults([], {"t": [record("interrupted", None)]}), [])

    def test_lost(self):
        self.assertEqual(self.faults([seen()], {}), ["lost"])
        self.assertEqual(self.faults([seen()], {"t": [record("interrupted", None)]}), ["lost"])
        self.assertEqual(self.faults([seen(exact=False)], {"t": [record("cancelled", 1)]}), ["lost"])

    def test_wrong_replies(self):
        self.assertEqual(self.faults([seen(right=False)], {"t": [record()]}), ["wrong"])
        self.assertEqual(self.faults([seen(status=14, right=False)], {}), ["wrong"])

    def test_hung(self):
        self.assertEqual(self.faults([seen(status=None) | {"hung": True}], {}), ["hung"])

    def test_untrue(self):
        self.assertEqual(self.faults([seen(status=14)], {"t": [record()]}), ["untrue"])

    def test_twice(self):
        self.assertEqual(self.faults([seen()], {"t": [record(), record()]}), ["twice"])
        self.assertEqual(self.faults([seen()], {"t": [record()]}, {"t": [record("interrupted", None)]}), ["twice"])
        self.assertEqual(self.faults([seen(exact=False)], {"t": [record()]}, {"t": [record()]}), ["twice"])

    def test_invented(self):
        self.assertEqual(self.faults([], {"t": [record()]}), ["invented"])


if __name__ == "__main__":
    unittest.main()
