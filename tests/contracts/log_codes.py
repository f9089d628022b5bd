#!/usr/bin/python3
"""docs/log-codes.md is the catalogue of lib/base/log_codes.h, row by row. With --write
it is written anew."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "log-codes.md"
HEAD = """# Log codes

Every line of the log is `time level process CODE key=value …`. This is the catalogue of the codes (`lib/base/log_codes.h`);
[operations.md](operations.md) tells what to do about those that need somebody.

| code | what it says |
|---|---|
"""


def rows():
    text = (ROOT / "lib" / "base" / "log_codes.h").read_text(encoding="utf-8").replace("\\\n", " ")
    for code, sentence in re.findall(r'X\(\w+,\s*"([^"]+)",((?:\s*"[^"]+")+)\s*\)', text):
        pieces = re.findall(r'"([^"]+)"', sentence)
        yield f"| `{code}` | {''.join(pieces)} |\n"


def main():
    page = HEAD + "".join(rows())
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page, encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != page:
        sys.exit("docs/log-codes.md is not what lib/base/log_codes.h says: "
                 "tests/contracts/log_codes.py --write")


if __name__ == "__main__":
    main()
