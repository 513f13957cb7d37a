"""What a worker makes of a training: begun, put back, ended."""

from msgspec.structs import replace

from serving import clock
from serving.sentence import Sentence
from serving.trainings.training import BUSY, WAITING, Kept, Result

MAX_ATTEMPTS = 3  # at a training whose worker ended before it did


def begun(kept: Kept) -> Kept:
    """A training that is begun, unless it was begun too often.

    It may be `training` already, where its worker could not write that it was put back.
    """
    training = kept.training
    if training.state not in WAITING:
        return kept
    if kept.attempts >= MAX_ATTEMPTS:
        return ended(
            Result.failed(
                Sentence(
                    "it was begun {times} times, and each time the worker ended before it; the "
                    "log of the worker or of the machine may show why",
                    times=MAX_ATTEMPTS,
                )
            ),
            kept,
        )
    state = "reading" if training.state == "reading" else "training"
    return replace(kept, training=replace(training, state=state), attempts=kept.attempts + 1)


def queued(kept: Kept) -> Kept:
    """A training whose worker has ended before it, as it waits for another."""
    if kept.training.state != "training":
        return kept
    return replace(kept, training=replace(kept.training, state="queued"))


def put_back(kept: Kept) -> Kept:
    """A training that its worker may not finish, as it was before; that is no attempt."""
    if kept.training.state not in BUSY:
        return kept
    return replace(queued(kept), attempts=max(0, kept.attempts - 1))


def ended(result: Result, kept: Kept) -> Kept:
    """A training with its result; one that was cancelled too late is done all the same."""
    training, kept = kept.training, replace(kept, said=kept.said | result.said)
    now = clock.iso(clock.now())
    if training.state not in (*BUSY, "queued") and result.version is None:
        return kept
    if training.state == "reading" and not result.columns and training.columns:
        read = replace(training, state="ready", error=result.error)  # choices that cannot be
        return replace(kept, training=read)
    if training.state == "reading" and not result.columns:
        return replace(
            kept, training=replace(training, state="failed", error=result.error, ended=now)
        )
    if training.state == "reading":
        read = replace(
            training,
            state="ready",
            rows=result.rows,
            columns=result.columns,
            remarks=result.remarks,
            task=result.task or training.task,
            error=result.error,
        )
        return replace(kept, training=read, said=result.said)
    state = "failed" if result.version is None else "done"
    ended = replace(
        training, state=state, version=result.version, error=result.error, ended=now, progress=None
    )
    return replace(kept, training=ended)
