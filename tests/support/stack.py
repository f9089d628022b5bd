"""A whole Waybill beside any other: databases and a vhost of its own on the test
servers, every process as shipped, and what tests ask of them.

Reads where things are from WB_TEST_PG_DSN (a superuser's), WB_TEST_AMQP_URL,
WB_TEST_MGMT_URL, WB_TEST_BIN and WB_TEST_RUN (whose secrets/ holds the roles'
passwords): `./dev test` sets them.
"""
import atexit
import base64
import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import psycopg2

from mail_sink import MailSink
from ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("orders", "catalog", "customers", "inventory", "payments", "shipping", "history",
            "notifications")
QUEUES = ("orders", "inventory", "payments", "shipping", "history", "notifications")
CUSTOMER = "0190a000-0000-7000-8000-000000000001"
SHIP_TO = {"name": "Ada Lovelace", "line1": "12 St James's Square", "city": "London",
           "postal_code": "SW1Y 4JH", "country": "GB"}
TERMINAL = ("CONFIRMED", "REJECTED", "CANCELLED")

# process: (database, has an HTTP port)
PROCESSES = {
    "provider-sim": (None, True),
    "outbox-relay": (None, False),
    "history": ("history", True),
    "notifications": ("notifications", False),
    "shipping": ("shipping", False),
    "payments": ("payments", False),
    "inventory": ("inventory", False),
    "orders-consumer": ("orders", False),
    "catalog-api": ("catalog", True),
    "customers-api": ("customers", True),
    "orders-api": ("orders", True),
}


def need_env(name):
    value = os.environ.get(name)
    if not value:
        raise SystemExit(f"{name} is not set: run this by ./dev test")
    return value


