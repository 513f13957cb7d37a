"""The bench's commands: `python -m bench --help` lists them."""

from collections.abc import Iterable
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import click

from bench.environments import RESULTS
from bench.errors import BenchError
from bench.server import serving
from bench.targets import SERVICE, TARGETS
from bench.workload import ROOT, workload

FOLDER = click.Path(file_okay=False, path_type=Path)
BODY = click.Path(exists=True, dir_okay=False, path_type=Path)


class Commands(click.Group):
    """Commands whose expected failures are a message, not a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except BenchError as error:
            raise click.ClickException(str(error)) from error


def echo(lines: Iterable[str]) -> None:
    """Print each line as it comes."""
    for line in lines:
        click.echo(line)


@click.group(cls=Commands)
def main() -> None:
    """Measure the service; bench/README.md describes how, and what the figures mean."""


@main.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=5, show_default=True, type=click.IntRange(1), help="Of each.")
@click.option("--only", multiple=True, type=click.Choice(list(TARGETS)), help="Repeat for several.")
@click.option("--out", type=FOLDER, help="For results; bench/results when all is measured.")
def compare(rounds: int, seconds: int, only: tuple[str, ...], out: Path | None) -> None:
    """Measure the service, its floor and its peers."""
    from bench.compare import compare, write  # noqa: PLC0415 - each command loads its own

    folder = out or (None if only else RESULTS)
    click.echo(write(compare(list(only or TARGETS), rounds, seconds), seconds, folder))


@main.command()
@click.option("--url", help="Base URL; without it, the service is started for the purpose.")
@click.option("--path", default="/predict", show_default=True)
@click.option(
    "--body", default=ROOT / "bom.json", type=BODY, help="JSON to post; bom.json if not given."
)
@click.option(
    "--slack-ms",
    default=100.0,
    show_default=True,
    help="What p99 may exceed the median of one connection by.",
)
@click.option(
    "--seconds", default=5, show_default=True, type=click.IntRange(1), help="Of each step."
)
@click.option("--connections", type=click.IntRange(1), help="The most; 64 for --url, else 1,024.")
@click.option("--out", type=FOLDER, help="For limit.json and limit.png; bench/results if no --url.")
def limit(
    *,
    url: str | None,
    path: str,
    body: Path,
    slack_ms: float,
    seconds: int,
    connections: int | None,
    out: Path | None,
) -> None:
    """Find how many requests a second a service sustains; KEY of the environment is its key."""
    from bench.limit import find, summary, write  # noqa: PLC0415

    out = out or (None if url else RESULTS)
    if out:
        from bench import chart  # noqa: F401, PLC0415 - missing, it is to be missed before the load
    connections = connections or (64 if url else 1024)
    with ExitStack() as running:
        if url is None:
            url = running.enter_context(serving(SERVICE, workload())).base_url
        found = find(
            url.rstrip("/") + path,
            body,
            slack_ms=slack_ms,
            seconds=seconds,
            max_connections=connections,
        )
    if out:
        write(found, out)
    click.echo(summary(found))


@main.command()
@click.option("--splits", default=10, show_default=True, type=click.IntRange(1))
@click.option("--windows", default=20, show_default=True, type=click.IntRange(1), help="Of each.")
@click.option("--stored", type=click.IntRange(10_000), help="Time a check of so many, instead.")
def monitor(splits: int, windows: int, stored: int | None) -> None:
    """Count how often the monitor finds real drift, and how often it finds drift without any."""
    from bench.checks import stored as checks  # noqa: PLC0415
    from bench.monitor import report, simulate, timed  # noqa: PLC0415

    shown = chain(simulate(splits, windows), map(timed, (5_000, 1_000_000)))
    echo(report(shown if stored is None else checks(stored)))


@main.command()
@click.option("--times", default=3, show_default=True, type=click.IntRange(1), help="Of each way.")
def hosts(times: int) -> None:
    """Measure what losing one of three hosts behind HAProxy costs clients; needs root."""
    from bench.hosts import report  # noqa: PLC0415

    echo(report(times))


@main.command()
@click.option("--windows", default=11, show_default=True, type=click.IntRange(1), help="Of each.")
def evidently(windows: int) -> None:
    """Hold the monitor's verdicts against Evidently's."""
    from bench.evidently import compare  # noqa: PLC0415

    echo(compare(windows))


@main.command()
@click.option("--turns", default=12, show_default=True, type=click.IntRange(min=4))
@click.option(
    "--beside",
    multiple=True,
    type=click.Choice([name for name, target in TARGETS.items() if target.peer]),
    help="A peer to measure as well; repeat for several.",
)
def turns(turns: int, beside: tuple[str, ...]) -> None:
    """Measure the service, the same without its journal, and its floor, all running, in turns."""
    from bench.turns import ratios  # noqa: PLC0415

    echo(ratios(turns, beside))


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
@click.option("--turns", default=12, show_default=True, type=click.IntRange(min=4))
@click.option("--recorded/--unrecorded", default=True, show_default=True)
def batches(turns: int, *, recorded: bool) -> None:
    """Compare batches over HTTP by a walked forest with those by ONNX Runtime, in turns."""
    from bench.batches import ratios  # noqa: PLC0415

    echo(ratios(turns, recorded=recorded))


@main.command()
@click.option("--turns", default=12, show_default=True, type=click.IntRange(min=4))
def protocols(turns: int) -> None:
    """Compare the protocols with the service's own JSON and, if it is installed, MLServer."""
    from bench.protocols import ratios  # noqa: PLC0415

    echo(ratios(turns))


