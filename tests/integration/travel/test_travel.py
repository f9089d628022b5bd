#!/usr/bin/python3
"""A second saga on the same engine: every way that a trip can take, on real servers."""
import random
import signal
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from disorder import Disorder  # noqa: E402
from stack import Tap, eventually  # noqa: E402
from travel_stack import ROLES, STEPS, TYPES, Travel, check, check_events, routes  # noqa: E402

BATCH = 20


class Case(unittest.TestCase):
    def begin(self, bindings=True, start=True, **env):
        self.stack = Travel(bindings, **env)
        self.addCleanup(self.kill_all)
        self.stack.offer(flight=["F1"], hotel=["H1"], car=["C1"])
        if start:
            self.stack.start()

    def kill_all(self):
        """After a failure: the next test's stack has the same databases."""
        for process in self.stack.processes.values():
            process.kill()

    def end(self, trip_ids):
        """All have ended, nothing is under way, and the invariants hold."""
        self.stack.await_ended(trip_ids, 240)
        self.stack.await_quiet()
        check(self.stack)
        self.assertEqual(set(self.stack.stop().values()), {0})

    def request(self, n=BATCH, **codes):
        return [self.stack.request(**codes) for _ in range(n)]


class Paths(Case):
    def test_all_book_and_each_step_refuses(self):
        self.begin(start=False)
        tap = Tap(self.stack, TYPES)
        tap.start()
        self.stack.start()
        booked = self.request()
        refused = {step: self.request(**{step: "nowhere"}) for step in STEPS}
        cancelled = self.cancel_before_the_car()
        everything = booked + sum(refused.values(), cancelled)
        self.stack.await_ended(everything)
        for trip_id in booked:
            self.assertEqual(self.stack.trip(trip_id), ("BOOKED", None))
            self.assertEqual(self.stack.steps(trip_id), ("BOOKED", "BOOKED", "BOOKED"))
            self.assertFalse(self.stack.cancel(trip_id), "a trip that has ended can't be cancelled")
        for step, steps in {"flight": ("REFUSED", None, None),
                            "hotel": ("RELEASED", "REFUSED", None),
                            "car": ("RELEASED", "RELEASED", "REFUSED")}.items():
            for trip_id in refused[step]:
                self.assertEqual(self.stack.trip(trip_id), ("FAILED", "NOT_OFFERED"))
                self.assertEqual(self.stack.steps(trip_id), steps)
        for trip_id in cancelled:
            self.assertEqual(self.stack.trip(trip_id), ("FAILED", "CANCELLED"))
        self.stack.await_quiet()
        eventually(lambda: self.stack.queue_depth("tap") == 0, 60, "the tap is empty")
        tap.close()
        check_events(tap.events)
        self.end(everything)

    def cancel_before_the_car(self):
        """A partner that does not answer keeps them from being booked meanwhile."""
        self.stack.offer(car=["slow"])
        self.stack.set_answering("car", "slow", False)
        trips = self.request(3, car="slow")
        for trip_id in trips:
            eventually(lambda t=trip_id: self.stack.steps(t)[1] == "BOOKED", 60, "the hotel is booked")
            self.assertTrue(self.stack.cancel(trip_id))
        self.stack.await_ended(trips)
        self.stack.set_answering("car", "slow", True)
        return trips

    def test_cancelled_before_it_began(self):
        """The compensation overtakes what it undoes, and leaves tombstones."""
        self.begin(start=False)
        self.stack.start("outbox-relay", "hotel", "car", "trips", "notices")
        trips = self.request()
        for trip_id in trips:
            self.assertTrue(self.stack.cancel(trip_id))
        self.stack.await_reserved("hotel", len(trips), "RELEASED")
        self.stack.start("flight")
        self.stack.await_ended(trips)
        self.stack.await_quiet()
        for trip_id in trips:
            self.assertEqual(self.stack.trip(trip_id), ("FAILED", "CANCELLED"))
            self.assertEqual(self.stack.steps(trip_id)[1:], ("RELEASED", "REFUSED"))
        self.end(trips)

    def test_a_lost_event_strands_no_trip(self):
        """Asked again, each step repeats its answer."""
        self.begin()
        everything = []
        for queue in ("flight", "hotel", "car", "trips"):
            self.assertEqual(self.stack.processes[queue].kill(signal.SIGTERM), 0)
            trips = self.request(3)
            eventually(lambda q=queue: self.stack.queue_depth(q) == 3, 60, f"three wait in {queue}")
            self.assertEqual(len(self.stack.take(queue)), 3)
            self.stack.start(queue)
            for trip_id in trips:
                self.assertTrue(self.stack.cancel(trip_id))
            self.stack.await_ended(trips)
            for trip_id in trips:
                self.assertEqual(self.stack.trip(trip_id)[0], "BOOKED" if queue == "trips" else "FAILED")
            everything += trips
        self.end(everything)


