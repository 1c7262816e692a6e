"""What it takes, before anything is begun: calls, hours, requests, processor time, against what is free.

In:  the plan; results/paper/table4.csv for how long the services took in the paper; how many POPs there are, if `pops` has asked.
Out: text. Holds: each figure that is not counted is called assumed, or has its date; the bound on processor time is the platform's own.
"""
import csv

import collect
from common import KitError, ROOT

FREE_REQUESTS, FREE_VCPU_MS = 10_000_000, 100_000_000  # a month
FREE_SEEN = "a transcription of the vendor's price list of May 2026; check again"
POPS = 100  # assumed until `pops` has asked; one answer of each is assumed, too
CPU_LIMIT_MS = 50  # of one request: the platform ends a longer one
WRITES = 5  # service, host name, backend, package, activation
WRITES_AN_HOUR = 1000


def published_ms():
    """(service, original?) -> the paper's median, in milliseconds."""
    with open(ROOT / "results/paper/table4.csv", newline="") as f:
        return {(r["service"], original): float(r["original_median_us" if original else "multivariant_median_us"]) / 1000
                for r in csv.DictReader(f) for original in (True, False)}


def estimate(a, plan, pops):
    """Counts of the whole plan, and of each deployment its requests."""
    plan = collect.wanted(plan, a.what)
    took, calls, requests, likely = published_ms(), 0, 0, 0.0
    for d in plan:
        route, n, size = collect.iterations(a, d)
        calls += n if route == "edge" else 0
        each = n * pops if route == "edge" else n * size
        requests += each
        likely += each * min(CPU_LIMIT_MS, took[d.service, d.config == "original"])
    return {"services": len(plan), "calls": calls, "hours": calls / a.calls_per_hour, "requests": requests,
            "vcpu_ms_at_most": requests * CPU_LIMIT_MS, "vcpu_ms_as_published": round(likely)}


def run(a, plan, state, out):
    known = len(state.data.get("pops") or [])
    pops = a.pops or known or POPS
    e = estimate(a, plan, pops)
    what = "given" if a.pops else "asked for" if known else "assumed"
    out.say(f"packages and services          {e['services']}")
    out.say(f"writes to the API              {e['services'] * WRITES} to make them, {e['services'] * 2} to remove them; "
            f"{WRITES_AN_HOUR} an hour are allowed")
    out.say(f"edge_check calls               {e['calls']}: {e['hours']:.1f} hours at {a.calls_per_hour} an hour")
    out.say(f"requests to the services       {e['requests']} with {pops} POPs ({what}), each answering an edge_check once")
    out.say(f"  of those free in a month     {100 * e['requests'] / FREE_REQUESTS:.1f}% of {FREE_REQUESTS}")
    out.say(f"vCPU-ms, at most               {e['vcpu_ms_at_most']} ({CPU_LIMIT_MS} ms a request, where the platform ends it)")
    out.say(f"  with the paper's times       {e['vcpu_ms_as_published']} (its Table 4, longer ones cut at {CPU_LIMIT_MS} ms)")
    out.say(f"  of those free in a month     {100 * e['vcpu_ms_at_most'] / FREE_VCPU_MS:.1f}% at most, of {FREE_VCPU_MS}")
    out.say(f"what is free: {FREE_SEEN}")
    over = e["requests"] > FREE_REQUESTS or e["vcpu_ms_at_most"] > FREE_VCPU_MS
    if over and not (a.accept_cost or a.dry_run or a.command == "cost"):
        raise KitError("that may be more than is free: ask for less (--traces, --times, --services), or say --accept-cost")
