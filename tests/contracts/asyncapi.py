#!/usr/bin/python3
"""The contract of who emits and takes what: schema/asyncapi.yaml against the
catalogue in shop/events.h, the sources named in schema/events, and the
handlers in consumers/<service>/on_<event>.c."""
import sys

import yaml

sys.dont_write_bytecode = True
from events import EVENTS, ROOT, Report, read_catalogue, read_schemas

API = ROOT / "schema" / "asyncapi.yaml"
ACTIONS = {"send": "sends", "receive": "receives"}


def check_channels(report, api, catalogue):
    channels, messages = api["channels"], api["components"]["messages"]
    report.expect(set(channels) == set(catalogue),
                  "channels and events.h differ: "
                  f"{sorted(set(channels) ^ set(catalogue))}")
    for name, channel in channels.items():
        report.expect(channel["address"] == name,
                      f"{name}: its address is {channel['address']}")
        report.expect(
            channel["messages"] ==
            {name: {"$ref": f"#/components/messages/{name}"}},
            f"{name}: its messages are {channel['messages']}")
        report.expect(name in messages, f"{name} has no message")
    for name, message in messages.items():
        path = API.parent / message["payload"]["schema"]["$ref"]
        report.expect(path.resolve() == EVENTS / f"{name}.json" and
                      path.exists(), f"message {name}: its schema is {path}")


def check_operations(report, api, schemas):
    users = {action: set() for action in ACTIONS}
    for key, operation in api["operations"].items():
        service, action = operation["tags"][0]["name"], operation["action"]
        name = operation["channel"]["$ref"].removeprefix("#/channels/")
        report.expect(key == f"{service}.{ACTIONS[action]}.{name}",
                      f"operation {key} is {service} {action} {name}")
        if not report.expect(name in api["channels"],
                             f"operation {key}: no channel {name}"):
            continue
        users[action].add(name)
        if action == "send":
            source = schemas[name]["properties"]["source"]["const"]
            report.expect(source == "/" + service.removesuffix("-api"),
                          f"operation {key}: its schema says {source}")
    for action, names in users.items():
        for name in sorted(set(api["channels"]) - names):
            report.expect(False, f"nobody {ACTIONS[action]} {name}")


def check_handlers(report, api):
    """The files of a service are what it receives; on_event.c takes all that
    is sent to it."""
    received = {}
    for operation in api["operations"].values():
        if operation["action"] == "receive":
            name = operation["channel"]["$ref"].removeprefix("#/channels/")
            received.setdefault(operation["tags"][0]["name"], set()).add(
                "on_" + name.removesuffix(".v1").replace(".", "_") + ".c")
    for service, wanted in sorted(received.items()):
        folder = ROOT / "consumers" / service
        files = {path.name for path in folder.glob("on_*.c")}
        report.expect(files in (wanted, {"on_event.c"}),
                      f"consumers/{service} and asyncapi.yaml differ: "
                      f"{sorted(files ^ wanted)}")


def main():
    report = Report()
    api = yaml.safe_load(API.read_text(encoding="utf-8"))
    check_channels(report, api, read_catalogue())
    check_operations(report, api, read_schemas())
    check_handlers(report, api)
    print(f"{report.checks} checks, {report.faults} failed")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