class Compensation(Case):
    def hold_before_the_car(self):
        """Trips whose car will be refused, once that is started."""
        self.stack.start(*(name for name in self.stack.kinds if name != "car"))
        trips = self.request(car="nowhere")
        self.stack.await_reserved("hotel", len(trips))
        return trips

    def test_partner_does_not_answer(self):
        """The hotel's: none of the flights is given back before it does."""
        self.begin(start=False)
        trips = self.hold_before_the_car()
        self.stack.set_answering("hotel", "H1", False)
        self.stack.start("car")
        eventually(lambda: len(self.stack.retried("hotel", 3)) == len(trips), 60, "each was tried twice")
        for trip_id in trips:
            self.assertEqual(self.stack.steps(trip_id), ("BOOKED", "BOOKED", "REFUSED"))
        self.stack.set_answering("hotel", "H1", True)
        self.stack.await_ended(trips)
        for trip_id in trips:
            self.assertEqual(self.stack.trip(trip_id), ("FAILED", "NOT_OFFERED"))
            self.assertEqual(self.stack.steps(trip_id), ("RELEASED", "RELEASED", "REFUSED"))
        self.end(trips)

    def test_database_refuses_it_at_first(self):
        """The statement itself fails, for the first tries of the flights' release."""
        self.begin(start=False)
        trips = self.hold_before_the_car()
        self.stack.rows("flight", f"""
            CREATE SEQUENCE tries;
            GRANT USAGE ON SEQUENCE tries TO flight;
            CREATE FUNCTION fail_at_first() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              IF nextval('tries') <= {5 * BATCH} THEN
                RAISE EXCEPTION 'the partner is in a bad mood';
              END IF;
              RETURN NEW;
            END $$;
            CREATE TRIGGER fail_at_first BEFORE UPDATE ON reservations
              FOR EACH ROW WHEN (OLD.status = 'BOOKED') EXECUTE FUNCTION fail_at_first()""")
        self.stack.start("car")
        self.stack.await_ended(trips)
        self.assertTrue(self.stack.retried("flight", 3), "no release was tried again")
        reasons = self.stack.rows("flight", "SELECT DISTINCT headers ->> 'waybill-error-code' FROM outbox_deliveries")
        self.assertEqual(reasons, [("DB_ERROR",)])
        self.end(trips)

    def test_given_up_but_not_lost(self):
        """After its last attempt it lies in the dead-letter queue, with all that it needs."""
        self.begin(start=False, WB_MAX_ATTEMPTS="3")
        trips = self.hold_before_the_car()
        self.stack.set_answering("hotel", "H1", False)
        self.stack.start("car")
        eventually(lambda: self.stack.queue_depth("hotel.dlq") == len(trips), 60, "all dead letters are there")
        letters = self.stack.take("hotel.dlq")
        for properties, _ in letters:
            self.assertEqual(properties.headers["waybill-error-code"], "NOT_YET")
            self.assertEqual(properties.headers["waybill-attempts"], 3)
        for trip_id in trips:
            self.assertEqual(self.stack.trip(trip_id), ("REQUESTED", None))
        self.stack.set_answering("hotel", "H1", True)
        connection = self.stack.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        for properties, body in letters:
            channel.basic_publish("", "hotel", body, properties, mandatory=True)
        connection.close()
        self.end(trips)


class Load(threading.Thread):
    """Requests trips of all kinds until told to stop, and cancels some."""

    def __init__(self, stack, seed):
        super().__init__(daemon=True)
        self.stack, self.random = stack, random.Random(seed)
        self.trips, self.goes_on = [], True

    def one(self):
        codes = {"flight": "F1", "hotel": "H1", "car": "C1"}
        if self.random.random() < 0.4:
            codes[self.random.choice(STEPS)] = "nowhere"
        self.trips.append(self.stack.request(**codes))
        if self.random.random() < 0.3:
            self.stack.cancel(self.random.choice(self.trips[-5:]))

    def run(self):
        while self.goes_on:
            self.one()
            time.sleep(0.01)

    def await_more(self, n):
        goal = len(self.trips) + n
        eventually(lambda: len(self.trips) >= goal, 90, f"{n} more trips requested")

    def stop(self):
        self.goes_on = False
        self.join(60)


class Faults(Case):
    def setUp(self):
        self.seed = random.randrange(1 << 30)
        print(f"seed {self.seed}", flush=True)

    def test_every_event_duplicated_and_out_of_order(self):
        self.begin(bindings=False, start=False)
        disorder = Disorder(self.stack, self.seed, routes())
        tap = Tap(self.stack, TYPES, disorder.on_event)
        tap.start()
        disorder.start()
        self.stack.start()
        load = Load(self.stack, self.seed)
        for _ in range(150):
            load.one()
        self.stack.await_ended(load.trips, 240)
        eventually(lambda: self.stack.queue_depth("tap") == 0 and disorder.is_idle() and self.stack.is_quiet(),
                   120, "quiet")
        self.assertGreater(disorder.extra, 0, "the test delivered no duplicates")
        statuses = {s for (s,) in self.stack.rows("trips", "SELECT DISTINCT status FROM trips")}
        self.assertEqual(statuses, {"BOOKED", "FAILED"})
        tap.close()
        self.end(load.trips)

    def test_every_process_killed(self):
        """By SIGKILL in mid-load, and at the points that hurt most."""
        self.begin()
        load = Load(self.stack, self.seed)
        load.start()
        load.await_more(20)
        for name in ("flight", "hotel", "car", "trips", "notices", "outbox-relay"):
            self.stack.processes[name].kill(signal.SIGKILL)
            load.await_more(5)
            self.stack.start(name)
        for name, point in (("flight", "consumer.before_commit"), ("hotel", "consumer.after_commit"),
                            ("car", "consumer.after_commit"), ("outbox-relay", "relay.after_confirm")):
            process = self.stack.processes[name]
            self.assertEqual(process.kill(signal.SIGTERM), 0)
            process.start(WB_CRASH_AT=point, WB_CRASH_AFTER="3")
            self.assertEqual(process.wait(60), -signal.SIGKILL, f"{name} died at {point}")
            self.stack.start(name)
            load.await_more(5)
        load.stop()
        self.end(load.trips)

    def test_two_of_each(self):
        """Two processes of a step share its queue."""
        self.begin()
        twins = [role + "-2" for role in ROLES]
        for role in ROLES:
            self.stack.add(role, role + "-2")
        self.stack.start(*twins)
        load = Load(self.stack, self.seed)
        for _ in range(150):
            load.one()
        self.end(load.trips)


if __name__ == "__main__":
    unittest.main(verbosity=2)
