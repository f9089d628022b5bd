#!/usr/bin/python3
"""The shipped notifications process with its database, its queue and a real SMTP
server that refuses, dies and comes back."""
import email.header
import email.utils
import json
import signal
import subprocess
import sys
import time
import unittest
import urllib.request
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from mail_sink import MailSink  # noqa: E402
from stack import ROOT, Stack, eventually  # noqa: E402

import pika  # noqa: E402

NAME = 'Zoë "Ångström" 🎁 O\'Neill, of the long name that does not fit into one line of a header'


def example(event_type):
    path = ROOT / "schema" / "events" / "examples" / event_type / "valid-full.json"
    event = json.loads(path.read_text())
    event["id"] = str(uuid.uuid4())
    return event


def addressee(mail):
    """(name, address). email.policy.default of Python 3.11 leaves blanks between
    encoded words, against RFC 2047: so by the older functions."""
    raw = dict(mail.raw_items())["To"]
    name, address = email.utils.parseaddr(raw)
    return str(email.header.make_header(email.header.decode_header(name))), address


class Mails(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack("mails", env={"notifications": {
            "WB_RETRY_BASE_MS": "50", "WB_RETRY_CAP_MS": "200", "WB_MAX_ATTEMPTS": "100",
            "WB_MAIL_DEADLINE_MS": "10000", "WB_MAIL_MAX_ATTEMPTS": "3",
            "WB_MAIL_RETRY_BASE_MS": "20", "WB_MAIL_RETRY_CAP_MS": "200"}})
        cls.stack.start("outbox-relay", "notifications")
        cls.sink = cls.stack.mails

    @classmethod
    def tearDownClass(cls):
        statuses = cls.stack.stop()
        assert set(statuses.values()) == {0}, f"exit statuses {statuses}"

    # ---- what the tests say

    def deliver(self, *events):
        connection = self.stack.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        for event in events:
            channel.basic_publish("", "notifications", json.dumps(event).encode(), pika.BasicProperties(
                content_type="application/cloudevents+json", delivery_mode=2), mandatory=True)
        connection.close()

    def customer(self, name=NAME, email=None):
        event = example("customer.registered.v1")
        event["subject"] = event["data"]["customer_id"] = str(uuid.uuid4())
        event["data"]["name"] = name
        event["data"]["email"] = email or f"c-{event['subject']}@example.org"
        return event

    def ended(self, how, customer, **data):
        event = example(f"order.{how}.v1")
        order = event["data"]["order"]
        event["subject"] = order["order_id"] = str(uuid.uuid4())
        order["customer_id"] = customer["subject"]
        event["data"].update(data)
        return event

    def row(self, event):
        rows = self.stack.rows("notifications", "SELECT status, deferrals, tries, answer FROM mails "
                               "WHERE event_id = %s", (event["id"],))
        return rows[0] if rows else None

    def await_row(self, event, status, seconds=30):
        return eventually(lambda: (self.row(event) or ("",))[0] == status and self.row(event), seconds,
                          f"mail {status}, not {self.row(event)}")

    def mailed(self, how, **data):
        """One mail, looked at in the sink."""
        customer = self.customer()
        event = self.ended(how, customer, **data)
        self.deliver(customer, event)
        self.await_row(event, "SENT")
        mails = self.sink.by_id(event["id"])
        self.assertEqual(len(mails), 1)
        mail = mails[0]
        self.assertEqual(mail.defects, [])
        self.assertEqual(addressee(mail), (NAME, customer["data"]["email"]))
        self.assertEqual(str(mail["From"]), "Waybill <orders@waybill.example>")
        self.assertIn(event["subject"], mail["Subject"])
        self.assertLess(abs(mail["Date"].datetime.timestamp() - time.time()), 120)
        text = mail.get_content().replace("\r\n", "\n")
        self.assertTrue(text.startswith(f"Dear {NAME},\n\n"), text)
        self.assertIn(f"Order {event['subject']}\n", text)
        return mail, text

    # ---- the letters

    def test_confirmed(self):
        mail, text = self.mailed("confirmed")
        self.assertTrue(mail["Subject"].endswith("is confirmed"))
        for line in ("  3 x Mug, EUR 12.50 each", "  5 x Darjeeling “First Flush”, 250 g, EUR 21.98 each",
                     "  1 x Grußkarte 🎁, EUR 0.00 each", "Total: EUR 147.40",
                     "Carrier: Waybill Express", "Tracking number: WB000000042GB"):
            self.assertIn(line + "\n", text)

    def test_rejected(self):
        mail, text = self.mailed("rejected", cause={"code": "OUT_OF_STOCK", "step": "inventory",
                                                    "detail": "TEA: 2 wanted, 1 on hand"})
        self.assertTrue(mail["Subject"].endswith("could not be accepted"))
        self.assertIn("Reason: We do not have enough of it. (TEA: 2 wanted, 1 on hand)\n", text)
        self.assertIn("You have not been charged.\n", text)

    def test_cancelled(self):
        for code, money in (("PAYMENT_DECLINED", "You have not been charged."),
                            ("UNDELIVERABLE", "The payment has been refunded in full."),
                            ("TIMEOUT", "If you had been charged already"),
                            ("A_CODE_OF_THE_FUTURE", "If you had been charged already")):
            with self.subTest(code=code):
                mail, text = self.mailed("cancelled", cause={"code": code, "step": "x", "detail": ""})
                self.assertTrue(mail["Subject"].endswith("was cancelled"))
                self.assertIn("\n\n" + money, text)

    def test_dots_and_long_lines_arrive_as_they_were(self):
        detail = ".\n.\n..two\n.QUIT\n" + "long " * 400 + "\ttab \nend = é"
        _, text = self.mailed("rejected", cause={"code": "TIMEOUT", "step": "x", "detail": detail})
        self.assertIn(f"({detail})\n", text)

    def test_names_inject_no_header(self):
        name = "Eve\r\nBcc: victim@example.org\r\n\r\nbody\x01"
        customer = self.customer(name)
        event = self.ended("rejected", customer)
        self.deliver(customer, event)
        self.await_row(event, "SENT")
        mail = self.sink.by_id(event["id"])[0]
        self.assertIsNone(mail["Bcc"])
        self.assertEqual(addressee(mail)[0], "Eve  Bcc: victim@example.org    body ")

    def test_an_address_that_is_none_fails_at_once(self):
        for email in ("eve@example.org>\r\nRCPT TO:<victim@example.org", "two@ats@example.org", "<a@b.example>"):
            with self.subTest(email=email):
                customer = self.customer(email=email)
                event = self.ended("rejected", customer)
                self.deliver(customer, event)
                self.assertIn("no address", self.await_row(event, "FAILED")[3])
        self.assertNotIn("victim@example.org", self.sink.tries)

    # ---- the events

    def test_the_event_twice_is_one_mail(self):
        customer = self.customer()
        event = self.ended("confirmed", customer)
        self.deliver(customer, event, event, event)
        self.await_row(event, "SENT")
        eventually(lambda: self.stack.is_quiet(), 30, "all were handled")
        self.assertEqual(len(self.sink.by_id(event["id"])), 1)

    def test_a_customer_who_comes_late(self):
        customer = self.customer()
        event = self.ended("confirmed", customer)
        self.deliver(event)
        eventually(lambda: self.stack.rows("notifications", "SELECT 1 FROM outbox_deliveries WHERE event_id = %s",
                                           (event["id"],)), 30, "a retry is scheduled")
        self.deliver(customer)
        self.await_row(event, "SENT", 60)

    def test_old_mails_are_forgotten(self):
        customer = self.customer()
        old, failed, young = self.ended("confirmed", customer), self.ended("rejected", customer), self.ended(
            "confirmed", customer)
        self.sink.refusals[customer["data"]["email"]] = ["550 5.1.1 no such user"]
        self.deliver(customer, failed)
        self.await_row(failed, "FAILED")
        self.deliver(old, young)
        for event in (old, young):
            self.await_row(event, "SENT")
        pending = self.ended("confirmed", self.customer())
        self.stack.rows("notifications", "UPDATE mails SET updated_at = now() - interval '91 days' "
                        "WHERE event_id = ANY (%s::uuid[])", ([old["id"], failed["id"]],))
        self.stack.rows("notifications", "INSERT INTO mails (order_id, kind, event_id, customer_id, subject, content, "
                        "due_at, updated_at) VALUES (%s, 'CONFIRMED', %s, %s, '', '', 'infinity', now() - "
                        "interval '91 days')", (pending["subject"], pending["id"], customer["subject"]))
        eventually(lambda: not self.row(old) and not self.row(failed), 30, "the old ones are gone")
        self.assertEqual(self.row(young)[0], "SENT")
        self.assertEqual(self.row(pending)[0], "PENDING")
        self.stack.rows("notifications", "DELETE FROM mails WHERE event_id = %s", (pending["id"],))

    # ---- the mail server

    def test_refused_for_now_is_tried_again(self):
        customer = self.customer()
        self.sink.refusals[customer["data"]["email"]] = ["450 4.2.1 busy", "451 4.3.0 busy"]
        event = self.ended("confirmed", customer)
        self.deliver(customer, event)
        self.assertEqual(self.await_row(event, "SENT")[1:3], (2, 3))
        self.assertEqual(len(self.sink.by_id(event["id"])), 1)

    def test_refused_for_now_too_often_fails(self):
        customer = self.customer()
        self.sink.refusals[customer["data"]["email"]] = ["450 4.2.1 busy"] * 3
        event = self.ended("confirmed", customer)
        self.deliver(customer, event)
        self.assertEqual(self.await_row(event, "FAILED"), ("FAILED", 3, 3, "450 4.2.1 busy"))

    def test_refused_for_good_fails_with_the_reason(self):
        customer, neighbour = self.customer(), self.customer()
        self.sink.refusals[customer["data"]["email"]] = ["550 5.1.1 no such user\u00ff"]
        event, other = self.ended("confirmed", customer), self.ended("confirmed", neighbour)
        self.deliver(customer, neighbour, event, other)
        status, _, tries, answer = self.await_row(event, "FAILED")
        self.assertTrue(answer.startswith("550 5.1.1 no such user"), answer)
        self.assertEqual((status, tries), ("FAILED", 1))
        self.await_row(other, "SENT")
        self.assertIn("wb_mails_failed_total", self.metrics())

    def test_content_refused_for_good_fails(self):
        customer = self.customer()
        event = self.ended("confirmed", customer)
        self.sink.answers = ["554 5.7.1 looks like spam"]
        self.deliver(customer, event)
        self.assertEqual(self.await_row(event, "FAILED")[3], "554 5.7.1 looks like spam")

    def metrics(self):
        port = self.stack.admin_ports["notifications"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
            return response.read().decode()

    def test_a_server_that_is_away_costs_no_attempt(self):
        self.sink.stop()
        customer = self.customer()
        event = self.ended("confirmed", customer)
        self.deliver(customer, event)
        eventually(lambda: (self.row(event) or (0, 0, 0))[2] > 5, 30, "more tries than attempts")
        self.assertEqual(self.row(event)[:2], ("PENDING", 0))
        self.assertTrue(self.stack.is_ready("notifications"))
        self.assertIn("wb_mail_server_up 0", self.metrics())
        self.sink.start()
        self.await_row(event, "SENT")
        self.assertIn("wb_mail_server_up 1", self.metrics())
        self.assertEqual(len(self.sink.by_id(event["id"])), 1)

    def test_killed_between_acceptance_and_record(self):
        """The mail comes again, the same; it is never lost."""
        process = self.stack.processes["notifications"]
        self.assertEqual(process.kill(signal.SIGTERM), 0)
        process.start(WB_CRASH_AT="mailer.after_accept")
        customer = self.customer()
        event = self.ended("confirmed", customer)
        self.deliver(customer, event)
        self.assertEqual(process.wait(60), -signal.SIGKILL)
        self.assertEqual(self.row(event)[0], "PENDING")
        self.stack.start("notifications")
        self.await_row(event, "SENT")
        self.assertEqual(len(self.sink.by_id(event["id"])), 2)
        with self.sink.lock:
            contents = {raw for mail, raw in self.sink.mails
                        if mail["Message-ID"] == f"<{event['id']}@waybill>"}
        self.assertEqual(len(contents), 1, "byte by byte the same")

    def test_tls_and_login(self):
        folder = self.stack.logs
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=sink",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem",
                        "-out", folder / "cert.pem"], check=True, stderr=subprocess.DEVNULL)
        process = self.stack.processes["notifications"]
        for how in ("smtps", "starttls"):
            sink = MailSink((folder / "cert.pem", folder / "key.pem"), how)
            good = {"WB_SMTP_URL": sink.url, "WB_SMTP_STARTTLS": str(how == "starttls").lower(),
                    "WB_SMTP_LOGIN": "waybill:secret", "WB_SMTP_TLS_CA": str(folder / "cert.pem")}
            for wrong in ({"WB_SMTP_TLS_CA": ""}, {"WB_SMTP_LOGIN": "waybill:wrong"}, {}):
                with self.subTest(how=how, wrong=wrong):
                    self.assertEqual(process.kill(signal.SIGTERM), 0)
                    process.start(**{**good, **wrong})
                    eventually(lambda: self.stack.is_ready("notifications"), 60, "ready")
                    customer = self.customer()
                    event = self.ended("confirmed", customer)
                    self.deliver(customer, event)
                    if wrong:
                        eventually(lambda: (self.row(event) or ("", 0, 0))[2] > 1, 30, "tries")
                        self.assertEqual(self.row(event)[:2], ("PENDING", 0))
                    else:
                        self.await_row(event, "SENT")
                        self.assertEqual(len(sink.by_id(event["id"])), 1)
            self.assertEqual(process.kill(signal.SIGTERM), 0)
            sink.stop()
            self.stack.start("notifications")
            eventually(lambda: self.stack.is_quiet(), 30, "what the other sink did not take")

    def test_a_slow_server_takes_several_at_once(self):
        self.sink.delay = 0.5
        customer = self.customer()
        events = [self.ended("confirmed", customer) for _ in range(30)]
        self.sink.most_waiting = 0
        self.deliver(customer, *events)
        for event in events:
            self.await_row(event, "SENT")
        self.sink.delay = 0
        self.assertGreater(self.sink.most_waiting, 1)

    def test_drains_with_a_mail_under_way(self):
        process = self.stack.processes["notifications"]
        self.sink.delay = 1
        customer = self.customer()
        event = self.ended("confirmed", customer)
        self.deliver(customer, event)
        eventually(lambda: self.sink.by_id(event["id"]), 30, "the server has the content")
        self.sink.delay = 0
        process.child.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(self.row(event)[0], "SENT")
        self.stack.start("notifications")


if __name__ == "__main__":
    unittest.main(verbosity=2)
