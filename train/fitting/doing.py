"""What a training does now, for whoever shows it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sklearn.utils.parallel import Parallel

from serving.sentence import Sentence
from train.onnx.parts import every, is_forest


class Doing:
    """What is done now, and how many trees are done of how many."""

    def __init__(self) -> None:
        self.what, self.trees, self.of = Sentence(""), 0, 0

    def sentence(self) -> Sentence:
        """What is done, and how far it is."""
        if not self.of:
            return self.what
        return Sentence(
            "{what}, {trees:,} of {of:,} {of:tree|trees}",
            what=self.what,
            trees=self.trees,
            of=self.of,
        )


_doing: ContextVar[Doing | None] = ContextVar("doing", default=None)


@contextmanager
def shown() -> Iterator[Doing]:
    """Have what is done kept up to date in what is returned."""
    doing = Doing()
    token = _doing.set(doing)
    try:
        yield doing
    finally:
        _doing.reset(token)


def now(what: Sentence) -> None:
    """Begin with something else."""
    if doing := _doing.get():
        doing.what, doing.of = what, 0


@contextmanager
def trees(forest: Any) -> Iterator[None]:
    """Count the trees of an estimator that is fitted in this block, if it has any."""
    counts = [each.n_estimators for each in every(forest) if is_forest(each)]
    doing = _doing.get()
    if doing is None or not counts:
        yield
        return
    before = Parallel.print_progress

    def count(parallel: Any) -> None:
        doing.trees = parallel.n_completed_tasks

    doing.trees, doing.of = 0, counts[0]
    Parallel.print_progress = count  # called for each task that is done, by whatever does it
    try:
        yield
    finally:
        Parallel.print_progress = before
        doing.of = 0
