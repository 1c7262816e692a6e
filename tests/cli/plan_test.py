#!/usr/bin/env python3
"""Plans: what is refused, that a plan alone decides the bytes, and that the module has the choices that the plan promises.
No time is asserted: where a placement must be one and not another, it is because of how often a request meets places.

Usage: plan_test.py [MEWE]   (default build/mewe)
Prints `ok NAME` or `not ok NAME: why`."""
import csv
import json
import math
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[2]
MEWE = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MEWE", str(ROOT / "build/mewe"))
# A request meets regions of f and mix, but not of cold; a loop is met 9 times. Ordinals: mix 0, cold 1, f 2, trap 3, empty 4.
GOOD = """(module (memory (export "memory") 1)
 (func $mix (param i32 i32) (result i32) (local i32)
  (local.set 2 (i32.xor (i32.mul (local.get 0) (i32.const 40503)) (i32.shr_u (local.get 1) (i32.const 3))))
  (i32.add (i32.and (local.get 2) (i32.const 65535)) (i32.mul (i32.sub (local.get 1) (local.get 0)) (i32.const 17))))
 (func $cold (param i32) (result i32)
  (i32.xor (i32.mul (local.get 0) (i32.const 57)) (i32.add (i32.shl (local.get 0) (i32.const 3)) (i32.const 98))))
 (func $f (export "f") (param i32 i32) (result i32) (local i32 i32)
  (local.set 2 (i32.add (i32.mul (local.get 0) (local.get 1)) (i32.xor (local.get 0) (i32.const 77))))
  (if (i32.eq (local.get 1) (i32.const 12345)) (then (local.set 2 (call $cold (local.get 2)))))
  (loop $l
   (local.set 2 (call $mix (local.get 2) (local.get 3)))
   (br_if $l (i32.lt_u (local.tee 3 (i32.add (local.get 3) (i32.const 1))) (i32.const 9))))
  (i32.store (i32.const 8) (i32.xor (i32.mul (local.get 2) (i32.const 31)) (i32.rotl (local.get 0) (i32.const 7))))
  (i32.sub (i32.mul (local.get 2) (i32.const 9)) (i32.and (local.get 0) (i32.shl (local.get 1) (i32.const 2)))))
 (func $trap (export "trap") (param i32) (result i32)
  (i32.div_u (i32.add (local.get 0) (i32.const 3)) (i32.sub (local.get 0) (i32.const 7))))
 (func $empty (export "empty")))"""
failed = 0


def report(name, why):
    global failed
    failed += bool(why)
    print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)


