"""The Postgres and the RabbitMQ of the bench's own stack.

Reads WB_BENCH_PG_DSN (a superuser's), WB_BENCH_AMQP_URL, WB_BENCH_RUN (the stack's
directory) and WB_BENCH_TEMPLATE (a database with an outbox); other files read
WB_BENCH_BIN (our binaries) and WB_BENCH_PG_BIN (Postgres'). `./dev bench` sets them.
"""
import os
import urllib.parse
from pathlib import Path

import pika
import psycopg2

from child import cpu_seconds

EXCHANGE = "bench.events"
QUEUE = "bench"
EVENT_TYPE = "bench.happened.v1"


def need_env(name):
    value = os.environ.get(name)
    if not value:
        raise SystemExit(f"{name} is not set: run this by ./dev bench")
    return value


RUN = Path(need_env("WB_BENCH_RUN"))


class Postgres:
    def __init__(self):
        self.url = urllib.parse.urlsplit(need_env("WB_BENCH_PG_DSN"))
        self.template = need_env("WB_BENCH_TEMPLATE")
        self.pid = int((RUN / "pid" / "postgres").read_text().split()[0])

    def dsn(self, database, role=None):
        """As the superuser, unless a role is named."""
        netloc = self.url.netloc
        if role:
            secret = (RUN / "secrets" / role).read_text().strip()
            netloc = f"{role}:{secret}@{self.url.hostname}:{self.url.port}"
        return self.url._replace(netloc=netloc, path="/" + database).geturl()

    def environment(self, database):
        """For programs on whose command line no password may show."""
        return {"PGHOST": self.url.hostname, "PGPORT": str(self.url.port),
                "PGUSER": self.url.username, "PGPASSWORD": self.url.password,
                "PGDATABASE": database}

    def connect(self, database):
        connection = psycopg2.connect(self.dsn(database))
        connection.autocommit = True
        return connection

    def sql(self, database, query, args=None):
        """Rows of a query; [] for a statement without any."""
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, args)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def create(self, database, template=None):
        """Anew, if it exists."""
        self.drop(database)
        self.sql("postgres", f"CREATE DATABASE {database} TEMPLATE {template or 'template1'}")

    def drop(self, database):
        self.sql("postgres", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def checkpoint(self):
        """A checkpoint in the middle of a measurement would double its WAL."""
        self.sql("postgres", "CHECKPOINT")

    def cpu_seconds(self):
        return cpu_seconds(self.pid)


class Broker:
    """One exchange, one quorum queue bound to it."""

    def __init__(self):
        self.url = need_env("WB_BENCH_AMQP_URL")
        self.pid = int((RUN / "rabbitmq" / "node.pid").read_text())
        with self.connect() as connection:
            channel = connection.channel()
            channel.exchange_declare(EXCHANGE, "direct", durable=True)
            channel.queue_declare(QUEUE, durable=True,
                                  arguments={"x-queue-type": "quorum"})
            channel.queue_bind(QUEUE, EXCHANGE, EVENT_TYPE)

    def connect(self):
        return pika.BlockingConnection(pika.URLParameters(self.url))

    def purge(self):
        with self.connect() as connection:
            connection.channel().queue_purge(QUEUE)

    def depth(self):
        with self.connect() as connection:
            queue = connection.channel().queue_declare(QUEUE, passive=True)
            return queue.method.message_count

    def first_body(self):
        """Of the queue, which keeps it."""
        with self.connect() as connection:
            _, _, body = connection.channel().basic_get(QUEUE)
            return body

    def cpu_seconds(self):
        return cpu_seconds(self.pid)