def eventually(check, seconds=60, what="condition"):
    """Calls check until it returns something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


class Process:
    """One child process, with its log in a file."""

    def __init__(self, command, name, env, log):
        self.command, self.name, self.env, self.log = command, name, env, log
        self.child = None

    def start(self, **more_env):
        env = {**os.environ, **self.env, **more_env}
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.command, env=env, stdout=log, stderr=log)
        atexit.register(self.kill)  # a test that fails leaves no process behind

    def kill(self, how=signal.SIGKILL):
        if self.child and self.child.poll() is None:
            self.child.send_signal(how)
        return self.wait()

    def wait(self, seconds=30):
        return self.child.wait(seconds) if self.child else None

    def is_running(self):
        return self.child is not None and self.child.poll() is None


class Stack:
    # What a system other than the shop has its own of.
    services, queues, kinds = SERVICES, QUEUES, PROCESSES
    schema = ROOT / "schema"
    table = ""  # of `waybill topology`: the shop's

    def __init__(self, name, bindings=True, env=None):
        """bindings=False: the exchange reaches no consumer, tests deliver themselves.
        env: {process: {parameter: value}} on top of the usual."""
        self.name = name
        self.more_env = env or {}
        self.pg = urllib.parse.urlsplit(need_env("WB_TEST_PG_DSN"))
        self._know_broker(name)
        self.logs = self.run / "log" / name
        self.logs.mkdir(parents=True, exist_ok=True)
        for old in self.logs.iterdir():
            old.unlink()
        self.ports = {}
        self.admin_ports = {}
        self.processes = {}
        self._make_databases()
        self._make_vhost(bindings)
        self.mails = MailSink()
        for process in self.kinds:
            self._define(process)

    # ---- the servers

    def secret(self, role):
        return (self.secrets / role).read_text().strip()

    def database(self, service):
        return f"{self.name}_{service}"

    def dsn(self, service, role):
        netloc = f"{role}:{self.secret(role)}@{self.pg.hostname}:{self.pg.port}"
        return f"postgres://{netloc}/{self.database(service)}"

    def sql(self, database, query, args=None):
        """Rows of a query, as the superuser; [] for a statement without any."""
        dsn = self.pg._replace(path="/" + database).geturl()
        connection = psycopg2.connect(dsn)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(query, args)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def rows(self, service, query, args=None):
        return self.sql(self.database(service), query, args)

    def _make_databases(self):
        for service in self.services:
            database = self.database(service)
            self.sql("postgres", f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
            self.sql("postgres", f'CREATE DATABASE "{database}"')
            self._migrate(service)

    def _migrate(self, service):
        env = {**os.environ, "WB_DSN": self.pg._replace(path="/" + self.database(service)).geturl()}
        subprocess.run([self.bin / "waybill", "migrate", f"--schema-dir={self.schema}", service],
                       env=env, check=True, stdout=subprocess.DEVNULL)

    def management(self, method, path, body=None):
        url = f"{self.mgmt.scheme}://{self.mgmt.hostname}:{self.mgmt.port}/api{path}"
        login = f"{urllib.parse.unquote(self.mgmt.username)}:{urllib.parse.unquote(self.mgmt.password)}"
        request = urllib.request.Request(url, method=method,
                                         data=None if body is None else json.dumps(body).encode())
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=20) as response:
            text = response.read()
        return json.loads(text) if text else None

    def _vhost_path(self):
        return urllib.parse.quote(self.vhost, safe="")

    def brokers(self, user=None):
        netloc = self.amqp.netloc
        if user:
            netloc = f"{user}:{self.secret(user)}@{self.amqp.hostname}:{self.amqp.port}"
        return f"amqp://{netloc}/{self._vhost_path()}"

    def _know_broker(self, name):
        """All that _make_vhost needs."""
        self.amqp = urllib.parse.urlsplit(need_env("WB_TEST_AMQP_URL"))
        self.mgmt = urllib.parse.urlsplit(need_env("WB_TEST_MGMT_URL"))
        self.bin = Path(need_env("WB_TEST_BIN"))
        self.run = Path(need_env("WB_TEST_RUN"))
        self.secrets = self.run / "secrets"
        self.vhost = f"wb-{name}"

    def _make_vhost(self, bindings):
        try:
            self.management("DELETE", f"/vhosts/{self._vhost_path()}")
        except urllib.error.HTTPError:
            pass  # it was not there
        self.management("PUT", f"/vhosts/{self._vhost_path()}", {})
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self.management("PUT", f"/permissions/{self._vhost_path()}/{self.amqp.username}", everything)
        env = {**os.environ, "WB_AMQP_BROKERS": self.brokers(), "WB_MANAGEMENT_URL": self.mgmt.geturl(),
               "WB_SECRETS_DIR": str(self.secrets), "WB_TABLE": str(self.table)}
        subprocess.run([self.bin / "waybill", "topology", "apply"], env=env, check=True,
                       stdout=subprocess.DEVNULL)
        if not bindings:
            source = f"/exchanges/{self._vhost_path()}/waybill.events/bindings/source"
            for binding in self.management("GET", source):
                self.management("DELETE", f"/bindings/{self._vhost_path()}/e/waybill.events/q/"
                                f"{binding['destination']}/{binding['properties_key']}")

    # ---- the processes

    def _command(self, process):
        return [self.bin / process]

    def _define(self, process, as_name=None):
        name = as_name or process
        database, has_http = self.kinds[process]
        self.admin_ports[name] = free_port()
        env = {"WB_ADMIN_LISTEN": f"127.0.0.1:{self.admin_ports[name]}"}
        if has_http:
            self.ports[name] = free_port()
            env["WB_HTTP_LISTEN"] = f"127.0.0.1:{self.ports[name]}"
        if database:
            env["WB_DSN"] = self.dsn(database, database)
        if process == "outbox-relay":
            env["WB_SOURCES"] = " ".join(f"{s}={self.dsn(s, 'relay')}" for s in self.services)
            env["WB_AMQP_BROKERS"] = self.brokers("relay")
        elif database and not process.endswith("-api"):
            env["WB_AMQP_BROKERS"] = self.brokers(database)
        if process == "provider-sim":
            env["WB_LEDGER"] = str(self.logs / "provider.ledger")
        if process == "payments":
            env["WB_PROVIDER_URL"] = f"http://127.0.0.1:{self.ports['provider-sim']}"
        if process == "notifications":
            env["WB_SMTP_URL"] = self.mails.url
            env["WB_MAIL_POLL_MS"] = "50"
        env.update(self.more_env.get(process, {}))
        self.processes[name] = Process(self._command(process), name, env, self.logs / f"{name}.log")

    def add(self, process, as_name):
        """One more process of a kind, not started."""
        self._define(process, as_name)
        return self.processes[as_name]

    def start(self, *names):
        for name in names or list(self.kinds):
            self.processes[name].start()
        for name in names or list(self.kinds):
            eventually(lambda n=name: self.is_ready(n), 60, f"{name} ready, see {self.logs}")

    def is_ready(self, name):
        try:
            self.http("GET", f"http://127.0.0.1:{self.admin_ports[name]}/ready")
            return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def stop(self):
        """Everything drains and leaves with 0; the databases and the vhost stay for
        whoever wants to know why."""
        statuses = {}
        for name, process in self.processes.items():
            if process.is_running():
                process.child.send_signal(signal.SIGTERM)
        for name, process in self.processes.items():
            if process.child is not None:
                statuses[name] = process.wait(60)
        self.mails.stop()
        return statuses

    # ---- HTTP

    @staticmethod
    def http(method, url, body=None, headers=None):
        request = urllib.request.Request(url, method=method, headers=headers or {},
                                         data=None if body is None else json.dumps(body).encode())
        if body is not None:
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as response:
            text = response.read()
        return json.loads(text) if text.strip().startswith((b"{", b"[")) else text

    def api(self, process, method, path, body=None):
        return self.http(method, f"http://127.0.0.1:{self.ports[process]}{path}", body)

    def seed(self, stock):
        """stock: {sku: quantity}, at 500 minor units each."""
        self.api("customers-api", "POST", "/customers",
                 {"customer_id": CUSTOMER, "name": "Ada", "email": "ada@example.org"})
        for sku, quantity in stock.items():
            self.api("catalog-api", "PUT", f"/products/{sku}",
                     {"name": sku.title(), "price_minor": 500, "currency": "EUR"})
            if quantity:
                self.api("catalog-api", "POST", f"/products/{sku}/receipts", {"quantity": quantity})
        wanted = {s: q for s, q in stock.items()}
        eventually(lambda: dict(self.rows("inventory", "SELECT sku, received FROM stock")) == wanted,
                   60, "the stock is in")
        eventually(lambda: self.rows("orders", "SELECT count(*) FROM products")[0][0] == len(stock) and
                   all(self.rows(service, "SELECT count(*) FROM customers")[0][0] == 1
                       for service in ("orders", "notifications")),
                   60, "the replicas are filled")

    def order(self, lines, payment_method="pm_ok", country="GB"):
        """Posts an order and returns its id. lines: {sku: quantity}."""
        body = {"customer_id": CUSTOMER, "payment_method": payment_method,
                "lines": [{"sku": s, "quantity": q} for s, q in lines.items()],
                "ship_to": {**SHIP_TO, "country": country}}
        return self.api("orders-api", "POST", "/orders", body)["order_id"]

    def get(self, order_id):
        return self.api("orders-api", "GET", f"/orders/{order_id}")

    def cancel(self, order_id):
        """The status: 202, or 409 when the order had ended."""
        try:
            self.api("orders-api", "POST", f"/orders/{order_id}/cancel")
            return 202
        except urllib.error.HTTPError as error:
            return error.code

    def await_status(self, order_id, seconds=60):
        def check():
            order = self.get(order_id)
            return order if order["status"] in TERMINAL else None
        return eventually(check, seconds, f"order {order_id} ended, see {self.logs}")

    def await_all(self, order_ids, seconds=120):
        wanted = list(order_ids)

        def check():
            n = self.rows("orders", "SELECT count(*) FROM orders WHERE status <> 'PENDING' "
                          "AND order_id = ANY(%s::uuid[])", (wanted,))[0][0]
            return n == len(wanted)
        eventually(check, seconds, f"{len(wanted)} orders ended, see {self.logs}")

    def timeline(self, order_id):
        """The types of its events; [] until the history has heard of it."""
        try:
            items = self.api("history", "GET", f"/orders/{order_id}/timeline")["items"]
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return []
        return [item["type"] for item in items]

    def is_quiet(self):
        """Nothing pending in any outbox or queue, and no mail unsent."""
        for service in self.services:
            pending = self.rows(service, "SELECT count(*) FROM outbox_unpublished")[0][0]
            due = self.rows(service, "SELECT count(*) FROM outbox_deliveries WHERE published_at IS NULL")[0][0]
            if pending or due:
                return False
        if any(messages for queue, messages in self.queue_totals().items() if queue in self.queues):
            return False
        return "notifications" not in self.services or \
            self.rows("notifications", "SELECT count(*) FROM mails WHERE status = 'PENDING'") == [(0,)]

    def await_quiet(self, seconds=120):
        eventually(self.is_quiet, seconds, "all outboxes and queues are empty")

    # ---- the command line

    def waybill(self, *arguments):
        """`waybill` on this stack, as an operator with all rights."""
        env = {**os.environ, "WB_AMQP_BROKERS": self.brokers(), "WB_MANAGEMENT_URL": self.mgmt.geturl(),
               "WB_DATABASES": " ".join(f"{s}={self.pg._replace(path='/' + self.database(s)).geturl()}"
                                        for s in self.services)}
        return subprocess.run([self.bin / "waybill", *arguments], env=env, capture_output=True, text=True,
                              check=False)

    def audit(self, *flags):
        """What `waybill audit` says of it."""
        provider = f"--provider-url=http://127.0.0.1:{self.ports['provider-sim']}"
        done = self.waybill("audit", "--json", provider, *flags)
        assert done.stdout and not done.stderr, f"status {done.returncode}: {done.stderr}"
        told = json.loads(done.stdout)
        assert told["holds"] == (done.returncode == 0), done
        return told

    # ---- queues

    def queue_totals(self):
        """Messages per queue, those being handled included."""
        query = f"/queues/{self._vhost_path()}?disable_stats=true&enable_queue_totals=true"
        return {q["name"]: q["messages"] for q in self.management("GET", query)}

    def queue_depth(self, queue):
        """Messages that wait in the queue (not those being handled)."""
        import pika
        connection = pika.BlockingConnection(pika.URLParameters(self.brokers()))
        try:
            ready = connection.channel().queue_declare(queue, passive=True).method.message_count
        finally:
            connection.close()
        return ready

    def connect(self):
        import pika
        return pika.BlockingConnection(pika.URLParameters(self.brokers()))

    def take(self, queue):
        """Everything in the queue, taken out: [(properties, body)]."""
        connection = self.connect()
        channel = connection.channel()
        messages = []
        while True:
            method, properties, body = channel.basic_get(queue, auto_ack=True)
            if method is None:
                break
            messages.append((properties, body))
        connection.close()
        return messages


class Tap(threading.Thread):
    """Records every event that the relay publishes, on a queue of its own bound to
    every type; gives each to on_event(properties, body)."""

    def __init__(self, stack, types, on_event=None):
        super().__init__(daemon=True)
        self.events = []
        self.on_event = on_event
        self.stack = stack
        self.connection = stack.connect()
        self.channel = self.connection.channel()
        self.queue = self.channel.queue_declare("tap", durable=True).method.queue
        for event_type in types:
            self.channel.queue_bind(self.queue, "waybill.events", event_type)

    def _on_message(self, channel, method, properties, body):
        self.events.append(json.loads(body))
        if self.on_event:
            self.on_event(channel, properties, body)
        channel.basic_ack(method.delivery_tag)

    def run(self):
        self.channel.basic_qos(prefetch_count=200)
        self.channel.basic_consume(self.queue, self._on_message)
        self.channel.start_consuming()

    def close(self):
        self.connection.add_callback_threadsafe(self.channel.stop_consuming)
        self.join(10)
        self.connection.close()


def event_types(schema=ROOT / "schema"):
    """Every event type of the catalogue, from the schemas."""
    return sorted(p.stem for p in (schema / "events").glob("*.v*.json"))
