"""Child processes, and what a process and its children have cost so far (/proc)."""
import atexit
import os
import signal
import subprocess
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
_children = []


class Failed(Exception):
    """A measurement could not be made; the text says why."""


class Child:
    """Dies with this process, whatever becomes of it."""

    def __init__(self, argv, env, log):
        with open(log, "ab") as output:
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *map(str, argv)],
                env={**os.environ, **env}, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output)
        self.pid, self.log = self.popen.pid, log
        self.started = time.monotonic()
        _children.append(self)

    def is_running(self):
        return self.popen.poll() is None

    def wait(self):
        """Until its end, which must be a good one."""
        if self.popen.wait() != 0:
            raise Failed(f"exit status {self.popen.returncode}, see {self.log}")

    def stop(self, how=signal.SIGTERM):
        if self.is_running():
            self.popen.send_signal(how)
        self.popen.wait(40)


@atexit.register
def kill_all():
    for child in _children:
        child.stop(signal.SIGKILL)
    _children.clear()


def reaped_cpu_seconds():
    """Of all our children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def cpu_seconds(pid):
    """Of a process and all that descend from it, the gone ones included."""
    costs, children = {}, {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            # Behind the name, which may hold anything: state, ppid, …
            fields = (directory / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        costs[int(directory.name)] = sum(map(int, fields[11:15])) / TICKS
        children.setdefault(int(fields[1]), []).append(int(directory.name))
    total, waiting = 0.0, [pid]
    while waiting:
        process = waiting.pop()
        total += costs.get(process, 0.0)
        waiting += children.get(process, [])
    return total


def peak_rss_mb(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise Failed(f"process {pid} has no VmHWM")
