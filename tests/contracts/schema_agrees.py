#!/usr/bin/python3
"""lib/event's schema check (what `waybill dlq edit` asks) agrees with
python3-jsonschema: on every example, and on every example with one value changed or
left out.

  schema_agrees.py CHECK_SCHEMA
"""
import copy
import json
import subprocess
import sys

from events import EVENTS, make_validators, read_json, read_schemas

OTHERS = (None, True, 0, -1, 1, 1.0, 1.5, "", "x", "0" * 20, "0" * 19 + "1\n", [], {}, [{}])


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], path + (name,))
    elif isinstance(value, list):
        for i, element in enumerate(value):
            yield from places(element, path + (i,))


def changed(event):
    """The event with each value in turn left out, or another."""
    for path in places(event):
        if not path:
            continue
        for other in OTHERS + (...,):
            result = copy.deepcopy(event)
            holder = result
            for step in path[:-1]:
                holder = holder[step]
            if other is ...:
                del holder[path[-1]]
            else:
                holder[path[-1]] = other
            yield result


def main():
    validators = make_validators(read_schemas())
    cases = []
    for name in sorted(validators):
        examples = [read_json(p) for p in sorted((EVENTS / "examples" / name).glob("*.json"))]
        cases += [(name, event) for event in examples]
        cases += [(name, event) for event in changed(examples[-1])]
    lines = "".join(f"{name} {json.dumps(event)}\n" for name, event in cases)
    said = subprocess.run([sys.argv[1], str(EVENTS)], input=lines, text=True, check=True,
                          capture_output=True).stdout.splitlines()
    assert len(said) == len(cases), (len(said), len(cases))
    wrong = valid = 0
    for (name, event), answer in zip(cases, said):
        is_valid = validators[name].is_valid(event)
        valid += is_valid
        # $ is the end in JSON Schema; in Python's re it also matches before a last line feed
        if is_valid != (answer == "ok") and not json.dumps(event).count('1\\n"'):
            wrong += 1
            print(f"FAIL {name}: {answer}: {json.dumps(event)[:400]}", file=sys.stderr)
    print(f"{len(cases)} events, {valid} of them valid, {wrong} judged otherwise")
    return 1 if wrong or not 0 < valid < len(cases) else 0


if __name__ == "__main__":
    sys.exit(main())
