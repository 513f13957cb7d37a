"""Commands that measure models, the monitor and the store without a service, and the tests."""

from itertools import chain
from pathlib import Path

import click

from bench.environments import RESULTS
from bench.group import FOLDER, echo, main


@main.command()
@click.option("--splits", default=10, show_default=True, type=click.IntRange(1))
@click.option("--windows", default=20, show_default=True, type=click.IntRange(1), help="Of each.")
@click.option("--stored", type=click.IntRange(10_000), help="Time a check of so many, instead.")
@click.option(
    "--on",
    default="sqlite",
    type=click.Choice(["sqlite", "postgresql", "archive"]),
    help="Of those.",
)
def monitor(splits: int, windows: int, stored: int | None, on: str) -> None:
    """Count how often the monitor finds real drift, and how often it finds drift without any."""
    from bench.checks import stored as checks  # noqa: PLC0415
    from bench.monitor import report, simulate, timed  # noqa: PLC0415

    shown = chain(simulate(splits, windows), map(timed, (5_000, 1_000_000)))
    echo(report(shown if stored is None else checks(stored, on)))


@main.command()
@click.option("--windows", default=11, show_default=True, type=click.IntRange(1), help="Of each.")
def evidently(windows: int) -> None:
    """Hold the monitor's verdicts against Evidently's."""
    from bench.evidently import compare  # noqa: PLC0415

    echo(compare(windows))


@main.command()
@click.option("--turns", default=20, show_default=True, type=click.IntRange(min=4))
def engines(turns: int) -> None:
    """Compare the time that a row takes a walked forest with ONNX Runtime's."""
    from bench.engines import compare  # noqa: PLC0415

    echo(compare(turns))


@main.command()
def explain() -> None:
    """Measure what explanations of trees cost a row, beside shap where make test-oracles put it."""
    from bench.explanations import measure  # noqa: PLC0415

    echo(measure())


@main.command()
@click.option("--runs", default=20, show_default=True, type=click.IntRange(1), help="Of each case.")
def gate(runs: int) -> None:
    """Count what the gate refuses after a drift, by the same live rows and by the figures."""
    from bench.gate import count  # noqa: PLC0415

    echo(count(runs))


@main.command()
@click.option(
    "--page", type=click.Path(dir_okay=False, path_type=Path), help="Write it there, as Markdown."
)
def story(page: Path | None) -> None:
    """Run the whole loop with real processes, from a drift to a better version; 3 minutes."""
    from bench.story import run  # noqa: PLC0415
    from bench.story_page import page as written  # noqa: PLC0415

    outcome = run(click.echo)
    if page:
        page.write_text(written(outcome), encoding="utf-8")


@main.command()
@click.option("--rows", type=click.IntRange(10_000), help="Query a store of so many, instead.")
@click.option("--on", default="sqlite", type=click.Choice(["sqlite", "postgresql"]))
def store(rows: int | None, on: str) -> None:
    """Measure how fast the store inserts predictions, or how long queries of a full one take."""
    from bench.partitions import measure  # noqa: PLC0415
    from bench.store import queries, rates  # noqa: PLC0415

    if rows is None:
        echo(rates(200_000))
    else:
        echo((measure if on == "postgresql" else queries)(rows))


@main.command()
@click.option("--rows", default=1_000_000, show_default=True, type=click.IntRange(10_000))
@click.option("--on", default="sqlite", type=click.Choice(["sqlite", "postgresql"]))
def searches(rows: int, on: str) -> None:
    """Measure how long the first page of each filter of a list of predictions takes."""
    from bench.searches import measure  # noqa: PLC0415

    echo(measure(on, rows))


@main.command()
@click.option("--only", multiple=True, help="Sets whose names contain this; repeat for several.")
@click.option("--out", type=FOLDER, help="For quality.md; bench/results when all is measured.")
def quality(only: tuple[str, ...], out: Path | None) -> None:
    """Hold the model that a CSV gets by default against scikit-learn's own default."""
    from bench.quality import measure_all  # noqa: PLC0415
    from bench.quality_tables import tables  # noqa: PLC0415

    text = "\n".join(tables(measure_all(only)))
    click.echo(text)
    folder = out or (None if only else RESULTS)
    if folder:
        (folder / "quality.md").write_text(text + "\n", encoding="utf-8")


@main.command()
@click.option("--lines", default=60, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=1, show_default=True)
def mutants(lines: int, seed: int) -> None:
    """Count how many small errors, in lines chosen at random, the tests notice."""
    from bench.mutants import try_all  # noqa: PLC0415

    echo(try_all(lines, seed))


@main.command()
@click.option("--few", type=click.IntRange(1), help="Only the first so many cases.")
def memory(few: int | None) -> None:
    """Measure how much memory trainings take, beside the estimate."""
    from bench.memory import measure  # noqa: PLC0415

    echo(measure(few))


@main.command()
@click.option("--rows", default=50_000, show_default=True, type=click.IntRange(1_000))
@click.option("--estimator", default="random-forest", show_default=True)
@click.option("--turns", default=1, show_default=True, type=click.IntRange(1))
def training(rows: int, estimator: str, turns: int) -> None:
    """Measure a training by two workers of a cluster, beside one here; after make test-cluster."""
    from bench.training import measure  # noqa: PLC0415

    echo(measure(rows, estimator, turns))


@main.command()
@click.option("--rows", multiple=True, type=click.FloatRange(1), help="A day; repeat for several.")
@click.option("--batch", default=1, show_default=True, type=click.IntRange(1), help="A request.")
@click.option("--stored", default=30, show_default=True, type=click.IntRange(1), help="Days.")
@click.option("--archived", default=365, show_default=True, type=click.IntRange(0), help="Days.")
@click.option("--core", default=36.0, show_default=True, help="US dollars a month, with 4 GB.")
@click.option("--disk", default=0.1, show_default=True, help="US dollars a GB and month.")
@click.option("--objects", default=0.023, show_default=True, help="US dollars a GB and month.")
def scale(rows: tuple[float, ...], batch: int, stored: int, archived: int, **prices: float) -> None:
    """Compute what so many predictions a day need; docs/scale.md has the formula."""
    from bench.scale import Load, Prices, table  # noqa: PLC0415

    loads = [Load(each, batch, stored, archived) for each in rows or (1e6, 1e8, 1e9)]
    echo(table(loads, Prices(**prices)))
