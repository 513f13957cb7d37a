"""The way from a problem's data to a version on disk: evaluate, fit, write."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from serving.models.backends import feature_columns
from serving.models.manifest import Manifest, TrainingData
from serving.models.reference import Reference
from serving.sentence import Sentence
from serving.versions.object_store import ObjectStore
from train import assemble, training_set
from train.assemble import Trained
from train.evaluation import evaluate
from train.evaluation.card import card
from train.evaluation.effects import with_effects
from train.evaluation.evaluate import Evaluation
from train.evaluation.reference import field_references, trained_rows, typical
from train.feedback_source import FeedbackSource
from train.fitting import doing, tasks
from train.fitting.choice import Chosen, choose, fit_chosen
from train.fitting.threads import one_thread
from train.problem import Problem
from train.tables.files import Files, sha256
from train.task import SEED
from train.training_set import TrainingSet

if TYPE_CHECKING:
    from nacl.signing import SigningKey


@one_thread()
def train(
    problem: Problem,
    data: Path | Files,
    models_dir: Path,
    progress: Callable[[], None],
    feedback: FeedbackSource | None = None,
    *,
    signing_key: "SigningKey | None" = None,
    shared: ObjectStore | None = None,
) -> Trained:
    """Train a problem and write the next version of its model.

    With `JUDGED` live rows or more, the figures and the reference are those of the latest of these
    rows alone, because the rows that are still to come will be most like them.

    Parameters
    ----------
    data : Path or tuple of Path
        The problem's file, or files.
    progress : callable
        Called `problem.steps` times on the way.
    feedback : FeedbackSource, optional
        Where live records are, to be added to the file's rows.
    signing_key : SigningKey, optional
        What signs the version.
    shared : ObjectStore, optional
        What `models_dir` is a copy of.

    Raises
    ------
    TrainingError
        If the file does not fit the problem, or there is no feedback to add.
    """
    files = (data,) if isinstance(data, Path) else data
    table = training_set.read(problem, files[0], feedback)
    digest = sha256(*files)  # now, as they may be gone when all is fitted
    choice = tasks.start(
        choose,
        *(table.features, table.y, table.groups),
        of=problem.protocol.steps + 1,  # with the folds
        estimator=problem.estimator,
        task=problem.task,
        seed=SEED,
    )
    evaluation = _evaluate(problem, table, progress)
    doing.now(Sentence("the choice of the estimator, on all rows"))
    chosen = fit_chosen(
        choice(),
        problem.estimator,
        table.features,
        table.y,
        task=problem.task,
        seed=SEED,
        by=tasks.fit,
    )
    progress()
    doing.now(Sentence("what is written, and the proof of it"))
    reference = _reference(problem, table, evaluation)
    manifest = _manifest(problem, table, evaluation, chosen, digest)
    ready = assemble.ready(manifest, reference, chosen.fitted, table.rows)
    drawn = card(
        problem.task,
        chosen,
        evaluation,
        frame=table.frame,
        fields=table.fields,
        y=table.y,
        threshold=ready.manifest.threshold.value if ready.manifest.threshold else None,
    )
    return assemble.write(
        models_dir,
        ready,
        reference,
        chosen.fitted,
        progress,
        signing_key=signing_key,
        shared=shared,
        card=lambda engine: with_effects(drawn, engine, table.rows),
    )


def _evaluate(problem: Problem, table: TrainingSet, progress: Callable[[], None]) -> Evaluation:
    """Cross-validate the whole procedure, the choice of an estimator included."""
    return evaluate.cross_validate(
        problem.estimator,
        table.features,
        table.y,
        problem.task,
        groups=table.groups,
        seed=SEED,
        protocol=problem.protocol,
        judged=table.judged,
        sources=feature_columns(table.fields),
        progress=progress,
    )


def _reference(problem: Problem, table: TrainingSet, evaluation: Evaluation) -> Reference:
    """The distributions of the judged rows and of their held-out predictions."""
    held_out, judged = evaluation.held_out, evaluation.held_out.judged
    return Reference(
        rows=len(judged),
        fields=field_references(table.frame.iloc[judged], table.fields),
        trained=trained_rows(table.rows),
        **problem.task.reference_entries(table.y[judged], held_out.mean[judged]),
    )


def _manifest(
    problem: Problem, table: TrainingSet, evaluation: Evaluation, chosen: Chosen, hashed: str
) -> Manifest:
    """What is recorded of the version; `hashed` is the sha256 of its file."""
    task, live, held_out = problem.task, table.live, evaluation.held_out
    return Manifest(
        name=problem.name,
        title=problem.title,
        task=task.kind,
        target=problem.target,
        fields=table.fields,
        table=problem.table,
        example=typical(table.frame, table.fields),
        evaluation=problem.protocol.text(
            task,
            problem.grouped_by,
            None if table.judged is None else len(table.judged),
            choosing=bool(chosen.candidates or chosen.name),
        ),
        metrics=evaluation.figures,
        published=problem.published,
        data=TrainingData(
            problem.source, problem.licence, hashed, len(table.rows), live.data if live else None
        ),
        libraries=assemble.libraries(chosen.fitted),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        compared=live.compared(task, table.y, held_out) if live else None,
        **task.manifest_entries(chosen.fitted, table.y, held_out),
    )
