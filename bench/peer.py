"""pg-transactional-outbox from npm, on the same servers. npm ci installs it into the
stack's directory, at the versions of the lock file."""
import json
import os
import shutil
import subprocess
from pathlib import Path

from child import Failed
from outbox import AGGREGATES
from servers import EVENT_TYPE, EXCHANGE, RUN

SOURCE = Path(__file__).with_name("pg-transactional-outbox")
HOME = RUN / "pg-transactional-outbox"
DATABASE = "bench_peer"
VERSION = json.loads((SOURCE / "package.json").read_text())["dependencies"][SOURCE.name]

INSERT = f"""
INSERT INTO outbox (id, aggregate_type, aggregate_id, segment, message_type, payload)
SELECT gen_random_uuid(), 'bench', 'aggregate-' || i %% {AGGREGATES},
       'aggregate-' || i %% {AGGREGATES}, '{EVENT_TYPE}',
       jsonb_build_object('number', i, 'text', repeat(md5(i::text), 5))
FROM generate_series(1, %s::bigint) AS i"""


def run(argv, seconds, **env):
    """Its output."""
    try:
        done = subprocess.run(argv, cwd=HOME, env={**os.environ, **env}, timeout=seconds,
                              capture_output=True, text=True, check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"{argv[0]} did not end within {seconds} s") from None
    if done.returncode != 0:
        raise Failed(f"{argv[0]}: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return done.stdout


def install():
    """Once per stack."""
    if (HOME / "node_modules").exists():
        return
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise Failed(f"{program} is not installed")
    HOME.mkdir(exist_ok=True)
    for file in SOURCE.iterdir():
        shutil.copy(file, HOME)
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], 60)


def drop(postgres):
    """The server's side of a replication may outlive the program for a while."""
    for call in ("pg_terminate_backend(active_pid, 10000)",
                 "pg_drop_replication_slot(slot_name)"):
        postgres.sql(DATABASE, f"SELECT {call} FROM pg_replication_slots"
                     " WHERE database = %s", (DATABASE,))
    postgres.drop(DATABASE)


def drain(postgres, broker, listener, n, seconds):
    """Events/s from the start of the process on, of a backlog of n, or of as many of
    them as it sends in this time."""
    env = {"BENCH_PG_DSN": postgres.dsn(DATABASE), "BENCH_AMQP_URL": broker.url,
           "BENCH_EXCHANGE": EXCHANGE}
    postgres.create(DATABASE)
    try:
        run(["node", "main.js", "setup", listener], 30, **env)
        postgres.sql(DATABASE, INSERT, (n,))
        postgres.sql(DATABASE, "VACUUM ANALYZE outbox")
        broker.purge()
        postgres.checkpoint()
        output = run(["node", "main.js", "run", listener, str(n), str(seconds)],
                     seconds + 30, **env)
    finally:
        drop(postgres)
    answer = json.loads(output)
    if answer["events"] == 0:
        raise Failed(f"no event was confirmed within {seconds} s")
    return answer["events"] / answer["seconds"]
