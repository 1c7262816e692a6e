#!/usr/bin/env python3
"""Bring the manual's options up to date with the program, and run the examples of README and manual.

Usage: manual.py write    put each command's --help into docs/manual.md
       manual.py check    compare instead, and run every ```console block: each `$ command` must print what follows it
                          (`...` on a line of its own stands for any lines)
Prints `ok WHAT` or `not ok WHAT: why`."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
MANUAL = ROOT / "docs/manual.md"
COMMANDS = ["build", "verify", "inspect", "run", "strategies"]


def helps():
    out = []
    for c in COMMANDS:
        r = subprocess.run([ROOT / "build/mewe", c, "--help"], capture_output=True, text=True, check=True,
                           env={"ARGP_HELP_FMT": "rmargin=100", "LC_ALL": "C"})
        out.append(f"### mewe {c}\n\n```text\n{r.stdout.rstrip()}\n```\n")
    return "<!-- help -->\n" + "\n".join(out) + "<!-- /help -->"


def with_help(text):
    return re.sub(r"<!-- help -->.*<!-- /help -->", lambda _: helps(), text, flags=re.S)


def matches(want, got):
    pattern = "".join(r"(.*\n)*?" if line.strip() == "..." else re.escape(line) + "\n" for line in want)
    return re.fullmatch(pattern, got) is not None


def run_block(name, block):
    """One shell for the block, so that later commands see what earlier ones made."""
    bad = 0
    parts = re.split(r"^\$ ", block, flags=re.M)[1:]
    for part in parts:
        command, *want = part.rstrip("\n").split("\n")
        while command.endswith("\\"):
            command = command[:-1] + want.pop(0).removeprefix("> ").strip()
        r = subprocess.run(["bash", "-c", command], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=600, stdin=subprocess.DEVNULL)
        good = matches(want, r.stdout)
        bad += not good
        print(f"ok {name}: {command}" if good else f"not ok {name}: `{command}` printed {r.stdout[:600]!r}", flush=True)
    return bad


def main():
    if sys.argv[1:] == ["write"]:
        MANUAL.write_text(with_help(MANUAL.read_text()))
        return 0
    same = with_help(MANUAL.read_text()) == MANUAL.read_text()
    print("ok the manual's options are the program's" if same else "not ok manual: its options are old; run scripts/manual.py write")
    bad = not same
    for path in (ROOT / "README.md", MANUAL):
        for block in re.findall(r"```console\n(.*?)```", path.read_text(), flags=re.S):
            bad += run_block(path.name, block)
    return bad > 0


sys.exit(main())
