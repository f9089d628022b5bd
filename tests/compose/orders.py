"""Orders that flow through the gateway while things break, and what was promised."""
import itertools
import json
import random
import threading
import time
import urllib.error
import urllib.request

from stack import CUSTOMER, SHIP_TO

# How orders end, in turn: (SKU, payment method, country).
KINDS = (("TEA-100", "pm_ok", "GB"), ("TEA-250", "pm_ok", "DE"), ("MUG-001", "pm_ok", "GB"),
         ("TEA-100", "pm_flaky", "GB"), ("POT-001", "pm_declined", "GB"), ("TEA-100", "pm_ok", "ZZ"),
         ("SOLD-OUT", "pm_ok", "GB"))


class Orders:
    """accepted: the ids of orders that a 202 was seen for, and refused: how often the
    system was not there for a client. start() to stop(): a few clients post without
    a pause but a short one, so that something is always under way."""

    CLIENTS, PAUSE_S = 3, 0.05

    def __init__(self, url, token):
        self.url = url
        self.authorize(token)
        self.accepted, self.refused = [], 0
        self.lock = threading.Lock()
        self.kinds = itertools.cycle(KINDS)
        self.stopping = threading.Event()
        self.threads = []

    def authorize(self, token):
        self.headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}

    def post(self, kind=None):
        """True if it was accepted."""
        with self.lock:
            sku, method, country = kind or next(self.kinds)
        body = {"customer_id": CUSTOMER, "payment_method": method,
                "lines": [{"sku": sku, "quantity": random.randint(1, 3)}],
                "ship_to": {**SHIP_TO, "country": country}}
        request = urllib.request.Request(f"{self.url}/orders", method="POST", data=json.dumps(body).encode(),
                                         headers=self.headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                order_id = json.loads(answer.read())["order_id"]
        except (OSError, urllib.error.URLError):
            with self.lock:
                self.refused += 1
            return False
        with self.lock:
            self.accepted.append(order_id)
        return True

    def _run(self):
        while not self.stopping.wait(self.PAUSE_S):
            if not self.post():
                time.sleep(0.5)

    def start(self):
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(self.CLIENTS)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def await_more(self, count, seconds=120):
        """Orders go through (again)."""
        wanted = len(self.accepted) + count
        deadline = time.monotonic() + seconds
        while len(self.accepted) < wanted:
            assert time.monotonic() < deadline, f"no {count} more orders within {seconds} s"
            time.sleep(0.05)
