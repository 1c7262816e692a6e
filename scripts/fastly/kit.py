#!/usr/bin/env python3
"""Repeat the measurements on Fastly's production edge: package, deploy, collect, remove. docs/edge.md, "Production", tells how.

In:  build/edge/[paper/]NAME.wasm; an API token in FASTLY_API_TOKEN, and nowhere else; the subcommand and its options.
Out: rows in results/local/edge-PROFILE/fastly-NAME.csv; there, too, fastly/state.json with what was made on the platform.
     Exit 0 done, 1 failed or something remains, 2 bad usage or a refused token, 5 the platform does not do it, 130 interrupted.
Holds: with --dry-run there is no connection and no token is needed. An interrupted run goes on where it was.
"""
import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import collect  # noqa: E402
import cost  # noqa: E402
import deploy  # noqa: E402
import package  # noqa: E402
import tables  # noqa: E402
from api import Api, checked_base, checked_token, DryApi  # noqa: E402
from common import API, Clock, deployments, INTERRUPTED, KitError, Output, ROOT, State, TOKEN  # noqa: E402

STEPS = {
    "package": "make the packages, offline",
    "cost": "say what it takes: calls, hours, requests, processor time",
    "deploy": "make the services, upload and activate the packages, wait until they answer",
    "pops": "list the platform's POPs",
    "collect": "ask for traces and times; write rows",
    "clean": "remove the services that the state file names",
    "analyse": "print the tables from the rows",
    "all": "all of these, in this order",
}


def positive(text):
    n = int(text)
    if n < 1:
        raise ValueError
    return n


def parser():
    p = argparse.ArgumentParser(prog="kit.py", description="Repeat the measurements on Fastly's production edge.",
                                formatter_class=argparse.RawDescriptionHelpFormatter,
                                epilog="\n".join(f"  {k:<8} {v}" for k, v in STEPS.items()))
    p.add_argument("command", choices=STEPS, metavar="COMMAND", help="one of those below")
    p.add_argument("--dry-run", action="store_true", help="say each step and call, do nothing")
    p.add_argument("--profile", choices=("release", "paper"), default="paper", help="of the builds (paper: what the tables compare)")
    p.add_argument("--services", metavar="A,B", type=lambda s: s.split(","), help="these only")
    p.add_argument("--deployments", metavar="A,B", type=lambda s: s.split(","), help="these only: call.traced, request.traced, "
                   "original.traced, original, request, call")
    p.add_argument("--what", metavar="A,B", type=lambda s: s.split(","), default=["traces", "times"], help="traces, times (both)")
    p.add_argument("--from-here", action="store_true", help="ask for traces from here, too, without edge_check and without a token")
    p.add_argument("--traces", type=positive, default=100, help="executions on each node (100)")
    p.add_argument("--control-traces", type=positive, default=10, help="the same of the original, whose traces are all one (10)")
    p.add_argument("--times", type=positive, default=10000, help="timed executions of each deployment (10000; the paper: 100000)")
    p.add_argument("--batch", type=positive, default=100, help="requests on one connection, and in one step that is kept (100)")
    p.add_argument("--calls-per-hour", type=positive, default=collect.CALLS_PER_HOUR, help="to edge_check (200, the platform's limit)")
    p.add_argument("--pops", type=positive, help="for the estimate: how many POPs answer")
    p.add_argument("--accept-cost", action="store_true", help="go on where it may be more than is free")
    p.add_argument("--keep", action="store_true", help="with all: leave the services there")
    p.add_argument("--strategy", default="rewrite+reorder", help="what the rows call the builds' strategies")
    p.add_argument("--body-traces", action="store_true", help="rows of body traces, too: their classes are of the engine here, not of "
                   "the platform's, which is not known")
    p.add_argument("--patience", type=positive, default=deploy.PATIENCE, help="seconds for a new service to answer (900)")
    p.add_argument("--api", default=os.environ.get("FASTLY_API_ENDPOINT") or API, metavar="URL",
                   help="of the API (also FASTLY_API_ENDPOINT)")
    p.add_argument("--edge", metavar="URL", help="send requests to this address, with the service's name as Host")
    p.add_argument("--modules", metavar="DIR", help="build/edge, or build/edge/paper")
    p.add_argument("--work", metavar="DIR", help="for packages: build/edge/fastly/PROFILE")
    p.add_argument("--npm", metavar="DIR", default=str(ROOT / "build/edge/npm"), help="for the Fastly CLI: build/edge/npm")
    p.add_argument("--out", metavar="DIR", help="for rows and state: results/local/edge-PROFILE")
    return p


def arguments(argv):
    p = parser()
    a = p.parse_args(argv)
    a.modules = a.modules or str(ROOT / ("build/edge/paper" if a.profile == "paper" else "build/edge"))
    a.work = a.work or str(ROOT / "build/edge/fastly" / a.profile)
    a.out = a.out or str(ROOT / f"results/local/edge-{a.profile}")
    if set(a.what) - {"traces", "times"}:
        p.error("--what is traces, times, or both")
    checked_base(a.api)
    return a


class Kit:
    def __init__(self, a, token, clock, out):
        self.a, self.token, self.clock, self.out = a, token, clock, out
        self.plan = deployments(a.services, a.deployments)
        self.state = State(Path(a.out) / "fastly/state.json", a.dry_run)
        self.known = None

    def api(self):
        """Made when it is first needed: what needs no token does not ask for one."""
        if self.known is None:
            self.known = DryApi(self.a.api, self.out) if self.a.dry_run else Api(
                self.a.api, checked_token({TOKEN: self.token}), self.clock, self.out)
        return self.known

    def step(self, name):
        a, out = self.a, self.out
        if a.dry_run:
            out.say(f"{name}: {STEPS[name]}")
        if name == "package":
            return package.run(a, self.plan, out)
        if name == "cost":
            return cost.run(a, self.plan, self.state, out)
        if name == "deploy":
            return deploy.run(a, self.plan, self.api(), self.state, self.clock, out)
        if name == "pops":
            return deploy.pops(self.api(), self.state, out)
        if name == "collect":
            return collect.run(a, self.plan, self.api, self.state, self.clock, out)
        if name == "clean":
            return deploy.clean(self.api(), self.state, out)
        return tables.run(a, self.plan, out)

    def run(self):
        if self.a.command != "all":
            steps = [self.a.command] + (["cost"] if self.a.dry_run and self.a.command != "cost" else [])
        else:
            if not self.a.dry_run:
                deploy.ready(self.api())  # a wrong token ends it here, not after the packages
            steps = [s for s in STEPS if s != "all" and not (s == "clean" and self.a.keep)]
        try:
            return next(filter(None, map(self.step, steps)), 0)
        except KitError:
            if self.a.command == "all" and self.state.services:
                self.out.note(f"kit: {len(self.state.services)} services are there: run this again to go on, or `kit.py clean`")
            raise


def main(argv=None, clock=Clock, environment=os.environ):
    token = environment.pop(TOKEN, "")  # no program that is started here gets it
    out = Output(token.strip())
    try:
        return Kit(arguments(argv), token, clock, out).run() or 0
    except KitError as e:
        out.progress_end()
        out.note(f"kit: {e}")
        return e.code
    except KeyboardInterrupt:
        out.progress_end()
        out.note("kit: interrupted: the same command goes on from here; `kit.py clean` removes what was made")
        return INTERRUPTED
    except OSError as e:
        out.progress_end()
        out.note(f"kit: {e}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
