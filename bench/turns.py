"""The service, the same without its journal, the floor and others, all running, loaded in turns.

The processors of a shared machine are now fast, now slow. Turns of two seconds see the same of it,
so the ratios of each turn hold where figures taken minutes apart do not.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median

from bench import processes, wrk
from bench.errors import BenchError
from bench.measure import SETTLING, TYPICAL
from bench.ratio import ratio
from bench.server import serving
from bench.targets import TARGETS
from bench.workload import workload

NAMES = ("service", "unrecorded", "floor")
PAIRS = (("service", "unrecorded"), ("service", "floor"), ("unrecorded", "floor"))
SECONDS = 2


def ratios(turns: int, beside: tuple[str, ...] = ()) -> Iterator[str]:
    """Lines of requests a second, and of each ratio with the middle half of its turns.

    Parameters
    ----------
    beside : tuple of str
        Further targets to divide the service by.
    """
    wrk.require()
    work, names = workload(), (*NAMES, *beside)
    rates: dict[str, list[float]] = {name: [] for name in names}
    with ExitStack() as running:
        servers = {name: running.enter_context(serving(TARGETS[name], work)) for name in names}
        for server in servers.values():
            wrk.run(server.one_url, server.one, connections=TYPICAL, seconds=1)
        for turn in range(turns):
            for name in names if turn % 2 else reversed(names):
                for server in servers.values():  # a collector has work left, too
                    processes.rest(server.pid, SETTLING)
                run = wrk.run(
                    servers[name].one_url,
                    servers[name].one,
                    connections=TYPICAL,
                    seconds=SECONDS,
                )
                if run.fault:
                    raise BenchError(f"{name} failed under load: {run.fault}")
                rates[name].append(run.per_second)
    for name, found in rates.items():
        yield f"{name:12} {median(found):7,.0f} requests/s"
    for over, under in (*PAIRS, *(("service", name) for name in beside)):
        yield f"{over} ÷ {under}: {ratio(rates[over], rates[under])}"
