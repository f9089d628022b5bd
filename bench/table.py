"""The rows that every bench ends with: printed as one table, written as JSON.

A row has a name, a value with its unit, the yardstick measured in the same run (in
the same unit), their ratio, a target (for the ratio if there is a yardstick, else for
the value) and whether it was reached. What was not measured has no value and a note
that says why.
"""
import json
import sys

COLUMNS = ("name", "value", "unit", "yardstick", "ratio", "target", "reached")


def say(text):
    """Progress, apart from the table."""
    print(f"    {text}", file=sys.stderr, flush=True)


class Table:
    def __init__(self):
        self.rows = []

    def add(self, name, value, unit, yardstick=None, at_least=None, below=None, note=None):
        ratio = value / yardstick if yardstick else None
        judged = value if yardstick is None else ratio
        target = reached = None
        if at_least is not None:
            target, reached = f">= {at_least:g}", judged >= at_least
        elif below is not None:
            target, reached = f"< {below:g}", judged < below
        self._append(name, value, unit, yardstick, ratio, target, reached, note)

    def skip(self, name, unit, why):
        self._append(name, None, unit, None, None, None, None, f"skipped: {why}")

    def _append(self, *values):
        *columns, note = values
        row = {name: round(value, 4) if isinstance(value, float) else value
               for name, value in zip(COLUMNS, columns)}
        if note:
            row["note"] = note
        self.rows.append(row)

    def write_json(self, path):
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"rows": self.rows}, file, indent=2)
            file.write("\n")

    def __str__(self):
        lines = [list(COLUMNS)] + [[_cell(row, c) for c in COLUMNS] for row in self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
        texts = [_line(line, widths) for line in lines]
        texts.insert(1, "  ".join("-" * width for width in widths))
        notes = [f"{row['name']}: {row['note']}" for row in self.rows if "note" in row]
        return "\n".join(texts + ([""] + notes if notes else []))


def _cell(row, column):
    value = row[column]
    if value is None:
        return "-"
    if column == "reached":
        return "yes" if value else "NO"
    if column == "ratio":
        return f"{value:.2f}"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return str(value)


def _line(cells, widths):
    texts = [cell.ljust(width) if column in ("name", "unit") else cell.rjust(width)
             for column, cell, width in zip(COLUMNS, cells, widths)]
    return "  ".join(texts).rstrip()
