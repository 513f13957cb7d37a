"""What all training commands do: train with a progress bar, print the summary, and promote."""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click

from serving.errors import VersionRefused
from serving.models.manifest import Manifest
from serving.models.signatures import key_for_new_versions
from serving.settings import Settings
from serving.versions.object_store import ObjectStore
from serving.versions.versions import whoever_runs_this
from train import report, retrain
from train.assemble import Trained
from train.cluster.address import scheduler_of
from train.feedback_source import MAX_LIVE
from train.fitting.tasks import computed_by
from train.problem import Problem
from train.progress import Progress, Report
from train.tables.files import Files
from train.training import train

NOT_PUT_LIVE = 3  # the exit code of --auto where the gate objects


class Options(NamedTuple):
    """The options that all training commands have.

    Attributes
    ----------
    who, why : str
        What is recorded of the version; nothing if nobody is named.
    """

    with_feedback: bool
    max_live: int
    auto: bool
    who: str
    why: str = ""


def training_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that all have, as one argument."""

    @click.option("--with-feedback", is_flag=True, help="Add live records that have feedback.")
    @click.option(
        "--max-live",
        type=click.IntRange(1),
        default=MAX_LIVE,
        show_default=True,
        help="How many live records to add at most; the latest are taken.",
    )
    @click.option(
        "--auto", is_flag=True, help="Put it live if the gate allows it; exit code 3 if not."
    )
    @click.option("--unrecorded", is_flag=True, hidden=True)  # by the monitor, which says why
    @click.option(
        "--on", metavar="dask://HOST:8786", help="Train on the workers of a cluster of Dask."
    )
    @functools.wraps(command)
    def with_options(
        *args: Any,
        with_feedback: bool,
        max_live: int,
        auto: bool,
        unrecorded: bool,
        on: str | None,
        **others: Any,
    ) -> None:
        who = "" if unrecorded else whoever_runs_this()
        with _computed_on(on):
            command(*args, options=Options(with_feedback, max_live, auto, who), **others)

    return with_options


@contextmanager
def _computed_on(cluster: str | None) -> Iterator[None]:
    """Train on a cluster, if one is named; it is reached before anything is read."""
    if not cluster:
        yield
        return
    scheduler = scheduler_of(cluster)
    from train.cluster.on_dask import connected  # noqa: PLC0415 - Dask is optional

    with connected(scheduler) as tasks, computed_by(tasks):
        click.echo(f"training on {tasks.summary} at {cluster}", err=True)
        yield


def run(
    problem: Problem, data: Path | Files, options: Options, report_to: Report | None = None
) -> Trained:
    """Train a problem, print how good the version is, and put it live if that was asked for."""
    settings = Settings.from_environment()
    signing_key = key_for_new_versions(settings)
    with ExitStack() as stack:
        feedback = None
        if options.with_feedback:
            source = retrain.feedback_source(settings, problem.name, options.max_live)
            feedback = stack.enter_context(source)
        progress = stack.enter_context(Progress(problem.name, problem.steps, report_to))
        trained = train(
            problem,
            data,
            settings.models_dir,
            progress.step,
            feedback,
            signing_key=signing_key,
            shared=ObjectStore.from_settings(settings),
        )
    if options.who:
        retrain.record(settings, trained.artefact.manifest, options.who, options.why)
    click.echo(report.summary(trained, settings.models_dir))
    if options.auto and not trained.live:
        _promote(settings, trained.artefact.manifest)
    return trained


def _promote(settings: Settings, manifest: Manifest) -> None:
    try:
        decision = retrain.promote(settings, manifest)
    except VersionRefused as refused:
        reasons = [str(refused), *(f"  - {each}" for each in refused.objections)]
        click.echo("\n".join(reasons), err=True)
        sys.exit(NOT_PUT_LIVE)
    click.echo(f"it is live and replaces version {decision.before}: {decision.why}")
