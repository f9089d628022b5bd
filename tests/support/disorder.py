"""Every event duplicated and out of order. For a stack whose exchange reaches no
consumer: each event, taken from a tap, is delivered to its queues by the test."""
import random
import threading
import time

import pika


class Disorder(threading.Thread):
    """Delivers each event to its queues once or more, after a random wait. routes: {queue:
    types}."""

    def __init__(self, stack, seed, routes):
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.routes = routes
        self.connection = stack.connect()
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()
        self.lock = threading.Lock()
        self.waiting = []  # (due, queue, properties, body)
        self.in_hand = []
        self.extra = 0  # deliveries beyond the first of each event to a queue
        self.failed = None

    def on_event(self, _channel, properties, body):
        now = time.monotonic()
        with self.lock:
            for queue, types in self.routes.items():
                if properties.type not in types:
                    continue
                n = self.random.choice((1, 2, 2, 3))
                self.extra += n - 1
                for _ in range(n):
                    due = now + self.random.choice((0, 0.02, 0.1, 0.4)) * self.random.random()
                    self.waiting.append((due, queue, properties, body))

    def run(self):
        try:
            while True:
                now = time.monotonic()
                with self.lock:
                    self.in_hand = [w for w in self.waiting if w[0] <= now]
                    self.waiting = [w for w in self.waiting if w[0] > now]
                self.random.shuffle(self.in_hand)
                for _, queue, properties, body in self.in_hand:
                    self.channel.basic_publish("", queue, body, properties, mandatory=True)
                self.in_hand = []
                self.connection.process_data_events(0.005)
        except pika.exceptions.AMQPError as error:
            self.failed = error

    def is_idle(self):
        if self.failed:
            raise AssertionError(f"the test's own delivery failed: {self.failed!r}")
        with self.lock:
            return not self.waiting and not self.in_hand
