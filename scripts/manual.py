#!/usr/bin/env python3
"""Bring the manual's options up to date with the program, and run the examples of README and manual.

Usage: manual.py write    put each command's --help into docs/manual.md, and what each example prints below it
       manual.py check    compare instead, and run every ```console block: each `$ command` must print what follows it
                          (`...` on a line of its own stands for any lines, a time at a line's end for any time)
Prints `ok WHAT` or `not ok WHAT: why`."""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
MANUAL = ROOT / "docs/manual.md"
PAGES = [ROOT / "README.md", MANUAL]
BLOCK = re.compile(r"```console\n(.*?)```", flags=re.S)
TIME = re.compile(r" +\d+\.\d+ s$")
COMMANDS = ["build", "diversify", "verify", "inspect", "run", "strategies"]


def helps():
    out = []
    for c in COMMANDS:
        r = subprocess.run([ROOT / "build/mewe", c, "--help"], capture_output=True, text=True, check=True,
                           env={"ARGP_HELP_FMT": "rmargin=100", "LC_ALL": "C"})
        out.append(f"### mewe {c}\n\n```text\n{r.stdout.rstrip()}\n```\n")
    return "<!-- help -->\n" + "\n".join(out) + "<!-- /help -->"


def with_help(text):
    return re.sub(r"<!-- help -->.*<!-- /help -->", lambda _: helps(), text, flags=re.S)


def pattern_of(line):
    if line.strip() == "...":
        return r"(.*\n)*?"
    return re.escape(TIME.sub("", line)) + (TIME.pattern[:-1] if TIME.search(line) else "") + "\n"


def matches(want, got):
    pattern = "".join(map(pattern_of, want))
    return re.fullmatch(pattern, got) is not None


def examples(block):
    """(command as it stands, command to run, lines wanted) for each in the block."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        stands, *want = part.rstrip("\n").split("\n")
        command = stands
        while command.endswith("\\"):
            more = want.pop(0)
            stands += "\n" + more
            command = command[:-1] + more.strip()
        yield stands, command, want


def run(command):
    return subprocess.run(["bash", "-c", command], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=600, stdin=subprocess.DEVNULL, env=os.environ | {"MEWE_CACHE": "none"}).stdout


def check_block(name, block):
    bad = 0
    for _, command, want in examples(block):
        got = run(command)
        good = matches(want, got)
        bad += not good
        print(f"ok {name}: {command}" if good else f"not ok {name}: `{command}` printed {got[:600]!r}", flush=True)
    return bad


def written(match):
    out = []
    for stands, command, want in examples(match[1]):
        lines = want
        if not any(line.strip() == "..." for line in want):
            got = run(command)
            lines = want if matches(want, got) else got.rstrip("\n").split("\n")
        out.append("\n".join([f"$ {stands}", *(line for line in lines if line or len(lines) > 1)]))
    return "```console\n" + "\n".join(out) + "\n```"


def main():
    if sys.argv[1:] == ["write"]:
        MANUAL.write_text(with_help(MANUAL.read_text()))
        for path in PAGES:
            path.write_text(BLOCK.sub(written, path.read_text()))
        return 0
    same = with_help(MANUAL.read_text()) == MANUAL.read_text()
    print("ok the manual's options are the program's" if same else "not ok manual: its options are old; run scripts/manual.py write")
    bad = not same
    for path in PAGES:
        for block in BLOCK.findall(path.read_text()):
            bad += check_block(path.name, block)
    return bad > 0


sys.exit(main())
