#!/usr/bin/python3
"""docs/write-a-saga.md against the example that it is about: what it quotes stands there
just so, and what it counts is right."""
import re
import sys

sys.dont_write_bytecode = True
from events import ROOT, Report

DOC = ROOT / "docs" / "write-a-saga.md"
EXAMPLE = ROOT / "examples" / "travel-booking"


def check_quotations(report, text):
    """A block names its file behind the language; a line … leaves something out."""
    blocks = re.findall(r"^```\w* (\S+)\n(.*?)^```$", text, re.M | re.S)
    report.expect(len(blocks) > 5, "the page has hardly any quotation")
    for name, block in blocks:
        rest = (EXAMPLE / name).read_text(encoding="utf-8")
        for piece in block.split("…\n"):
            before, found, rest = rest.partition(piece)
            report.expect(found, f"not in {name}, or not in this order:\n{piece}")


def count_lines(names):
    return sum(len((EXAMPLE / name).read_text(encoding="utf-8").splitlines()) for name in names)


def check_counts(report, text):
    counted = []
    for row in re.findall(r"^\|[^|]*\|( `[^|]*)\| (\d+) \|$", text, re.M):
        names = re.findall(r"`([^`]+)`", row[0])
        counted += names
        report.expect(count_lines(names) == int(row[1]), f"{names} have {count_lines(names)} lines, not {row[1]}")
    sources = [str(p.relative_to(EXAMPLE)) for p in EXAMPLE.rglob("*")
               if p.is_file() and not p.is_symlink() and p.suffix not in (".json", ".md") and
               p.relative_to(EXAMPLE).parts[:2] != ("schema", "messaging")]
    report.expect(sorted(counted) == sorted(sources), f"not counted, or twice: {set(sources) ^ set(counted)}")
    for suffixes, language in (((".c", ".h"), "C"), ((".sql",), "SQL")):
        n = count_lines(s for s in sources if s.endswith(suffixes))
        report.expect(re.search(rf"\b{n} (lines )?of {language}\b", text), f"it is {n} lines of {language}")


def main():
    report = Report()
    text = DOC.read_text(encoding="utf-8")
    check_quotations(report, text)
    check_counts(report, text)
    print(f"{report.checks} checks, {report.faults} failed")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
