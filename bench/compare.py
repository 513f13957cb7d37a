"""Interleaved rounds over all targets, and the results as files."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench import ceiling, goals, machine, report, wrk
from bench.measure import TargetFigures, measure, middle
from bench.targets import TARGETS
from bench.workload import workload


@dataclass(frozen=True)
class Comparison:
    """Medians over rounds, and the rounds they are the medians of."""

    targets: dict[str, TargetFigures]
    ceiling: float
    rounds: list[dict[str, TargetFigures]]
    ceilings: list[float]


def compare(names: list[str], rounds: int, seconds: int) -> Comparison:
    """Measure each target in turn, and all of them again in the next round."""
    wrk.require()
    for name in names:
        _ = TARGETS[name].python  # makes its environment, before anything is timed
    work, ceilings = workload(), []
    done: list[dict[str, TargetFigures]] = []
    for turn in range(1, rounds + 1):
        done.append({})
        ceilings.append(ceiling.rows_per_second(work, seconds))
        print(f"round {turn}: ONNX Runtime in-process {ceilings[-1]:,.0f} rows/s", flush=True)
        for name in names:
            figures = done[-1][name] = measure(TARGETS[name], work, seconds)
            print(f"round {turn}: {name:10} {report.brief(figures)}", flush=True)
    middles = {name: middle([one[name] for one in done]) for name in names}
    return Comparison(middles, median(ceilings), done, ceilings)


def write(comparison: Comparison, seconds: int, folder: Path | None) -> str:
    """Return the results as Markdown; write compare.md and compare.json into a folder, if given."""
    facts = machine.facts()
    reached = goals.reached(comparison.targets, comparison.ceiling)
    runs = f"Medians of {len(comparison.rounds)} interleaved rounds, {seconds} s a measurement."
    text = report.markdown(facts, comparison.targets, comparison.ceiling, reached, runs)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "compare.md").write_text(text)
        shown = [asdict(goal) for goal in reached]
        content = {"machine": facts, "seconds": seconds, "goals": shown, **asdict(comparison)}
        (folder / "compare.json").write_text(json.dumps(content, indent=1) + "\n")
    return text
