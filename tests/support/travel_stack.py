"""The second saga, examples/travel-booking, on a stack of its own: its databases, roles,
topology and processes, and the relay as shipped."""
import json
import secrets
import subprocess
import uuid

import jsonschema

from stack import ROOT, Stack, event_types, eventually

EXAMPLE = ROOT / "examples" / "travel-booking"
STEPS = ("flight", "hotel", "car")
ROLES = STEPS + ("trips", "notices")
TYPES = event_types(EXAMPLE / "schema")


def routes():
    """{queue: types}, as the example's table has them."""
    rows = (line.split("#")[0].split() for line in (EXAMPLE / "topology.table").read_text().splitlines())
    return {row[0]: set(row[1:]) for row in rows if row}


class Travel(Stack):
    services = queues = ROLES
    kinds = {"outbox-relay": (None, False), **{role: (role, False) for role in ROLES}}
    schema = EXAMPLE / "schema"
    table = EXAMPLE / "topology.table"

    def __init__(self, bindings=True, **env):
        """env: of each role, on top of retries that come soon."""
        usual = {"WB_RETRY_BASE_MS": "20", "WB_RETRY_CAP_MS": "1000", "WB_MAX_ATTEMPTS": "100", **env}
        super().__init__("travel", bindings, {
            "outbox-relay": {"WB_DATASCHEMA_PREFIX": "https://travel.example/events/"},
            **{role: usual for role in ROLES}})

    def _command(self, process):
        return [self.bin / "travel-booking", process] if process in ROLES else super()._command(process)

    def _make_databases(self):
        """By the example's own roles.sql, whose names are those of a stack called travel."""
        shops, self.secrets = self.secrets, self.run / "travel-secrets"
        self.secrets.mkdir(exist_ok=True)
        for role in ROLES:
            (self.secrets / role).write_text(secrets.token_hex(16))
        (self.secrets / "relay").write_text((shops / "relay").read_text())
        for role in ROLES:
            self.sql("postgres", f'DROP DATABASE IF EXISTS "{self.database(role)}" WITH (FORCE)')
        subprocess.run(["psql", "-qX", "-v", f"secrets={self.secrets}", "-f", EXAMPLE / "roles.sql",
                        self.pg._replace(path="/postgres").geturl()], check=True)
        for role in ROLES:
            self._migrate(role)

    # ---- what there is to book

    def offer(self, **codes):
        """offer(flight=["F1"], …): what the partners have."""
        for step, wanted in codes.items():
            self.rows(step, "INSERT INTO offers (code) SELECT unnest(%s) ON CONFLICT DO NOTHING", (wanted,))

    def set_answering(self, step, code, is_answering):
        self.rows(step, "UPDATE offers SET is_answering = %s WHERE code = %s", (is_answering, code))

    # ---- trips

    def request(self, flight="F1", hotel="H1", car="C1"):
        trip_id = str(uuid.uuid4())
        self.rows("trips", "SELECT request_trip(%s, 'Ada', %s, %s, %s)", (trip_id, flight, hotel, car))
        return trip_id

    def cancel(self, trip_id):
        return self.rows("trips", "SELECT cancel_trip(%s)", (trip_id,))[0][0]

    def trip(self, trip_id):
        """(status, cause's code)"""
        return self.rows("trips", "SELECT status, cause ->> 'code' FROM trips WHERE trip_id = %s", (trip_id,))[0]

    def steps(self, trip_id):
        """Of each step the status of its reservation, or None."""
        found = []
        for step in STEPS:
            rows = self.rows(step, "SELECT status FROM reservations WHERE trip_id = %s", (trip_id,))
            found.append(rows[0][0] if rows else None)
        return tuple(found)

    def await_ended(self, trip_ids, seconds=120):
        wanted = list(trip_ids)
        eventually(lambda: self.rows(
            "trips", "SELECT count(*) FROM trips WHERE status <> 'REQUESTED' AND trip_id = ANY(%s::uuid[])",
            (wanted,))[0][0] == len(wanted), seconds, f"{len(wanted)} trips ended, see {self.logs}")

    def await_reserved(self, step, n, status="BOOKED", seconds=60):
        eventually(lambda: self.rows(step, "SELECT count(*) FROM reservations WHERE status = %s",
                                     (status,))[0][0] >= n, seconds, f"{n} {status} in {step}")

    def retried(self, step, attempts):
        """Ids of the events that came to their attempt number so much."""
        return {row[0] for row in self.rows(
            step, "SELECT event_id::text FROM outbox_deliveries WHERE queue = consumer AND attempt >= %s",
            (attempts,))}


