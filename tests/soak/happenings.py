"""What goes wrong in the soak. Each takes about five seconds, and is over when its method returns."""

import os
import resource
import signal
import struct
import time
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 4
# What a clock may be off by. It is set to the next of these, and stays so.
SHIFTS = (3600, -1800, 86400, 0)


class Happenings:
    """By turns one of the upstream's troubles and one of the gateway's; on the test's own thread. `soak`: soak.py's."""

    def __init__(self, soak):
        self.soak, self.disk = soak, soak.disk
        self.upstreams = [None, self.upstream_away, self.upstream_slow, self.upstream_resetting, self.upstream_half_open]
        self.gateways = [self.full_disk, self.clock_is_set, self.no_descriptors, self.stalled_readers, None, self.failing_disk,
                         self.read_only_disk]
        self.times_set = 0

    def happen(self, turn):
        for happening in (self.upstreams[turn % len(self.upstreams)], self.gateways[turn % len(self.gateways)]):
            if happening is None:
                continue
            began = time.time()
            name = happening() or happening.__name__
            self.soak.troubles.note(name.replace("_", " "), began)

    # --- To the upstream.

    def upstream_away(self):
        self.soak.upstream.kill()
        time.sleep(SECONDS)
        self.soak.start_upstream()

    def upstream_slow(self):
        self.for_a_while("slow")

    def upstream_resetting(self):
        self.for_a_while("resetting")

    def upstream_half_open(self):
        self.soak.upstream.send_signal(signal.SIGSTOP)  # its kernel goes on to acknowledge
        time.sleep(SECONDS)
        self.soak.upstream.send_signal(signal.SIGCONT)

    def for_a_while(self, mood):
        for each in (mood, "well"):
            self.soak.check_alive()
            self.soak.upstream.process.stdin.write(each + "\n")
            self.soak.upstream.process.stdin.flush()
            if each == mood:
                time.sleep(SECONDS)

    # --- To the gateway.

    def full_disk(self):
        self.disk.fill()
        time.sleep(SECONDS)
        self.disk.empty()

    def no_descriptors(self):
        pid = self.soak.gateway.pid
        usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")), usual[1]))
        time.sleep(SECONDS)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)

    def clock_is_set(self):
        shift = SHIFTS[self.times_set % len(SHIFTS)]
        self.times_set += 1
        with open(self.soak.shift, "r+b") as file:
            file.write(struct.pack("q", shift))

    def stalled_readers(self):
        stalled = self.soak.programs.start(
            "stalled readers", ["node", HERE / "stalled_readers.js", self.soak.listen, self.soak.options.stalled])
        stalled.wait_for_line("open", seconds=120)
        time.sleep(SECONDS)
        stalled.kill()

    def failing_disk(self):
        """Every write fails, and what was not synced is gone."""
        return self.until_restart(self.disk.fail)

    def read_only_disk(self):
        """Nothing can be written any more."""
        return self.until_restart(self.disk.turn_read_only)

    def until_restart(self, break_disk):
        """The gateway says that it is not ready, and refuses calls until it is started again on a disk that was repaired."""
        if not break_disk():
            return "a disk that cannot be made to fail"
        self.soak.wait_until_ready(503)
        time.sleep(SECONDS)
        self.soak.wait_until_ready(503)
        self.soak.kill_gateway()
        self.disk.repair()
        self.soak.start_gateway()
        self.soak.wait_until_ready(200)
        return None
