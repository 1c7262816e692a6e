"""What is made on the platform, and unmade: services, their host names and packages; the POPs that there are.

In:  packages (package.py), the API (api.py), the state file. Out: the state file; services that answer.
Holds: each step is written down when it is done, and is not done again; a service is named in the state file before it is made.
       `clean` touches the services that the state file names, and nothing else.
"""
import urllib.parse
from pathlib import Path

import edge
from api import ApiError
from common import FAILED, KitError, shown
from package import package_of

PATIENCE = 900  # seconds for a service to answer after it was activated


def ready(api):
    """Is the token good? Asked first, so that a wrong one ends the run before anything is made."""
    return api.call("GET", "/tokens/self")


def lookup(api, record):
    """The service of this name, if one was made."""
    return api.find("/service/search?" + urllib.parse.urlencode({"name": record["name"]}))


def first_version(service):
    return max([v["number"] for v in service.get("versions") or []], default=1)


def make_service(api, state, record, new):
    service = None if new else lookup(api, record)
    if not service:
        form = {"name": record["name"], "type": "wasm", "comment": "made by scripts/fastly/kit.py of mewe; kit.py clean removes it"}
        service = api.make("/service", form, lambda: lookup(api, record))
    if not service.get("id"):
        raise KitError("POST /service: the answer has no id: run this again later")
    record.update(id=service["id"], version=first_version(service))
    state.done(record, "service")


def upload(api, state, record, packed):
    """A version that was activated is locked: another package goes into a copy of it."""
    at = f"/service/{record['id']}/version/{record['version']}"
    if "active" in record["done"]:
        copy = api.call("PUT", f"{at}/clone")
        record["version"] = copy.get("number", record["version"])
        record["done"] = [x for x in record["done"] if x not in ("package", "active", "answers")]
        state.save()
        at = f"/service/{record['id']}/version/{record['version']}"
    archive = Path(packed["archive"])
    answer = api.call("PUT", f"{at}/package", upload=(archive.name, b"" if api.dry else archive.read_bytes()))
    theirs = (answer.get("metadata") or {}).get("files_hash")
    if theirs and theirs != packed["files_hash"]:
        raise KitError(f"{record['name']}: the platform has other files ({theirs[:16]}...) than were sent ({packed['files_hash'][:16]}...)")
    record.update(files_hash=packed["files_hash"], module=packed["module"])
    state.done(record, "package")


def activate(api, state, record):
    at = f"/service/{record['id']}/version/{record['version']}"
    try:
        api.call("PUT", f"{at}/activate")
    except ApiError:  # refused because an earlier try has done it, perhaps
        if not (api.find(at) or {}).get("active"):
            raise
    state.done(record, "active")


def one(api, state, d, packed):
    record, new = state.begin(d)
    if "service" not in record["done"]:
        make_service(api, state, record, new)
    at = f"/service/{record['id']}/version/{record['version']}"
    if "domain" not in record["done"]:
        api.make(f"{at}/domain", {"name": record["domain"]}, lambda: api.find(f"{at}/domain/{record['domain']}"))
        state.done(record, "domain")
    if "backend" not in record["done"]:  # a version needs one to be activated; this one, as the CLI makes it, is never asked
        api.make(f"{at}/backend", {"name": "originless", "address": "127.0.0.1", "port": 80}, lambda: api.find(f"{at}/backend/originless"))
        state.done(record, "backend")
    if "package" not in record["done"] or record.get("files_hash") != packed["files_hash"]:
        upload(api, state, record, packed)
    if "active" not in record["done"]:
        activate(api, state, record)
    return record


def wait(a, clock, out, d, record):
    """Until it answers as the service does: the network takes a while to know it."""
    until, k = clock.time() + a.patience, 0
    while True:
        with edge.Node(a.edge, record["domain"]) as node:
            try:
                return edge.checked(d, node.get("/"))
            except edge.Bad as e:
                k += 1
                if clock.time() >= until:
                    raise KitError(f"{record['domain']} does not answer as {d.name} after {a.patience} s: {e}: run this again") from e
        out.progress(f"deploy: waiting for {record['domain']}: asked {k} times")
        clock.sleep(min(30, 2 ** min(k, 5)))


def run(a, plan, api, state, clock, out):
    ready(api)
    for k, d in enumerate(plan):
        packed = {"archive": f"pkg/mewe-{d.host_name}.tar.gz", "files_hash": "", "module": ""} if api.dry else package_of(a.work, d)
        out.progress(f"deploy {k + 1}/{len(plan)} {d.name}")
        one(api, state, d, packed)
    for d in plan:
        record = state.services[d.name]
        if "answers" in record["done"]:
            continue
        if api.dry:
            out.say(f"  GET https://{record['domain']}/ until it answers")
            continue
        wait(a, clock, out, d, record)
        state.done(record, "answers")
    out.progress_end()
    if not api.dry:
        out.say(f"deploy: {len(plan)} services answer; {api.retries} calls tried again; what was made is in {shown(state.path)}")


def pops(api, state, out):
    """The platform's points of presence, by their three letters."""
    found = [p for p in api.call("GET", "/datacenters") if isinstance(p, dict) and p.get("code")]
    if api.dry:
        return
    state.data["pops"] = sorted(p["code"] for p in found)
    state.save()
    for p in sorted(found, key=lambda p: p["code"]):
        out.say(f"{p['code']}  {p.get('group', '-'):<16} {p.get('name', '')}")
    out.say(f"pops: {len(found)}")


# ---- unmaking --------------------------------------------------------------------------------------------------------

def gone(api, path, method="DELETE"):
    """Done now, or before."""
    try:
        api.call(method, path)
    except ApiError as e:
        if e.status not in (404, 410):
            raise


def deactivate(api, record):
    """Refused where it is not active: what counts is that the service can be deleted after it."""
    try:
        gone(api, f"/service/{record['id']}/version/{record['version']}/deactivate", "PUT")
    except ApiError as e:
        if e.status not in (400, 409, 422):
            raise


def unmake(api, state, name):
    record = state.services[name]
    if "id" not in record:  # named, and perhaps made: an interrupted run did not hear
        service = lookup(api, record)
        if service:
            record.update(id=service["id"], version=first_version(service))
            state.save()
    if "id" in record:
        deactivate(api, record)
        gone(api, f"/service/{record['id']}")
    del state.services[name]
    state.save()


def remains(state, name):
    return f"{name} (service {state.services[name].get('id', 'of unknown id')}, {state.services[name]['name']})"


def clean(api, state, out):
    """All that can be removed; exit code 1 if something remains."""
    names = sorted(state.services)
    if not names:
        out.say("clean: nothing was made, nothing remains")
        return 0
    ready(api)
    left = []
    for k, name in enumerate(names):
        out.progress(f"clean {k + 1}/{len(names)} {name}")
        try:
            unmake(api, state, name)
        except ApiError as e:
            left.append(f"{remains(state, name)}: {e}")
        except KitError as e:  # no answer: the others would get none, either
            if e.code != FAILED:
                raise
            left += [f"{remains(state, n)}: {e if n == name else 'not tried'}" for n in names[k:]]
            break
    out.progress_end()
    if api.dry:
        return 0
    for line in left:
        out.say(f"remains: {line}")
    out.say(f"clean: {len(names) - len(left)} services deleted, {len(left)} remain" + (": run this again" if left else ""))
    return int(bool(left))
