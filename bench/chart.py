"""The curve of a limit: requests a second against how long they took."""

from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError

try:
    import matplotlib as mpl
    from matplotlib import pyplot as plt
except ImportError as error:
    raise BenchError(
        "the picture needs matplotlib: `.venv/bin/pip install -r bench/requirements.txt`"
    ) from error

if TYPE_CHECKING:
    from bench.limit import Limit

mpl.use("agg")


def draw(limit: "Limit", path: Path) -> None:
    """Draw p50 and p99 of each step, the bound and what is sustained."""
    rates = [step.requests_per_second for step in limit.steps]
    figure, axes = plt.subplots(figsize=(9, 5.5), layout="constrained")
    axes.plot(rates, [step.p50_ms for step in limit.steps], "o-", linewidth=0.7, label="p50")
    axes.plot(rates, [step.p99_ms for step in limit.steps], "s-", linewidth=0.7, label="p99")
    axes.axhline(limit.p99_bound_ms, color="grey", linestyle="--", label="bound of p99")
    for step in limit.steps:
        place = (step.requests_per_second, step.p99_ms)
        axes.annotate(str(step.connections), place, (0, 7), textcoords="offset points")
    if limit.sustained:
        rate = limit.sustained.requests_per_second
        axes.axvline(rate, color="green", alpha=0.4, label=f"sustained: {rate:,.0f} requests/s")
    axes.set(xlabel="requests a second", ylabel="milliseconds", yscale="log", title=limit.url)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    axes.legend(title="beside p99: connections")
    figure.savefig(path, dpi=120)
    plt.close(figure)