@main.command()
@click.option("--pairs", default=20_000, show_default=True, type=click.IntRange(min=4))
def keys(pairs: int) -> None:
    """Measure what a key costs a request of one row, beside the same without."""
    from bench.keys import cost  # noqa: PLC0415

    echo(cost(pairs))


@main.command()
@click.option("--seconds", default=5, show_default=True, type=click.IntRange(1), help="Of each.")
def profile(seconds: int) -> None:
    """Show where one request's microseconds go."""
    from bench.profile import profile  # noqa: PLC0415

    click.echo(profile(seconds))


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


@main.command(name="lambda")
@click.option("--runs", default=20, show_default=True, type=click.IntRange(1), help="Of each way.")
def cold_start(runs: int) -> None:
    """Measure how long a function of AWS Lambda takes to its first response, and its memory."""
    from bench.cold_start import measure  # noqa: PLC0415

    echo(measure(runs))


@main.command()
@click.option("--turns", default=8, show_default=True, type=click.IntRange(min=4))
@click.option("--connections", default=64, show_default=True, type=click.IntRange(1))
def required(turns: int, connections: int) -> None:
    """Measure what it costs that responses wait until PostgreSQL has committed."""
    from bench.required import cost  # noqa: PLC0415

    echo(cost(turns, connections))


@main.command()
@click.option("--rows", default=100_000, show_default=True, type=click.IntRange(1_000))
def streams(rows: int) -> None:
    """Measure files of many rows, by the command line and over HTTP."""
    from bench.streams import measure  # noqa: PLC0415

    echo(measure(rows))


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
def models() -> None:
    """Measure what many models cost."""
    from bench.models import many  # noqa: PLC0415

    echo(many())


@main.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=5, show_default=True, type=click.IntRange(1), help="Of each.")
def trial(rounds: int, seconds: int) -> None:
    """Measure what a version that is tried on live traffic costs."""
    from bench.models import trial  # noqa: PLC0415

    echo(trial(rounds, seconds))


@main.command()
@click.option("--hosts", default=3, show_default=True, type=click.IntRange(1))
@click.option("--times", default=20, show_default=True, type=click.IntRange(1))
def promotions(hosts: int, times: int) -> None:
    """Measure how soon every host serves a version that was promoted in an object store."""
    from bench.promotions import measure  # noqa: PLC0415

    echo(measure(hosts, times))


@main.command()
@click.option("--lines", default=60, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=1, show_default=True)
def mutants(lines: int, seed: int) -> None:
    """Count how many small errors, in lines chosen at random, the tests notice."""
    from bench.mutants import try_all  # noqa: PLC0415

    echo(try_all(lines, seed))


if __name__ == "__main__":
    main(prog_name="python -m bench")
