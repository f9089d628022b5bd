"""publisher.py RATE SECONDS: publishes at random moments of that average rate, straight
to the broker, without waiting for its confirms; each body is the wall clock of its
sending. Run by latency.py."""
import random
import sys
import time

import pika

from servers import EVENT_TYPE, EXCHANGE, need_env

PROPERTIES = pika.BasicProperties(delivery_mode=2)


def main(rate, seconds):
    with pika.BlockingConnection(pika.URLParameters(need_env("WB_BENCH_AMQP_URL"))) as connection:
        channel = connection.channel()
        ends = at = time.monotonic()
        ends += seconds
        while at < ends:
            at += random.expovariate(rate)
            time.sleep(max(0, at - time.monotonic()))
            body = repr(time.time()).ljust(500)
            channel.basic_publish(EXCHANGE, EVENT_TYPE, body, PROPERTIES, mandatory=True)
        connection.sleep(1)  # a quorum queue may lose what is under way when its channel is closed


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]))
