"""The shipped outbox-relay as a child process, and what it says of itself."""
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

from stack import eventually


class Relay:
    """command: a list, or a shell's text that ends in outbox-relay and its flags."""

    def __init__(self, command, log, env=None):
        is_shell = isinstance(command, str)
        self.log_file = log
        # exec: so that signals reach the relay and not its shell.
        with open(log, "wb") as out:
            self.child = subprocess.Popen(
                "exec " + command if is_shell else [str(part) for part in command], shell=is_shell,
                env={**os.environ, **(env or {})}, stdout=out, stderr=out)
        self.port = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait(30)

    def log(self):
        return self.log_file.read_text()

    def _admin_port(self):
        if self.port is None:
            started = eventually(
                lambda: self.child.poll() is not None or re.search(r"admin_port=(\d+)", self.log()),
                20, "WB-START in the log")
            if started is True:
                raise AssertionError(f"it left with {self.child.returncode}: {self.log()}")
            self.port = int(started[1])
        return self.port

    def _ask(self, path):
        url = f"http://127.0.0.1:{self._admin_port()}{path}"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return response.read().decode()
        except urllib.error.HTTPError as error:
            if error.code != 503:  # "not ready" has a body, too
                raise
            return error.read().decode()

    def metric(self, name):
        """By its name and labels as GET /metrics prints them; 0 when it is not there."""
        found = re.search(f"^{re.escape(name)} (.*)$", self._ask("/metrics"), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def published(self, source):
        """Events that it has published and marked."""
        return int(self.metric(f'wb_relay_events_total{{source="{source}",outcome="published"}}'))

    def ready(self):
        """{dependency: None, or why it is not ready}, of GET /ready."""
        return {d["name"]: None if d["ready"] else d["detail"]
                for d in json.loads(self._ask("/ready"))["dependencies"]}

    def _await(self, check, seconds, what):
        """Seconds that it took."""
        started = time.monotonic()
        try:
            eventually(check, seconds)
        except AssertionError:
            raise AssertionError(f"not within {seconds} s: {what}, but {self.ready()}\n"
                                 f"{self.log()[-1500:]}") from None
        return time.monotonic() - started

    def await_ready(self, dependency=None, seconds=20):
        """Of one, or of all. Seconds that it took."""
        def check():
            ready = self.ready()
            return not (ready[dependency] if dependency else any(ready.values()))
        return self._await(check, seconds, f"{dependency or 'everything'} is ready")

    def await_reason(self, dependency, words, seconds=20):
        """Until /ready names these words as the reason of that dependency."""
        return self._await(lambda: words in (self.ready()[dependency] or ""), seconds, words)

    def stop(self):
        """Its exit status."""
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(30)