def check_events(events):
    """Each is what its schema says, and of each type there is one."""
    schemas = {}
    for folder in (ROOT / "schema" / "events", EXAMPLE / "schema" / "events"):
        for path in folder.glob("*.json"):
            schema = json.loads(path.read_text())
            schemas[schema["$id"]] = schema
    for event in events:
        schema = schemas[event["dataschema"]]
        resolver = jsonschema.RefResolver.from_schema(schema, store=schemas)
        jsonschema.Draft7Validator(schema, resolver=resolver).validate(event)
        assert event["subject"] == event["data"]["trip"]["trip_id"] == event["correlationid"], event
    assert {event["type"] for event in events} == set(TYPES), "not every type was emitted"


def check(stack):
    """What must hold once nothing is under way."""
    reservations = {step: {row[0]: row[1:] for row in stack.rows(
        step, "SELECT trip_id, status, booked_at, released_at, sequence FROM reservations")} for step in STEPS}
    notices = dict(stack.rows("notices", "SELECT trip_id, words FROM notices"))
    trips = stack.rows("trips", "SELECT trip_id, status FROM trips")
    assert set(notices) == {trip_id for trip_id, _ in trips}, "one notice for each trip"
    for trip_id, status in trips:
        rows = [reservations[step].get(trip_id) for step in STEPS]
        active = sum(1 for row in rows if row and row[0] == "BOOKED")
        assert (status, active) in (("BOOKED", 3), ("FAILED", 0)), f"{trip_id} is {status}: {rows}"
        assert notices[trip_id].startswith("Your trip is booked." if active else "Your trip is not booked: ")
        booked = [row[1] for row in rows if row and row[1]]
        assert booked == sorted(booked), f"{trip_id} was booked in another order: {rows}"
        # A tombstone counts too: a step gives back only after the next one has.
        released = [row[2] for row in rows if row and row[2]]
        assert released == sorted(released, reverse=True), f"{trip_id} was undone in another order: {rows}"
        assert not rows[2] or rows[2][0] != "RELEASED", f"{trip_id}: nothing undoes the last step"
        if status == "FAILED" and rows[0][0] == "RELEASED":
            assert rows[1] and rows[1][0] in ("REFUSED", "RELEASED"), f"{trip_id}: {rows}"
        if status == "FAILED" and rows[1] and rows[1][0] == "RELEASED":
            assert rows[2] and rows[2][0] == "REFUSED", f"{trip_id}: {rows}"
    for role in ROLES:
        gaps = stack.rows(role, "SELECT aggregate_id FROM outbox_events GROUP BY 1 "
                          "HAVING min(sequence) <> 1 OR max(sequence) <> count(*)")
        assert gaps == [], f"{role} left gaps: {gaps}"
        assert stack.queue_depth(role + ".dlq") == 0, f"{role}.dlq"
        assert stack.rows(role, "SELECT count(*) FROM outbox_parked") == [(0,)], role
    ends = stack.rows("trips", "SELECT count(*) FROM outbox_events WHERE event_type IN "
                      "('trip.booked.v1', 'trip.failed.v1')")
    assert ends == [(len(trips),)], "each trip ends once"
