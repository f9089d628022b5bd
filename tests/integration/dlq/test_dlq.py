#!/usr/bin/python3
"""`waybill dlq` on a whole stack: dead letters of each kind, 10,000 of them in one
queue, looked at, replayed, killed in the middle, edited, discarded and brought back.
The tests run in the order of their numbers and end with the invariants."""
import json
import os
import signal
import subprocess
import sys
import time
import unittest
import uuid
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import invariants  # noqa: E402
from stack import QUEUES, ROOT, SERVICES, Stack, eventually  # noqa: E402

import pika  # noqa: E402
import psycopg2  # noqa: E402

BULK = 10000
PRODUCT = "product.upserted.v1"
# Where a replay is killed, once each; the second number is the how-manieth pass.
KILLS = (("dlq.published", 700), ("dlq.confirmed", 1500), ("dlq.before_mark", 2), ("dlq.marked", 2),
         ("dlq.acked", 900))


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def example(event_type):
    folder = ROOT / "schema" / "events" / "examples" / event_type
    event = json.loads(sorted(folder.glob("valid-*.json"))[0].read_text())
    event["id"] = str(uuid.uuid4())
    return event


class Dlq(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        retries = {"WB_RETRY_BASE_MS": "10", "WB_RETRY_CAP_MS": "50", "WB_MAX_ATTEMPTS": "3"}
        cls.stack = Stack("dlq", env={service: retries for service in (
            "inventory", "payments", "shipping", "orders-consumer", "history", "notifications")})
        cls.stack.start()
        cls.stack.seed({"TEA": 1000})

    @classmethod
    def tearDownClass(cls):
        cls.stack.stop()

    # ---- helpers

    def environment(self, **more):
        dsn = {s: self.stack.pg._replace(path="/" + self.stack.database(s)).geturl() for s in SERVICES}
        return {**os.environ, "WB_DATABASES": " ".join(f"{s}={d}" for s, d in dsn.items()),
                "WB_AMQP_BROKERS": self.stack.brokers(), "WB_SCHEMA_DIR": str(ROOT / "schema"),
                "WB_WHO": "tester", "TERM": "dumb", **more}

    def waybill(self, *args, status=0, env=None, stdin=None):
        """Its output; what it must end with is status."""
        run = subprocess.run([self.stack.bin / "waybill", "dlq", *args], env=self.environment(**(env or {})),
                             input=stdin, capture_output=True, timeout=240)
        self.assertEqual(run.returncode, status, f"{args}: {run.stdout.decode()} {run.stderr.decode()}")
        return run.stdout.decode() + ("" if status == 0 else run.stderr.decode())

    def ask(self, *args, status=0, env=None):
        run = subprocess.run([self.stack.bin / "waybill", "dlq", *args, "--json"],
                             env=self.environment(**(env or {})), capture_output=True, timeout=240)
        self.assertEqual(run.returncode, status, f"{args}: {run.stdout.decode()} {run.stderr.decode()}")
        if args[0] in ("list", "peek", "show"):
            self.assertEqual(run.stderr.decode(), "", "nothing stayed unseen")
        return json.loads(run.stdout)

    def groups(self):
        return {g["group"]: g["messages"] for g in self.ask("list")["groups"]}

    def export(self, *args):
        return [json.loads(line) for line in self.waybill("export", *args).splitlines()]

    def publish(self, queue, messages):
        """Confirmed: a quorum queue may lose what is not when its channel is closed at once."""
        connection = self.stack.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        for body, properties in messages:
            channel.basic_publish("", queue, body, pika.BasicProperties(
                content_type="application/cloudevents+json", delivery_mode=2, **properties))
        connection.close()

    def letter(self, body, message_id, event_type, code="NOT_YET", **headers):
        """As an engine's dead letter is published."""
        return body, {"message_id": message_id, "type": event_type, "app_id": "outbox-relay", "headers": {
            "waybill-attempts": 3, "waybill-consumer": "inventory", "waybill-error-code": code,
            "waybill-error": "made by a test", "waybill-first-failed-at": now(),
            "waybill-last-failed-at": now(), "waybill-routing-key": event_type, **headers}}

    def poison(self, n, code):
        """Letters that fail again as soon as they are sent."""
        letters = []
        for i in range(n):
            event = example("order.placed.v1")
            event["data"]["order"]["lines"][0]["quantity"] = -i
            letters.append(self.letter(json.dumps(event).encode(), event["id"], "order.placed.v1", code=code))
        return letters

    def begin(self, *args):
        return subprocess.Popen([self.stack.bin / "waybill", "dlq", *args], env=self.environment(),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def edit(self, letter, command, **expect):
        """With a script of that command as the editor."""
        script = self.stack.logs / "editor"
        script.write_text(f"#!/bin/sh\n{command}\n")
        script.chmod(0o755)
        return self.waybill("edit", letter, env={"EDITOR": str(script), "VISUAL": "",
                                                 "TMPDIR": str(self.stack.logs)}, **expect)

    def await_letters(self, consumer, n):
        eventually(lambda: self.stack.queue_depth(consumer + ".dlq") >= n, 60, f"{n} letters in {consumer}.dlq")

    def inbox(self, service, event_id):
        return self.stack.rows(service, "SELECT count(*) FROM inbox WHERE event_id = %s", (event_id,))[0][0]

    def job_of(self, output):
        return output.split(":")[0].splitlines()[-1]

    # ---- one after the other

    def test_1_one_of_each_kind(self):
        stack = self.stack
        self.waybill("list")
        self.assertEqual(self.groups(), {})
        stack.management("DELETE", f"/bindings/{stack._vhost_path()}/e/waybill.events/q/inventory/{PRODUCT}")
        connection = stack.connect()
        channel = connection.channel()
        channel.queue_declare("tap", durable=True)
        channel.queue_bind("tap", "waybill.events", PRODUCT)
        connection.close()

        # poison: no event, and one that does not fit
        self.publish("inventory", [(b"\xff\xfe not json \x00", {})])
        bad = example("order.placed.v1")
        bad["subject"] = bad["data"]["order"]["order_id"] = str(uuid.uuid4())
        bad["data"]["order"]["lines"][0]["quantity"] = "two"
        self.publish("inventory", [(json.dumps(bad).encode(), {})])
        # exhausted retries: a product that inventory has not heard of
        stack.api("catalog-api", "PUT", "/products/NEW", {"name": "New", "price_minor": 500, "currency": "EUR"})
        eventually(lambda: stack.rows("orders", "SELECT 1 FROM products WHERE sku = 'NEW'"), 30, "orders has it")
        type(self).waiting_order = stack.order({"NEW": 1})
        self.await_letters("inventory", 3)
        # crash loop
        inventory = stack.processes["inventory"]
        self.assertEqual(inventory.kill(signal.SIGTERM), 0)
        type(self).crashing_order = stack.order({"TEA": 1})

        def crash():
            if not inventory.is_running():
                inventory.start(WB_CRASH_AT="consumer.handle")
            return stack.queue_depth("inventory.dlq") >= 4
        eventually(crash, 90, "a dead letter for a crash loop")
        inventory.kill()
        inventory.start()
        self.assertEqual(self.groups(), {
            "inventory/BAD_MESSAGE/-": 1, "inventory/SCHEMA_VIOLATION/-": 1,
            "inventory/NOT_YET/order.placed.v1": 1, "inventory/CRASH_LOOP/order.placed.v1": 1})

    def test_2_ten_thousand_in_one_queue(self):
        stack = self.stack
        stack.sql(stack.database("catalog"), f"""
            INSERT INTO products (sku, name, price_minor, currency)
              SELECT 'BULK-' || i, 'Bulk ' || i, i, 'EUR' FROM generate_series(1, {BULK}) i;
            INSERT INTO outbox_events (aggregate_type, aggregate_id, sequence, event_type, payload, correlation_id)
              SELECT 'product', sku, sequence, '{PRODUCT}', json_build_object('sku', sku, 'name', name,
                'price_minor', price_minor, 'currency', currency, 'version', version), sku
              FROM products WHERE sku LIKE 'BULK-%'""")
        eventually(lambda: stack.queue_depth("tap") == BULK + 1, 120, "the relay has published them")
        connection = stack.connect()
        channel = connection.channel()
        for n, (_, _, body) in enumerate(channel.consume("tap", auto_ack=True), 1):
            event = json.loads(body)
            if event["subject"] == "NEW":
                type(self).new_product = body, {"message_id": event["id"], "type": PRODUCT}
            else:
                body, properties = self.letter(body, event["id"], PRODUCT)
                channel.basic_publish("", "inventory.dlq", body, pika.BasicProperties(
                    content_type="application/cloudevents+json", delivery_mode=2, **properties))
            if n == BULK + 1:
                break
        self.await_letters("inventory", BULK + 4)
        connection.close()
        self.assertEqual(self.groups()[f"inventory/NOT_YET/{PRODUCT}"], BULK)
        depths = {q["consumer"]: q["messages"] for q in self.ask("list")["queues"]}
        self.assertEqual(depths, {q: BULK + 4 if q == "inventory" else 0 for q in QUEUES})

    def test_3_looking_changes_nothing(self):
        before = [letter["id"] for letter in self.export()]
        self.assertEqual(len(before), BULK + 4)
        for _ in range(3):  # more often than the limit of 20 that RabbitMQ 4 has
            self.ask("list")
            self.waybill("peek", "--limit=2")
        for limit in range(25):
            self.assertEqual(len(self.ask("peek", "--error=CRASH_LOOP", f"--limit={limit + 1}")["letters"]), 1)
        self.assertEqual([letter["id"] for letter in self.export()], before)
        shown = self.ask("show", before[2])
        self.assertEqual(shown["letter"]["headers"]["waybill-attempts"], 3)
        self.assertEqual([h["what"] for h in shown["history"]], [
            "attempt 1 failed, to be tried again", "attempt 2 failed, to be tried again",
            "attempt 3 failed, dead-lettered"])
        self.assertIn("Send it:", self.waybill("show", before[0]))

    def test_4_filters(self):
        def count(*filters):
            return self.ask("replay", "--dry-run", *filters)["selected"]
        self.assertEqual(count("--consumer=inventory"), BULK + 4)
        self.assertEqual(count(f"--type={PRODUCT},order.placed.v1"), BULK + 2)
        self.assertEqual(count("--error=NOT_YET"), BULK + 1)
        self.assertEqual(count(f"--order={self.waiting_order}"), 1)
        self.assertEqual(count("--group=inventory/CRASH_LOOP/order.placed.v1"), 1)
        self.assertEqual(count("--where=data.price_minor > 9990"), 10)
        self.assertEqual(count("--where=data.price_minor > 9990 and data.sku ~ BULK-1"), 1)
        self.assertEqual(count("--where=data.order.lines.*.sku = \"NEW\""), 1)
        self.assertEqual(count("--consumer=orders"), 0)
        self.assertEqual(count("--older-than=2h"), 0)
        self.assertEqual(count("--newer-than=2h", "--error=BAD_MESSAGE"), 1)
        self.assertEqual(len(self.export("--where=data.price_minor = 77")), 1)
        for wrong in (["--where=data."], ["--where=a b"], ["--older-than=soon"], ["--consumer=nobody"], []):
            self.waybill("replay", *wrong, status=2)
        self.assertEqual(self.ask("jobs")["jobs"], [], "a dry run leaves nothing behind")

    def test_5_killed_at_every_point_and_resumed(self):
        filters = (f"--type={PRODUCT}", "--where=data.price_minor <= 10000")
        # Before the selection is committed there is no job.
        self.waybill("replay", *filters, status=-signal.SIGKILL, env={"WB_CRASH_AT": "dlq.before_commit"})
        self.assertEqual(self.ask("jobs")["jobs"], [])
        self.waybill("replay", *filters, "--canary=50", "--rate=4000", status=-signal.SIGKILL,
                     env={"WB_CRASH_AT": "dlq.selected"})
        job, = self.ask("jobs")["jobs"]
        self.assertEqual((job["status"], job["selected"], job["sent"]), ("running", BULK, 0))
        # What comes now is not part of it.
        late = []
        for i in range(20):
            event = example(PRODUCT)
            event["subject"] = event["data"]["sku"] = f"LATE-{i}"
            late.append(event["id"])
            self.publish("inventory.dlq", [self.letter(json.dumps(event).encode(), event["id"], PRODUCT)])
        before = 0
        for point, passes in KILLS:
            self.waybill("replay", f"--resume={job['job']}", "--rate=0", status=-signal.SIGKILL,
                         env={"WB_CRASH_AT": point, "WB_CRASH_AFTER": str(passes)})
            now_sent = self.ask("jobs")["jobs"][0]["sent"]
            self.assertGreaterEqual(now_sent, before, point)
            before = now_sent
        self.assertGreater(before, 50, "it was killed in the midst of it")
        self.assertLess(before, BULK)
        report, = self.ask("replay", f"--resume={job['job']}")["jobs"]
        self.assertEqual({k: report[k] for k in ("status", "selected", "sent", "handled", "failed_again", "gone",
                                                 "pending")},
                         {"status": "done", "selected": BULK, "sent": BULK, "handled": BULK, "failed_again": 0,
                          "gone": 0, "pending": 0})
        rows = self.stack.rows("inventory", "SELECT count(*), count(DISTINCT sku) FROM stock WHERE sku LIKE 'BULK-%%'")
        self.assertEqual(rows, [(BULK, BULK)])
        left = self.export()
        self.assertEqual(sorted(letter["id"] for letter in left if letter.get("type") == PRODUCT), sorted(late))
        self.assertEqual(len(left), 4 + len(late))
        self.assertIn("is done", self.waybill("replay", f"--resume={job['job']}", status=1))
        self.waybill("discard", f"--type={PRODUCT}", "--reason=they were made up")

    def test_6_what_can_be_handled_now_is(self):
        self.publish("inventory", [self.new_product])
        eventually(lambda: self.stack.rows("inventory", "SELECT 1 FROM stock WHERE sku = 'NEW'"), 30, "it is known")
        self.stack.api("catalog-api", "POST", "/products/NEW/receipts", {"quantity": 5})
        eventually(lambda: self.stack.rows("inventory", "SELECT 1 FROM stock WHERE sku = 'NEW' AND received = 5"),
                   30, "it is in")
        self.assertIn("1 handled", self.waybill("replay", f"--order={self.waiting_order}"))
        self.assertIn("1 handled", self.waybill("replay", "--error=CRASH_LOOP"))
        for order in (self.waiting_order, self.crashing_order):
            self.assertEqual(self.stack.await_status(order)["status"], "CONFIRMED")

    def test_7_what_fails_again_comes_back_once(self):
        text = self.waybill("replay", "--consumer=inventory", "--error=SCHEMA_VIOLATION", status=1)
        self.assertIn("1 failed again: SCHEMA_VIOLATION", text)
        job = self.job_of(text)
        letter, = self.export("--error=SCHEMA_VIOLATION")
        headers = letter["headers"]
        self.assertEqual((headers["waybill-replay"], headers["waybill-replay-count"],
                          headers["waybill-replayed-by"], headers["waybill-attempts"]), (job, 1, "tester", 2))
        self.waybill("replay", letter["id"], status=1)
        again, = self.export("--error=SCHEMA_VIOLATION")
        self.assertEqual(again["headers"]["waybill-replay-count"], 2)
        self.assertNotEqual(again["headers"]["waybill-replay"], job)
        self.assertEqual(again["id"], letter["id"])

    def test_8_stops_pauses_and_is_cancelled(self):
        self.publish("inventory.dlq", self.poison(60, "POISON"))
        self.await_letters("inventory", 62)
        # a canary that fails
        text = self.waybill("replay", "--error=POISON", "--canary=5", status=1)
        self.assertIn("5 of 5 messages of the canary failed again", text)
        job = self.job_of(text)
        self.assertEqual(self.groups()["inventory/POISON/order.placed.v1"], 55)
        # a share that is too large; slow enough that verdicts come in between
        text = self.waybill("replay", f"--resume={job}", "--stop-above=10", "--rate=5", status=1)
        self.assertIn("which is more than 10 %", text)
        left = self.groups()["inventory/POISON/order.placed.v1"]
        self.assertTrue(0 < left <= 35, left)
        # Ctrl-C
        child = self.begin("replay", f"--resume={job}", "--rate=5", "--stop-above=100")
        sent = 60 - left
        eventually(lambda: self.ask("jobs")["jobs"][0]["sent"] > sent, 30, "it sends")
        self.assertIn("another `waybill dlq` job",
                      self.waybill("replay", f"--resume={job}", status=1))
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=30)
        self.assertEqual(child.returncode, 1)
        self.assertIn("paused: interrupted", out.decode())
        left = self.groups()["inventory/POISON/order.placed.v1"]
        self.waybill("replay", f"--cancel={job}")
        row = self.ask("jobs")["jobs"][0]
        self.assertEqual((row["status"], row["sent"], row["failed_again"]), ("cancelled", 60 - left, 60 - left))
        self.assertEqual(self.groups()["inventory/POISON/order.placed.v1"], left)

    def registered(self):
        """The event of a new customer, of whom notifications does not hear: it has no queue."""
        connection = self.stack.connect()
        channel = connection.channel()
        channel.queue_bind("tap", "waybill.events", "customer.registered.v1")
        customer = str(uuid.uuid4())
        self.stack.api("customers-api", "POST", "/customers",
                       {"customer_id": customer, "name": "Ada", "email": "ada@example.org"})
        for _, _, body in channel.consume("tap", auto_ack=True):
            event = json.loads(body)
            if event["subject"] == customer:
                break
        channel.queue_unbind("tap", "waybill.events", "customer.registered.v1")
        connection.close()
        return event

    def test_91_no_queue_to_send_to(self):
        stack = self.stack
        stack.await_quiet()
        self.assertEqual(stack.processes["notifications"].kill(signal.SIGTERM), 0)
        stack.management("DELETE", f"/queues/{stack._vhost_path()}/notifications")
        event = self.registered()
        self.publish("notifications.dlq", [self.letter(json.dumps(event).encode(), event["id"],
                                                       "customer.registered.v1")])
        self.await_letters("notifications", 1)
        text = self.waybill("replay", "--consumer=notifications", status=1)
        self.assertIn("there is no queue notifications", text)
        self.assertEqual(stack.queue_depth("notifications.dlq"), 1)
        subprocess.run([stack.bin / "waybill", "topology", "apply"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "WB_AMQP_BROKERS": stack.brokers()})
        stack.processes["notifications"].start()
        self.assertIn("1 handled", self.waybill("replay", f"--resume={self.job_of(text)}"))
        self.assertEqual(self.inbox("notifications", event["id"]), 1)

    def test_92_edit(self):
        letter, = self.export("--error=SCHEMA_VIOLATION", "--where=data.order.lines.0.quantity = two")

        def edit(command, **expect):
            return self.edit(letter["id"], command, **expect)
        edit("true")
        self.assertIn("data.order.lines.0.quantity: minimum: must be 1 at least",
                      edit("""sed -i 's/"two"/0/' "$1" """, status=1))
        self.assertRegex(edit("""sed -i 's/"two"/2 0/' "$1" """, status=1), "at byte [0-9]+: .*; nothing is sent")
        self.assertIn("id: must stay", edit(
            f"""sed -i 's/"two"/2/; s/{letter['id']}/{uuid.uuid4()}/' "$1" """, status=1))
        self.assertEqual(len(self.export("--id=" + letter["id"])), 1, "nothing was sent")
        # It fits now, but its product is unknown: back it comes, corrected.
        text = edit("""sed -i 's/"two"/2/' "$1" """, status=1)
        self.assertIn("NOT_YET", text)
        kept, = self.export(f"--job={self.job_of(text)}")
        self.assertEqual(kept["body"], letter["body"], "the original is in the journal")
        now_there, = self.export("--id=" + letter["id"])
        self.assertEqual(json.loads(now_there["body"])["data"]["order"]["lines"][0]["quantity"], 2)

    def test_93_discard_and_bring_back(self):
        before = {letter["id"]: letter for letter in self.export("--consumer=inventory")}
        binary, = [letter for letter in before.values() if letter["headers"]["waybill-error-code"] == "BAD_MESSAGE"]
        self.assertNotIn("body", binary)
        self.waybill("discard", "--consumer=inventory", status=2)
        # killed between the copy and the end of the letters: nothing is lost
        self.waybill("discard", "--consumer=inventory", "--reason=a test", status=-signal.SIGKILL,
                     env={"WB_CRASH_AT": "dlq.acked", "WB_CRASH_AFTER": "2"})
        job = self.ask("jobs")["jobs"][0]["job"]
        self.waybill("replay", f"--resume={job}")
        eventually(lambda: self.stack.queue_depth("inventory.dlq") == 0, 30, "the broker has taken the acks")
        kept = self.waybill("export", f"--job={job}")
        self.assertEqual(len(kept.splitlines()), len(before))
        self.assertIn(f"{len(before)} imported, 0 were there", self.waybill("import", "-", stdin=kept.encode()))
        self.assertIn(f"0 imported, {len(before)} were there", self.waybill("import", "-", stdin=kept.encode()))
        after = {letter["id"]: letter for letter in self.export("--consumer=inventory")}
        for letter in (*before.values(), *after.values()):
            for name in list(letter["headers"]):
                if name.startswith("x-"):
                    del letter["headers"][name]
        self.assertEqual(after, before)
        self.waybill("import", "-", stdin=b'{"consumer":"inventory"}\n', status=1)
        self.waybill("import", "-", stdin=b'{"consumer":"nobody","body":""}\n', status=1)
        self.waybill("discard", "--consumer=inventory", "--reason=the end")

    def test_94_verdicts_that_another_process_has_written(self):
        inventory = self.stack.processes["inventory"]
        self.assertEqual(inventory.kill(signal.SIGTERM), 0)
        self.publish("inventory.dlq", self.poison(4, "JUDGED"))
        self.await_letters("inventory", 4)
        child = self.begin("replay", "--error=JUDGED", "--canary=2", "--stop-above=100", "--verdict-ms=60000")
        eventually(lambda: [j for j in self.ask("jobs")["jobs"] if j["status"] == "running" and j["sent"] == 2],
                   30, "the canary is sent")
        job = self.ask("jobs")["jobs"][0]["job"]
        # It is stopped, so that the other one is the first to see the verdicts.
        child.send_signal(signal.SIGSTOP)
        inventory.start()
        self.await_letters("inventory", 4)
        self.assertIn("2 sent, 0 handled, 2 failed again\n", self.waybill("jobs", job))
        child.send_signal(signal.SIGCONT)
        out, _ = child.communicate(timeout=120)
        self.assertIn("0 handled, 4 failed again\n", out.decode())
        self.assertIn(f"{job}: done", out.decode())
        self.waybill("discard", "--consumer=inventory", "--reason=the end")

    def test_95_missing_while_the_journal_is_written(self):
        inventory = self.stack.processes["inventory"]
        self.assertEqual(inventory.kill(signal.SIGTERM), 0)
        self.publish("inventory.dlq", self.poison(5, "MISSING"))
        self.await_letters("inventory", 5)
        child = self.begin("replay", "--error=MISSING", "--canary=2")
        eventually(lambda: [j for j in self.ask("jobs")["jobs"] if j["status"] == "running" and j["sent"] == 2],
                   30, "the canary is sent")
        child.send_signal(signal.SIGINT)
        job = self.job_of(child.communicate(timeout=30)[0].decode())
        self.waybill("discard", "--error=MISSING", "--reason=not those three")
        eventually(lambda: self.stack.queue_depth("inventory.dlq") == 0, 30, "the broker has taken the acks")
        # The look for verdicts, with which it begins, waits for this lock; meanwhile the queue has been read.
        with psycopg2.connect(self.stack.pg._replace(path="/" + self.stack.database("inventory")).geturl()) as other:
            other.cursor().execute("LOCK TABLE dlq_items IN SHARE MODE")
            child = self.begin("replay", f"--resume={job}")
            eventually(lambda: self.stack.rows("inventory", "SELECT 1 FROM pg_locks WHERE NOT granted"),
                       30, "it waits")
            time.sleep(2)
        inventory.start()
        out, _ = child.communicate(timeout=60)
        self.assertIn("2 failed again, 3 no longer in the dead-letter queue", out.decode())
        self.assertEqual(self.stack.rows("inventory", "SELECT outcome, count(*) FROM dlq_items WHERE job = %s"
                                                      " GROUP BY 1 ORDER BY 1", (job,)), [("failed", 2), ("gone", 3)])
        other.close()
        self.waybill("discard", "--consumer=inventory", "--reason=the end")

    def test_96_interrupted_while_verdicts_are_awaited(self):
        inventory = self.stack.processes["inventory"]
        self.assertEqual(inventory.kill(signal.SIGTERM), 0)
        for consumer in ("inventory", "payments"):
            self.publish(consumer + ".dlq", self.poison(1, "BOTH"))
            self.await_letters(consumer, 1)
        child = self.begin("replay", "--error=BOTH")
        eventually(lambda: [j for j in self.ask("jobs")["jobs"] if j["status"] == "running" and j["sent"] == 1],
                   30, "inventory's is sent")
        time.sleep(1)
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 1)
        self.assertIn("done: 1 messages have no verdict yet", out.decode())
        self.assertEqual(len(self.export("--consumer=payments", "--error=BOTH")), 1, "the next one has not begun")
        self.assertEqual([j for j in self.ask("jobs")["jobs"] if j["job"].startswith("payments-")], [])
        inventory.start()
        self.await_letters("inventory", 1)
        self.assertIn("1 failed again\n", self.waybill("jobs", self.job_of(out.decode())))
        self.waybill("discard", "--consumer=inventory,payments", "--reason=the end")

    def test_97_edit_of_a_letter_without_an_id(self):
        (body, properties), = self.poison(1, "NO_ID")
        event = json.loads(body)
        self.publish("inventory.dlq", [(json.dumps({**event, "id": None}).encode(), properties)])
        self.await_letters("inventory", 1)
        self.assertIn("data.order.lines.0.quantity: minimum: must be 1 at least", self.edit(
            event["id"], f"""sed -i 's/"id": null/"id": "{event['id']}"/' "$1" """, status=1))
        self.waybill("discard", "--consumer=inventory", "--reason=the end")

    def test_98_edit_of_a_letter_that_has_gone_meanwhile(self):
        self.publish("inventory.dlq", self.poison(1, "TAKEN"))
        self.await_letters("inventory", 1)
        letter, = self.export("--error=TAKEN")
        text = self.edit(letter["id"], f"""sed -i 's/"quantity": 0/"quantity": 7531/' "$1"
            {self.stack.bin / "waybill"} dlq discard {letter["id"]} --reason="somebody was faster" """, status=1)
        self.assertIn(f"{letter['id']} is no longer in inventory.dlq; nothing is sent", text)
        kept = Path(text.split("what was edited is in ")[1].strip())
        self.assertIn('"quantity": 7531', kept.read_text())

    def test_99_nothing_is_lost_or_doubled(self):
        self.assertEqual(self.groups(), {})
        self.stack.await_quiet()
        invariants.check(self.stack)
        for consumer in QUEUES:
            self.assertEqual(self.stack.rows(consumer, "SELECT * FROM dlq_items WHERE outcome IS NULL"), [])
        self.assertEqual(set(self.stack.stop().values()), {0})


if __name__ == "__main__":
    unittest.main(verbosity=2, failfast=True)
