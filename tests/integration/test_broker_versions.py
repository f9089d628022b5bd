#!/usr/bin/python3
"""What RabbitMQ's versions do differently, on the queues that `waybill topology apply`
declares: how often a message may come back, where it comes back to, and where it
goes then. 3.10 knows no limit unless told, 4.0 has one of 20 for every quorum queue,
and from 4.3 on a nack does not count; the arguments of our queues make them alike.
"""
import os
import sys
import urllib.parse
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

if not os.environ.get("WB_TEST_AMQP_URL"):
    print("no servers: WB_TEST_AMQP_URL is not set")
    sys.exit(77)

import pika

from stack import Stack, eventually

LIMIT = 100             # TOPOLOGY_DELIVERY_LIMIT
MORE_THAN_DEFAULT = 50  # of 4.x, which is 20


class Broker(Stack):
    """A vhost with the topology, and no database."""

    def __init__(self, name):
        self._know_broker(name)
        self._make_vhost(bindings=True)

    def delete(self):
        self.management("DELETE", f"/vhosts/{self._vhost_path()}")


def publish(channel, queue, *bodies):
    """Confirmed: it is in the queue."""
    for body in bodies:
        channel.basic_publish("", queue, body.encode(), pika.BasicProperties(
            delivery_mode=2, message_id=body, headers={"traceparent": "00-1-2-03"}), mandatory=True)


def get(channel, queue):
    method, properties, body = channel.basic_get(queue)
    return (method, properties, body.decode()) if method else (None, None, None)


def await_message(channel, queue):
    return eventually(lambda: (got := get(channel, queue))[0] and got, 30, f"a message in {queue}")


def count_of(properties):
    return (properties.headers or {}).get("x-delivery-count", 0)


def a_message_comes_back_to_the_front(channel):
    """Else a message that fails once would lose its place to everything behind it."""
    publish(channel, "inventory", "first", "second", "third")
    for n in range(3):
        method, properties, body = get(channel, "inventory")
        assert (body, count_of(properties)) == ("first", n), (body, properties.headers)
        assert method.redelivered == (n > 0)
        channel.basic_reject(method.delivery_tag, requeue=True)
    for body in ("first", "second", "third"):
        method, _, got = get(channel, "inventory")
        assert got == body, got
        channel.basic_ack(method.delivery_tag)


def the_backstop_is_the_limit_that_we_set(channel):
    """LIMIT returns, then the dead-letter queue, on every version: not the 20 of 4.x,
    and not never as on 3.10."""
    publish(channel, "shipping", "poison", "innocent")
    deliveries = 0
    while True:
        method, _, body = get(channel, "shipping")
        if body != "poison":
            break
        deliveries += 1
        channel.basic_reject(method.delivery_tag, requeue=True)
    assert deliveries == LIMIT + 1, deliveries
    assert body == "innocent"
    channel.basic_ack(method.delivery_tag)
    method, properties, body = await_message(channel, "shipping.dlq")
    assert body == "poison" and properties.message_id == "poison"
    death = properties.headers["x-death"][0]
    assert (death["queue"], death["reason"]) == ("shipping", "delivery_limit"), death
    channel.basic_ack(method.delivery_tag)


def what_is_rejected_is_dead_lettered_whole(channel):
    """The way of what a consumer can't even record: headers, id and mode stay."""
    publish(channel, "payments", "bad")
    method, _, _ = get(channel, "payments")
    channel.basic_reject(method.delivery_tag, requeue=False)
    method, properties, body = await_message(channel, "payments.dlq")
    assert (body, properties.message_id, properties.delivery_mode) == ("bad", "bad", 2)
    assert properties.headers["traceparent"] == "00-1-2-03"
    death = properties.headers["x-death"][0]
    assert (death["queue"], death["reason"], death["count"]) == ("payments", "rejected", 1), death
    channel.basic_ack(method.delivery_tag)


def looking_at_a_dead_letter_changes_nothing(broker, channel):
    """Neither with our own tools nor with the management UI's Get message."""
    publish(channel, "history.dlq", "dead")
    for n in range(MORE_THAN_DEFAULT):
        method, _, body = get(channel, "history.dlq")
        assert body == "dead", f"gone after {n} looks"
        channel.basic_reject(method.delivery_tag, requeue=True)
    path = f"/queues/{urllib.parse.quote(broker.vhost, safe='')}/history.dlq/get"
    for n in range(MORE_THAN_DEFAULT):
        found = broker.management("POST", path, {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"})
        assert [m["payload"] for m in found] == ["dead"], f"gone after {n} looks in the UI"
    method, _, body = get(channel, "history.dlq")
    assert body == "dead"
    channel.basic_ack(method.delivery_tag)


def a_lost_connection_returns_what_was_in_hand(broker, channel):
    """In order, marked as redelivered and counted: what the engine goes by when it
    looks for the message that takes its consumer down."""
    publish(channel, "orders", "a", "b")
    other = broker.connect()
    theirs = other.channel()
    assert [get(theirs, "orders")[2] for _ in range(2)] == ["a", "b"]
    other.close()
    for body in ("a", "b"):
        method, properties, got = await_message(channel, "orders")
        assert (got, method.redelivered, count_of(properties)) == (body, True, 1), (got, properties.headers)
        channel.basic_ack(method.delivery_tag)


def nothing_is_over(channel, queues):
    for queue in queues:
        assert get(channel, queue)[0] is None, queue


def main():
    broker = Broker("broker-versions")
    connection = broker.connect()
    channel = connection.channel()
    channel.confirm_delivery()
    a_message_comes_back_to_the_front(channel)
    the_backstop_is_the_limit_that_we_set(channel)
    what_is_rejected_is_dead_lettered_whole(channel)
    looking_at_a_dead_letter_changes_nothing(broker, channel)
    a_lost_connection_returns_what_was_in_hand(broker, channel)
    nothing_is_over(channel, [q + s for q in ("orders", "inventory", "payments", "shipping", "history")
                              for s in ("", ".dlq")])
    connection.close()
    broker.delete()
    print(f"RabbitMQ {broker.management('GET', '/overview')['rabbitmq_version']}: as on every other version")


if __name__ == "__main__":
    main()
