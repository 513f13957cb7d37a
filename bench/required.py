"""What it costs that responses wait for PostgreSQL's commit: the same service with and without.

Both run at the same time and are loaded in turns, as the processors of a shared machine are now
fast, now slow. PostgreSQL writes to the disk at each commit (`fsync`).
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from statistics import median

from bench import postgres, processes, wrk
from bench.errors import BenchError
from bench.measure import SETTLING
from bench.ratio import ratio
from bench.server import Server, free_ports, serving
from bench.targets import SERVICE
from bench.workload import workload

WAYS = {"off": "JOURNAL_REQUIRED=off", "store": "JOURNAL_REQUIRED=store"}
SECONDS = 3


def cost(turns: int, connections: int) -> Iterator[str]:
    """Yield requests a second, latencies and processor time of both, and the ratio of the rates."""
    wrk.require()
    with ExitStack() as running:
        port = int(free_ports(1)[0])
        database = running.enter_context(postgres.running(port, fsync=True))
        work, servers = workload(), {}
        for way in WAYS:
            settings = {"JOURNAL_REQUIRED": way, "DATABASE_URL": database.new()}
            target = replace(SERVICE, settings=SERVICE.settings | settings)
            servers[way] = running.enter_context(serving(target, work))
            _load(servers[way], connections, 1)
        found: dict[str, list[wrk.Figures]] = {way: [] for way in WAYS}
        spent: dict[str, list[float]] = {way: [] for way in WAYS}
        for turn in range(turns):
            for way in WAYS if turn % 2 else reversed(WAYS):
                for each in servers.values():  # a collector has work left, too
                    processes.rest(each.pid, SETTLING)
                before = _spent(servers[way], database)
                run = _load(servers[way], connections, SECONDS)
                processes.rest(servers[way].pid, SETTLING)
                found[way].append(run)
                spent[way].append((_spent(servers[way], database) - before) / run.requests * 1e6)
    for way, runs in found.items():
        yield (
            f"{WAYS[way]:22} {median(run.per_second for run in runs):7,.0f} requests/s, "
            f"p50 {median(run.p50_ms for run in runs):.1f} ms, "
            f"p99 {median(run.p99_ms for run in runs):.1f} ms; "
            f"{median(spent[way]):.0f} µs of processors a request, PostgreSQL's too"
        )
    rates = {way: [run.per_second for run in runs] for way, runs in found.items()}
    yield f"store ÷ off, {connections} connections: {ratio(rates['store'], rates['off'])}"


def _load(server: Server, connections: int, seconds: int) -> wrk.Figures:
    run = wrk.run(server.one_url, server.one, connections=connections, seconds=seconds)
    if run.fault:
        raise BenchError(f"it failed under load: {run.fault}")
    return run


def _spent(server: Server, database: postgres.Postgres) -> float:
    return sum(processes.tree_cpu_seconds(pid) for pid in (server.pid, database.pid()))
