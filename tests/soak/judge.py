"""Whether a record is what callers saw."""

import collections

OK = 0
SOAK = "sallyport.soak.Soak/"
# The stalled readers' method. They note nothing, for they end with the connection.
UNNOTED = SOAK + "Endless"


class Verdict:
    """Calls that should not be: with what each caller saw, and what is recorded of it."""

    def __init__(self):
        self.wrong = []  # replies that are not what had to come
        self.hung = []  # not ended long after their deadlines
        self.lost = []  # answered with OK, and not recorded so
        self.untrue = []  # recorded as ended with another status than the caller read
        self.twice = []  # recorded several times
        self.invented = []  # recorded as OK, and made by nobody

    def lines(self):
        return [f"lost: {len(self.lost)} calls that were answered with OK and are not recorded so",
                f"wrong replies: {len(self.wrong)}", f"hung: {len(self.hung)}",
                f"untrue: {len(self.untrue)} calls that are recorded with another status than their caller read",
                f"recorded twice: {len(self.twice)}",
                f"invented: {len(self.invented)} recorded calls that nobody made"]

    def check(self):
        """Throws AssertionError with examples if there is any such call."""
        found = {name: calls for name, calls in vars(self).items() if calls}
        assert not found, "\n".join(f"{len(calls)} {name}: {calls[:3]}" for name, calls in found.items())


def judge(calls, recorded):
    """`calls`: what callers saw (see Ledger in soak_calls.js). `recorded`: recorded calls by trace id, of each of the gateways."""
    verdict = Verdict()
    found = collections.defaultdict(list)
    for of_gateway in recorded:
        for trace, records in of_gateway.items():
            found[trace] += records
    for call in calls:
        judge_call(call, found.pop(call["trace"], []), verdict)
    for records in found.values():
        verdict.invented += [record for record in records if is_fine(record) and record["method"] != UNNOTED]
    return verdict


def judge_call(call, records, verdict):
    status = call.get("status")
    completed = [record for record in records if record["state"] == "completed"]
    if not call["right"]:
        verdict.wrong.append(call)
    if call.get("hung"):
        verdict.hung.append(call)
    if status == OK and not any(map(is_fine, records)):
        verdict.lost.append((call, records))
    # A library may make a call again, and a status of its own.
    if call["exact"] and len(records) > 1:
        verdict.twice.append((call, records))
    if call["exact"] and status is not None and any(record["status_code"] != status for record in completed):
        verdict.untrue.append((call, completed))
    if not call["exact"] and len([record for record in records if is_fine(record)]) > 1:
        verdict.twice.append((call, records))


def is_fine(record):
    return record["state"] == "completed" and record["status_code"] == OK
