"""Commands that measure a service which runs, over HTTP or in a process."""

from contextlib import ExitStack
from pathlib import Path

import click

from bench.environments import RESULTS
from bench.group import FOLDER, echo, main
from bench.server import serving
from bench.targets import SERVICE, TARGETS
from bench.workload import ROOT, workload

BODY = click.Path(exists=True, dir_okay=False, path_type=Path)


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
@click.option("--times", default=3, show_default=True, type=click.IntRange(1), help="Of each way.")
def hosts(times: int) -> None:
    """Measure what losing one of three hosts behind HAProxy costs clients; needs root."""
    from bench.hosts import report  # noqa: PLC0415

    echo(report(times))


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
@click.option("--rows", default=4_000_000, show_default=True, type=click.IntRange(10_000))
@click.option("--turns", default=3, show_default=True, type=click.IntRange(1))
@click.option("--files", default=8, show_default=True, type=click.IntRange(1))
def parquet(rows: int, turns: int, files: int) -> None:
    """Measure files of Parquet: by one process and two, by the engine, by pandas."""
    from bench.parquet import measure  # noqa: PLC0415

    echo(measure(rows, turns, files))


@main.command()
@click.option("--rows", default=4_000_000, show_default=True, type=click.IntRange(10_000))
@click.option("--turns", default=3, show_default=True, type=click.IntRange(1))
def spark(rows: int, turns: int) -> None:
    """Measure Spark on two cores, beside two processes; needs `make test-spark` once."""
    from bench.spark import measure  # noqa: PLC0415

    echo(measure(rows, turns))


@main.command()
@click.option("--rows", default=1_000_000, show_default=True, type=click.IntRange(10_000))
def archive(rows: int) -> None:
    """Measure the archive: moving, reading, and a query of DuckDB over ten million rows."""
    from bench.archive import measure  # noqa: PLC0415

    echo(measure(rows))


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