def mewe(*args, **kw):
    return subprocess.run([MEWE, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, **kw)


def trouble(r, code, says, left=()):
    """Why the run is not a clean refusal with this code and a line that says so, or an empty string."""
    lines = r.stderr.strip().splitlines()
    if r.returncode != code:
        return f"exit code {r.returncode}, not {code}: {lines[:2]}"
    if len(lines) != 1 and not (code == 2 and len(lines) == 2 and "--help" in lines[1]):
        return f"{len(lines)} lines on standard error: {lines[:3]}"
    if not re.search(says, lines[0]):
        return f"the line says nothing of '{says}': {lines[0]}"
    there = [str(p) for p in left if p.exists()]
    return f"left behind: {there}" if there else ""


def good(r, code=0):
    return "" if r.returncode == code else f"exit code {r.returncode}, not {code}: {r.stderr[-300:]}"


def places(path):
    return json.loads(path.read_text())["places"]


def bits(path):
    return sum(math.log2(p["bodies"]) for p in places(path))


# ---- what is refused --------------------------------------------------------------------------------------------------


def check_usage(tmp, src):
    out, plan = tmp / "refused.wasm", tmp / "refused.json"
    f = ["--profile", "f,5,7"]
    for name, args, code, says in [
        ("two wishes", ["--entropy", "4", "--overhead", "5", *f], 2, "two wishes"),
        ("--profile without a wish", f, 2, "are for --entropy or --overhead"),
        ("--profile _start without a wish", ["--profile", "_start"], 2, "are for --entropy or --overhead"),
        ("--input without a wish", ["--input", src], 2, "are for --entropy or --overhead"),
        ("--frontier without a wish", ["--frontier", plan], 2, "are for --entropy or --overhead"),
        *[(f"--entropy {w!r}", ["--entropy", w, *f], 2, "--entropy takes a number above 0")
          for w in ("0", "-1", "many", "", "nan", "inf", "1e9", "4bits", "5%")],
        *[(f"--overhead {w!r}", ["--overhead", w, *f], 2, "--overhead takes a number above 0") for w in ("0%", "-5", "%", "5%%", "")],
        ("no export named", ["--entropy", "4", "--profile", ""], 2, "takes the name of an export"),
        ("an export of no letters", ["--entropy", "4", "--profile", ",f"], 2, "takes the name of an export"),
        *[(f"--profile f,{n}", ["--entropy", "4", "--profile", "f," + n], 2, "--profile takes a whole number")
          for n in ("x,1", "1.5,1", "-1,1", ",1", "1,", "99999999999999999999,1")],
        ("nine numbers", ["--entropy", "4", "--profile", "f" + ",1" * 9], 2, "8 numbers at most"),
        ("no such export", ["--entropy", "4", "--profile", "nowhere"], 2, "exports no 'nowhere'"),
        ("no _start", ["--entropy", "4"], 2, "exports no '_start'"),
        ("an export that is no function", ["--entropy", "4", "--profile", "memory"], 2, "is no function"),
        ("a number too few", ["--entropy", "4", "--profile", "f,5"], 2, "takes 2 numbers, not 1"),
        ("a number too many", ["--entropy", "4", "--profile", "f,5,6,7"], 2, "takes 2 numbers, not 3"),
        ("a request that traps", ["--entropy", "4", "--profile", "trap,7"], 2, "the request ends early.*divide by zero"),
        ("an init for a request", ["--entropy", "4", *f, "--init", "f"], 2, "it can't be a request"),
        ("an export that is no request", ["--entropy", "4", *f, "--entry", "trap"], 2, "none of the requests"),
        ("a discriminator that chooses nothing", ["--entropy", "4", *f, "--discriminator", "none"], 2, "chooses nothing"),
        ("no such input", ["--entropy", "4", *f, "--input", tmp / "nowhere"], 2, "can't be opened"),
        ("a plan that can't be written", ["--entropy", "4", *f, "--plan", tmp / "no" / "plan"], 2, "can't be written|can't be opened"),
        ("a frontier on a full device", ["--entropy", "4", *f, "--frontier", "/dev/full"], 2, "can't be written"),
        ("a request without places", ["--entropy", "4", "--profile", "empty"], 3, "no place"),
        ("no strategy for variants", ["--entropy", "4", *f, "--strategy", "none"], 3, "could be diversified"),
    ]:
        report(f"refused: {name}", trouble(mewe("build", src, "-o", out, "-q", *args), code, says, [out]))
    r = mewe("build", src, "-o", out, "-q", "--entropy", "1", "--profile", "trap,9")
    report("control: the number with which it doesn't trap", good(r))
    out.unlink(missing_ok=True)


def check_plans(tmp, src, plan):
    """Changes to a good plan, each of which makes it one of no or another module."""
    text, out, bad = plan.read_text(), tmp / "refused.wasm", tmp / "bad.json"
    whole = json.loads(text)
    one = whole["places"][0]

    def with_places(*some, **more):
        return json.dumps({**whole, "places": list(some), **more}).encode()

    for name, data, says in [
        ("no file", None, "can't be opened"),
        ("nothing in it", b"", "is no JSON"),
        ("no JSON", b"places: none\n", "is no JSON: line 1"),
        ("cut off", text[: len(text) // 2].encode(), "is no JSON"),
        ("a zero in it", text.encode() + b"\0{}", "is no JSON"),
        ("bytes that are no UTF-8", b'{"dispatch": "\xff\xfe"}', "is no JSON"),
        ("nested 100,000 deep", b"[" * 100000, "is no JSON"),
        ("a list", b"[]", "has no"),
        ("no places", json.dumps({**whole, "places": None}).encode(), "has no"),
        ("no dispatch", json.dumps({**whole, "dispatch": 1}).encode(), "has no"),
        ("another dispatch", json.dumps({**whole, "dispatch": "never\nmind"}).encode(), "is call, request or site"),
        ("of another module", json.dumps({**whole, "module": "0" * 16}).encode(), "another module"),
        ("of no module", json.dumps({**whole, "module": None}).encode(), "another module"),
        ("a place twice", with_places(one, one), "place 1 is not behind"),
        ("a place inside another", with_places(one, {**one, "region": one["region"] + 1}), "place 1 is not behind|place 1 has no"),
        ("in the wrong order", with_places(*reversed(whole["places"]), one), "is not behind"),
        ("a function that is not there", with_places({**one, "ordinal": 5}), "no \"ordinal\" of a function"),
        ("a function below zero", with_places({**one, "ordinal": -1}), "no \"ordinal\" of a function"),
        ("a function of 2^32", with_places({**one, "ordinal": 1 << 32}), "no \"ordinal\" of a function"),
        ("a function of 2^70", with_places({**one, "ordinal": 1 << 70}), "is no JSON"),
        ("a region that is not there", with_places({**one, "region": 10000}), "no \"region\""),
        ("no region", with_places({k: v for k, v in one.items() if k != "region"}), "no \"region\""),
        *[(f"{n} bodies", with_places({**one, "bodies": n}), "from 2 to 4095") for n in (0, 1, 4096, 2.5, "2", None, 1 << 40)],
        ("a place that is none", with_places(7), "no \"ordinal\" of a function"),
    ]:
        bad.unlink(missing_ok=True)
        if data is not None:
            bad.write_bytes(data)
        report(f"a plan refused: {name}", trouble(mewe("build", src, "-o", out, "-q", "--plan", bad), 2, says, [out]))
    report("a plan of no places", trouble(mewe_plan(tmp, src, with_places()), 3, "nothing could be diversified", [tmp / "some.wasm"]))
    report("control: one place alone", good(mewe_plan(tmp, src, with_places(one))))


def mewe_plan(tmp, src, data):
    (tmp / "some.json").write_bytes(data)
    return mewe("build", src, "-o", tmp / "some.wasm", "-q", "--plan", tmp / "some.json")


# ---- what a plan decides ------------------------------------------------------------------------------------------------


def make_plan(tmp, src, name, *args, code=0):
    out, plan, frontier = (tmp / f"{name}.{x}" for x in ("wasm", "json", "csv"))
    r = mewe("build", src, "-o", out, "--plan", plan, "--frontier", frontier, *args)
    report(f"{name}: a plan is made", good(r, code))
    return r, out, plan, frontier


def check_same(tmp, src, name, out, plan, *more):
    again, cache = tmp / "again.wasm", tmp / "proofs.db"
    spelt = tmp / "spelt.json"
    whole = json.loads(plan.read_text())
    whole["places"] = [{"note": [1], **dict(reversed(p.items()))} for p in whole["places"]]
    spelt.write_text("\n\n" + json.dumps(dict(reversed(whole.items())), separators=(" ,\t", " :  ")) + "\n")
    for what, args in [("one process", ["-j1"]), ("two processes", ["-j2"]), ("an empty cache", ["--cache", cache]),
                       ("a full cache", ["--cache", cache, "-j2"]), ("the same JSON, written otherwise", ["--plan", spelt])]:
        again.unlink(missing_ok=True)
        why = good(mewe("build", src, "-o", again, "-q", "--plan", plan, *args, *more))
        why = why or ("" if again.read_bytes() == out.read_bytes() else "they differ")
        report(f"{name}: the plan alone gives the same bytes, {what}", why)
    mewe("build", src, "-o", again, "-q", "--plan", plan, "--seed", "1", *more)
    report(f"{name}: control: another seed gives other bytes", "they are the same" if again.read_bytes() == out.read_bytes() else "")


def check_module(name, src, out, plan, want):
    """Proved, and with as much choice as was wished for."""
    report(f"{name}: verify proves all", good(mewe("verify", src, out)))
    seen = json.loads(mewe("inspect", "--json", out).stdout)["dispatchers"]
    report(f"{name}: each place of the plan has a dispatcher of so many bodies",
           "" if [d["variants"] for d in seen] == [p["bodies"] for p in places(plan)] else f"{[d['variants'] for d in seen]}")
    report(f"{name}: all bodies differ, and there are 2^k of them",
           "" if all(d["distinct"] == d["variants"] and d["variants"] & (d["variants"] - 1) == 0 for d in seen) else str(seen))
    report(f"{name}: {want} bits of choice", "" if bits(plan) >= want else f"{bits(plan)}")


def check_frontier(name, frontier, plan, out):
    rows = list(csv.DictReader(frontier.open()))
    last = rows[-1]
    report(f"{name}: the frontier's last row is the plan's",
           "" if last["trial"] == "plan" and int(last["places"]) == len(places(plan)) and float(last["entropy_bits"]) == bits(plan)
           and int(last["bodies"]) == sum(p["bodies"] for p in places(plan)) and 0 < int(last["size_bytes"]) <= out.stat().st_size
           else str(last))
    report(f"{name}: each row has numbers that can be, its intervals in order",
           "" if all(0 < float(r["ratio_low"]) <= float(r["ratio"]) <= float(r["ratio_high"]) and float(r["original_ns"]) > 0
                     and float(r["aa_low"]) <= float(r["aa_high"]) for r in rows) else str(rows[-1]))


def body_trace(module, seed, *args):
    r = mewe("run", module, "--invoke", "f", "--seed", seed, "--trace", *args)
    return re.search(r"body trace (\w+)", r.stderr)[1]


def check_traces(tmp, src, plan):
    """Of 2^b that are equally likely, n draws show about 2^b (1 - (1 - 2^-b)^n)."""
    traced, n, b = tmp / "traced.wasm", 512, bits(plan)
    report("traces: the plan is built with a trace", good(mewe("build", src, "-o", traced, "-q", "--plan", plan, "--trace", "hash",
                                                               "--discriminator", "fixed:1")))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = len(set(pool.map(lambda k: body_trace(traced, k, 5, 7), range(n))))
    m, rate = 2**b, n / 2**b
    mean, sd = m * -math.expm1(-rate), math.sqrt(m * (math.exp(-rate) - (1 + rate) * math.exp(-2 * rate)))
    report(f"traces: as many differ in {n} runs as {b:.0f} bits give", "" if abs(seen - mean) < 4.5 * sd else f"{seen}, not {mean:.0f}")
    report("traces: control: one bit less would be told", "" if n_traces(m / 2, n) < mean - 4.5 * sd else "it would not")
    same = {body_trace(traced, 3, 5, 7) for _ in range(4)}
    report("traces: control: the same seed, the same trace", "" if len(same) == 1 else str(same))


def n_traces(m, n):
    return m * -math.expm1(-n / m)


def check_short(tmp, src):
    r, out, plan, frontier = make_plan(tmp, src, "sites", "--entropy", "12", "--profile", "f,5,7")
    report("sites: a line says what the plan gives", "" if re.fullmatch(r"plan: 12\.0 bits .*\n", r.stderr) else r.stderr)
    check_module("sites", src, out, plan, 12)
    check_same(tmp, src, "sites", out, plan)
    check_frontier("sites", frontier, plan, out)
    report("sites: no choice in code that the profile doesn't reach",
           "" if all(p["ordinal"] in (0, 2) for p in places(plan)) else str(places(plan)))
    report("control: choices everywhere reach it", everywhere(tmp, src))
    check_plans(tmp, src, plan)
    check_traces(tmp, src, plan)


def everywhere(tmp, src):
    out = tmp / "all.wasm"
    why = good(mewe("build", src, "-o", out, "-q", "--dispatch", "site", "--variants", "4"))
    names = {d["name"] for d in json.loads(mewe("inspect", "--json", out).stdout)["dispatchers"]}
    return why or ("" if "cold" in names else str(names))


def check_dispatches(tmp, src):
    for dispatch in ("request", "call"):
        _, out, plan, frontier = make_plan(tmp, src, dispatch, "-q", "--dispatch", dispatch, "--entropy", "4", "--profile", "f,5,7",
                                           "--reseed", "entry", "--discriminator", "fixed:3")
        report(f"{dispatch}: verify proves all", good(mewe("verify", src, out)))
        report(f"{dispatch}: places are functions that the request calls",
               "" if places(plan) and all("region" not in p and p["ordinal"] in (0, 2) for p in places(plan)) else str(places(plan)))
        met = {0: 9 if dispatch == "call" else 1, 2: 1}
        have = sum(math.log2(p["bodies"]) * met[p["ordinal"]] for p in places(plan))
        last = list(csv.DictReader(frontier.open()))[-1]
        report(f"{dispatch}: its bits are those of all choices in a request, as the frontier says",
               "" if have >= 4 and have == float(last["entropy_bits"]) else f"{have}: {last}")
        again = tmp / "again.wasm"
        why = good(mewe("build", src, "-o", again, "-q", "--plan", plan, "--reseed", "entry", "--discriminator", "fixed:3"))
        report(f"{dispatch}: the plan's own dispatch counts", why or ("" if again.read_bytes() == out.read_bytes() else "the bytes differ"))


def check_wishes(tmp, src):
    """Wishes that can't be met are built as nearly as can be, with exit 4."""
    r, out, plan, _ = make_plan(tmp, src, "too much", "-q", "--entropy", "900", "--profile", "f,5,7", code=4)
    report("too much: a line says how much there is", trouble(r, 4, "bits of choice at most, not 900"))
    check_module("too much", src, out, plan, 1)
    r, out, plan, _ = make_plan(tmp, src, "no such draws", "-q", "--entropy", "4", "--profile", "f,5,7", "--discriminator", "wasi", code=5)
    report("no such draws: a discriminator that the module can't have", trouble(r, 5, "random_get", [out, plan]))
    _, out, plan, _ = make_plan(tmp, src, "all the time", "-q", "--overhead", "999999%", "--profile", "f,5,7", "--accept", "proved")
    check_module("all the time", src, out, plan, 12)


# ---- long requests, by counts --------------------------------------------------------------------------------------------

# Longer than any clock could take for short: places are taken by how often they are met, those met least first.
HOT = """(module (memory (export "memory") 1) (global $g (mut i32) (i32.const 0))
 (func $init (global.set $g
  (i32.xor (i32.mul (global.get $g) (i32.const 77)) (i32.add (i32.shl (global.get $g) (i32.const 5)) (i32.const 99)))))
 (func $hot (param i32 i32) (result i32)
  (i32.xor (i32.mul (local.get 0) (i32.const 40503)) (i32.add (i32.shl (local.get 1) (i32.const 3)) (i32.const 1234))))
 (func $once (param i32) (result i32)
  (i32.xor (i32.mul (local.get 0) (i32.const 31)) (i32.add (i32.rotl (local.get 0) (i32.const 7)) (i32.const 4321))))
 (func $first (param i32) (result i32)
  (i32.xor (i32.mul (local.get 0) (i32.const 57)) (i32.add (i32.rotl (local.get 0) (i32.const 9)) (i32.const 5321))))
 (func (export "f") (param i32) (result i32) (local i32)
  (if (i32.eqz (i32.load (i32.const 64))) (then (i32.store (i32.const 64) (call $first (i32.const 5)))))
  (loop $l
   (local.set 0 (call $hot (local.get 0) (local.get 1)))
   (br_if $l (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 300000))))
  (call $once (local.get 0)))
 (start $init))"""


# Of the places that are met once, the largest goes first, and has no variants.
POOR = """(module (memory 1) (global $g (mut f64) (f64.const 0))
 (func $h (param f64) (result f64) (local.get 0))
 (func (export "f") (param i32) (result i32) (local i32)
  (global.set $g (f64.sqrt (call $h (f64.floor (call $h (f64.ceil (call $h (f64.neg (call $h (call $h (global.get $g)))))))))))
  (loop $l (br_if $l (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 300000))))
  (i32.store (i32.const 8) (i32.xor (i32.mul (local.get 0) (i32.const 31)) (i32.rotl (local.get 0) (i32.const 7))))
  (local.get 0)))"""


def check_poor(tmp):
    src = tmp / "poor.wat"
    src.write_text(POOR)
    r = mewe("build", src, "-o", tmp / "poor.wasm", "-q", "--overhead", "0.00001%", "--profile", "f,5")
    report("the first place has no variants: another is searched", "" if r.returncode in (0, 4) else good(r))
    _, out, plan, _ = make_plan(tmp, src, "a place without variants", "-q", "--entropy", "9", "--profile", "f,5")
    check_module("a place without variants", src, out, plan, 9)


def check_long(tmp):
    src = tmp / "hot.wat"
    src.write_text(HOT)
    for dispatch in ("site", "request"):
        name = f"a long request, {dispatch}"
        _, out, plan, _ = make_plan(tmp, src, name, "-q", "--entropy", "3", "--profile", "f,5", "--dispatch", dispatch)
        seen = {p.get("function") for p in places(plan)}
        report(f"{name}: the place in the loop loses against one outside", "" if "hot" not in seen and seen else str(seen))
        report(f"{name}: nothing that only the start or the first request meets", "" if not seen & {"init", "first"} else str(seen))
        check_module(name, src, out, plan, 3)
    _, out, plan, _ = make_plan(tmp, src, "a long request, a share of its time", "-q", "--overhead", "100%", "--profile", "f,5")
    report("a long request, a share of its time: verify proves all", good(mewe("verify", src, out)))
    _, _, plan, _ = make_plan(tmp, src, "the loop alone", "-q", "--entropy", "3", "--profile", "f,5", "--functions", "hot")
    seen = {p["function"] for p in places(plan)}
    report("the loop alone: control: with --functions the loop's place is one", "" if seen == {"hot"} else str(seen))


# ---- commands --------------------------------------------------------------------------------------------------------------

COMMAND = """(module (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
 (memory (export "memory") 1) (global $g (mut i32) (i32.const 3))
 (func $init (global.set $g
  (i32.xor (i32.mul (global.get $g) (i32.const 77)) (i32.add (i32.shl (global.get $g) (i32.const 5)) (i32.const 99)))))
 (func $a (param i32) (result i32)
  (i32.xor (i32.mul (local.get 0) (i32.const 31)) (i32.add (i32.rotl (local.get 0) (i32.const 7)) (i32.const 4321))))
 (func $b (param i32) (result i32)
  (i32.xor (i32.mul (local.get 0) (i32.const 57)) (i32.add (i32.rotl (local.get 0) (i32.const 9)) (i32.const 5321))))
 (func (export "_start")
  (i32.store (i32.const 0) (i32.const 100))
  (i32.store (i32.const 4) (i32.const 8))
  (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)))
  (if (i32.eq (i32.load8_u (i32.const 100)) (i32.const 97)) (then (i32.store (i32.const 200) (call $a (i32.load (i32.const 100))))))
  (if (i32.eq (i32.load8_u (i32.const 100)) (i32.const 98)) (then (i32.store (i32.const 200) (call $b (i32.load (i32.const 100))))))
  (call $exit (i32.const 0)))
 (start $init))"""


def check_command(tmp):
    src, only = tmp / "command.wat", ["--functions", "[abi]*"]
    src.write_text(COMMAND)
    for word in "ab":
        (tmp / word).write_text(word * 8)
        name = f"a command that reads {word}"
        _, out, plan, _ = make_plan(tmp, src, name, "-q", "--entropy", "2", "--input", tmp / word, *only)
        seen = {p["function"] for p in places(plan)}
        report(f"{name}: choices are where that input goes, and none before _start", "" if seen == {word} else str(seen))
        check_module(name, src, out, plan, 2)
    r = mewe("build", src, "-o", tmp / "x.wasm", "-q", "--entropy", "2", *only)
    report("a command that reads nothing goes to neither", trouble(r, 3, "meets no place", [tmp / "x.wasm"]))
    make_plan(tmp, src, "control: all its functions", "-q", "--entropy", "2")
    report("a command with numbers", trouble(mewe("build", src, "-o", tmp / "x.wasm", "-q", "--entropy", "2", "--profile", "_start,1"), 2,
                                             "takes 0 numbers, not 1", [tmp / "x.wasm"]))


GUEST = """(module (import "mewe" "choices" (func $choices (result i64))) (import "mewe" "entry" (func $entry))
 (memory (export "memory") 1)
 (func (export "f") (param f32 f64) (result f64) (local i32)
  (call $entry)
  (local.set 2 (i32.trunc_sat_f32_s (local.get 0)))
  (i64.store (i32.const 8) (call $choices))
  (i32.store (i32.const 0) (i32.xor (i32.mul (local.get 2) (i32.const 31)) (i32.add (i32.rotl (local.get 2) (i32.const 7)) (i32.const 9))))
  (f64.add (local.get 1) (f64.const 1))))"""


def check_guest(tmp):
    """Floats for arguments, imports from mewe, a host that draws, a name that is no UTF-8."""
    src = tmp / "guest.wat"
    src.write_text(GUEST)
    for more in (["--discriminator", "host"], ["--discriminator", "xorshift", "--trace", "full"], ["--reseed", "entry"]):
        name = f"a guest that asks for its choices, {' '.join(more)}"
        _, out, plan, _ = make_plan(tmp, src, name, "-q", "--entropy", "2", "--profile", "f,1077936128,4609434218613702656", *more)
        check_module(name, src, out, plan, 2)
    body = b"\x20\0\x41\x1f\x6c\x20\0\x41\x07\x77\x41\x09\x6a\x73\x0b"
    wasm = (b"\0asm\1\0\0\0" b"\1\6\1\x60\1\x7f\1\x7f" b"\3\2\1\0" b"\7\5\1\1f\0\0" + b"\x0a" + bytes([len(body) + 3]) + b"\1" +
            bytes([len(body) + 1]) + b"\0" + body + b"\0\x0c\4name\1\5\1\0\2\xff\xfe")
    (tmp / "named.wasm").write_bytes(wasm)
    name = "a name that is no UTF-8"
    _, out, plan, _ = make_plan(tmp, tmp / "named.wasm", name, "-q", "--entropy", "2", "--profile", "f,3")
    check_module(name, tmp / "named.wasm", out, plan, 2)
    check_same(tmp, tmp / "named.wasm", name, out, plan)


# ---- random modules --------------------------------------------------------------------------------------------------------


def expression(rng, depth):
    if depth == 0:
        return rng.choice([f"(local.get {rng.randrange(3)})", f"(i32.const {rng.randrange(-200, 200)})"])
    a, b = expression(rng, depth - 1), expression(rng, depth - rng.randrange(1, depth + 1))
    op = rng.choice(["add", "sub", "mul", "xor", "and", "or", "shl", "shr_u", "rotl", "lt_u", "eq"])
    return rng.choice([f"(i32.{op} {a} {b})", f"(i32.{op} {b} {a})", f"(if (result i32) {a} (then {b}) (else (local.get 1)))",
                       f"(i32.load (i32.and {a} (i32.const 1020)))"])


def random_module(rng):
    funcs, n = [], rng.randrange(1, 4)
    for k in range(n):
        call = [f"(local.set 2 (call $f{k - 1} {{}} (local.get 2)))"] if k else []
        body = "".join(rng.choice([f"(local.set {rng.randrange(3)} {{}})", "(i32.store (i32.and (local.get 0) (i32.const 1020)) {})",
                                   "(drop {})", *call]).format(expression(rng, 3))
                       for _ in range(rng.randrange(1, 4)))
        loop = f"(local.set 2 (i32.const {rng.randrange(1, 5)}))(loop $l {body} (br_if $l (i32.gt_s (local.tee 2 (i32.sub (local.get 2)" \
               " (i32.const 1))) (i32.const 0))))" if rng.random() < 0.3 and "local.set 2" not in body else body
        funcs.append(f'(func $f{k} (export "f{k}") (param i32 i32) (result i32) (local i32) {loop} {expression(rng, 3)})')
    return f'(module (memory (export "memory") 1) {"".join(funcs)})', n


def check_random(tmp, count=6):
    rng, bad, made = random.Random(20), [], 0
    src, out, plan = tmp / "random.wat", tmp / "random.wasm", tmp / "random.json"
    for i in range(count):
        text, n = random_module(rng)
        src.write_text(text)
        out.unlink(missing_ok=True)
        wish = rng.choice([["--entropy", str(rng.randrange(1, 9))], ["--overhead", "30"]])
        r = mewe("build", src, "-o", out, "-q", "--plan", plan, "--profile", f"f{n - 1},{rng.randrange(99)},{rng.randrange(99)}",
                 "--dispatch", rng.choice(["site", "site", "request", "call"]), *wish)
        made += r.returncode in (0, 4)
        if r.returncode not in (0, 3, 4) or out.exists() != (r.returncode != 3):
            bad.append((i, r.returncode, r.stderr[-200:]))
        elif out.exists() and mewe("verify", src, out).returncode != 0:
            bad.append((i, "verify"))
    report(f"{count} random modules are planned, built and verified", str(bad[:3]) if bad else "")
    report("control: some of them could be", "" if made > count // 2 else f"{made}")


def main():
    with tempfile.TemporaryDirectory() as d:
        tmp = pathlib.Path(d)
        src = tmp / "good.wat"
        src.write_text(GOOD)
        check_usage(tmp, src)
        check_short(tmp, src)
        check_dispatches(tmp, src)
        check_wishes(tmp, src)
        check_long(tmp)
        check_poor(tmp)
        check_command(tmp)
        check_guest(tmp)
        check_random(tmp)
    sys.exit(failed > 0)


main()
