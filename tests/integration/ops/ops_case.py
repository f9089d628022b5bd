"""What the tests of `waybill outbox` and `waybill top` share."""
import json
import os
import subprocess

from stack import SERVICES

RELAY = {"WB_MAX_ATTEMPTS": "2", "WB_RETRY_BASE_MS": "10", "WB_RETRY_CAP_MS": "50", "WB_COUNT_MS": "100"}


def dsn_of(stack, database):
    return stack.pg._replace(path="/" + database).geturl()


def environment(stack, **more):
    dsn = {s: dsn_of(stack, stack.database(s)) for s in SERVICES}
    env = {**os.environ, "WB_DATABASES": " ".join(f"{s}={d}" for s, d in dsn.items()),
           "WB_AMQP_BROKERS": stack.brokers(), "WB_MANAGEMENT_URL": stack.mgmt.geturl(), "TERM": "dumb", **more}
    return {name: value for name, value in env.items() if value is not None}


class Waybill:
    """`waybill COMMAND` on a stack."""

    def __init__(self, case, stack, command):
        self.case, self.stack, self.command = case, stack, command

    def run(self, *args, status=0, env=None):
        """(stdout, stderr); status is what it must end with."""
        done = subprocess.run([self.stack.bin / "waybill", self.command, *args], capture_output=True,
                              env=environment(self.stack, **(env or {})), timeout=120)
        out, err = done.stdout.decode(), done.stderr.decode()
        self.case.assertEqual(done.returncode, status, f"{args}: {out} {err}")
        return out, err

    def ask(self, *args, status=0, env=None):
        return json.loads(self.run(*args, "--json", status=status, env=env)[0])
