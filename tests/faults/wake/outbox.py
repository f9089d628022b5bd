"""The database whose relays are watched, and the queue that they publish to. What is
unpublished, and which sessions are the relays', is asked here alone."""
import atexit
import os
import urllib.parse
from pathlib import Path

import pika
import psycopg2

# How many rows are unpublished, and how many of those could be published now.
LEFT = """
    SELECT count(*), count(*) FILTER (WHERE due_at <= now()) FROM (
        SELECT coalesce(retry_at, created_at) AS due_at FROM outbox_unpublished
        WHERE parked_at IS NULL
        UNION ALL
        SELECT due_at FROM outbox_deliveries
        WHERE published_at IS NULL AND parked_at IS NULL) AS rows"""
PARKED = "SELECT count(*) FROM outbox_parked"
WRITE_EVENTS = """
    INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)
    SELECT 'thing', %s || '-' || i, 'thing.happened.v1', '{}' FROM generate_series(1, %s) AS i"""
WRITE_DELIVERIES = """
    INSERT INTO outbox_deliveries (consumer, queue, routing_key, event_id, attempt, content_type,
                                   body, due_at)
    SELECT 'wake', %s, 'thing.happened.v1', gen_random_uuid(), 1, 'application/json', '{}',
           clock_timestamp() + %s * interval '1 ms'
    FROM generate_series(1, %s)"""

# application_name begins with "outbox-relay SOURCE@", and each relay of the test
# calls the database otherwise. A session that waits for the gate does nothing. The
# gate's key is one number, of which pg_locks shows the halves.
SESSIONS = """
    SELECT pid, substring(application_name FROM 'outbox-relay ([^@]+)@'),
           state = 'idle' OR wait_event_type = 'Lock' AND wait_event = 'advisory'
    FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'outbox-relay %'"""
HOLDER = """
    SELECT pid, substring(application_name FROM 'outbox-relay ([^@]+)@'),
           extract(epoch FROM clock_timestamp() - state_change) * 1000
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND objsubid = 1 AND mode = 'ExclusiveLock' AND granted
      AND (classid::bigint << 32 | objid::bigint) = 8617204431 AND datname = current_database()"""


class Outbox:
    def __init__(self, schema, name):
        """schema: the folder of the migrations of the outbox."""
        self.name = name
        self.amqp = os.environ["WB_TEST_AMQP_URL"]
        self.dsn = urllib.parse.urlsplit(os.environ["WB_TEST_PG_DSN"])._replace(
            path="/" + name).geturl()
        self.admin = self._connect_to("postgres")
        self._drop()
        self._run(self.admin, f'CREATE DATABASE "{name}"')
        atexit.register(self._drop)
        self.db = self._connect_to(name)
        for migration in sorted(Path(schema).glob("*.sql")):
            self._run(self.db, migration.read_text())
        # Asked again and again, and it takes longer to plan than to run.
        self._run(self.db, "PREPARE unpublished AS" + LEFT)
        self._make_queue()

    def _connect_to(self, database):
        dsn = urllib.parse.urlsplit(self.dsn)._replace(path="/" + database).geturl()
        connection = psycopg2.connect(dsn)
        connection.autocommit = True
        return connection

    def _drop(self):
        self._run(self.admin, f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')

    def _make_queue(self):
        """Both end with this connection, which is never heard again."""
        parameters = pika.URLParameters(self.amqp)
        parameters.heartbeat = 0
        self.broker = pika.BlockingConnection(parameters)
        channel = self.broker.channel()
        self.queue = channel.queue_declare("", exclusive=True,
                                           arguments={"x-max-length": 100}).method.queue
        channel.exchange_declare(self.name, "fanout", auto_delete=True)
        channel.queue_bind(self.queue, self.name)

    @staticmethod
    def _run(connection, query, args=None):
        with connection.cursor() as cursor:
            cursor.execute(query, args)
            return cursor.fetchall() if cursor.description else []

    def left(self):
        """(unpublished, publishable now)"""
        return self._run(self.db, "EXECUTE unpublished")[0]

    def parked(self):
        return self._run(self.db, PARKED)[0][0]

    def sessions(self):
        """[(pid, relay, does nothing)] of all relays."""
        return self._run(self.db, SESSIONS)

    def gate(self):
        """(pid, relay, ms for which the session has been as it is) of who holds it, or None."""
        return next(iter(self._run(self.db, HOLDER)), None)
