#!/usr/bin/python3
"""Runs a test behind a pgbouncer of its own, in front of the Postgres of
WB_TEST_PG_DSN: in transaction mode, with one server session for all clients, so
that whatever one of them leaves behind meets the others. The test is told where it
is by WB_TEST_POOLER (host:port).

usage: behind_pgbouncer.py COMMAND [ARGUMENT...]   (by ctest)
"""
import os
import subprocess
import sys

DSN = os.environ.get("WB_TEST_PG_DSN")
if not DSN:
    print("skipped: needs WB_TEST_PG_DSN")
    raise SystemExit(77)

from own_servers import make_folder  # noqa: E402
from pgbouncer import PgBouncer, is_installed  # noqa: E402

if not is_installed():
    print("skipped: needs pgbouncer")
    raise SystemExit(77)

pooler = PgBouncer(make_folder(), "pgbouncer", DSN, "transaction", 1, wait_s=2)
status = subprocess.run(sys.argv[1:], check=False, env={
    **os.environ, "WB_TEST_POOLER": f"127.0.0.1:{pooler.port}"}).returncode
if status != 0:
    print(pooler.log.read_text()[-4000:])
raise SystemExit(status)
