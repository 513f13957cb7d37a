"""Trains what is requested, and reports how far it is."""

from functools import partial
from pathlib import Path

import click

from serving.sentence import Sentence
from serving.settings import Settings
from serving.trainings.files import FILE
from serving.trainings.training import Result, Training
from serving.trainings.worker import why_not
from serving.versions.object_store import ObjectStore
from train import retrain
from train.errors import TrainingError
from train.feedback_source import MAX_LIVE
from train.problem import Problem
from train.problems import anything
from train.problems.problems import PROBLEMS, data_of
from train.requested.columns import options_of
from train.requested.progress import leave, leave_reading
from train.run import Options, run
from train.tables.progress import reported


def fit(folder: Path, training: Training) -> Result:
    """Train a model on a file, or again on its own data and records with feedback.

    Raises
    ------
    TrainingError, ServingError, OSError
    """
    settings = Settings.from_environment()
    if why := why_not(settings):  # before, and not after an hour
        raise TrainingError(why)
    if shared := ObjectStore.from_settings(settings):
        shared.catch_up()

    leave(folder, Sentence("reading the data"), 0, 1, 0.0)
    with reported(leave_reading(folder)):
        problem, data = _problem(folder, training)
    options = Options(
        with_feedback=training.with_feedback,
        max_live=MAX_LIVE,
        auto=False,
        who=training.who,
        why=training.why,
    )
    trained = run(problem, data, options, partial(leave, folder))
    return Result(version=trained.artefact.manifest.version)


def _problem(folder: Path, training: Training) -> tuple[Problem, tuple[Path, ...] | Path]:
    """What is to be trained, and on which files."""
    if training.bytes:  # it came with a file
        if not training.has_file:
            raise TrainingError(Sentence("the file is deleted: send it again"))
        files = (folder / FILE,)
        problem = anything.from_files(
            files,
            training.target,
            name=training.name,
            kind=training.task,
            estimator=training.estimator,
            options=options_of(training),
            echo=click.echo,
            source=training.file,
        )
        return problem, files
    (problem,) = (each for each in PROBLEMS if each.name == training.name)
    sha256 = retrain.trained_on(Settings.from_environment(), problem.name)
    return problem, data_of(problem, sha256=sha256)
