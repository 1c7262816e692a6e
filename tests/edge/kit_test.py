#!/usr/bin/env python3
"""The production kit: packages by the real Fastly CLI, and the whole way against a server of this machine that speaks what the platform
documents (fake_fastly.py), with its limits; hours pass on a clock of the test. Nothing here has been asked of the platform itself, and
no network is used, but that the Fastly CLI is fetched with npm if it is not there."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from kit_place import ALL, check, common, KIT, kit, last, module, NPM, Place, PLATFORM, ROOT, run
from fake_fastly import POPS, TOKEN


# ---- packages --------------------------------------------------------------------------------------------------------

def packaging():
    with Place() as p:
        code, out, err = p.run("package", token="")
        check("42 packages by the real CLI, hashes agree", (code, "42 packages, 42 of them new" in out), (0, True))
        if code:
            print(f"# {last(err)}")
            return False
        allowed = subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode == 0 or \
            subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode == 0
        check("the CLI ran without a network" if allowed else "unshare is not allowed here, and that is said",
              "without a network" in out, allowed)
        check("made once", "42 packages, 0 of them new" in p.run("package", token="")[1])
        record = json.loads((p.work / "packages.json").read_text())["qr_str.call.traced"]
        Path(record["archive"]).write_bytes(b"spoiled")
        check("a spoiled package is made again", "42 packages, 1 of them new" in p.run("package", token="")[1])
        for name, data, want in [
                ("no module", b"#!/bin/sh\n", (2, "not a WebAssembly module")),
                ("a module cut short", (p.modules / "encrypt.call.wasm").read_bytes()[:30], (2, "cut short")),
                ("a foreign import", module([("mewe", "choose"), *PLATFORM]), (5, "imports from mewe, which the platform has not")),
                ("no _start", module(PLATFORM, ["memory"]), (5, "exports no _start"))]:
            (p.modules / "encrypt.call.wasm").write_bytes(data)
            code, out, err = p.run("package", "--services", "encrypt", token="")
            check(f"refused: {name}", (code, want[1] in err, len(err.splitlines())), (want[0], True, 1))
        (p.modules / "encrypt.call.wasm").unlink()
        check("refused: no module there", p.run("package", token="")[0], 2)
    return True


def lying_cli():
    """The CLI is not believed: one that packs other bytes, and one that says another hash."""
    import package
    real = NPM / package.CLI
    for name, script, want in [
            ("other bytes in the archive", f'{real} "$@" || exit\nif [ $2 = pack ]; then cd pkg; tar xzf mewe-encrypt-call.tar.gz; echo >>'
             "mewe-encrypt-call/fastly.toml; tar czf mewe-encrypt-call.tar.gz mewe-encrypt-call; fi", "other bytes than went in"),
            ("another hash", f"if [ $2 = hash-files ]; then echo 00; else {real} \"$@\"; fi", "hash of its files is 00"),
            ("an error", "echo Error: out of luck >&2; exit 1", "out of luck")]:
        with Place() as p:
            cli = p.dir / "npm" / package.CLI
            cli.parent.mkdir(parents=True)
            cli.write_text(f"#!/bin/bash\n{script}\n")
            cli.chmod(0o755)
            shutil.copyfile(ROOT / "scripts/fastly/package-lock.json", p.dir / "npm/installed")
            code, _, err = p.run("package", "--services", "encrypt", "--deployments", "call", "--npm", str(p.dir / "npm"), token="")
            check(f"a CLI is not believed: {name}", (code, want in err, len(err.splitlines())), (1, True, 1))
            os.environ[common.TOKEN] = TOKEN
            seen = package.Cli("true", p.dir / "home").environment
            del os.environ[common.TOKEN]
            check(f"it gets no token ({name})", TOKEN in str(seen), False)
    with Place() as p:
        (p.dir / "npm").write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n")
        (p.dir / "npm").chmod(0o755)
        path = os.environ["PATH"]
        os.environ["PATH"] = f"{p.dir}:{path}"
        code, _, err = p.run("package", "--npm", str(p.dir / "there"), token="")
        os.environ["PATH"] = path
        check("npm can't fetch the CLI: one line", (code, "npm ci could not fetch the Fastly CLI: npm error code ENOTFOUND" in last(err)),
              (1, True))
    lock = (ROOT / "scripts/fastly/package-lock.json").read_text()
    check("the lock has a digest and names no host", ("sha512-" in lock, "resolved" in lock, "://" in lock), (True, False, False))


# ---- without a token, without a network ------------------------------------------------------------------------------

def dry_runs():
    with Place() as p:
        code, out, err = p.run("all", "--dry-run", token="")
        steps = [x.split(":")[0] for x in out.splitlines() if re.match(r"[a-z]+: ", x)]
        check("dry run: all steps, in order", (code, [s for s in steps if s in kit.STEPS]), (0, [s for s in kit.STEPS if s != "all"]))
        for what, want in [("compute pack", 42), ("POST /service ", 42), ("/domain ", 42), ("/package ", 42), ("/activate", 42),
                           ("GET /content/edge_check", 21), ("/deactivate", 42), ("  DELETE /service/", 42)]:
            check(f"dry run: {what.strip()} of all that need it", sum(what in x for x in out.splitlines()), want)
        for s in [s for s in kit.STEPS if s != "all"]:
            code, out, _ = p.run(s, "--dry-run", token="")
            check(f"dry run of {s}: says its step and the cost", (code, f"{s}: " in out, "edge_check calls" in out), (0, True, True))
        check("dry runs make no connection and no file", (p.fake.connections, p.out.exists(), p.work.exists()), (0, False, False))
        check("noticed: a connection is counted", (p.run("pops")[0], p.fake.connections > 0), (0, True))


def tokens():
    with Place() as p:
        for s in ("deploy", "pops", "all"):
            code, _, err = p.run(s, token="")
            check(f"{s} without a token: one line that says what to set", (code, len(err.splitlines()), "set FASTLY_API_TOKEN" in err),
                  (2, 1, True))
            code, _, err = p.run(s, token="wrong")
            check(f"{s} with a wrong token: one line", (code, err), (2, "kit: the token in FASTLY_API_TOKEN is refused by the API (401): "
                  "Provided credentials are missing or invalid: make another, with the scope 'global'\n"))
        check("nothing was made", (p.fake.services, p.calls("POST", ".")), ({}, []))
        p.fake.faults = [["GET", "datacenters", (403, []), 9]]
        code, _, err = p.run("pops")
        check("a token without the right: one line", (code, "forbidden to the token" in err, len(err.splitlines())), (2, True, 1))
        check("a token with a line break inside", p.run("pops", token="ab\ncd")[0], 2)
        code, _, err = p.run("pops", "--api", "http://example.invalid")
        check("the token is not sent in clear", (code, "in clear" in err), (2, True))
        check("other usage errors", [p.run(*x)[0] for x in (["pops", "--services", "nothing"], ["pops", "--what", "x"], ["none"])],
              [2, 2, 2])


# ---- the whole way ---------------------------------------------------------------------------------------------------

def whole():
    with Place() as p:
        begun = p.clock.now
        code, out, err = p.run("all", *ALL, "--keep")
        tables = (ROOT / "scripts/edge_tables.py").exists()
        if not tables:
            print(f"# scripts/edge_tables.py is not there: {last(err)}")
            check("tables: what is missing is said", (code, "edge_tables.py is not there" in last(err)), (2, True))
        else:
            r = subprocess.run([sys.executable, KIT, *p.words("analyse")], capture_output=True, text=True)
            check("tables: Table 3 of the nodes, from the same rows", ("Table 3" in r.stdout, "Traceback" in r.stderr), (True, False))
        check("42 services answer", ("42 services answer" in out, len(p.fake.services)), (True, 42))
        calls = p.fake.edge_checks
        check("edge_check: as many calls as the estimate says, in the hours that it says",
              (calls, f"edge_check calls               {calls}:" in out), (7 * (20 + 20 + 2), True))
        hours = (p.clock.now - begun) / 3600
        check("never more than 200 an hour, and no slower than they allow", (1 <= hours < 1.1, p.fake.refused), (True, 0))
        rows = p.rows("encrypt.call.traced")
        nodes = {r["node"] for r in rows if r["phase"] == "execute"}
        check("nodes are POP/server", nodes, {f"{x}/cache-{x.lower()}1-{x}" for x in POPS})
        traces = [r["value"] for r in rows if r["metric"] == "entry_trace"]
        check("the platform's machine code is not known: no body traces, unless they are asked for", (
            any(r["metric"] == "body_trace" for r in rows), p.run("collect", *ALL, "--body-traces")[0],
            sum(r["metric"] == "body_trace" for r in p.rows("encrypt.call.traced"))), (False, 0, 80))
        check("each call gives a trace of each node, once", (len(traces), len(set(traces))), (80, 80))
        keys = {(r["node"], r["iteration"], r["metric"], r["phase"]) for r in rows}
        check("no row is there twice", len(keys), len(rows))
        check("schema", (list(rows[0]), {(r["platform"], r["profile"], r["input"], r["build"], r["strategy"]) for r in rows}),
              (["run", "machine", "runtime", "runtime_version", "platform", "service", "profile", "input", "build", "config", "strategy",
                "seed", "module", "node", "phase", "iteration", "metric", "value"],
               {("fastly", "paper", "paper", "multivariant", "rewrite+reorder")}))
        times = [r for r in p.rows("qr_str.original") if r["metric"] == "time_guest_ns"]
        check("times are of the builds without a trace", (len(times), {r["phase"] for r in times}, {r["node"] for r in times} <= {
            f"AMS/cache-ams{n}-AMS" for n in (1000, 1001)}), (60, {"request"}, True))
        code, out, _ = p.run("analyse", "--deployments", "original,request,call", "--batch", "20")
        line = next(x for x in out.splitlines() if x.startswith("encrypt      call"))
        check("Table 4: the ratio that the nodes have", (code, 2.98 < float(line.split()[5]) < 3.01), (0, True))
        before = len(p.fake.asked)
        check("done: nothing is asked again", (p.run("collect", *ALL)[0], len(p.fake.asked) - before), (0, 0))
        foreign = p.fake.create({"name": "mewe-encrypt-call-traced", "type": "wasm"})["id"]
        code, out, _ = p.run("clean")
        check("clean deletes what was made and nothing else", (code, list(p.fake.services), p.state()["services"], last(out)),
              (0, [foreign], {}, "clean: 42 services deleted, 0 remain"))
        check("clean again: nothing to do", p.run("clean")[:2], (0, "clean: nothing was made, nothing remains\n"))
        secrets(p)


def secrets(p):
    files = [f for folder in (p.out, p.work, NPM / "home") for f in folder.rglob("*") if f.is_file()]
    check(f"the token is in none of {len(files)} files", [str(f) for f in files if TOKEN.encode() in f.read_bytes()], [])
    check("noticed: the API got it", TOKEN in p.fake.keys)


def local_nodes():
    """The services themselves, in a simulated node."""
    viceroy = Path(os.environ.get("EDGE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mewe/edge")
    viceroy = viceroy / "bin/viceroy"
    names = ["bin2base64.call.traced", "bin2base64.call"]
    if not viceroy.exists() or not all((ROOT / f"build/edge/{n}.wasm").exists() for n in names):
        print("# left out: the services in a local node: Viceroy or build/edge is not there (make edge-modules)")
        return
    for name in names:
        with Place() as p, socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
            s.close()
            node = subprocess.Popen([viceroy, "serve", "--addr", f"127.0.0.1:{port}", p.modules / f"{name}.wasm"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                options = ["--services", "bin2base64", "--deployments", name.split(".", 1)[1], "--edge", f"http://127.0.0.1:{port}"]
                p.run("package", *options, token="")
                p.run("deploy", *options[:4])
                for _ in range(600):
                    if socket.socket().connect_ex(("127.0.0.1", port)) == 0:
                        break
                    time.sleep(0.1)
                code, _, err = p.run("collect", *options, "--from-here", "--traces", "1", "--times", "64", "--batch", "16", token="")
                rows = [r for r in p.rows(name) if r["phase"] not in ("node", "run")] if code == 0 else []
                check(f"{name} in a local node: rows of 64 answers", (code, last(err) if code else "", len({r["iteration"] for r in rows}), {
                    r["node"] for r in rows}), (0, "", 64, {"XXX"}))
                values = {m: [r["value"] for r in rows if r["metric"] == m] for m in ("entry_trace", "time_guest_ns")}
                check(f"{name}: its traces differ, or its times are some", len(set(values["entry_trace"])) > 32 if "traced" in name
                      else min(map(int, values["time_guest_ns"]), default=0) > 0)
            finally:
                node.kill()
                node.wait()


def money():
    with Place() as p:
        code, out, err = p.run("all", "--traces", "1000000", "--services", "encrypt", token=TOKEN)
        check("more than is free: stops before anything is made", (code, "--accept-cost" in last(err), p.fake.services), (1, True, {}))
        out = p.run("cost", "--pops", "50", "--services", "encrypt", token="")[1]
        check("the estimate is counted", ("edge_check calls               210: 1.1 hours" in out,
                                          f"requests to the services       {210 * 50 + 30000} " in out), (True, True))


sys.exit(run(packaging, lying_cli, dry_runs, tokens, whole, local_nodes, money))
