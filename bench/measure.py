"""The measurements of one target in one round."""

from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench import processes, wrk
from bench.errors import BenchError
from bench.server import Server, serving
from bench.targets import Target
from bench.workload import BATCH, Workload

SINGLES = (1, 16, 64)  # connections with one row a request
TYPICAL = 16
BATCHERS = 2  # connections with BATCH rows a request
MIXED_SINGLES = 8  # connections with one row, while BATCHERS send batches
SETTLING = 30  # seconds a target is given to end what the start, or the load before, left to do
WARM_UP = 1  # seconds before anything is timed


@dataclass(frozen=True)
class LoadFigures:
    """One kind of load on one target; `cpu_us` is processor time per request, where known."""

    requests_per_second: float
    rows_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float | None


@dataclass(frozen=True)
class TargetFigures:
    """One target in one round, or the median of rounds.

    Attributes
    ----------
    loads : dict of str to LoadFigures
        By name: `one-1`, `one-16`, `one-64`, `batch`, `mixed` and
        `mixed-batch` (the two measured together).
    start_seconds : float
        From the start of the process to its first right answer.
    memory_mb : float
        PSS of the whole process tree, after the loads.
    """

    loads: dict[str, LoadFigures]
    start_seconds: float
    memory_mb: float


def measure(target: Target, work: Workload, seconds: int) -> TargetFigures:
    """Start a target, put every load on it and end it.

    Raises
    ------
    BenchError
        If one request fails: figures that contain errors are worth nothing.
    """
    with serving(target, work) as server:
        wrk.run(server.one_url, server.one, connections=TYPICAL, seconds=WARM_UP)
        loads = {f"one-{count}": _singles(server, count, seconds) for count in SINGLES}
        if target.batches:
            loads["batch"] = _batches(server, seconds)
            loads |= _mixed(server, seconds)
        memory = processes.tree_pss_mb(server.pid)
        return TargetFigures(loads, server.seconds_to_answer, memory)


def middle(rounds: list[TargetFigures]) -> TargetFigures:
    """The median of each figure over rounds."""
    middles = _middle([asdict(one) for one in rounds])
    loads = {name: LoadFigures(**figures) for name, figures in middles.pop("loads").items()}
    return TargetFigures(loads, **middles)


def _middle(values: list[Any]) -> Any:
    if isinstance(values[0], dict):
        return {key: _middle([value[key] for value in values]) for key in values[0]}
    return None if values[0] is None else median(values)


def _singles(server: Server, connections: int, seconds: int) -> LoadFigures:
    processes.rest(server.pid, SETTLING)
    before = processes.tree_cpu_seconds(server.pid)
    run = wrk.run(server.one_url, server.one, connections=connections, seconds=seconds)
    return _figures(server, run, 1, processes.tree_cpu_seconds(server.pid) - before)


def _batches(server: Server, seconds: int) -> LoadFigures:
    processes.rest(server.pid, SETTLING)
    before = processes.tree_cpu_seconds(server.pid)
    run = wrk.run(server.many_url, server.many, connections=BATCHERS, seconds=seconds)
    return _figures(server, run, BATCH, processes.tree_cpu_seconds(server.pid) - before)


def _mixed(server: Server, seconds: int) -> dict[str, LoadFigures]:
    """Single rows while batches run."""
    processes.rest(server.pid, SETTLING)
    batches = wrk.start(server.many_url, server.many, connections=BATCHERS, seconds=seconds)
    singles = wrk.start(server.one_url, server.one, connections=MIXED_SINGLES, seconds=seconds)
    runs = wrk.finish(singles, seconds), wrk.finish(batches, seconds)
    return {
        "mixed": _figures(server, runs[0], 1),
        "mixed-batch": _figures(server, runs[1], BATCH),
    }


def _figures(
    server: Server, run: wrk.Figures, rows: int, cpu_seconds: float | None = None
) -> LoadFigures:
    if run.fault:
        raise BenchError(
            f"{server.target.name} failed under load: {run.fault}; nothing is reported"
        )
    return LoadFigures(
        run.per_second,
        run.per_second * rows,
        run.p50_ms,
        run.p99_ms,
        None if cpu_seconds is None else cpu_seconds / run.requests * 1e6,
    )
