#!/usr/bin/python3
"""Every `waybill …` and `./dev …` that the docs tell is one that exists: command, verb
and flags. usage: docs_commands.py ROOT WAYBILL"""
import re
import shlex
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

root, waybill = Path(sys.argv[1]), sys.argv[2]
WORD = re.compile(r"[a-z]+$")


@lru_cache(maxsize=None)
def help_of(*words):
    return subprocess.run([waybill, *words, "--help"], capture_output=True, text=True, check=True).stdout


def names(text):
    return re.findall(r"(?m)^  ([a-z]+)\b", text)


def check_waybill(words):
    """What is wrong with the words behind `waybill`, or None."""
    if not words or not WORD.match(words[0]):
        return None  # "waybill …", "waybill --help"
    command, rest = words[0], words[1:]
    if command not in names(help_of()):
        return f"no command {command}"
    verbs = [] if "Each parameter is a flag" in help_of(command) else names(help_of(command))
    verb = []
    if verbs and rest and WORD.match(rest[0]):
        if rest[0] in verbs:
            verb = rest[:1]
        elif "(the default)" not in help_of(command):
            return f"{command} has no verb {rest[0]}"
    if verbs and not verb:
        default = re.search(r"(?m)^  ([a-z]+) .*\(the default\)$", help_of(command))
        if not default:
            return None  # the command in general
        verb = [default[1]]
    known = help_of(command, *verb)
    for word in rest:
        flag = re.match(r"--[a-z-]+", word)
        if flag and flag[0] != "--help" and f"  {flag[0]}=" not in known:
            return f"{' '.join([command, *verb])} has no {flag[0]}"
    return None


def check_dev(words, known):
    if not words or not re.match(r"[a-z0-9]+$", words[0]) or words[0] in known:
        return check_waybill(words[1:]) if words[:1] == ["waybill"] else None
    return f"no ./dev {words[0]}"


def code_of(text):
    """Lines of code blocks, and code within lines."""
    for block in re.findall(r"(?ms)^ *```sh.*?$(.*?)^ *```", text):
        yield from block.replace("\\\n", " ").splitlines()
    text = re.sub(r"(?ms)^ *```.*?^ *```", "", text)
    yield from (span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", text))


def words_of(code):
    try:
        words = shlex.split(code, comments=True)
    except ValueError:
        words = code.split()
    for i, word in enumerate(words):  # up to what the shell takes for itself
        if word in ("|", "&&", ";", ">", ">>") or word.endswith(";"):
            return words[:i] + [word.rstrip(";")] * word.endswith(";")
    return words


def main():
    dev = re.search(r"(?ms)^usage\(\) \{(.*?)^\}", (root / "dev").read_text())[1]
    known = set(re.findall(r"(?m)^  ([a-z]+)\b", dev)) | {"start", "stop", "restart", "kill"}
    wrong = checked = 0
    pages = [root / "README.md", root / "cli" / "README.md", *sorted((root / "docs").rglob("*.md"))]
    for page in pages:
        for code in code_of(page.read_text()):
            words = words_of(code.strip())
            while words and re.match(r"[A-Z_]+=", words[0]):
                words = words[1:]
            said = None
            if words[:1] == ["waybill"]:
                said, checked = check_waybill(words[1:]), checked + 1
            elif words[:1] == ["./dev"]:
                said, checked = check_dev(words[1:], known), checked + 1
            if said:
                wrong += 1
                print(f"{page.relative_to(root)}: {code.strip()}: {said}")
    assert checked > 50, f"only {checked} commands found"
    print(f"{checked} commands, {wrong} wrong")
    return wrong > 0


sys.exit(main())
