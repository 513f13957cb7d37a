"""What all training commands do: train with a progress bar, print the summary, and promote."""

import functools
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import click

from serving.errors import VersionRefused
from serving.models.manifest import Manifest
from serving.models.signatures import key_for_new_versions
from serving.settings import Settings
from serving.versions.object_store import ObjectStore
from train import report, retrain
from train.live import MAX_LIVE
from train.problem import Problem
from train.tables.files import Files
from train.training import train

NOT_PUT_LIVE = 3  # the exit code of --auto where the gate objects


class Retraining(NamedTuple):
    """The options of a retraining."""

    with_feedback: bool
    max_live: int
    auto: bool


def retraining_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a retraining, as one argument."""

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
    @functools.wraps(command)
    def with_options(
        *args: Any, with_feedback: bool, max_live: int, auto: bool, **others: Any
    ) -> None:
        command(*args, retraining=Retraining(with_feedback, max_live, auto), **others)

    return with_options


def run(problem: Problem, data: Path | Files, retraining: Retraining) -> None:
    """Train a problem, print how good the version is, and put it live if that was asked for."""
    settings = Settings.from_environment()
    signing_key = key_for_new_versions(settings)
    with ExitStack() as stack:
        feedback = None
        if retraining.with_feedback:
            source = retrain.feedback_source(settings, problem.name, retraining.max_live)
            feedback = stack.enter_context(source)
        bar = stack.enter_context(
            click.progressbar(length=problem.steps, label=f"training {problem.name}")
        )
        trained = train(
            problem,
            data,
            settings.models_dir,
            lambda: bar.update(1),
            feedback,
            signing_key=signing_key,
            shared=ObjectStore.from_settings(settings),
        )
    click.echo(report.summary(trained, settings.models_dir))
    if retraining.auto and not trained.live:
        _promote(settings, trained.artefact.manifest)


def _promote(settings: Settings, manifest: Manifest) -> None:
    try:
        decision = retrain.promote(settings, manifest)
    except VersionRefused as refused:
        reasons = [str(refused), *(f"  - {each}" for each in refused.objections)]
        click.echo("\n".join(reasons), err=True)
        sys.exit(NOT_PUT_LIVE)
    click.echo(f"it is live and replaces version {decision.before}: {decision.why}")
