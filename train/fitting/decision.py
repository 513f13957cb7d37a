"""The rule that a fitted classifier's `predict` follows, which the service must follow too."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, NuSVC

from serving.inputs.schema import Matrix
from serving.models.backends import from_estimator
from serving.models.engine import TIE
from serving.models.manifest import Manifest, Threshold
from serving.models.outputs import make_decoder, margins

TIED = 1e-3  # share of rows on a tie that rounding may decide


class Decided(NamedTuple):
    """A manifest with the rule that decides on labels, and a sentence on it."""

    manifest: Manifest
    sentence: str = ""


def decide(fitted: Any, manifest: Manifest, rows: Matrix) -> Decided:
    """Find the rule on probabilities that `predict` follows; without one, `predict` is served.

    A threshold that the manifest already has comes from the problem and is kept.

    Parameters
    ----------
    rows : ndarray of float, shape (rows, fields)
        That the estimator accepts.
    """
    if manifest.task == "regression" or manifest.threshold:
        return Decided(manifest)
    if not hasattr(fitted, "predict_proba"):
        how = "labels: those of the estimator's predict; it has no probabilities"
        return Decided(replace(manifest, outputs="labels"), how)
    both = replace(manifest, outputs="both")
    outputs = from_estimator(fitted, both)(rows)
    expected = make_decoder(both)(outputs).values
    probabilities = outputs[:, :-1]
    found = []
    for rule in _rules(fitted, manifest):
        by_rule = make_decoder(rule)(probabilities).values
        clear = margins(rule, probabilities) > TIE
        unlike = np.array([one != other for one, other in zip(expected, by_rule, strict=True)])
        differ = int((clear & unlike).sum()) or _beyond_chance(unlike)
        if not differ and not _has_its_own(fitted):
            how = (
                f"the estimator's own threshold on P({rule.threshold.label})"
                if rule.threshold
                else "the most probable"
            )
            return Decided(rule, f"labels: {how}, as its predict does on all {len(rows):,} rows")
        found.append(differ)
    return Decided(
        both,
        f"labels: those of the estimator's predict, besides its probabilities; the most probable "
        f"label is a different one on {found[-1]:,} of {len(rows):,} rows",
    )


def _beyond_chance(unlike: NDArray[np.bool_]) -> int:
    """The rows that are tied, if the last bit of a sum cannot explain so many.

    Where many probabilities are tied, such as those of several sure classes, `predict` breaks the
    tie by something that the probabilities do not contain.
    """
    rows = int(unlike.sum())
    return rows if rows > TIED * len(unlike) else 0


def _rules(fitted: Any, manifest: Manifest) -> Iterator[Manifest]:
    fitted, value = _last(fitted), None
    if isinstance(fitted, FixedThresholdClassifier):
        value = 0.5 if fitted.threshold == "auto" else fitted.threshold
    elif isinstance(fitted, TunedThresholdClassifierCV):
        value = fitted.best_threshold_
    if value is not None and len(manifest.classes) == 2:  # noqa: PLR2004
        reason = f"the threshold of the {type(fitted).__name__}"
        for label in reversed(manifest.classes):  # `predict` shows of which label
            yield replace(manifest, threshold=Threshold(label, float(value), reason))
    yield manifest


def _has_its_own(fitted: Any) -> bool:
    """Whether labels and probabilities are computed separately, and agree only by chance."""
    return isinstance(_last(fitted), SVC | NuSVC)


def _last(fitted: Any) -> Any:
    """The last step of a Pipeline, which decides."""
    while isinstance(fitted, Pipeline):
        fitted = fitted.steps[-1][1]
    return fitted
