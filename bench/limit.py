"""How many requests a second a service sustains: more and more connections, until it gives way."""

import http.client
import json
import os
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench import report, wrk
from bench.errors import BenchError
from bench.usage import Reading, Usage, listener

CONNECTIONS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
WARM_UP = 1
GROWTH = 1.05  # of throughput from one step to the next, below which it has stopped growing
PORTS = {"http": http.client.HTTP_PORT, "https": http.client.HTTPS_PORT}
LOCAL = {"127.0.0.1", "localhost", "::1", "0.0.0.0"}


@dataclass(frozen=True)
class Step:
    """What one number of connections gave; `usage` where the server runs on this machine."""

    connections: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: str
    usage: Usage | None


@dataclass(frozen=True)
class Limit:
    """Where the load was stepped up to, why it went no further, and what was saturated there.

    Attributes
    ----------
    p99_bound_ms : float
        The median of one connection, which is mostly the way there, and what p99 may exceed it by.
    sustained : Step or None
        The step with the most requests a second of those within the bound and without errors.
    """

    url: str
    p99_bound_ms: float
    seconds: int
    steps: list[Step]
    sustained: Step | None
    stopped: str
    saturated: str


def find(url: str, body: Path, *, slack_ms: float, seconds: int, max_connections: int) -> Limit:
    """Step the load up until p99 passes the bound, an error appears or the connections are reached.

    The key, if the service needs one, is the environment's `KEY`.

    Parameters
    ----------
    slack_ms : float
        What p99 may exceed the median of one connection by.
    seconds : int
        Of each step.

    Raises
    ------
    BenchError
        If wrk is missing, or the service does not answer the body with 200 to begin with.
    """
    wrk.require()
    _require_answer(url, body)
    parts = urlsplit(url)
    root = listener(parts.port or PORTS[parts.scheme]) if parts.hostname in LOCAL else None
    wrk.run(url, body, connections=CONNECTIONS[2], seconds=WARM_UP)
    steps: list[Step] = []
    stopped = f"{max_connections} connections, the highest number that is tried"
    for connections in (each for each in CONNECTIONS if each <= max_connections):
        step = _step(url, body, connections, seconds, root)
        steps.append(step)
        p99_bound_ms = steps[0].p50_ms + slack_ms
        print(f"{connections:5} connections: {step.requests_per_second:10,.1f} req/s", end="")
        print(f", p50 {step.p50_ms:.2f} ms, p99 {step.p99_ms:.2f} ms", end="")
        print(f", {step.errors or 'no errors'}", flush=True)
        if step.errors:
            stopped = f"errors at {connections} connections: {step.errors}"
            break
        if step.p99_ms > p99_bound_ms:
            stopped = f"p99 passed {p99_bound_ms:.0f} ms at {connections} connections"
            break
    within = [one for one in steps if not one.errors and one.p99_ms <= p99_bound_ms]
    best = max(within, key=lambda one: one.requests_per_second, default=None)
    return Limit(url, p99_bound_ms, seconds, steps, best, stopped, _saturated(steps))


def _step(url: str, body: Path, connections: int, seconds: int, root: int | None) -> Step:
    before = Reading.take(root) if root else None
    run = wrk.run(url, body, connections=connections, seconds=seconds)
    usage = before.until(Reading.take(root)) if before and root else None
    return Step(connections, run.per_second, run.p50_ms, run.p99_ms, run.fault, usage)


def _saturated(steps: list[Step]) -> str:
    *earlier, last = steps
    if last.usage:
        return last.usage.verdict()
    highest = max((one.requests_per_second for one in earlier), default=0.0)
    if last.requests_per_second > highest * GROWTH:
        return "nothing yet, it seems: requests a second still grew"
    return (
        "the server or the way to it: more connections only waited longer; run this on the "
        "server's own machine to see which process it is"
    )


def _require_answer(url: str, body: Path) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "adega-bench"}
    if key := os.environ.get("KEY"):
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, body.read_bytes(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=wrk.PATIENCE) as response:
            status, text = response.status, ""
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read(300).decode(errors="replace")
    except OSError as error:
        raise BenchError(f"nothing answers at {url}: {error}; is the service running?") from error
    if status != http.HTTPStatus.OK:
        raise BenchError(f"{url} answers {status} to {body}: {text}")


def summary(limit: Limit) -> str:
    """The result as Markdown."""
    heads = ["connections", "requests/s", "p50 ms", "p99 ms", "server, cores", "wrk, cores"]
    rows = [
        [
            str(step.connections),
            *map(report.number, (step.requests_per_second, step.p50_ms, step.p99_ms)),
            report.number(sum(step.usage.server.values()) if step.usage else None),
            report.number(step.usage.wrk if step.usage else None),
        ]
        for step in limit.steps
    ]
    found = "Not even one connection is answered within the bound."
    if limit.sustained:
        rate, count = limit.sustained.requests_per_second, limit.sustained.connections
        found = f"{rate:,.0f} requests/s are sustained (connections: {count})."
    verdict = f"Stopped: {limit.stopped}. Saturated: {limit.saturated}."
    return "\n".join([f"# {limit.url}", "", *report.table(heads, rows), "", found, verdict])


def write(limit: Limit, folder: Path) -> None:
    """Write limit.json and limit.png."""
    from bench.chart import draw  # noqa: PLC0415 - the only need for a plotting library

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "limit.json").write_text(json.dumps(asdict(limit), indent=1) + "\n")
    draw(limit, folder / "limit.png")
