#!/usr/bin/python3
"""Every metric that docs/*.md names is one that a process registers, so that nobody
alerts on a name that is no longer there. Other names of that kind are functions of C
or CMake."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("lib", "producers", "consumers", "outbox-relay")
NAME = r"\bwb_[a-z0-9_]+\b"


def sources(suffix, *rooms):
    for room in rooms:
        for path in sorted((ROOT / room).rglob(f"*{suffix}")):
            yield path.read_text(encoding="utf-8")


def metrics():
    """The literals: some names are in tables."""
    return {name for text in sources(".c", *ROOMS) for name in re.findall(rf'"({NAME})"', text)}


def functions():
    """Comments of headers name metrics, too: also those that are gone."""
    found = set(re.findall(rf"^function\(({NAME})", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"), re.M))
    for text in sources(".h", *ROOMS, "tests/support"):
        found.update(re.findall(NAME, re.sub(r"/\*.*?\*/", "", text, flags=re.S)))
    return found


def main():
    registered, others = metrics(), functions()
    named, unknown = 0, []
    for page in sorted((ROOT / "docs").glob("*.md")):
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            for name in re.findall(NAME, line):
                named += name in registered
                if name not in registered | others:
                    unknown.append(f"docs/{page.name}:{number}: no process has the metric {name}")
    if unknown or named == 0:
        sys.exit("\n".join(unknown) or "the docs name no metric")


if __name__ == "__main__":
    main()
