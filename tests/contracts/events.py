#!/usr/bin/python3
"""The contract of the events: schema/events against the catalogue in
shop/events.h, against its own examples, and against real events.

  events.py                        schemas and examples
  events.py --stream FILE          envelopes as published, one JSON per line
  events.py --stream FILE --all-types   and each type must be among them

An example that must be refused says why in its name:
invalid-<where>-<keyword>.json, such as invalid-data.order.lines-minItems.json:
the member that is wrong (or, with "required", missing) and the keyword of the
schema that refuses it. It has that one fault and no other.
"""
import argparse
import json
import re
import sys
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "schema" / "events"
CATALOGUE = ROOT / "shop" / "events.h"
BASE = "https://waybill.example/events/"
MIN_VALID, MIN_INVALID = 2, 3

# Where data holds the id of the aggregate that the event is about.
SUBJECTS = {
    "product": ("sku",),
    "customer": ("customer_id",),
    "order": ("order", "order_id"),
}


class Report:
    def __init__(self):
        self.faults = 0
        self.checks = 0

    def expect(self, is_fine, message):
        self.checks += 1
        if not is_fine:
            self.faults += 1
            print(f"FAIL {message}", file=sys.stderr)
        return is_fine


def read_catalogue():
    """type -> aggregate, as the C code has them."""
    row = re.compile(r'X\(\w+,\s*"([^"]+)",\s*"([^"]+)"\)')
    return dict(row.findall(CATALOGUE.read_text(encoding="utf-8")))


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def read_schemas():
    return {path.stem: read_json(path) for path in EVENTS.glob("*.json")}


def make_validators(schemas):
    """format is for readers only: what it can check depends on what else is
    installed. The patterns beside it decide."""
    store = {schema["$id"]: schema for schema in schemas.values()}
    return {
        name: jsonschema.Draft7Validator(
            schema,
            resolver=jsonschema.RefResolver.from_schema(schema, store=store))
        for name, schema in schemas.items() if name != "common"
    }


def fault_name(error):
    """As it is written in the name of an example."""
    where = [str(step) for step in error.absolute_path]
    if error.validator == "required":
        where += [name for name in error.validator_value
                  if name not in error.instance]
    return f"{'.'.join(where)}-{error.validator}"


def faults_of_meaning(aggregate, envelope):
    """What a schema can't say about an envelope that is valid."""
    data = envelope["data"]
    subject = data
    for step in SUBJECTS[aggregate]:
        subject = subject[step]
    if envelope["subject"] != subject:
        yield "subject is not " + "/".join(SUBJECTS[aggregate])
    order = data.get("order")
    if order is None:
        return
    total = sum(line["quantity"] * line["unit_price_minor"]
                for line in order["lines"])
    if order["total_minor"] != total:
        yield f"order.total_minor is not the sum of its lines, {total}"
    payment = data.get("payment")
    if payment is not None:
        if payment["amount_minor"] != order["total_minor"]:
            yield "payment.amount_minor is not the order's total"
        if payment["currency"] != order["currency"]:
            yield "payment.currency is not the order's"


def faults_of(validator, aggregate, envelope):
    faults = [f"{fault_name(error)}: {error.message}"
              for error in validator.iter_errors(envelope)]
    return faults or list(faults_of_meaning(aggregate, envelope))


def check_schemas(report, catalogue, schemas):
    report.expect("common" in schemas, "common.json is missing")
    names = schemas.keys() - {"common"}
    for name in sorted(catalogue.keys() - names):
        report.expect(False, f"{name} has no schema")
    for name in sorted(names - catalogue.keys()):
        report.expect(False, f"{name}.json is no type of events.h")
    for name, schema in sorted(schemas.items()):
        try:
            jsonschema.Draft7Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            report.expect(False, f"{name}.json: {error.message}")
        report.expect(schema.get("$id") == f"{BASE}{name}.json",
                      f"{name}.json: $id is {schema.get('$id')}")
    for name in sorted(names):
        members = schemas[name]["properties"]
        report.expect(members["type"] == {"const": name},
                      f"{name}.json: type is {members['type']}")
        report.expect(members["dataschema"] == {"const": f"{BASE}{name}.json"},
                      f"{name}.json: dataschema is {members['dataschema']}")


def check_example(report, path, validator, aggregate):
    envelope = read_json(path)
    label = path.relative_to(EVENTS)
    if path.name.startswith("valid-"):
        faults = faults_of(validator, aggregate, envelope)
        report.expect(not faults, f"{label}: {'; '.join(faults)}")
        return
    wanted = path.stem[len("invalid-"):]
    found = [fault_name(error) for error in validator.iter_errors(envelope)]
    report.expect(found == [wanted], f"{label}: found {found or 'no fault'}")


def check_examples(report, catalogue, validators):
    folders = {path.name for path in (EVENTS / "examples").iterdir()}
    for name in sorted(folders - catalogue.keys()):
        report.expect(False, f"examples/{name} is no type of events.h")
    for name, validator in sorted(validators.items()):
        paths = sorted((EVENTS / "examples" / name).glob("*"))
        valid = [path for path in paths if path.match("valid-*.json")]
        invalid = [path for path in paths if path.match("invalid-*.json")]
        report.expect(len(valid) >= MIN_VALID,
                      f"{name} has {len(valid)} valid examples")
        report.expect(len(invalid) >= MIN_INVALID,
                      f"{name} has {len(invalid)} invalid examples")
        for path in sorted(set(paths) - set(valid) - set(invalid)):
            report.expect(False, f"{path.name} is neither valid nor invalid")
        for path in valid + invalid:
            check_example(report, path, validator, catalogue[name])


def check_stream(report, catalogue, validators, lines):
    """Returns the types seen."""
    seen = set()
    for number, line in enumerate(lines, 1):
        try:
            envelope = json.loads(line)
            name = envelope["type"]
        except (ValueError, KeyError, TypeError) as error:
            report.expect(False, f"line {number}: no event: {error!r}")
            continue
        if not report.expect(name in validators,
                             f"line {number}: unknown type {name!r}"):
            continue
        seen.add(name)
        faults = faults_of(validators[name], catalogue[name], envelope)
        report.expect(not faults,
                      f"line {number}: {name} {envelope.get('id')}: "
                      + "; ".join(faults))
    return seen


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stream", metavar="FILE", type=Path)
    parser.add_argument("--all-types", action="store_true")
    args = parser.parse_args()
    if args.all_types and args.stream is None:
        parser.error("--all-types needs --stream")

    report = Report()
    catalogue = read_catalogue()
    schemas = read_schemas()
    check_schemas(report, catalogue, schemas)
    if report.faults:
        return 1
    validators = make_validators(schemas)
    if args.stream is None:
        check_examples(report, catalogue, validators)
    else:
        with args.stream.open(encoding="utf-8") as lines:
            seen = check_stream(report, catalogue, validators, lines)
        if args.all_types:
            for name in sorted(catalogue.keys() - seen):
                report.expect(False, f"{name} was never published")
    print(f"{report.checks} checks, {report.faults} failed")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
