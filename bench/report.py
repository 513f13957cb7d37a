"""Figures as tables."""

from collections.abc import Iterable, Mapping
from typing import Any

from bench.goals import SINGLE, Goal, Targets, batch_rate, memory, single_p99, single_rate, start
from bench.measure import BATCHERS, MIXED_SINGLES, SINGLES, TYPICAL, TargetFigures
from bench.targets import FLOOR, SERVICE, TARGETS

NOTHING = "—"


def brief(figures: TargetFigures) -> str:
    """One line, for whoever watches the bench run."""
    rows = f", {batch_rate(figures):,.0f} rows/s" if "batch" in figures.loads else ""
    return (
        f"{single_rate(figures):,.1f} req/s, p99 {single_p99(figures):.1f} ms{rows}, "
        f"{memory(figures):.0f} MB, {start(figures):.2f} s to start"
    )


def markdown(
    facts: Mapping[str, Any], targets: Targets, ceiling: float, goals: list[Goal], runs: str
) -> str:
    """All of it as a page."""
    sections = {
        "# The service beside its floor and its peers": [_head(facts, runs)],
        f"## What was to be shown ({TYPICAL} connections with one row, {BATCHERS} with batches)": (
            table(
                ["figure", "target", "measured", "met"],
                (
                    [goal.figure, goal.target, number(goal.measured), "yes" if goal.met else "no"]
                    for goal in goals
                ),
            )
        ),
        "## One row a request: requests a second · p50 / p99 in ms": _singles(targets),
        f"## {BATCHERS} connections with batches, and what it all costs": _costs(targets),
        "## Notes": [_notes(facts, targets, ceiling)],
    }
    return "\n".join(line for head, body in sections.items() for line in (head, "", *body, ""))


def _head(facts: Mapping[str, Any], runs: str) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in facts["libraries"].items())
    where = f"{facts['cores']} cores of {facts['processor']}, {facts['system']}"
    with_what = f"Python {facts['python']}, {libraries}"
    return f"{facts['date']}, commit {facts['commit']}; {where}; {with_what}. {runs}"


def _notes(facts: Mapping[str, Any], targets: Targets, ceiling: float) -> str:
    pins = [", ".join(facts["peers"][name]) for name in targets if name in facts["peers"]]
    return (
        f"ONNX Runtime in-process, the same batches in two processes: {ceiling:,.0f} rows/s. "
        f"*Beside batches*: {MIXED_SINGLES} connections with one row while {BATCHERS} send "
        "batches, at the rows/s in brackets. Ratios are of requests/s over "
        f"{TYPICAL} connections. bench/README.md describes how all this is measured. "
        f"Peers: {'; '.join(pins) or 'none'}."
    )


def _singles(targets: Targets) -> list[str]:
    heads = [f"{count} connection{'s' * (count > 1)}" for count in SINGLES]
    rows = []
    for name, figures in targets.items():
        loads = [figures.loads[f"one-{count}"] for count in SINGLES]
        cells = [
            f"{number(load.requests_per_second)} · {number(load.p50_ms)} / {number(load.p99_ms)}"
            for load in loads
        ]
        ratios = [_ratio(figures, targets.get(other.name)) for other in (FLOOR, SERVICE)]
        cpu = number(figures.loads[SINGLE].cpu_us)
        rows.append([_title(name), *cells, cpu, *ratios])
    return table(["target", *heads, "processor µs/request", "÷ floor", "÷ service"], rows)


def _costs(targets: Targets) -> list[str]:
    rows = []
    for name, figures in targets.items():
        cells = [NOTHING] * 3
        if "batch" in figures.loads:
            batch, mixed = figures.loads["batch"], figures.loads["mixed"]
            beside = figures.loads["mixed-batch"].rows_per_second
            cells = [
                number(batch.rows_per_second),
                f"{number(batch.p50_ms)} / {number(batch.p99_ms)}",
                f"{number(mixed.p99_ms)} ({number(beside)})",
            ]
        rows.append([_title(name), *cells, number(memory(figures)), number(start(figures))])
    heads = ["rows/s", "p50 / p99 ms", "one row beside batches, p99 ms", "PSS MB", "start s"]
    return table(["target", *heads], rows)


def _title(name: str) -> str:
    return f"**{name}**: {TARGETS[name].title}"


def _ratio(figures: TargetFigures, other: TargetFigures | None) -> str:
    return number(single_rate(figures) / single_rate(other)) if other else NOTHING


def number(value: float | None) -> str:
    """Three digits, or all of those before the decimal point."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def table(heads: list[str], rows: Iterable[list[str]]) -> list[str]:
    """The lines of a Markdown table; all columns but the first are numbers."""
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]
